import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { nodesOf } from "../../../../local/kind/cluster";
import { run } from "../../../../local/run";
import { importInto } from "../../../../worker/sideload";

/**
 * Installs Cilium in a kind cluster without a pod network, and waits until pods have one. Pods may run on the control plane, too.
 *
 * @param cilium the folder that buildCilium returns
 */
export async function installCilium(cilium: string, cluster: string): Promise<void> {
  const controlPlane = `${cluster}-control-plane`;
  const program = ["exec", "-i", controlPlane, "kubectl", "--kubeconfig=/etc/kubernetes/admin.conf"];
  const kubectl = (args: readonly string[], input = "") =>
    run("docker", [...program, ...args], { input, stdin: "pipe" });
  const nodes = await nodesOf(cluster);
  await Promise.all(nodes.map(({ name }) => importInto(name, join(cilium, "image.tar"))));
  for (const file of [join(cilium, "crds.yaml"), join(__dirname, "cilium.yaml")])
    await kubectl(["apply", "--server-side", "-f", "-"], await readFile(file, "utf8"));
  await kubectl(["taint", "node", controlPlane, "node-role.kubernetes.io/control-plane-"]);
  const inSystem = ["--namespace=kube-system", "rollout", "status"];
  await kubectl([...inSystem, "daemonset/cilium", "--timeout=180s"]);
  await kubectl([...inSystem, "deployment/coredns", "--timeout=90s"]);
  await kubectl(["wait", "nodes", "--all", "--for=condition=Ready", "--timeout=60s"]);
}
