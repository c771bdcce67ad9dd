import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { stringify } from "yaml";
import { componentLabels, probe, toDns, Workload } from "../workload";
import { JOB, ruleFile } from "./rules";

export interface PrometheusArgs {
  readonly namespace: pulumi.Input<string>;
  readonly image: string;
  /** The pods that are watched, and the name of their port. */
  readonly workers: { readonly labels: Readonly<Record<string, string>>; readonly metricsPort: number };
}

const PORT = 9090;
const UID = 10201;
const CONFIG_DIR = "/etc/coinflip";
const DATA_DIR = "/prometheus";

/** Prometheus' configuration: https://prometheus.io/docs/prometheus/latest/configuration/configuration/ */
const configuration = (namespace: string, host: string, port: number) =>
  stringify({
    global: { scrape_interval: "10s", scrape_timeout: "5s", evaluation_interval: "15s" },
    rule_files: [`${CONFIG_DIR}/rules.yml`],
    scrape_configs: [
      {
        job_name: JOB,
        // By DNS, which takes no rights in the cluster; looked up with the search list of the pod's resolv.conf.
        // The Service has addresses of the cluster's first family, and for the other no answer.
        dns_sd_configs: ["A", "AAAA"].map((type) => ({ names: [host], type, port, refresh_interval: "5s" })),
        relabel_configs: [{ target_label: "namespace", replacement: namespace }],
      },
    ],
  });

/** A small Prometheus that watches the workers and evaluates the rules. It keeps what it has seen for two days, or until its pod goes. */
export class Prometheus extends pulumi.ComponentResource {
  /** Its address in the cluster. */
  readonly url: pulumi.Output<string>;
  readonly port = PORT;
  /** On its pod. */
  readonly labels: Readonly<Record<string, string>>;

  constructor(name: string, args: PrometheusArgs, opts?: pulumi.ComponentResourceOptions) {
    super("coinflip:monitoring:Prometheus", name, args, opts);
    const { namespace, image, workers } = args;
    // Not the Service that nginx asks, which has the ready ones only: the others are of interest here most of all.
    const targets = new k8s.core.v1.Service(
      `${name}-targets`,
      {
        metadata: { name: "worker-metrics", namespace, labels: workers.labels },
        spec: {
          clusterIP: "None",
          publishNotReadyAddresses: true,
          selector: workers.labels,
          ports: [{ name: "metrics", port: workers.metricsPort, targetPort: "metrics" }],
        },
      },
      { parent: this },
    );
    const config = new k8s.core.v1.ConfigMap(
      name,
      {
        metadata: { namespace },
        immutable: true,
        data: pulumi.all([namespace, targets.metadata.name]).apply(([home, service]) => ({
          "prometheus.yml": configuration(home, `${service}.${home}.svc`, workers.metricsPort),
          "rules.yml": ruleFile(home),
        })),
      },
      { parent: this },
    );
    const workload = new Workload(
      name,
      {
        namespace,
        replicas: 1,
        uid: UID,
        graceSeconds: 30,
        container: {
          image,
          command: [
            "prometheus",
            `--config.file=${CONFIG_DIR}/prometheus.yml`,
            `--storage.tsdb.path=${DATA_DIR}`,
            "--storage.tsdb.retention.time=2d",
            // Less than the volume's limit, for what is written beside it is not counted.
            "--storage.tsdb.retention.size=512MB",
            `--web.listen-address=:${PORT}`,
          ],
          ports: [{ name: "http", containerPort: PORT }],
          startupProbe: { ...probe("/-/ready"), periodSeconds: 1, failureThreshold: 120 },
          readinessProbe: { ...probe("/-/ready"), periodSeconds: 5 },
          livenessProbe: { ...probe("/-/healthy"), periodSeconds: 10, timeoutSeconds: 5 },
          resources: {
            requests: { cpu: "50m", memory: "128Mi", "ephemeral-storage": "128Mi" },
            limits: { cpu: "1", memory: "512Mi", "ephemeral-storage": "2Gi" },
          },
          volumeMounts: [
            { name: "config", mountPath: CONFIG_DIR, readOnly: true },
            { name: "data", mountPath: DATA_DIR },
          ],
        },
        volumes: [
          { name: "config", configMap: { name: config.metadata.name } },
          { name: "data", emptyDir: { sizeLimit: "1Gi" } },
        ],
        ingress: [{ from: [{ podSelector: { matchLabels: componentLabels("grafana") } }], ports: [{ port: "http" }] }],
        egress: [
          { to: [{ podSelector: { matchLabels: workers.labels } }], ports: [{ port: workers.metricsPort }] },
          toDns,
        ],
      },
      { parent: this },
    );
    const service = new k8s.core.v1.Service(
      name,
      {
        metadata: { name, namespace, labels: workload.labels, annotations: { "pulumi.com/skipAwait": "true" } },
        spec: { selector: workload.labels, ports: [{ name: "http", port: PORT, targetPort: "http" }] },
      },
      { parent: this },
    );
    this.url = pulumi.interpolate`http://${service.metadata.name}.${service.metadata.namespace}.svc:${PORT}`;
    this.labels = workload.labels;
    this.registerOutputs({ url: this.url });
  }
}
