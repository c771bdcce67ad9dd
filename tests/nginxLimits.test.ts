import { setTimeout as sleep } from "node:timers/promises";
import { renderNginx } from "../nginx/render";
import { type Timing, timingFor } from "../worker/timing";
import { setUp } from "./support/coinflipApp";
import { NginxRoot, whyNoNginx } from "./support/nginxRoot";

const reason = whyNoNginx();
if (reason !== undefined) console.warn(`nginx itself is not asked: ${reason}`);
const testHere = reason === undefined ? test : test.skip;

const rendered = ({ cpu = 1, rateLimit = 0, ...times }: { cpu?: number; rateLimit?: number } & Partial<Timing> = {}) =>
  renderNginx({ balancing: "round-robin", cpu, rateLimit, ...timingFor(30), ...times });
const RESOLV_CONF = "search coinflip.svc.cluster.local svc.cluster.local\nnameserver 127.0.0.1\n";
const [FIRST, SECOND, ANY, NOBODY, SILENT] = ["127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5", "192.0.2.1"];
const WORKERS = [FIRST, SECOND, ANY];

const nginx = new NginxRoot();
beforeAll(async () => {
  if (reason === undefined) await nginx.make();
}, 120_000);
afterEach(() => nginx.end());
afterAll(() => nginx.remove());

/** Starts nginx with two workers that DNS tells of. */
async function serve(config = rendered(), names: Record<string, string[]> = { worker: [FIRST, SECOND] }) {
  await nginx.surround({ "worker-any": [ANY], ...names }, WORKERS);
  await nginx.serve(config, RESOLV_CONF);
}
const compute = (headers: Record<string, string> = {}, body = '{"heads":3}') =>
  nginx.ask("/compute", { method: "POST", headers: { "content-type": "application/json", ...headers }, body });
/** Sends as many at once, each held by the worker for 1.5 s; those that were answered, and those that were not. */
async function atOnce(count: number) {
  const answers = await nginx.fromInside(`(async () => {
    const start = performance.now();
    const all = await Promise.all(Array.from({ length: ${count} }, async () => {
      const response = await fetch("http://127.0.0.1:8080/compute", { headers: { "x-hold-ms": "1500" } });
      return { status: response.status, retryAfter: response.headers.get("retry-after"), body: await response.json() };
    }));
    return { all, seconds: (performance.now() - start) / 1000 };
  })()`);
  const { all, seconds } = answers as {
    all: { status: number; retryAfter: string | null; body: object }[];
    seconds: number;
  };
  const passed = all.filter(({ status }) => status === 200);
  return { passed, refused: all.filter((each) => !passed.includes(each)), seconds };
}
const TOO_MANY = {
  status: 429,
  retryAfter: "1",
  body: {
    type: "about:blank",
    title: "Too Many Requests",
    status: 429,
    detail: "this address asks more than it may; ask again after the seconds of Retry-After",
  },
};

