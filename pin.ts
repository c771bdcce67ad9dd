import * as pulumi from "@pulumi/pulumi";
import { type Cluster, clusterUid } from "./cluster";
import { lacks, type Requirements } from "./requirements";

export interface PinArgs {
  readonly cluster: Cluster;
  readonly requirements: Requirements;
  /** The UID of the cluster that the stack may be on; empty accepts the one that it is on. */
  readonly expectedUid: string;
}

export interface PinInputs extends PinArgs {
  readonly context: string;
}

/** A cluster as the pin remembers it. Stacks from before the UID was recorded have only the context. */
export interface PinnedCluster {
  readonly context: string;
  readonly uid?: string | undefined;
}

/**
 * Compares the cluster that a context leads to with the one that the stack is on.
 *
 * @param found the cluster that the context leads to now
 * @param pinned the cluster that the stack is on, if it is on one
 * @param expectedUid the setting clusterUid
 * @returns why the stack may not be deployed there, with the commands that resolve it; undefined if it may
 */
export function wrongCluster(
  found: Required<PinnedCluster>,
  pinned: PinnedCluster | undefined,
  expectedUid: string,
): string | undefined {
  const accept = `pulumi config set clusterUid ${found.uid}`;
  if (expectedUid !== "" && expectedUid !== found.uid) {
    return (
      `the context "${found.context}" leads to the cluster ${found.uid}, and clusterUid allows only ${expectedUid}. ` +
      `Choose a context of that cluster:  pulumi config set context NAME. Or accept this cluster:  ${accept}`
    );
  }
  const same = pinned?.uid === undefined ? pinned?.context === found.context : pinned.uid === found.uid;
  if (pinned === undefined || same || expectedUid === found.uid) return undefined;
  const was = pinned.uid === undefined ? "" : ` (${pinned.uid})`;
  return (
    `this stack is on the cluster "${pinned.context}"${was}, but the context "${found.context}" leads to another one (${found.uid}). ` +
    `To stay:  pulumi config set context NAME, with a context of the first cluster. ` +
    `To move the stack:  ${accept}, then pulumi up --refresh (with PULUMI_K8S_DELETE_UNREACHABLE=true if the first cluster no longer answers)`
  );
}

interface PinState extends PinInputs {
  /** The cluster that has the stack's objects. */
  readonly uid: string;
  /** Another cluster to which the context led when Pulumi last refreshed the state: there the objects were not found. */
  readonly refreshedUid?: string;
}

/**
 * Compares what Pulumi's state says with the cluster to which the stack's former context leads. Pulumi creates the objects
 * on the new cluster and then deletes the old ones through the former context: if that leads to the new cluster as well,
 * it would delete what it has just created.
 */
async function needsRefresh({ context, uid, refreshedUid }: PinState): Promise<boolean> {
  const now = await clusterUid(context).catch(() => undefined);
  return now !== undefined && now !== uid && now !== refreshedUid;
}

const pin: pulumi.dynamic.ResourceProvider<PinInputs, PinState> = {
  async check(olds: Partial<PinState>, news) {
    const { context, expectedUid, requirements } = news;
    const found = { context, uid: await clusterUid(context) };
    const pinned = olds.context === undefined ? undefined : { context: olds.context, uid: olds.uid };
    const wrong = wrongCluster(found, pinned, expectedUid);
    // Part of the inputs, so that previews know the UID as well.
    const inputs: PinState = { ...news, uid: found.uid };
    const refuse = (property: string, ...reasons: string[]) => ({
      inputs,
      failures: reasons.map((reason) => ({ property, reason })),
    });
    if (wrong !== undefined) return refuse("context", wrong);
    if (olds.uid !== undefined && olds.uid !== found.uid && (await needsRefresh(olds as PinState)))
      return refuse(
        "context",
        `the context "${olds.context}" no longer leads to the cluster ${olds.uid}:  pulumi up --refresh`,
      );
    return refuse("requirements", ...(await lacks(context, requirements)));
  },
  async diff(_id, olds, news) {
    return { changes: olds.uid !== (news as PinState).uid || olds.context !== news.context };
  },
  async read(id, props) {
    if (props === undefined) return { id };
    const found = await clusterUid(props.context).catch(() => props.uid);
    if (found === props.uid) return { id, props };
    const refreshed = { ...props, refreshedUid: found };
    // As inputs as well, which the next check compares.
    return { id, props: refreshed, inputs: refreshed };
  },
  async create(inputs) {
    return { id: inputs.context, outs: inputs as PinState };
  },
  async update(_id, _olds, news) {
    return { outs: news as PinState };
  },
};

/**
 * Remembers the stack's cluster by the UID of its kube-system namespace. On another cluster, or on one that lacks what
 * the stack requires, previews and updates stop here, before anything changes.
 */
export class ClusterPin extends pulumi.dynamic.Resource {
  declare readonly uid: pulumi.Output<string>;

  constructor(name: string, args: PinArgs, opts?: pulumi.CustomResourceOptions) {
    super(pin, name, { ...args, context: args.cluster.context, uid: undefined }, opts, "coinflip", "ClusterPin");
  }
}
