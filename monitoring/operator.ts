import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { ruleGroups } from "./rules";

export interface OperatorArgs {
  readonly namespace: pulumi.Input<string>;
  /** The pods that are watched. */
  readonly labels: Readonly<Record<string, string>>;
  /** The dashboard as JSON. */
  readonly dashboard: pulumi.Input<string>;
}

/** What a cluster's own prometheus-operator takes up: https://prometheus-operator.dev/docs/api-reference/api/ */
export class OperatorObjects extends pulumi.ComponentResource {
  constructor(name: string, args: OperatorArgs, opts?: pulumi.ComponentResourceOptions) {
    super("coinflip:monitoring:OperatorObjects", name, args, opts);
    const { namespace, labels, dashboard } = args;
    const apiVersion = "monitoring.coreos.com/v1";
    const metadata = { name: "coinflip", namespace, labels: { "app.kubernetes.io/name": "coinflip" } };
    new k8s.apiextensions.CustomResource(
      `${name}-pods`,
      {
        apiVersion,
        kind: "PodMonitor",
        metadata,
        spec: {
          selector: { matchLabels: labels },
          // The job's name; the operator adds the namespace and the pod.
          jobLabel: "app.kubernetes.io/component",
          podMetricsEndpoints: [{ port: "metrics", interval: "10s", scrapeTimeout: "5s" }],
        },
      },
      { parent: this },
    );
    new k8s.apiextensions.CustomResource(
      `${name}-rules`,
      {
        apiVersion,
        kind: "PrometheusRule",
        metadata,
        spec: { groups: pulumi.output(namespace).apply(ruleGroups) },
      },
      { parent: this },
    );
    // The Grafana of the operator's charts looks for this label.
    new k8s.core.v1.ConfigMap(
      `${name}-dashboard`,
      {
        metadata: {
          ...metadata,
          name: "coinflip-dashboard",
          labels: { ...metadata.labels, grafana_dashboard: "1" },
        },
        data: { "coinflip.json": dashboard },
      },
      { parent: this },
    );
    this.registerOutputs();
  }
}
