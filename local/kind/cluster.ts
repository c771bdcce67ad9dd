import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { run, succeeds } from "../run";

/** The cluster that `npm run up` creates, and its kubeconfig context, which kind names. */
export const NAME = "coinflip";
export const CONTEXT = `kind-${NAME}`;

/** The most nodes that a laptop takes: each needs some 150 MB of memory, and images are loaded into each. */
export const MOST_NODES = 9;

export interface NewCluster {
  readonly name: string;
  /** The image of the nodes. */
  readonly image: string;
  /** One control plane, the rest workers. */
  readonly nodes: number;
  /** Node ports that answer under the same number on 127.0.0.1. */
  readonly ports: readonly number[];
  /** Leaves the network of pods to somebody else. */
  readonly withoutPodNetwork?: boolean;
  /** The file that gets the context; the user's kubeconfig if not given. */
  readonly kubeconfig?: string;
}

/** Mounted over a systemd unit, /dev/null masks it. */
const MASK = { hostPath: "/dev/null", containerPath: "/etc/systemd/system/pod-network.service" };

/** kind's configuration file (https://kind.sigs.k8s.io/docs/user/configuration). */
export function configuration({ image, nodes, ports, withoutPodNetwork = false }: NewCluster): string {
  const node = { image, ...(withoutPodNetwork && { extraMounts: [MASK] }) };
  const extraPortMappings = ports.map((port) => ({
    containerPort: port,
    hostPort: port,
    listenAddress: "127.0.0.1",
  }));
  return stringify({
    kind: "Cluster",
    apiVersion: "kind.x-k8s.io/v1alpha4",
    networking: { disableDefaultCNI: withoutPodNetwork },
    nodes: [
      { role: "control-plane", ...node, extraPortMappings },
      ...Array.from({ length: nodes - 1 }, () => ({ role: "worker", ...node })),
    ],
  });
}

/** Creates the cluster, and makes its context current in the kubeconfig. */
export async function createCluster(kind: string, cluster: NewCluster, onLine: (line: string) => void): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "coinflip-kind-"));
  try {
    const config = join(folder, "kind.yaml");
    await writeFile(config, configuration(cluster));
    const kubeconfig = cluster.kubeconfig === undefined ? [] : ["--kubeconfig", cluster.kubeconfig];
    await run(kind, ["create", "cluster", "--name", cluster.name, "--config", config, ...kubeconfig], { onLine });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export interface Node {
  readonly name: string;
  readonly running: boolean;
}

/** The Docker containers that are the nodes of a kind cluster; none if there is no such cluster. */
export async function nodesOf(name: string): Promise<Node[]> {
  const filter = ["--filter", `label=io.x-k8s.kind.cluster=${name}`];
  const lines = (await run("docker", ["ps", "--all", ...filter, "--format", "{{.Names}} {{.State}}"])).split("\n");
  return lines
    .filter((line) => line !== "")
    .map((line) => {
      const [node = "", state] = line.split(" ");
      return { name: node, running: state === "running" };
    });
}

/** The ports of 127.0.0.1 that a kind cluster's control plane was created with. */
export async function mappedPorts(name: string): Promise<number[]> {
  const bindings = await run("docker", [
    "inspect",
    "--format",
    "{{json .HostConfig.PortBindings}}",
    `${name}-control-plane`,
  ]);
  const mapped = JSON.parse(bindings) as Record<string, readonly { readonly HostPort: string }[]>;
  return Object.values(mapped).flatMap((each) => each.map(({ HostPort }) => Number(HostPort)));
}

/** Starts the nodes again, which a reboot of the machine has stopped. */
export const startNodes = (nodes: readonly Node[]) => run("docker", ["start", ...nodes.map(({ name }) => name)]);

/** Removes nodes with their volumes, as `kind delete cluster` does. Without nodes there is no cluster. */
export const removeNodes = (nodes: readonly Node[]) =>
  run("docker", ["rm", "--force", "--volumes", ...nodes.map(({ name }) => name)]);

/** Copies kubectl out of a Linux node, for a machine that has none. */
export const copyKubectl = (name: string, file: string) =>
  run("docker", ["cp", "--follow-link", `${name}-control-plane:/usr/bin/kubectl`, file]);

/** The Docker network that kind creates, and keeps after the last cluster. */
export const NETWORK = "kind";
export const networkExists = () => succeeds("docker", ["network", "inspect", NETWORK]);

/** Whether nothing listens on the port of 127.0.0.1 yet. */
const isFree = (port: number) =>
  new Promise<boolean>((resolve) => {
    const server = createServer()
      .once("error", () => resolve(false))
      .listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });

/**
 * Checks the ports before anything is created.
 *
 * @param ports by the name of the setting
 * @throws Error for the first one that is taken, with one that is free
 */
export async function checkPorts(ports: Readonly<Record<string, number>>): Promise<void> {
  for (const [setting, port] of Object.entries(ports)) {
    if (await isFree(port)) continue;
    let other = port;
    do other = other < 32767 ? other + 1 : 30000;
    while (Object.values(ports).includes(other) || !(await isFree(other)));
    throw new Error(
      `port ${port} of this machine is in use, and ${setting} needs it. Port ${other} is free:  npm run up -- -c ${setting}=${other}`,
    );
  }
}
