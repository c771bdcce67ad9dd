import type { Clone } from "../../clone";
import { DEBUGGER, type Landscape, type Node, type Pod, podOn } from "./landscape";
import { PORT, WORKER_NODE_PORT } from "./strangers";
import type { Origin, RunNode, Target, Targets } from "./table";

/** Whether the origins are on the same node as their targets. */
export const PLACEMENTS = ["on the same node", "on different nodes"] as const;
export type Placement = (typeof PLACEMENTS)[number];

function targetsOn(node: Node, { nginx, workers, prometheus, strangers }: Landscape, outside: Target): Targets {
  const worker = podOn(node, workers, 1).address;
  const stranger = (namespace: string) => {
    const name = `other-${node.name}`;
    const found = strangers.find((each) => each.namespace === namespace && each.name === name);
    return { host: found?.address ?? `${namespace}/${name} is missing`, port: PORT };
  };
  return {
    nginx: { host: podOn(node, nginx, 1).address, port: 8080 },
    worker: { host: worker, port: 5000 },
    metrics: { host: worker, port: 9464 },
    prometheus: { host: prometheus.address, port: 9090 },
    "stranger inside": stranger("coinflip"),
    "stranger elsewhere": stranger("strangers"),
    "DNS/UDP": { host: "10.96.0.10", port: 53, dns: true },
    "DNS/TCP": { host: "10.96.0.10", port: 53 },
    "API server": { host: "10.96.0.1", port: 443 },
    outside,
  };
}

/** The rows of the table, for pods that are placed in one of the two ways. */
export function originsFor(
  placement: Placement,
  landscape: Landscape,
  { clone, nodePort, outside }: { clone: Clone; nodePort: number; outside: Target },
): Readonly<Record<string, Origin>> {
  const { near, far, nginx, workers, prometheus } = landscape;
  const node = placement === "on the same node" ? near : far;
  const inPod =
    ({ namespace, name }: Pick<Pod, "namespace" | "name">, container: string): RunNode =>
    (text, argument) =>
      clone.kubectl(
        ...[`--namespace=${namespace}`, "exec", name, `--container=${container}`],
        ...["--", "node", "-e", text, argument],
      );
  const stranger = (namespace: string, name: string) => inPod({ namespace, name: `${name}-${node.name}` }, "listener");
  const onHost: RunNode = async (text, argument) => (await clone.succeed("node", "-e", text, argument)).output;
  const onNode =
    ({ pid }: Node): RunNode =>
    async (text, argument) =>
      (await clone.succeed("nsenter", `--net=/proc/${pid}/ns/net`, "node", "-e", text, argument)).output;
  const targets = targetsOn(near, landscape, outside);
  // There is one Prometheus. On different nodes, its targets are on the far node.
  const { prometheus: itself, ...prometheusTargets } = targetsOn(node, landscape, outside);
  const { address: host } = node;
  return {
    client: { run: onHost, targets: { nginx: { host, port: nodePort }, worker: { host, port: WORKER_NODE_PORT } } },
    "stranger elsewhere": { run: stranger("strangers", "stranger"), targets },
    "stranger inside": { run: stranger("coinflip", "stranger"), targets },
    nginx: { run: inPod(podOn(node, nginx, 0), DEBUGGER), targets },
    worker: { run: inPod(podOn(node, workers, 0), "worker"), targets },
    prometheus: { run: inPod(prometheus, DEBUGGER), targets: prometheusTargets },
    grafana: { run: stranger("coinflip", "grafana"), targets },
    "pods' own node": { run: onNode(near), targets },
    "another node": { run: onNode(far), targets },
  };
}
