import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

type Container = k8s.types.input.core.v1.Container;

export interface WorkloadArgs {
  readonly namespace: pulumi.Input<string>;
  readonly replicas: number;
  /** The number that its process runs as, user and group; no user of a node should have it. */
  readonly uid: number;
  /** The kubelet kills what has not stopped by then. */
  readonly graceSeconds: number;
  readonly container: Omit<Container, "name" | "imagePullPolicy" | "securityContext">;
  readonly volumes?: k8s.types.input.core.v1.Volume[];
  /** The name of a Secret of type kubernetes.io/dockerconfigjson, if the image's registry asks who pulls. */
  readonly pullSecret?: pulumi.Input<string> | undefined;
}

/** Replicas of one container under the `restricted` Pod Security Standard, with a service account that may do nothing. */
export class Workload extends pulumi.ComponentResource {
  /** On the pods and everything about them; a Service selects by them. */
  readonly labels: Readonly<Record<string, string>>;
  readonly replicas: pulumi.Output<number>;

  constructor(name: string, args: WorkloadArgs, opts?: pulumi.ComponentResourceOptions) {
    super("coinflip:index:Workload", name, args, opts);
    const { namespace, replicas, uid, graceSeconds, container, volumes, pullSecret } = args;
    const labels = { "app.kubernetes.io/name": "coinflip", "app.kubernetes.io/component": name };
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
          annotations: { "pulumi.com/deletionPropagationPolicy": "background" },
        },
        spec: {
          replicas,
          revisionHistoryLimit: 3,
          selector: { matchLabels: labels },
          strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
          template: {
            metadata: { labels },
            spec: {
              serviceAccountName: account.metadata.name,
              automountServiceAccountToken: false,
              enableServiceLinks: false,
              terminationGracePeriodSeconds: graceSeconds,
              ...(pullSecret !== undefined && { imagePullSecrets: [{ name: pullSecret }] }),
              ...(volumes && { volumes }),
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
      { parent: this, customTimeouts: { create: "5m", update: "5m" } },
    );
    this.labels = labels;
    this.replicas = deployment.spec.replicas;
    this.registerOutputs({ replicas: this.replicas });
  }
}
