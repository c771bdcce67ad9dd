import { stringify } from "yaml";

/** A rule that gives the result of an expression a name. */
export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
}

/** A rule that asks for a person. */
export interface AlertingRule {
  readonly alert: string;
  readonly expr: string;
  /** How long it has to be so, as Prometheus writes durations. */
  readonly for: string;
  readonly labels: { readonly severity: "critical" | "warning"; readonly namespace: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

/** As rule files and PrometheusRule objects have it: https://prometheus.io/docs/prometheus/latest/configuration/recording_rules/ */
export interface RuleGroup {
  readonly name: string;
  readonly interval: string;
  readonly rules: readonly (RecordingRule | AlertingRule)[];
}

/** The job's name, in either way to find the workers. */
export const JOB = "worker";
/** The label of the namespace is on every series: a cluster's Prometheus may watch several stacks. */
export const selectorOf = (namespace: string) => `job="${JOB}",namespace="${namespace}"`;

/** What is computed once, for the dashboard and the alerts. */
function recordingRules(workers: string): RecordingRule[] {
  const rate = (metric: string, by: string, more = "") => `sum by (${by}) (rate(${metric}{${workers}${more}}[5m]))`;
  return [
    {
      // 4xx are the clients' own, 499 among them.
      record: "coinflip:request_errors:ratio_rate5m",
      expr: `${rate("coinflip_requests_total", "namespace", ',status=~"5.."')} / ${rate("coinflip_requests_total", "namespace")}`,
    },
    {
      record: "coinflip:request_duration_seconds:p99_rate5m",
      expr: `histogram_quantile(0.99, ${rate("coinflip_request_duration_seconds_bucket", "namespace, heads, le")})`,
    },
    {
      record: "coinflip:computations_running:ratio",
      expr: `sum by (namespace) (coinflip_computations_running{${workers}}) / sum by (namespace) (coinflip_computations_limit{${workers}})`,
    },
  ];
}

function alertingRules(namespace: string, workers: string): AlertingRule[] {
  const stack = `namespace="${namespace}"`;
  const kubectl = `kubectl --namespace ${namespace}`;
  const rule = (
    alert: string,
    severity: "critical" | "warning",
    wait: string,
    expr: string,
    summary: string,
    description: string,
  ): AlertingRule => ({
    alert,
    expr,
    for: wait,
    labels: { severity, namespace },
    annotations: { summary, description },
  });
  return [
    rule(
      "CoinflipNoWorker",
      "critical",
      "1m",
      `absent(up{${workers}} == 1)`,
      "No worker answers: every request gets 502.",
      `Look why the pods do not run: ${kubectl} describe pods --selector app.kubernetes.io/component=worker. ` +
        "An image that cannot be pulled, a full node or quota, and a crash at the start are told there. " +
        "If they run, their metrics' port 9464 is not reached from Prometheus: look at the NetworkPolicies.",
    ),
    rule(
      "CoinflipWorkerDown",
      "warning",
      "2m",
      `up{${workers}} == 0`,
      "The worker {{ $labels.instance }} does not answer; the others have its share of the load.",
      `Find the pod by its address, ${kubectl} get pods --output wide, and read its log: ${kubectl} logs POD --previous. ` +
        "If it hangs, delete it: another one takes its place.",
    ),
    rule(
      "CoinflipErrors",
      "critical",
      "5m",
      `coinflip:request_errors:ratio_rate5m{${stack}} > 0.05`,
      "{{ $value | humanizePercentage }} of the requests are answered with 5xx.",
      "See by status in the dashboard which they are. 500: a fault of the worker's own, its log has the stack " +
        `(${kubectl} logs --selector app.kubernetes.io/component=worker --tail=-1 | grep '"level":"error"'). ` +
        "503: every place is taken, as in CoinflipRefusing. 504: rows take longer than deadlineSeconds; lower maxHeads, or raise deadlineSeconds.",
    ),
    rule(
      "CoinflipSlow",
      "warning",
      "5m",
      // Not the requests' own durations, which begin when the worker gets to them.
      `nodejs_eventloop_lag_p99_seconds{${workers}} > 0.1`,
      "One of 100 times the worker {{ $labels.instance }} gets to its requests only after {{ $value | humanizeDuration }}.",
      "No computation holds it up for longer than a slice of 0.1 ms, so that it has too little CPU: it is at its limit (workerCpu), " +
        `or its node is full (${kubectl} top pods; kubectl top nodes). Set workers higher, or autoscaling.`,
    ),
    rule(
      "CoinflipSaturated",
      "warning",
      "5m",
      `coinflip:computations_running:ratio{${stack}} > 0.8`,
      "{{ $value | humanizePercentage }} of the places for computations are taken.",
      "Soon requests wait, and then they are refused. Set workers higher, or autoscaling, or lower maxHeads.",
    ),
    rule(
      "CoinflipRefusing",
      "critical",
      "2m",
      `sum by (namespace) (rate(coinflip_computations_refused_total{${workers}}[1m])) > 0`,
      "Requests are refused with 503: every place is taken, and every place to wait for one.",
      "Set workers higher, or autoscaling. maxConcurrent makes more places, in which computations take longer. " +
        "If it is one client's load, set a limit for clients.",
    ),
    rule(
      "CoinflipRestarting",
      "warning",
      "0m",
      `changes(process_start_time_seconds{${workers}}[15m]) > 2`,
      "The worker {{ $labels.instance }} has started {{ $value }} times again within 15 minutes.",
      `Find the pod by its address, ${kubectl} get pods --output wide, and how it ended: ${kubectl} describe pod POD ` +
        `(OOMKilled: its memory's limit), ${kubectl} logs POD --previous.`,
    ),
  ];
}

/** The rules of the stack in a namespace. */
export function ruleGroups(namespace: string): RuleGroup[] {
  const workers = selectorOf(namespace);
  return [
    { name: "coinflip.rules", interval: "15s", rules: recordingRules(workers) },
    { name: "coinflip.alerts", interval: "15s", rules: alertingRules(namespace, workers) },
  ];
}

/** The text of a rule file. */
export const ruleFile = (namespace: string) => stringify({ groups: ruleGroups(namespace) }, { lineWidth: 0 });
