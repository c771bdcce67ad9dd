import type { Cluster } from "../../../../cluster";
import { nodesOf } from "../../../../local/kind/cluster";
import { run, succeeds, waitFor } from "../../../../local/run";

const inNode = (node: string, ...command: string[]) => run("docker", ["exec", node, ...command]);
const inspect = (container: string, format: string) => run("docker", ["inspect", "--format", format, container]);
const addressOf = (node: string) => inspect(node, "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}");

/** The nodes of a kind cluster that pods are scheduled on: the control plane of several nodes is tainted. */
export async function workerNodes({ name }: Cluster): Promise<string[]> {
  const names = (await nodesOf(name)).map((node) => node.name);
  return names.filter((node) => node !== `${name}-control-plane`).sort();
}

/** Kills every process of a node at once, as a power failure does. */
export const killNode = (node: string) => run("docker", ["kill", node]);
export const startNode = (node: string) => run("docker", ["start", node]);

/** containerd stores an image of Docker under its full name. */
const fullName = (image: string) => `docker.io/library/${image}`;

export const hasImage = async (node: string, image: string) =>
  (await inNode(node, "ctr", "-n", "k8s.io", "images", "ls", "-q")).split("\n").includes(fullName(image));

export const removeImage = (node: string, image: string) =>
  inNode(node, "ctr", "-n", "k8s.io", "images", "rm", "--sync", fullName(image));

/** The options that kind gives to `docker run` for a worker (pkg/cluster/internal/providers/docker/provision.go). */
const options = (cluster: string, node: string) => [
  ...["--name", node, "--hostname", node, "--detach", "--tty", "--net", "kind"],
  ...["--label", `io.x-k8s.kind.cluster=${cluster}`, "--label", "io.x-k8s.kind.role=worker"],
  ...["--privileged", "--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"],
  ...["--tmpfs", "/tmp", "--tmpfs", "/run", "--volume", "/var", "--volume", "/lib/modules:/lib/modules:ro"],
  ...["--restart=on-failure:1", "--init=false", "--cgroupns=private"],
];

/**
 * Adds a worker node to a kind cluster, which kind itself cannot: with the flags and the kubeadm configuration that kind
 * gave to the first worker.
 */
export async function joinNode({ name: cluster }: Cluster, node: string): Promise<void> {
  const first = `${cluster}-worker`;
  // By its ID: `npm run down` of another clone may have removed the name.
  await run("docker", ["run", ...options(cluster, node), await inspect(first, "{{.Image}}")]);
  const [firstAddress, address] = await Promise.all([first, node].map(addressOf));
  const configuration = (await inNode(first, "cat", "/kind/kubeadm.conf"))
    .replaceAll(`/${first}`, `/${node}`)
    .replaceAll(`node-ip: ${firstAddress}`, `node-ip: ${address}`);
  const active = ["exec", node, "systemctl", "is-active", "--quiet", "containerd"];
  await waitFor(`containerd in ${node}`, 60, () => succeeds("docker", active));
  const write = ["exec", "--interactive", node, "cp", "/dev/stdin", "/kind/kubeadm.conf"];
  await run("docker", write, { input: configuration, stdin: "pipe" });
  await inNode(node, "kubeadm", "join", "--config", "/kind/kubeadm.conf", "--skip-phases=preflight");
}

/** POST /compute, sent from inside the cluster's Docker network to a port of a node. */
export const computeAt = (cluster: Cluster, node: string, port: string) =>
  inNode(
    `${cluster.name}-control-plane`,
    ...["curl", "-fsS", "-m", "5", `http://${node}:${port}/compute`],
    ...["-H", "content-type: application/json", "-d", '{"heads":3}'],
  );
