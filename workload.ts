import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

type Container = k8s.types.input.core.v1.Container;
type Ingress = k8s.types.input.networking.v1.NetworkPolicyIngressRule;
type Egress = k8s.types.input.networking.v1.NetworkPolicyEgressRule;

/** What everything of a component is labelled with. */
export const componentLabels = (component: string) => ({
  "app.kubernetes.io/name": "coinflip",
  "app.kubernetes.io/component": component,
});

/** Asks the container's port `http` for a path. */
export const probe = (path: string) => ({ httpGet: { path, port: "http" } });

/**
 * For who looks names up. Policies see what answers for the DNS Service: pods of any labels, which on OpenShift listen on
 * 5353, or a cache at an address of the node (NodeLocal DNSCache). So it may be anywhere.
 */
export const toDns: Egress = {
  ports: [53, 5353].flatMap((port) => ["UDP", "TCP"].map((protocol) => ({ port, protocol }))),
};

export interface WorkloadArgs {
  readonly namespace: pulumi.Input<string>;
  /** Left out where an autoscaler decides. */
  readonly replicas?: number | undefined;
  /** Has to be there before the Deployment. */
  readonly after?: pulumi.Resource;
  /** The number that its process runs as, user and group; no user of a node should have it. */
  readonly uid: number;
  /** The kubelet kills what has not stopped by then. */
  readonly graceSeconds: number;
  readonly container: Omit<Container, "name" | "imagePullPolicy" | "securityContext">;
  readonly volumes?: k8s.types.input.core.v1.Volume[];
  /** The name of a Secret of type kubernetes.io/dockerconfigjson, if the image's registry asks who pulls. */
  readonly pullSecret?: pulumi.Input<string> | undefined;
  /** Who may open connections to the pods, and to which ports. */
  readonly ingress: Ingress[];
  /** Where the pods may open connections to; answers need no rule. */
  readonly egress: Egress[];
}

/** Replicas of one container under the `restricted` Pod Security Standard, with a service account that may do nothing. */
export class Workload extends pulumi.ComponentResource {
  /** On the pods and everything about them; a Service selects by them. */
  readonly labels: Readonly<Record<string, string>>;
  readonly replicas: pulumi.Output<number>;
  /** The Deployment's. */
  readonly name: pulumi.Output<string>;

  constructor(name: string, args: WorkloadArgs, opts?: pulumi.ComponentResourceOptions) {
    super("coinflip:index:Workload", name, args, opts);
    const { namespace, replicas, after, uid, graceSeconds, container, volumes, pullSecret, ingress, egress } = args;
    const labels = componentLabels(name);
    const labelSelector = { matchLabels: labels };
    const account = new k8s.core.v1.ServiceAccount(
      name,
      { metadata: { name, namespace, labels }, automountServiceAccountToken: false },
      { parent: this },
    );
    const deployment = new k8s.apps.v1.Deployment(
      name,
      {
        metadata: {
          name,
          namespace,
          labels,
          // A removed stack need not wait pod by pod: its namespace goes last, and only when they are gone.
          // Forced, for the replicas are the autoscaler's until `autoscaling` is switched off.
          annotations: {
            "pulumi.com/deletionPropagationPolicy": "background",
            "pulumi.com/patchForce": "true",
            // Always pulled, an image that is loaded into the cluster could not be had; all have a version or a digest.
            "kube-score/ignore": "container-image-pull-policy",
            // Its end is a change, though the replicas that Pulumi remembers may be the wanted ones.
            ...(replicas === undefined && { "coinflip/autoscaled": "true" }),
          },
        },
        spec: {
          ...(replicas !== undefined && { replicas }),
          revisionHistoryLimit: 3,
          selector: labelSelector,
          strategy: { rollingUpdate: { maxSurge: "25%", maxUnavailable: 0 } },
          template: {
            metadata: { labels },
            spec: {
              serviceAccountName: account.metadata.name,
              automountServiceAccountToken: false,
              enableServiceLinks: false,
              terminationGracePeriodSeconds: graceSeconds,
              ...(pullSecret !== undefined && { imagePullSecrets: [{ name: pullSecret }] }),
              ...(volumes && { volumes }),
              // Preferred, not required: a cluster of one node is a cluster, too.
              affinity: {
                podAntiAffinity: {
                  preferredDuringSchedulingIgnoredDuringExecution: [
                    { weight: 100, podAffinityTerm: { labelSelector, topologyKey: "kubernetes.io/hostname" } },
                  ],
                },
              },
              topologySpreadConstraints: ["topology.kubernetes.io/zone", "kubernetes.io/hostname"].map(
                (topologyKey) => ({
                  topologyKey,
                  maxSkew: 1,
                  whenUnsatisfiable: "ScheduleAnyway",
                  labelSelector,
                  // A rollout spreads the new pods among themselves.
                  matchLabelKeys: ["pod-template-hash"],
                }),
              ),
              // The default of 300 s is long for pods that hold nothing.
              tolerations: ["not-ready", "unreachable"].map((condition) => ({
                key: `node.kubernetes.io/${condition}`,
                operator: "Exists",
                effect: "NoExecute",
                tolerationSeconds: 30,
              })),
              securityContext: {
                runAsNonRoot: true,
                runAsUser: uid,
                runAsGroup: uid,
                seccompProfile: { type: "RuntimeDefault" },
              },
              containers: [
                {
                  ...container,
                  name,
                  imagePullPolicy: "IfNotPresent",
                  securityContext: {
                    allowPrivilegeEscalation: false,
                    readOnlyRootFilesystem: true,
                    capabilities: { drop: ["ALL"] },
                  },
                },
              ],
            },
          },
        },
      },
      {
        parent: this,
        customTimeouts: { create: "5m", update: "5m" },
        // Left out at once, they would fall back to one: the provider gives them up only once the autoscaler has set them.
        ...(replicas === undefined && { ignoreChanges: ["spec.replicas"] }),
        ...(after && { dependsOn: after }),
      },
    );
    new k8s.policy.v1.PodDisruptionBudget(
      name,
      {
        metadata: { name, namespace, labels },
        // Rounded up, so that no drain of a node is ever blocked; a pod that is not ready holds up none either.
        spec: { maxUnavailable: "25%", unhealthyPodEvictionPolicy: "AlwaysAllow", selector: labelSelector },
      },
      { parent: this },
    );
    new k8s.networking.v1.NetworkPolicy(
      name,
      {
        metadata: { name, namespace, labels },
        spec: { podSelector: labelSelector, policyTypes: ["Ingress", "Egress"], ingress, egress },
      },
      { parent: this },
    );
    this.labels = labels;
    this.replicas = deployment.spec.replicas;
    this.name = deployment.metadata.name;
    this.registerOutputs({ replicas: this.replicas });
  }
}
