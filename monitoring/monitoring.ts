import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../settings";
import { Grafana } from "./grafana";
import { OperatorObjects } from "./operator";
import { Prometheus, type PrometheusArgs } from "./prometheus";

export interface MonitoringArgs {
  /** By a Prometheus of its own, or by the one of the cluster's operator. */
  readonly by: Exclude<Settings["monitoring"], "off">;
  readonly namespace: pulumi.Input<string>;
  readonly prometheusImage: string;
  /** Empty leaves Grafana out. */
  readonly grafanaImage: string;
  readonly workers: PrometheusArgs["workers"];
}

/** As many pods as monitoring has. */
export const monitoringPods = ({ monitoring, grafanaImage }: Pick<Settings, "monitoring" | "grafanaImage">) =>
  monitoring === "on" ? (grafanaImage === "" ? 1 : 2) : 0;

/** Whatever watches the workers. */
export class Monitoring extends pulumi.ComponentResource {
  constructor(name: string, args: MonitoringArgs, opts?: pulumi.ComponentResourceOptions) {
    super("coinflip:monitoring:Monitoring", name, args, opts);
    const { by, namespace, prometheusImage, grafanaImage, workers } = args;
    const inside = { parent: this };
    const dashboard = pulumi.output(namespace).apply(dashboardJson);
    if (by === "operator") {
      new OperatorObjects(name, { namespace, labels: workers.labels, dashboard }, inside);
    } else {
      const prometheus = new Prometheus("prometheus", { namespace, image: prometheusImage, workers }, inside);
      if (grafanaImage !== "")
        new Grafana("grafana", { namespace, image: grafanaImage, prometheus, dashboard }, inside);
    }
    this.registerOutputs();
  }
}

/** Loaded only where it is wanted: Grafana's SDK takes a third of a second. */
function dashboardJson(namespace: string): string {
  const { dashboard } = require("./dashboard") as typeof import("./dashboard");
  return JSON.stringify(dashboard(namespace), undefined, 1);
}
