import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { compute, connectTo, WorkerProcesses } from "./support/workerProcess";

const workers = new WorkerProcesses();
beforeAll(() => workers.bundle());
afterEach(() => workers.end());
afterAll(() => workers.remove());

const POST = "POST /compute HTTP/1.1\r\nhost: worker\r\ncontent-type: application/json\r\n";

test("the worker flips real coins, says its host's name, and logs a line for each request", async () => {
  const worker = await workers.listening();
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
  const worker = await workers.listening({ MAX_HEADS: "5", DEADLINE_MS: "50" }, 60_000);
  expect((await compute(worker, 6)).status).toBe(400);
  expect((await compute(worker, 5)).status).toBe(504);
});

const BODY = '{"heads":8}';
test.each([
  ["in one piece", `content-length: ${BODY.length}\r\n\r\n${BODY}`],
  ["in chunks", `transfer-encoding: chunked\r\n\r\n${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`],
])("a client that leaves after it sent its body %s ends its computation", async (_, body) => {
  const worker = await workers.listening({}, 60_000);
  const client = connectTo(worker);
  client.write(POST + body);
  await sleep(100);
  client.destroy();
  expect(await worker.line(({ path }) => path === "/compute")).toMatchObject({ status: 499, heads: 8 });
});

test("MAX_CONCURRENT bounds what is computed and what waits, and a client that leaves makes room", async () => {
  const worker = await workers.listening({ MAX_CONCURRENT: "1" }, 60_000);
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

test("a thousand connections that come at once, while the worker is held up, wait for it", async () => {
  const worker = await workers.listening();
  worker.kill("SIGSTOP");
  const clients = Array.from({ length: 1000 }, () => connectTo(worker));
  let connected = 0;
  for (const client of clients) client.once("connect", () => connected++);
  await sleep(500);
  worker.kill("SIGCONT");
  expect(connected).toBe(1000);
  for (const client of clients) client.destroy();
});
