import * as pulumi from "@pulumi/pulumi";
import type { Cluster } from "./cluster";
import { lacks, type Requirements } from "./requirements";

export interface PinInputs {
  readonly context: string;
  readonly cluster: Cluster;
  readonly requirements: Requirements;
}

const pin: pulumi.dynamic.ResourceProvider<PinInputs, PinInputs> = {
  async check(olds, news) {
    if (olds.context !== undefined && olds.context !== news.context) {
      const reason =
        `this stack is on the cluster "${olds.context}", and would leave it behind for "${news.context}": ` +
        `pulumi config set context ${olds.context} stays there; pulumi destroy, before the switch, leaves it`;
      return { inputs: news, failures: [{ property: "context", reason }] };
    }
    const lacking = await lacks(news.cluster, news.requirements);
    return { inputs: news, failures: lacking.map((reason) => ({ property: "requirements", reason })) };
  },
  async diff() {
    return { changes: false };
  },
  async create(inputs) {
    return { id: inputs.context, outs: inputs };
  },
};

/**
 * Remembers the stack's cluster: under another one, or one that lacks what the stack requires, previews and updates
 * stop here, before anything is touched.
 */
export class ClusterPin extends pulumi.dynamic.Resource {
  constructor(name: string, cluster: Cluster, requirements: Requirements, opts?: pulumi.CustomResourceOptions) {
    super(pin, name, { context: cluster.context, cluster, requirements }, opts, "coinflip", "ClusterPin");
  }
}
