import { once } from "node:events";
import { connect, createServer } from "node:net";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort, type WorkerProcess, WorkerProcesses } from "./support/workerProcess";

const workers = new WorkerProcesses();
beforeAll(() => workers.bundle());
afterEach(() => workers.end());
afterAll(() => workers.remove());

const start = async (env: Record<string, string> = {}, slowMs?: number) => {
  const worker = await workers.start({ PORT: await freePort(), ...env }, slowMs);
  await worker.line(({ msg }) => msg === "listening");
  return worker;
};
const compute = ({ url }: WorkerProcess, heads: number, init: RequestInit = {}) =>
  fetch(`${url}/compute`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ heads }),
    ...init,
  });
const connectTo = ({ url }: WorkerProcess) => connect(Number(new URL(url).port), "127.0.0.1");
const POST = "POST /compute HTTP/1.1\r\nhost: worker\r\ncontent-type: application/json\r\n";
const status = async (worker: WorkerProcess, path: string) => (await fetch(worker.url + path)).status;

test("the worker flips real coins, says its host's name, and logs a line for each request", async () => {
  const worker = await start();
  const response = await compute(worker, 10);
  const { heads_required, total_flips } = (await response.json()) as Record<string, number>;
  expect([response.status, response.headers.get("x-worker"), heads_required]).toEqual([200, hostname(), 10]);
  expect(total_flips).toBeGreaterThanOrEqual(10);
  const line = await worker.line(({ path }) => path === "/compute");
  expect(line).toEqual({
    level: "info",
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    requestId: response.headers.get("x-request-id"),
    worker: hostname(),
    method: "POST",
    path: "/compute",
    heads: 10,
    flips: total_flips,
    ms: expect.any(Number),
    status: 200,
  });
});

test("MAX_HEADS and DEADLINE_MS bound what is asked for and how long it takes", async () => {
  const worker = await start({ MAX_HEADS: "5", DEADLINE_MS: "50" }, 60_000);
  expect((await compute(worker, 6)).status).toBe(400);
  expect((await compute(worker, 5)).status).toBe(504);
});

const BODY = '{"heads":8}';
test.each([
  ["in one piece", `content-length: ${BODY.length}\r\n\r\n${BODY}`],
  ["in chunks", `transfer-encoding: chunked\r\n\r\n${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`],
])("a client that leaves after it sent its body %s ends its computation", async (_, body) => {
  const worker = await start({}, 60_000);
  const client = connectTo(worker);
  client.write(POST + body);
  await sleep(100);
  client.destroy();
  expect(await worker.line(({ path }) => path === "/compute")).toMatchObject({ status: 499, heads: 8 });
});

test.each([
  ["at once", `content-length: 100000\r\n\r\n${" ".repeat(1025)}`],
  ["in chunks", `transfer-encoding: chunked\r\n\r\n800\r\n${" ".repeat(0x800)}\r\n`],
])("a body that is too long and comes %s is refused before it has ended", async (_, body) => {
  const worker = await start();
  const client = connectTo(worker);
  client.write(POST + body);
  const [answer] = (await once(client, "data")) as [Buffer];
  client.destroy();
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 413 Payload Too Large\r\n/);
  expect(await worker.line(({ path }) => path === "/compute")).toMatchObject({ status: 413 });
});

test("a request and a body that come byte by byte are answered like any other", async () => {
  const worker = await start();
  const client = connectTo(worker);
  for (const byte of `${POST}content-length: ${BODY.length}\r\n\r\n${BODY}`) {
    client.write(byte);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const [answer] = (await once(client, "data")) as [Buffer];
  client.destroy();
  expect(answer.toString()).toMatch(/\r\n\r\n\{"heads_required":8,"total_flips":\d+\}$/);
});

test("MAX_CONCURRENT bounds what is computed and what waits, and a client that leaves makes room", async () => {
  const worker = await start({ MAX_CONCURRENT: "1" }, 60_000);
  const clients = [new AbortController(), new AbortController()];
  const gone = clients.map(({ signal }) => compute(worker, 8, { signal }).catch((error: Error) => error.name));
  await sleep(100);
  const refused = await compute(worker, 8);
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
  for (const client of clients) client.abort();
  expect(await Promise.all(gone)).toEqual(["AbortError", "AbortError"]);
  await worker.line(({ status }) => status === 499);
  await sleep(100);
  const next = new AbortController();
  const waiting = compute(worker, 8, { signal: next.signal }).catch((error: Error) => error.name);
  await sleep(100);
  expect(worker.lines.filter(({ status }) => status === 503)).toHaveLength(1);
  next.abort();
  await waiting;
});

test("a client that leaves in the middle of its body is no fault of the worker's", async () => {
  const worker = await start();
  const client = connect(Number(new URL(worker.url).port), "127.0.0.1");
  client.write(
    'POST /compute HTTP/1.1\r\nhost: worker\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"h',
  );
  await sleep(100);
  client.destroy();
  const { status } = await worker.line(({ path }) => path === "/compute");
  expect([status, worker.lines.filter(({ level }) => level === "error")]).toEqual([499, []]);
});

describe("on SIGTERM the worker", () => {
  test("is not ready at once, answers while the news spreads, finishes what runs, and exits with 0", async () => {
    const worker = await start({ DRAIN_DELAY_MS: "1000" }, 2_500);
    const long = compute(worker, 20).then(async (response) => ({ response, at: performance.now() }));
    await sleep(100);
    const told = performance.now();
    worker.kill("SIGTERM");
    await worker.line(({ msg }) => msg === "draining");
    expect(await status(worker, "/readyz")).toBe(503);
    expect(await status(worker, "/healthz")).toBe(200);
    expect((await compute(worker, 99)).headers.get("connection")).toBe("close");
    expect(performance.now() - told).toBeLessThan(1_000);

    const { response, at } = await long;
    expect([response.status, response.headers.get("connection")]).toEqual([200, "close"]);
    expect(at - told).toBeGreaterThan(1_000);
    const exit = await worker.exit;
    expect(exit.code).toBe(0);
    expect(exit.at - at).toBeLessThan(5_000);
    expect(worker.lines.map(({ msg }) => msg).filter(Boolean)).toEqual(["listening", "draining", "drained"]);
  });

  test("takes no new connections once the delay is over, though a request still runs", async () => {
    const worker = await start({ DRAIN_DELAY_MS: "50" }, 2_500);
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
    const worker = await start();
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
  const worker = await start();
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
    const worker = await workers.start({ PORT: await freePort(), [name]: value });
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
