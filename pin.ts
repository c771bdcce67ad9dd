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
    `To stay:  pulumi config set context NAME, with a context of the first cluster. To move the stack:  ${accept}, ` +
    "then pulumi up; if the first cluster is gone for good, set PULUMI_K8S_DELETE_UNREACHABLE=true for that pulumi up"
  );
}

type PinState = PinInputs & { readonly uid: string };

const pin: pulumi.dynamic.ResourceProvider<PinInputs, PinState> = {
  async check(olds: Partial<PinState>, news) {
    const { context, expectedUid, requirements } = news;
    const found = { context, uid: await clusterUid(context) };
    const pinned = olds.context === undefined ? undefined : { context: olds.context, uid: olds.uid };
    const wrong = wrongCluster(found, pinned, expectedUid);
    // Part of the inputs, so that previews know the UID as well.
    const inputs: PinState = { ...news, uid: found.uid };
    if (wrong !== undefined) return { inputs, failures: [{ property: "context", reason: wrong }] };
    const lacking = await lacks(context, requirements);
    return { inputs, failures: lacking.map((reason) => ({ property: "requirements", reason })) };
  },
  async diff(_id, olds, news) {
    return { changes: olds.uid !== (news as PinState).uid || olds.context !== news.context };
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
