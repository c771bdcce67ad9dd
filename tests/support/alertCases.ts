/** What Prometheus is given, one value each 15 s, in promtool's notation: `1x4` is 1 five times, `0+2x9` counts by 2. */
export type Series = Readonly<Record<string, string>>;

interface AlertCase {
  /** When, in minutes, it is looked whether the alert fires. */
  readonly at: number;
  readonly fires: Series;
  /** The labels beside the namespace and the severity. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly summary: string;
  /** When it must not fire, and why not. */
  readonly quiet: Readonly<Record<string, Series>>;
}

const W = 'job="worker",namespace="coinflip"';
/** Metrics of one worker. */
const of = (metric: string, more = "", instance = "a") => `${metric}{${W},instance="${instance}"${more}}`;
const requests = (status: number, heads = "1-8") =>
  of("coinflip_requests_total", `,status="${status}",heads="${heads}"`);
const bucket = (heads: string, le: string) =>
  of("coinflip_request_duration_seconds_bucket", `,heads="${heads}",le="${le}"`);
const lag = (instance = "a") => of("nodejs_eventloop_lag_p99_seconds", "", instance);

/** For each alert the series that it fires on, and others, nearly the same, that it does not. */
export const ALERT_CASES: Readonly<Record<string, AlertCase>> = {
  CoinflipNoWorker: {
    at: 3,
    fires: { [of("up")]: "1x2 0x60" },
    summary: "No worker answers: every request gets 502.",
    quiet: {
      "one of two answers": { [of("up")]: "0x60", [of("up", "", "b")]: "1x60" },
      "it was for less than a minute": { [of("up")]: "1x9 0x60" },
    },
  },
  CoinflipWorkerDown: {
    at: 3,
    fires: { [of("up")]: "0x60", [of("up", "", "b")]: "1x60" },
    labels: { job: "worker", instance: "a" },
    summary: "The worker a does not answer; the others have its share of the load.",
    quiet: {
      "it is away for a rollout": { [of("up")]: "1x6 0x60" },
      "it is another stack's": { 'up{job="worker",namespace="other",instance="a"}': "0x60" },
    },
  },
  CoinflipErrors: {
    at: 12,
    fires: { [requests(200)]: "0+92x60", [requests(500)]: "0+4x60", [requests(503)]: "0+4x60" },
    summary: "8% of the requests are answered with 5xx.",
    quiet: {
      "few are errors": { [requests(200)]: "0+96x60", [requests(500)]: "0+4x60" },
      "the clients are to blame": {
        [requests(200)]: "0+1x60",
        [requests(400, "none")]: "0+50x60",
        [requests(500)]: "0x60",
      },
      "they began three minutes ago": { [requests(200)]: "0+90x60", [requests(500)]: "0x36 0+30x60" },
      "nobody asks": { [requests(200)]: "7x60", [requests(500)]: "3x60" },
    },
  },
  CoinflipSlow: {
    at: 12,
    fires: { [lag("a")]: "0.175x80", [lag("b")]: "0.011x80" },
    labels: { job: "worker", instance: "a" },
    summary: "One of 100 times the worker a gets to its requests only after 175ms.",
    quiet: {
      "it waits for its half of a core": { [lag()]: "0.06x80" },
      "it began three minutes ago": { [lag()]: "0.011x54 0.175x60" },
      "it is another stack's": {
        'nodejs_eventloop_lag_p99_seconds{job="worker",namespace="other",instance="a"}': "1x80",
      },
    },
  },
  CoinflipSaturated: {
    at: 6,
    fires: { [of("coinflip_computations_running")]: "60x60", [of("coinflip_computations_limit")]: "64x60" },
    summary: "93.75% of the places for computations are taken.",
    quiet: {
      "the other worker has room": {
        [of("coinflip_computations_running")]: "64x60",
        [of("coinflip_computations_limit")]: "64x60",
        [of("coinflip_computations_running", "", "b")]: "0x60",
        [of("coinflip_computations_limit", "", "b")]: "64x60",
      },
      "it was so for a while only": {
        [of("coinflip_computations_running")]: "64x10 3x60",
        [of("coinflip_computations_limit")]: "64x60",
      },
    },
  },
  CoinflipRefusing: {
    at: 6,
    fires: { [of("coinflip_computations_refused_total")]: "0+1x60" },
    summary: "Requests are refused with 503: every place is taken, and every place to wait for one.",
    quiet: {
      "that was long ago": { [of("coinflip_computations_refused_total")]: "0+5x4 20x60" },
      "that began a minute ago": { [of("coinflip_computations_refused_total")]: "0x20 0+1x60" },
    },
  },
  CoinflipRestarting: {
    at: 12,
    fires: { [of("process_start_time_seconds")]: "100x4 200x4 300x4 400x60" },
    labels: { job: "worker", instance: "a" },
    summary: "The worker a has started 3 times again within 15 minutes.",
    quiet: { "twice may happen": { [of("process_start_time_seconds")]: "100x4 200x4 300x60" } },
  },
};

/** A stack that is well, under load. */
export const HEALTHY: Series = {
  ...Object.fromEntries(
    ["a", "b"].flatMap((instance) => [
      [of("up", "", instance), "1x80"],
      [of("process_start_time_seconds", "", instance), "100x80"],
      [of("coinflip_computations_running", "", instance), "3x80"],
      [of("coinflip_computations_limit", "", instance), "64x80"],
      [of("coinflip_computations_refused_total", "", instance), "0x80"],
      [lag(instance), "0.011x80"],
    ]),
  ),
  [requests(200)]: "0+100x80",
  [requests(500)]: "0x80",
  [bucket("1-8", "0.1")]: "0+100x80",
  [bucket("1-8", "0.25")]: "0+100x80",
  [bucket("1-8", "+Inf")]: "0+100x80",
};
