import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "./support/freePort";
import { compute, connectTo, type WorkerProcess, WorkerProcesses } from "./support/workerProcess";

const workers = new WorkerProcesses();
beforeAll(() => workers.bundle());
afterEach(() => workers.end());
afterAll(() => workers.remove());

const status = async (worker: WorkerProcess, path: string) => (await fetch(worker.url + path)).status;

describe("on SIGTERM the worker", () => {
  test("is not ready at once, answers while the news spreads, finishes what runs, and exits with 0", async () => {
    const worker = await workers.listening({ DRAIN_DELAY_MS: "2000" }, 3_000);
    const long = compute(worker, 20).then(async (response) => ({ response, at: performance.now() }));
    await sleep(100);
    const told = performance.now();
    worker.kill("SIGTERM");
    await worker.line(({ msg }) => msg === "draining");
    expect(await status(worker, "/readyz")).toBe(503);
    expect(await status(worker, "/healthz")).toBe(200);
    expect((await compute(worker, 99)).headers.get("connection")).toBe("close");
    expect(performance.now() - told).toBeLessThan(2_000);

    const { response, at } = await long;
    expect([response.status, response.headers.get("connection")]).toEqual([200, "close"]);
    expect(at - told).toBeGreaterThan(2_000);
    const exit = await worker.exit;
    expect(exit.code).toBe(0);
    expect(exit.at - at).toBeLessThan(5_000);
    expect(worker.lines.map(({ msg }) => msg).filter(Boolean)).toEqual(["listening", "draining", "drained"]);
  });

  test("takes no new connections once the delay is over, though a request still runs", async () => {
    const worker = await workers.listening({ DRAIN_DELAY_MS: "50" }, 2_500);
    const long = compute(worker, 20);
    await sleep(100);
    worker.kill("SIGTERM");
    await worker.line(({ msg }) => msg === "draining");
    await sleep(500);
    await expect(fetch(`${worker.url}/healthz`)).rejects.toThrow("fetch failed");
    expect((await long).status).toBe(200);
    expect((await worker.exit).code).toBe(0);
  });

  test.each([
    ["kept open after an answer", "GET /healthz HTTP/1.1\r\nhost: worker\r\n\r\n"],
    ["on which nothing was ever asked", ""],
  ])("does not wait for a connection %s", async (_, request) => {
    const worker = await workers.listening();
    const idle = connectTo(worker);
    await once(idle, "connect");
    idle.write(request);
    await sleep(100);
    worker.kill("SIGTERM");
    const exit = await Promise.race([worker.exit, sleep(3_000, "still running after 3 s")]);
    idle.destroy();
    expect(exit).toMatchObject({ code: 0 });
  });
});

test("the worker stops in time though nobody reads its log any more", async () => {
  const worker = await workers.listening();
  worker.stopReading();
  for (let request = 0; request < 300; request++) await compute(worker, 1);
  worker.kill("SIGTERM");
  expect((await worker.exit).code).toBe(0);
});

describe("the worker does not start", () => {
  test.each([
    ["PORT", "abc"],
    ["PORT", "-1"],
    ["MAX_HEADS", "2.5"],
    ["DEADLINE_MS", "30s"],
    ["DRAIN_DELAY_MS", "soon"],
    ["KEEP_ALIVE_MS", "75,000"],
  ])("with %s=%s, and names both", async (name, value) => {
    const worker = await workers.start({ PORT: String(await freePort()), [name]: value });
    expect((await worker.exit).code).not.toBe(0);
    expect(worker.errors()).toContain(`${name} must be a whole number, not ${value}`);
  });

  test("on a port that is taken, and says so in its log", async () => {
    const other = createServer().listen(0);
    await once(other, "listening");
    const { port } = other.address() as { port: number };
    const worker = await workers.start({ PORT: String(port) });
    const { code } = await worker.exit;
    other.close();
    expect(code).toBe(1);
    expect(worker.lines).toEqual([
      {
        level: "fatal",
        time: expect.any(String),
        error: expect.stringMatching(new RegExp(`EADDRINUSE.*${port}`)),
        msg: "cannot listen",
      },
    ]);
  });
});
