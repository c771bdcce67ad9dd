import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Cluster, clusterUid, currentContext, kubectlProgram, stateDir } from "../../cluster";
import { checkSpace } from "../buildCache";
import { answers, exists } from "../context";
import { note, readRecord } from "../record";
import { run, succeeds, waitFor } from "../run";
import { setConfig } from "../stackConfig";
import type { Say } from "../steps";
import * as kind from "./cluster";
import { provideNodeImage } from "./nodeImage";
import { provideKind } from "./program";

/** The cluster that `npm run up` creates. */
export const OUR_CLUSTER: Cluster = { context: kind.CONTEXT, kind: "kind", name: kind.NAME, host: "localhost" };

/** What `up` prints before it creates the cluster. */
export function announcement(nodes: number): string {
  const current = currentContext();
  const restored = current === "" ? "" : ` and makes "${current}" current again`;
  return [
    "The current kubeconfig context is not a local cluster that answers. Therefore up creates the kind cluster",
    `"${kind.NAME}" with ${nodes === 1 ? "one node" : `${nodes} nodes`} in Docker.`,
    "It takes about a minute and 2 GB of disk. The first time its node image is downloaded (1 GB), or built where no",
    "registry can be reached (10 minutes, 8 GB). The current kubeconfig context becomes " +
      `"${kind.CONTEXT}"; npm run down removes the cluster${restored}.\n`,
  ].join("\n");
}

/**
 * Checks --nodes.
 *
 * @throws Error that says what is allowed
 */
export function nodeCount(text: string): number {
  const count = /^\d+$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= kind.MOST_NODES) return count;
  throw new Error(`--nodes is "${text}"; allowed is an integer from 1 to ${kind.MOST_NODES}:  npm run up -- --nodes 3`);
}

/** Copies kubectl from a kind node to a machine that has none. The copy runs only on Linux. */
export async function provideKubectl({ kind: type, name }: Cluster): Promise<void> {
  const file = join(stateDir(), "kubectl");
  if (kubectlProgram() !== "kubectl" || type !== "kind" || process.platform !== "linux") return;
  if (await succeeds("kubectl", ["version", "--client"])) return;
  await mkdir(stateDir(), { recursive: true });
  await kind.copyKubectl(name, file);
}

interface Wanted {
  /** By the name of their settings. */
  readonly ports: Readonly<Record<string, number>>;
  /** As --nodes says; undefined takes what there is, and one node if there is nothing. */
  readonly nodes: number | undefined;
}

/**
 * Makes sure that our cluster runs: creates it, starts it again after a reboot, or leaves it as it is.
 *
 * @returns what was done
 * @throws Error if it cannot be used as it is, with the command that resolves it
 */
export async function provideCluster({ ports, nodes: wanted }: Wanted, say: Say): Promise<string> {
  const record = await readRecord();
  let nodes = await kind.nodesOf(kind.NAME);
  if (nodes.length > 0 && !record?.createdCluster) {
    throw new Error(
      `Docker has a kind cluster "${kind.NAME}" that npm run up has not created, and its context "${kind.CONTEXT}" does not answer. ` +
        `Start it, or remove it:  kind delete cluster --name ${kind.NAME}`,
    );
  }
  // Without a UID in the record the last `up` was interrupted while kind created the cluster.
  if (nodes.length > 0 && record?.clusterUid === undefined) {
    await kind.removeNodes(nodes);
    nodes = [];
  }
  if (nodes.length === 0) return create(wanted ?? 1, ports, say);
  if (wanted !== undefined && wanted !== nodes.length) {
    throw new Error(
      `the cluster has ${nodes.length} nodes, and kind cannot change that:  npm run down, then npm run up -- --nodes ${wanted}`,
    );
  }
  const stopped = nodes.filter(({ running }) => !running);
  if (stopped.length > 0) await kind.startNodes(stopped);
  if (!exists(kind.CONTEXT)) await run(await provideKind(say), ["export", "kubeconfig", "--name", kind.NAME]);
  await waitFor(`an answer of the cluster "${kind.NAME}"`, 60, () => answers(kind.CONTEXT)).catch((error: Error) => {
    throw new Error(`${error.message}. To replace it by a new one:  npm run down, then npm run up`);
  });
  await provideKubectl(OUR_CLUSTER);
  return `${stopped.length > 0 ? "started again" : "running"}, ${await unmapped(ports)}context ${kind.CONTEXT}`;
}

/** kind cannot map a port later: a note for settings that have changed since the cluster was created. */
async function unmapped(ports: Wanted["ports"]): Promise<string> {
  const mapped = await kind.mappedPorts(kind.NAME);
  const missing = Object.entries(ports).filter(([, port]) => !mapped.includes(port));
  if (missing.length === 0) return "";
  const names = missing.map(([setting, port]) => `${setting} ${port}`).join(" and ");
  return `${names} not mapped to this machine (for a cluster with it: npm run down, then npm run up), `;
}

async function create(count: number, ports: Wanted["ports"], say: Say): Promise<string> {
  await checkSpace(stateDir(), 3e9, "the cluster");
  await kind.checkPorts(ports);
  const program = await provideKind(say);
  const { image, how } = await provideNodeImage(say);
  const previousContext = currentContext();
  const record = await readRecord();
  await note({
    createdCluster: true,
    // An interrupted `up` may have created it.
    createdNetwork: record?.createdNetwork === true || !(await kind.networkExists()),
    // kind clears the current context when somebody deletes our cluster: the record keeps the one from before.
    ...(previousContext !== "" && previousContext !== kind.CONTEXT && { previousContext }),
    // That of an earlier cluster of ours. If this `up` is interrupted, the next one creates the cluster again.
    clusterUid: undefined,
  });
  await setConfig({ clusterUid: undefined });
  const cluster = { name: kind.NAME, image, nodes: count, ports: Object.values(ports) };
  await kind.createCluster(program, cluster, say);
  await provideKubectl(OUR_CLUSTER);
  const uid = await clusterUid(kind.CONTEXT);
  // A stack that was on an earlier cluster of ours, which is gone, moves to this one.
  await setConfig({ clusterUid: uid });
  await note({ clusterUid: uid });
  return `created with ${count === 1 ? "one node" : `${count} nodes`} (${how}), context ${kind.CONTEXT}`;
}

/** Removes our cluster, and the network if kind has created it for us and nothing else uses it. */
export async function removeCluster(createdNetwork: boolean): Promise<void> {
  const nodes = await kind.nodesOf(kind.NAME);
  if (nodes.length > 0) await kind.removeNodes(nodes);
  if (createdNetwork && (await kind.networkExists())) await succeeds("docker", ["network", "rm", kind.NETWORK]);
}
