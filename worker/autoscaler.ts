import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { type Cluster, kubectl } from "../cluster";
import { type Autoscaling, targetCpu } from "../settings";
import type { Workload } from "../workload";

interface AutoscalerArgs {
  readonly workload: Workload;
  readonly namespace: pulumi.Input<string>;
  /** The least, if `autoscaling` has none. */
  readonly replicas: number;
  /** Each pod's limit, in Kubernetes' notation. */
  readonly cpu: string;
  readonly autoscaling: Autoscaling;
}

/** Has as many pods of a workload as their load takes. */
export function autoscale(name: string, args: AutoscalerArgs, opts: pulumi.CustomResourceOptions): void {
  const { workload, namespace, replicas, cpu, autoscaling } = args;
  new k8s.autoscaling.v2.HorizontalPodAutoscaler(
    name,
    {
      metadata: { name, namespace, labels: workload.labels },
      spec: {
        scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: workload.name },
        minReplicas: autoscaling.min ?? replicas,
        maxReplicas: autoscaling.max,
        // Not as a share of the request, which says what a worker has to have, and not how much it may take.
        metrics: [
          {
            type: "Resource",
            resource: {
              name: "cpu",
              target: { type: "AverageValue", averageValue: `${Math.round(targetCpu(cpu, autoscaling))}m` },
            },
          },
        ],
        // Up as fast as the default, and down only when the load has stayed away, half of the workers at a time.
        behavior: {
          scaleDown: {
            stabilizationWindowSeconds: 300,
            policies: [{ type: "Percent", value: 50, periodSeconds: 60 }],
          },
        },
      },
    },
    opts,
  );
}

export interface AutoscaledInputs {
  readonly cluster: Cluster;
  readonly namespace: string;
  /** The autoscaler's. */
  readonly name: string;
  readonly autoscaled: boolean;
}

const provider: pulumi.dynamic.ResourceProvider<AutoscaledInputs, AutoscaledInputs> = {
  async diff(_id, olds, news) {
    return { changes: olds.autoscaled !== news.autoscaled };
  },
  async create(inputs) {
    return { id: inputs.name, outs: inputs };
  },
  async update(_id, olds, news) {
    const { namespace, name } = olds;
    const { context } = news.cluster;
    if (!news.autoscaled) await kubectl(context, "--namespace", namespace, "delete", "hpa", name, "--ignore-not-found");
    return { outs: news };
  },
};

/**
 * Whether a Deployment's replicas are an autoscaler's. Once they no longer are, the autoscaler goes before the Deployment
 * gets its replicas: Pulumi deletes last, and until then it would set its own once more.
 */
export class Autoscaled extends pulumi.dynamic.Resource {
  constructor(
    name: string,
    inputs: { readonly [K in keyof AutoscaledInputs]: pulumi.Input<AutoscaledInputs[K]> },
    opts: pulumi.CustomResourceOptions,
  ) {
    super(provider, name, inputs, opts, "coinflip", "Autoscaled");
  }
}
