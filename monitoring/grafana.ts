import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { stringify } from "yaml";
import { probe, toDns, Workload } from "../workload";
import type { Prometheus } from "./prometheus";

export interface GrafanaArgs {
  readonly namespace: pulumi.Input<string>;
  readonly image: string;
  readonly prometheus: Pick<Prometheus, "url" | "port" | "labels">;
  /** The one dashboard, as JSON. */
  readonly dashboard: pulumi.Input<string>;
}

const PORT = 3000;
const UID = 10301;
const CONFIG_DIR = "/etc/coinflip";
const DASHBOARD = "dashboards/coinflip.json";
const DATA_DIR = "/var/lib/grafana";

/** What Grafana finds at its start: https://grafana.com/docs/grafana/latest/administration/provisioning/ */
const datasources = (url: string) =>
  stringify({
    apiVersion: 1,
    datasources: [{ name: "Prometheus", uid: "prometheus", type: "prometheus", access: "proxy", url, isDefault: true }],
  });
const dashboards = stringify({
  apiVersion: 1,
  providers: [{ name: "coinflip", type: "file", options: { path: `${CONFIG_DIR}/dashboards` } }],
});

/** https://grafana.com/docs/grafana/latest/setup-grafana/configure-grafana/ */
const SETTINGS = {
  GF_PATHS_PROVISIONING: `${CONFIG_DIR}/provisioning`,
  GF_PATHS_DATA: DATA_DIR,
  GF_PATHS_LOGS: `${DATA_DIR}/log`,
  GF_PATHS_PLUGINS: `${DATA_DIR}/plugins`,
  GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH: `${CONFIG_DIR}/${DASHBOARD}`,
  GF_LOG_MODE: "console",
  // Whoever reaches it may look, and nobody may change a thing: there is no user, and no password to guess.
  GF_AUTH_ANONYMOUS_ENABLED: "true",
  GF_AUTH_ANONYMOUS_ORG_ROLE: "Viewer",
  GF_AUTH_BASIC_ENABLED: "false",
  GF_AUTH_DISABLE_LOGIN_FORM: "true",
  GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION: "true",
  // It asks nobody outside of the cluster.
  GF_ANALYTICS_REPORTING_ENABLED: "false",
  GF_ANALYTICS_CHECK_FOR_UPDATES: "false",
  GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES: "false",
  GF_PLUGINS_PREINSTALL_DISABLED: "true",
};

/** A Grafana that shows the dashboard to everyone who reaches it, and keeps nothing. */
export class Grafana extends pulumi.ComponentResource {
  constructor(name: string, args: GrafanaArgs, opts?: pulumi.ComponentResourceOptions) {
    super("coinflip:monitoring:Grafana", name, args, opts);
    const { namespace, image, prometheus, dashboard } = args;
    const config = new k8s.core.v1.ConfigMap(
      name,
      {
        metadata: { namespace },
        immutable: true,
        data: {
          "datasources.yaml": prometheus.url.apply(datasources),
          "dashboards.yaml": dashboards,
          "coinflip.json": dashboard,
        },
      },
      { parent: this },
    );
    const items = [
      { key: "datasources.yaml", path: "provisioning/datasources/prometheus.yaml" },
      { key: "dashboards.yaml", path: "provisioning/dashboards/coinflip.yaml" },
      { key: "coinflip.json", path: DASHBOARD },
    ];
    const workload = new Workload(
      name,
      {
        namespace,
        replicas: 1,
        uid: UID,
        graceSeconds: 30,
        container: {
          image,
          env: Object.entries(SETTINGS).map(([name, value]) => ({ name, value })),
          ports: [{ name: "http", containerPort: PORT }],
          // It makes its database first.
          startupProbe: { ...probe("/api/health"), periodSeconds: 2, failureThreshold: 60 },
          readinessProbe: { ...probe("/api/health"), periodSeconds: 5 },
          livenessProbe: { ...probe("/healthz"), periodSeconds: 10, timeoutSeconds: 5 },
          resources: {
            requests: { cpu: "50m", memory: "128Mi", "ephemeral-storage": "64Mi" },
            limits: { cpu: "1", memory: "512Mi", "ephemeral-storage": "1Gi" },
          },
          volumeMounts: [
            { name: "config", mountPath: CONFIG_DIR, readOnly: true },
            { name: "data", mountPath: DATA_DIR },
            { name: "tmp", mountPath: "/tmp" },
          ],
        },
        volumes: [
          { name: "config", configMap: { name: config.metadata.name, items } },
          { name: "data", emptyDir: { sizeLimit: "256Mi" } },
          { name: "tmp", emptyDir: { sizeLimit: "64Mi" } },
        ],
        // Nobody but by way of the API server: kubectl port-forward.
        ingress: [],
        egress: [
          { to: [{ podSelector: { matchLabels: prometheus.labels } }], ports: [{ port: prometheus.port }] },
          toDns,
        ],
      },
      { parent: this },
    );
    new k8s.core.v1.Service(
      name,
      {
        metadata: { name, namespace, labels: workload.labels, annotations: { "pulumi.com/skipAwait": "true" } },
        spec: { selector: workload.labels, ports: [{ name: "http", port: PORT, targetPort: "http" }] },
      },
      { parent: this },
    );
    this.registerOutputs();
  }
}
