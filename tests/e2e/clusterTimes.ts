import type { Clone } from "./clone";

interface Conditions {
  readonly status: {
    readonly conditions: readonly { readonly type: string; readonly lastTransitionTime: string }[];
  };
}

const readyAt = ({ status }: Conditions) =>
  Date.parse(status.conditions.find(({ type }) => type === "Ready")?.lastTransitionTime ?? "");

/** The seconds from the creation of a kind cluster's first container until all nodes, and both CoreDNS pods, were ready. */
export async function readiness(clone: Clone, cluster: string): Promise<{ node: number; dns: number }> {
  const filter = ["--filter", `label=io.x-k8s.kind.cluster=${cluster}`];
  const ids = (await clone.succeed("docker", "ps", "--quiet", ...filter)).output.split("\n");
  const created = (await clone.succeed("docker", "inspect", "--format", "{{.Created}}", ...ids)).output.split("\n");
  const start = Math.min(...created.map((time) => Date.parse(time)));
  const latest = async (...what: string[]) => {
    const { items } = JSON.parse(await clone.kubectl("get", ...what, "--output=json")) as { items: Conditions[] };
    return (Math.max(...items.map(readyAt)) - start) / 1000;
  };
  return {
    node: await latest("nodes"),
    dns: await latest("pods", "--namespace=kube-system", "--selector=k8s-app=kube-dns"),
  };
}
