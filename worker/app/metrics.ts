import type { RequestListener } from "node:http";
import { type Metric, Registry } from "prom-client";
import type { Computer } from "./compute";
import { collectProcessMetrics } from "./processMetrics";

/** The heads of a request by so many, up to and with each; the first are the requests that asked for none. */
const UP_TO = [0, 8, 16, 24, 32, 40] as const;
const HEADS = UP_TO.map((last, index) => (last === 0 ? "none" : `${(UP_TO[index - 1] ?? 0) + 1}-${last}`));
/** The place in HEADS of each number of heads. */
const GROUP = Uint8Array.from({ length: 41 }, (_, heads) => UP_TO.findIndex((last) => heads <= last));

/** Upper bounds of the histogram of durations, in seconds; what took longer is in a last one without a bound. */
const SECONDS = [
  ...[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05],
  ...[0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
];
const BOUNDS = SECONDS.length + 1;

/** Shown from the start, at zero: a rate does not see the first of what was not there before. */
const USUAL = [200, 499, 500, 503, 504];
const STATUSES = 600;
const CANCELLED = 499;
const REFUSED = 503;

interface Value {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/**
 * What Prometheus is told of a worker: https://prometheus.io/docs/instrumenting/exposition_formats/
 * A request is counted by a few additions to numbers that are there; they get their names when somebody asks.
 */
export class Metrics {
  private inFlight = 0;
  private readonly counts = new Float64Array(STATUSES * HEADS.length);
  private readonly durations = new Float64Array(BOUNDS * HEADS.length);
  private readonly sums = new Float64Array(HEADS.length);
  private readonly registry = new Registry();

  constructor(computer: Computer) {
    const { places } = computer;
    const one = (value: number): Value[] => [{ labels: {}, value }];
    this.show("counter", "coinflip_requests_total", "Requests answered, probes left out.", () => this.requests());
    this.show("histogram", "coinflip_request_duration_seconds", "From a request's body to its answer.", () =>
      HEADS.flatMap((heads, group) => this.histogram(heads, group)),
    );
    this.show("gauge", "coinflip_requests_in_flight", "Requests being answered.", () => one(this.inFlight));
    this.show("counter", "coinflip_flips_total", "Coins flipped.", () => one(computer.flips));
    this.show("gauge", "coinflip_computations_running", "Computations that take turns.", () => one(places.taken));
    this.show("gauge", "coinflip_computations_waiting", "Computations that wait for a place.", () =>
      one(places.waiting),
    );
    this.show("gauge", "coinflip_computations_limit", "The most that take turns; as many may wait.", () =>
      one(places.count),
    );
    this.show("counter", "coinflip_computations_refused_total", "Computations for which there was no place.", () =>
      one(this.computations(REFUSED)),
    );
    this.show("counter", "coinflip_computations_cancelled_total", "Computations whose client left.", () =>
      one(this.computations(CANCELLED)),
    );
  }

  /** Shows the process as well: its CPU, its memory, the lag of its event loop. */
  watchProcess(): void {
    collectProcessMetrics(this.registry);
  }

  /** A request is here. */
  began(): void {
    this.inFlight += 1;
  }

  /** It is answered. */
  ended(status: number, heads: number | undefined, seconds: number): void {
    const group = heads === undefined ? 0 : (GROUP[heads] as number);
    let bound = 0;
    while (bound < SECONDS.length && seconds > (SECONDS[bound] as number)) bound += 1;
    this.inFlight -= 1;
    this.add(this.counts, status * HEADS.length + group, 1);
    this.add(this.durations, group * BOUNDS + bound, 1);
    this.add(this.sums, group, seconds);
  }

  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;

  /** All of them, as text. */
  text(): Promise<string> {
    return this.registry.metrics();
  }

  private add(to: Float64Array, index: number, value: number): void {
    to[index] = (to[index] as number) + value;
  }

  private requests(): Value[] {
    const values: Value[] = [];
    for (const [index, value] of this.counts.entries()) {
      const status = Math.floor(index / HEADS.length);
      if (value === 0 && !USUAL.includes(status)) continue;
      values.push({ labels: { status: String(status), heads: HEADS[index % HEADS.length] as string }, value });
    }
    return values;
  }

  /** How many requests had this status and asked for heads. */
  private computations(status: number): number {
    const first = status * HEADS.length;
    return this.counts.subarray(first + 1, first + HEADS.length).reduce((sum, count) => sum + count);
  }

  private histogram(heads: string, group: number): Value[] {
    const name = "coinflip_request_duration_seconds";
    let count = 0;
    const buckets = [...SECONDS, "+Inf"].map((le, bound) => {
      count += this.durations[group * BOUNDS + bound] as number;
      return { metricName: `${name}_bucket`, labels: { heads, le: String(le) }, value: count };
    });
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels: { heads }, value: this.sums[group] as number },
      { metricName: `${name}_count`, labels: { heads }, value: count },
    ];
  }

  /** To prom-client a metric is what has a name, and gives its values when asked. */
  private show(type: "counter" | "gauge" | "histogram", name: string, help: string, values: () => Value[]): void {
    const metric = { name, get: async () => ({ name, help, type, values: values() }) };
    this.registry.registerMetric(metric as unknown as Metric);
  }
}

/** Serves the metrics at `/metrics`; a fault of theirs is nobody else's. */
export const answerMetrics =
  (metrics: Metrics): RequestListener =>
  ({ url, method }, response) => {
    const answer = (status: number, type: string, body: string) =>
      response.writeHead(status, { "content-type": type }).end(body);
    if (url !== "/metrics" || method !== "GET") answer(404, "text/plain", "there is nothing here but GET /metrics\n");
    else
      metrics.text().then(
        (text) => answer(200, metrics.contentType, text),
        (error: Error) => answer(500, "text/plain", `${error.stack}\n`),
      );
  };
