import { setTimeout as sleep } from "node:timers/promises";
import { setUp } from "./support/coinflipApp";
import { freePort } from "./support/freePort";
import { onlyTails } from "./support/statistics";
import { compute, WorkerProcesses } from "./support/workerProcess";

/** The value of one line of the exposition format, by its name with its labels; undefined if there is none. */
function sample(text: string, series: string): number | undefined {
  const line = text.split("\n").find((each) => each.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length));
}

describe("requests", () => {
  const requests = (status: number, heads: string) => `coinflip_requests_total{status="${status}",heads="${heads}"}`;

  test("are counted by status and by a bucket of heads, and never by what the client writes", async () => {
    const { compute, ask, metrics } = setUp({ fill: (block) => block.fill(0xff), maxHeads: 40 });
    for (const heads of [1, 8, 9, 24, 25, 33, 40]) await compute(`{"heads":${heads}}`);
    await compute('{"heads":41}');
    await compute('{"heads":"<script>"}');
    await ask("/some/path/of/a/client?with=query");
    const text = await metrics.text();
    const lines = text.split("\n").filter((line) => /^coinflip_requests_total.* [^0]/.test(line));
    expect(lines).toEqual([
      `${requests(200, "1-8")} 2`,
      `${requests(200, "9-16")} 1`,
      `${requests(200, "17-24")} 1`,
      `${requests(200, "25-32")} 1`,
      `${requests(200, "33-40")} 2`,
      `${requests(400, "none")} 2`,
      `${requests(404, "none")} 1`,
    ]);
    expect(text).not.toMatch(/<script|some\/path|query/);
  });

  test("are there from the start, at zero, where a rate has to see the first one", async () => {
    const text = await setUp().metrics.text();
    for (const status of [200, 499, 500, 503, 504]) expect(sample(text, requests(status, "1-8"))).toBe(0);
    expect(sample(text, requests(400, "none"))).toBeUndefined();
  });

  test("of probes are not counted", async () => {
    const { ask, metrics } = setUp({ accepting: () => false });
    await ask("/healthz");
    await ask("/readyz");
    const text = await metrics.text();
    expect(text).not.toMatch(/^coinflip_requests_total.* [^0]/m);
    expect(sample(text, "coinflip_requests_in_flight")).toBe(0);
  });
});

describe("durations", () => {
  test("are a histogram for each bucket of heads, in seconds, whose buckets hold all that were no longer", async () => {
    const { metrics } = setUp();
    for (const seconds of [0.00005, 0.0001, 0.02, 400]) {
      metrics.began();
      metrics.ended(200, 3, seconds);
    }
    const text = await metrics.text();
    const name = "coinflip_request_duration_seconds";
    const upTo = (le: string) => sample(text, `${name}_bucket{heads="1-8",le="${le}"}`);
    expect(["0.0001", "0.00025", "0.01", "0.025", "300", "+Inf"].map(upTo)).toEqual([2, 2, 2, 3, 3, 4]);
    expect(sample(text, `${name}_count{heads="1-8"}`)).toBe(4);
    expect(sample(text, `${name}_sum{heads="1-8"}`)).toBeCloseTo(400.02015);
    expect(sample(text, `${name}_count{heads="17-24"}`)).toBe(0);
    expect(text).toMatch(new RegExp(`^# TYPE ${name} histogram$`, "m"));
  });
});

describe("computations", () => {
  test("that take turns, wait, are refused and are cancelled are told, and so are the coins flipped meanwhile", async () => {
    const { compute, metrics } = setUp({ fill: onlyTails(), maxConcurrent: 1 });
    const clients = [new AbortController(), new AbortController()];
    const asked = clients.map(({ signal }) => compute('{"heads":8}', { signal }));
    await sleep(20);
    await compute('{"heads":8}');
    const during = await metrics.text();
    const now = ["requests_in_flight", "computations_running", "computations_waiting", "computations_limit"];
    expect(now.map((name) => sample(during, `coinflip_${name}`))).toEqual([2, 1, 1, 1]);
    expect(sample(during, "coinflip_flips_total")).toBeGreaterThan(1e6);
    for (const client of clients) client.abort();
    await Promise.all(asked);
    const after = await metrics.text();
    expect(now.map((name) => sample(after, `coinflip_${name}`))).toEqual([0, 0, 0, 1]);
    expect(sample(after, "coinflip_computations_refused_total")).toBe(1);
    expect(sample(after, "coinflip_computations_cancelled_total")).toBe(2);
  });

  test("that are done count the flips that they are answered with", async () => {
    const { compute, metrics } = setUp();
    await compute('{"heads":3}');
    await compute('{"heads":3}');
    expect(sample(await metrics.text(), "coinflip_flips_total")).toBe(8);
  });
});

describe("a worker", () => {
  const workers = new WorkerProcesses();
  beforeAll(() => workers.bundle());
  afterEach(() => workers.end());
  afterAll(() => workers.remove());

  test("serves its metrics at a port of their own, also while it drains, and nothing else there", async () => {
    const METRICS_PORT = String(await freePort());
    const worker = await workers.listening({ METRICS_PORT, DRAIN_DELAY_MS: "1000" });
    const url = `http://127.0.0.1:${METRICS_PORT}`;
    await compute(worker, 3);
    const response = await fetch(`${url}/metrics`);
    expect([response.status, response.headers.get("content-type")]).toEqual([
      200,
      "text/plain; version=0.0.4; charset=utf-8",
    ]);
    const text = await response.text();
    expect(sample(text, 'coinflip_requests_total{status="200",heads="1-8"}')).toBe(1);
    expect(sample(text, "process_start_time_seconds")).toBeCloseTo(Date.now() / 1000, -2);
    for (const name of [
      "nodejs_eventloop_lag_p99_seconds",
      "process_resident_memory_bytes",
      "nodejs_heap_size_used_bytes",
    ])
      expect(sample(text, name)).toBeGreaterThan(0);
    // An observer of collections costs memory with each.
    expect(text).not.toContain("nodejs_gc");
    expect((await fetch(`${url}/compute`)).status).toBe(404);
    expect((await fetch(`${url}/metrics`, { method: "POST" })).status).toBe(404);
    expect((await fetch(`${worker.url}/metrics`)).status).toBe(404);
    worker.kill("SIGTERM");
    await worker.line(({ msg }) => msg === "draining");
    expect((await fetch(`${url}/metrics`)).status).toBe(200);
    expect((await worker.exit).code).toBe(0);
  });

  test("says so and ends if the metrics' port is taken", async () => {
    const METRICS_PORT = String(await freePort());
    await workers.listening({ METRICS_PORT });
    const second = await workers.start({ PORT: String(await freePort()), METRICS_PORT });
    expect((await second.exit).code).toBe(1);
    expect(second.lines).toContainEqual(
      expect.objectContaining({ level: "fatal", error: expect.stringContaining(METRICS_PORT), msg: "cannot listen" }),
    );
  });
});
