import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nodesOf } from "../../../../local/kind/cluster";
import { run } from "../../../../local/run";
import type { Clone } from "../../clone";
import { strangers } from "./strangers";

export interface Node {
  readonly name: string;
  readonly address: string;
  /** The host's address on the network of the nodes. */
  readonly gateway: string;
  /** A process in the node's network namespace. */
  readonly pid: number;
}

export interface Pod {
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
  readonly address: string;
}

/** The nodes and pods that take part in the table. */
export interface Landscape {
  /** The node that runs Prometheus. */
  readonly near: Node;
  readonly far: Node;
  readonly nginx: readonly Pod[];
  readonly workers: readonly Pod[];
  readonly prometheus: Pod;
  readonly strangers: readonly Pod[];
}

/** The container that `kubectl debug` adds to pods whose image has no Node.js. */
export const DEBUGGER = "reach";

interface PodList {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly namespace: string };
    readonly spec: { readonly nodeName: string };
    readonly status: { readonly podIP: string };
  }[];
}

interface Container {
  readonly State: { readonly Pid: number };
  readonly NetworkSettings: {
    readonly Networks: Readonly<Record<string, { readonly IPAddress: string; readonly Gateway: string }>>;
  };
}

/** The nodes of a kind cluster, as Docker knows them. */
export async function inspectNodes(cluster: string): Promise<Node[]> {
  const names = (await nodesOf(cluster)).map(({ name }) => name);
  const containers: Container[] = JSON.parse(await run("docker", ["inspect", ...names]));
  return containers.map(({ State, NetworkSettings }, index) => {
    const { IPAddress: address = "", Gateway: gateway = "" } = NetworkSettings.Networks.kind ?? {};
    return { name: names[index] ?? "", address, gateway, pid: State.Pid };
  });
}

/** The pod of a node with an index. Index 0 is for origins and 1 for targets: a pod reaches itself under any policy. */
export function podOn({ name }: Node, pods: readonly Pod[], index: number): Pod {
  const pod = pods.filter(({ node }) => node === name)[index];
  if (pod === undefined) throw new Error(`${name} has fewer than ${index + 1} of the pods ${JSON.stringify(pods)}`);
  return pod;
}

async function podsOf(clone: Clone, ...which: string[]): Promise<Pod[]> {
  const { items }: PodList = JSON.parse(await clone.kubectl("get", "pods", ...which, "--output=json"));
  return items.map(({ metadata: { name, namespace }, spec, status }) => {
    return { namespace, name, node: spec.nodeName, address: status.podIP };
  });
}

/** The stack has this policy only with Grafana. It is rendered, because few machines can pull Grafana's image. */
async function applyGrafanasPolicy(clone: Clone): Promise<void> {
  writeFileSync(join(clone.tree, "Pulumi.watched.yaml"), "config: { coinflip:monitoring: on }");
  const manifests = join(clone.dir, "manifests");
  await clone.succeed("npm", "run", "render", "--", manifests, "--stack", "watched");
  const [policy = ""] = readdirSync(manifests).filter((file) => file.endsWith("-networkpolicy-grafana.yaml"));
  await clone.kubectl("apply", "--server-side", "-f", join(manifests, policy));
}

/** Adds what the table needs beside the stack: strangers, Grafana's policy, and Node.js in pods without it. */
export async function prepare(clone: Clone, nodes: readonly Node[]): Promise<Landscape> {
  const component = (name: string) =>
    podsOf(clone, "--namespace=coinflip", `--selector=app.kubernetes.io/component=${name}`);
  const nginx = await component("nginx");
  const workers = await component("worker");
  const [prometheus] = await component("prometheus");
  const near = nodes.find(({ name }) => name === prometheus?.node);
  const far = nodes.find((node) => node !== near);
  if (prometheus === undefined || near === undefined || far === undefined)
    throw new Error(`Prometheus runs on none of the nodes ${nodes.map(({ name }) => name).join(" and ")}`);
  const path = "--output=jsonpath={.spec.template.spec.containers[0].image}";
  const image = await clone.kubectl("--namespace=coinflip", "get", "deployment", "worker", path);
  const file = join(clone.dir, "strangers.json");
  writeFileSync(
    file,
    JSON.stringify(
      strangers(
        image,
        nodes.map(({ name }) => name),
      ),
    ),
  );
  await clone.kubectl("apply", "--server-side", "-f", file);
  await applyGrafanasPolicy(clone);
  for (const { name } of [podOn(near, nginx, 0), podOn(far, nginx, 0), prometheus]) {
    await clone.kubectl(
      ...["--namespace=coinflip", "debug", name, `--container=${DEBUGGER}`, `--image=${image}`],
      ...["--image-pull-policy=IfNotPresent", "--profile=restricted", "--attach=false"],
      ...["--", "node", "-e", "setInterval(() => undefined, 1e6)"],
    );
  }
  await clone.kubectl("wait", "pod", "--all-namespaces", "--all", "--for=condition=Ready", "--timeout=60s");
  const others = await podsOf(clone, "--all-namespaces", "--selector=!pod-template-hash");
  return { near, far, nginx, workers, prometheus, strangers: others };
}