describe("paths", () => {
  testHere("that the worker does not have are refused by nginx, in the worker's own words", async () => {
    await serve();
    const worker = setUp();
    for (const path of ["/nothing", "/compute/", "/healthz/x", "/problem", "/api;v=1?heads=3", "/readyzz", "/$host"]) {
      const { status, headers, text } = await nginx.ask(path);
      const itself = await worker.ask(path);
      expect([path, status, headers["content-type"], JSON.parse(text)]).toEqual([
        ...[path, 404, itself.header("content-type"), JSON.parse(itself.text)],
      ]);
    }
    // As it was sent: the worker decodes it.
    expect(JSON.parse((await nginx.ask("/a%20b")).text)).toMatchObject({ status: 404, value: "/a%20b" });
    const { text } = await nginx.write('GET /a"b\\ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    expect(JSON.parse(text.split("\r\n\r\n")[1] ?? "")).toMatchObject({ status: 404, value: "this path" });
  });

  testHere("that the worker has are its own, by whatever method", async () => {
    await serve();
    const asked = [
      ["POST", "/compute"],
      ["GET", "/compute?heads=3"],
      ["DELETE", "/compute"],
      ["GET", "/"],
      ["GET", "/healthz"],
      ["GET", "/readyz"],
    ] as const;
    for (const [method, url] of asked) {
      const { status, text } = await nginx.ask(url, { method });
      expect([status, JSON.parse(text)]).toEqual([200, expect.objectContaining({ method, url })]);
    }
  });
});

describe("a request that is too big", () => {
  testHere("is refused with what is too big about it", async () => {
    await serve();
    const long = (bytes: number) => "x".repeat(bytes);
    const of = async (asked: Promise<{ status: number; text: string }>) => {
      const { status, text } = await asked;
      const problem = JSON.parse(text) as { status: number; title: string };
      expect(problem.status).toBe(status);
      return `${status} ${problem.title}`;
    };
    expect(await of(compute({ a: long(5_000) }))).toBe("431 Request Header Fields Too Large");
    const three = { a: long(3_500), b: long(3_500), c: long(3_500) };
    expect((await compute(three)).status).toBe(200);
    expect(await of(compute({ ...three, d: long(3_500) }))).toBe("431 Request Header Fields Too Large");
    expect(await of(nginx.ask(`/compute?${long(5_000)}`))).toBe("414 URI Too Long");
    expect(await of(compute({}, long(9_000)))).toBe("413 Payload Too Large");
    const { text } = await nginx.write("NONSENSE\r\n\r\n");
    expect(text).toMatch(/"title":"Bad Request","status":400/);
  });
});

describe("a slow client", () => {
  /** The configuration, with its waits for clients shortened. */
  const hasty = (seconds: Record<string, [from: number, to: number]>) =>
    Object.entries(seconds).reduce((config, [name, [from, to]]) => {
      expect(config).toContain(` ${name} ${from}s;`);
      return config.replace(` ${name} ${from}s;`, ` ${name} ${to}s;`);
    }, rendered());

  testHere("is cut off, in its headers, in its body, and between requests", async () => {
    const waits = { client_header_timeout: [10, 1], client_body_timeout: [10, 2], keepalive_timeout: [75, 3] } as const;
    await serve(hasty(waits as unknown as Record<string, [number, number]>));
    const head = "POST /compute HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 11\r\n";
    const cutAfter = async (wait: number, ...texts: string[]) => {
      const { text, seconds } = await nginx.write(...texts);
      expect(seconds).toBeGreaterThanOrEqual(wait);
      expect(seconds).toBeLessThan(wait + 2);
      return text.split("\r\n")[0];
    };
    // The header is bounded as a whole, however often a piece of it comes.
    expect(await cutAfter(1, head, ...Array<string>(20).fill("A: b\r\n"))).toBe("");
    expect(await cutAfter(2, `${head}\r\n`, '{"heads"')).toBe("");
    expect(await cutAfter(3, `${head}\r\n`, '{"heads":3}')).toBe("HTTP/1.1 200 OK");
  });

  test("that does not read its answer is cut off as well", () => {
    expect(hasty({ send_timeout: [10, 1] })).toContain("reset_timedout_connection on;");
  });
});

describe("the requests of one address", () => {
  test("take at most three quarters of what nginx has connections for", () => {
    for (const cpu of [1, 4]) {
      const config = rendered({ cpu });
      const number = (pattern: RegExp) => Number(pattern.exec(config)?.[1]);
      const connections = number(/worker_connections (\d+);/) * number(/worker_processes (\d+);/);
      expect(2 * number(/limit_conn clients (\d+);/)).toBe(0.75 * connections);
    }
  });

  testHere("are refused beyond that, until others are done", async () => {
    await serve(rendered().replace(/limit_conn clients \d+;/, "limit_conn clients 3;"));
    const { passed, refused } = await atOnce(5);
    expect([passed.length, refused]).toEqual([3, [TOO_MANY, TOO_MANY]]);
    expect((await compute()).status).toBe(200);
  });

  testHere("are as many as it likes without rateLimit, and as many each second as it says with it", async () => {
    await serve();
    expect((await atOnce(40)).passed).toHaveLength(40);
    await nginx.end();
    await serve(rendered({ rateLimit: 5 }));
    const { passed, refused, seconds } = await atOnce(200);
    // One at once, five that the next second would have had, and what comes free meanwhile.
    expect(passed.length).toBeGreaterThanOrEqual(6);
    expect(passed.length).toBeLessThanOrEqual(6 + 5 * seconds);
    expect(refused).toEqual(Array(200 - passed.length).fill(TOO_MANY));
    expect(refused.length).toBeGreaterThan(100);
    expect((await nginx.ask("/nginx-healthz")).status).toBe(200);
    await sleep(1_100);
    expect((await atOnce(5)).passed).toHaveLength(5);
  });
});

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
