import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

export interface NamespaceArgs {
  readonly name: string;
  /** As many pods as there can be when nothing rolls out. */
  readonly pods: number;
}

/** The stack's own namespace: what is in it is bound by the `restricted` Pod Security Standard, cut off from
 * the network, and bounded in number. */
export class Namespace extends pulumi.ComponentResource {
  readonly name: pulumi.Output<string>;

  constructor(name: string, args: NamespaceArgs, opts?: pulumi.ComponentResourceOptions) {
    super("coinflip:index:Namespace", name, args, opts);
    const labels = { "app.kubernetes.io/name": "coinflip" };
    const restricted = ["enforce", "audit", "warn"].map((mode) => [`pod-security.kubernetes.io/${mode}`, "restricted"]);
    const namespace = new k8s.core.v1.Namespace(
      name,
      { metadata: { name: args.name, labels: { ...labels, ...Object.fromEntries(restricted) } } },
      // A component's children do not wait for what it depends on, nor does a stack know them by what they were before.
      {
        parent: this,
        aliases: [{ parent: pulumi.rootStackResource }],
        ...(opts?.dependsOn && { dependsOn: opts.dependsOn }),
      },
    );
    const metadata = { name: "coinflip", namespace: namespace.metadata.name, labels };
    const inside = { parent: this };
    const quota = new k8s.core.v1.ResourceQuota(
      name,
      {
        metadata,
        spec: {
          hard: {
            // A rollout may have all the old pods, which are ending, beside the new ones.
            pods: String(2 * args.pods),
            "services.nodeports": "2",
            "services.loadbalancers": "1",
            persistentvolumeclaims: "0",
          },
        },
      },
      inside,
    );
    const limits = new k8s.core.v1.LimitRange(
      name,
      {
        metadata,
        spec: {
          // For containers that somebody adds; the stack's own say what they need.
          limits: [
            {
              type: "Container",
              defaultRequest: { cpu: "50m", memory: "64Mi", "ephemeral-storage": "16Mi" },
              default: { cpu: "1", memory: "256Mi", "ephemeral-storage": "1Gi" },
            },
          ],
        },
      },
      inside,
    );
    // What a pod may do on the network, a policy of its workload says; whatever has none may do nothing.
    const policy = new k8s.networking.v1.NetworkPolicy(
      name,
      {
        metadata: { ...metadata, name: "default-deny" },
        spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"] },
      },
      inside,
    );
    // Whoever asks for the name waits for what bounds the namespace.
    this.name = pulumi.all([namespace.metadata.name, quota.id, limits.id, policy.id]).apply(([known]) => known);
    this.registerOutputs({ name: this.name });
  }
}
