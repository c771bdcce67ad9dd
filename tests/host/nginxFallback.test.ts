import { ANY, FIRST, nginxWithWorkers, rendered } from "../support/nginxWithWorkers";

const { nginx, testHere, serve, compute } = nginxWithWorkers("the fallback of nginx to the Service of all workers");
/** Addresses that refuse connections, and that drop packets. */
const [NOBODY, SILENT] = ["127.0.0.5", "192.0.2.1"];

describe("the Service of all workers", () => {
  const addressOf = async () => JSON.parse((await compute()).text) as object;

  testHere("is not asked while a worker is reached", async () => {
    await serve(rendered(), { worker: [FIRST, NOBODY] });
    for (let i = 0; i < 10; i++) expect(await addressOf()).toMatchObject({ address: FIRST, httpVersion: "1.1" });
  });

  testHere("is asked with the whole request where DNS tells only of workers that are gone", async () => {
    await serve(rendered(), { worker: [NOBODY] });
    const asked = { address: ANY, method: "POST", url: "/compute", body: '{"heads":3}', httpVersion: "1.0" };
    // More often than `max_fails`.
    for (let i = 0; i < 10; i++) expect(await addressOf()).toMatchObject(asked);
    await nginx.drain();
    const { headers, text } = await compute();
    expect([headers.connection, JSON.parse(text)]).toEqual(["close", expect.objectContaining(asked)]);
  });

  testHere("is asked where their addresses do not even refuse", async () => {
    await serve(rendered(), { worker: [SILENT] });
    await nginx.fromInside(
      `require("node:child_process").execFileSync("ip", ["route", "add", "${SILENT}", "dev", "lo"]).toString()`,
    );
    expect(await addressOf()).toMatchObject({ address: ANY });
  });

  testHere(
    "is not asked for who has waited long, so that nobody waits for more than the retries and one answer",
    async () => {
      await serve(rendered({ read: 3, retry: 2 }));
      const start = performance.now();
      const { status, text } = await compute({ "x-hold-ms": "20000" });
      expect([status, JSON.parse(text)]).toMatchObject([504, { status: 504 }]);
      expect((performance.now() - start) / 1000).toBeLessThan(2 + 3);
    },
  );

  testHere("is asked where the others take too long, if that was found out soon", async () => {
    await serve(rendered({ read: 1, retry: 4 }));
    expect(JSON.parse((await compute({ "x-hold-ms": "20000" })).text)).toMatchObject({ status: 504 });
    expect((await nginx.read("output")).match(/upstream timed out/g)).toHaveLength(3);
  });

  testHere("leaves 502 where it has no worker either", async () => {
    await serve(rendered(), { worker: [NOBODY], "worker-any": [NOBODY] });
    const { status, text } = await compute();
    expect([status, JSON.parse(text)]).toMatchObject([502, { status: 502 }]);
  });
});
