import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Cluster } from "../cluster";
import type { Autoscaling, Registry, Settings } from "../settings";
import { componentLabels, probe, Workload } from "../workload";
import { Autoscaled, autoscale } from "./autoscaler";
import type { Timing } from "./timing";

export interface WorkerArgs {
  readonly cluster: Cluster;
  readonly namespace: pulumi.Input<string>;
  readonly image: pulumi.Input<string>;
  readonly replicas: number;
  /** If given, how many there are is decided by their load. */
  readonly autoscaling: Autoscaling | undefined;
  /** The most heads in a row that a request may ask for. */
  readonly maxHeads: number;
  /** The most computations at a time in each; as many more wait. */
  readonly maxConcurrent: number;
  /** Each pod's limit, in Kubernetes' notation. */
  readonly cpu: string;
  readonly timing: Timing;
  /** Where the image is pulled from, if it is not side-loaded. */
  readonly registry: Registry | undefined;
  /** Who asks for metrics. */
  readonly monitoring: Settings["monitoring"];
}

const PORT = 5000;
/** For Prometheus alone. */
const METRICS_PORT = 9464;
/** The user that the Dockerfile names. */
const UID = 10001;

/** The pods that may ask for metrics. The operator gives its own, whose namespace only it knows, this label. */
const SCRAPERS = {
  off: [],
  on: [{ podSelector: { matchLabels: componentLabels("prometheus") } }],
  operator: [{ namespaceSelector: {}, podSelector: { matchLabels: { "app.kubernetes.io/name": "prometheus" } } }],
};

/** The coin flippers: a Deployment, a headless Service whose DNS record lists the ready ones, and one with an address. */
export class Worker extends pulumi.ComponentResource {
  /** The headless Service, as `NAME.NAMESPACE.svc` without the cluster's domain. */
  readonly host: pulumi.Output<string>;
  /** The Service under whose one address some worker answers, likewise. */
  readonly anyHost: pulumi.Output<string>;
  readonly port = PORT;
  readonly metricsPort = METRICS_PORT;
  /** On the pods. */
  readonly labels: Readonly<Record<string, string>>;
  readonly replicas: pulumi.Output<number>;

  constructor(name: string, args: WorkerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("coinflip:worker:Worker", name, args, opts);
    const {
      cluster,
      namespace,
      image,
      replicas,
      autoscaling,
      maxHeads,
      maxConcurrent,
      cpu,
      timing,
      registry,
      monitoring,
    } = args;
    const workload = new Workload(
      name,
      {
        namespace,
        replicas: autoscaling ? undefined : replicas,
        after: new Autoscaled(
          name,
          { cluster, namespace, name, autoscaled: autoscaling !== undefined },
          { parent: this },
        ),
        uid: UID,
        graceSeconds: timing.grace,
        pullSecret: registry?.password && this.pullSecret(name, namespace, registry),
        container: {
          image,
          env: Object.entries({
            PORT,
            METRICS_PORT,
            MAX_HEADS: maxHeads,
            MAX_CONCURRENT: maxConcurrent,
            DEADLINE_MS: timing.deadline * 1000,
            DRAIN_DELAY_MS: timing.drainDelay * 1000,
            KEEP_ALIVE_MS: timing.workerKeepAlive * 1000,
          }).map(([name, value]) => ({ name, value: String(value) })),
          ports: [
            { name: "http", containerPort: PORT },
            { name: "metrics", containerPort: METRICS_PORT },
          ],
          // No startup probe: it starts in a tenth of a second, and the first look would only come a second later.
          readinessProbe: { ...probe("/readyz"), periodSeconds: 1, timeoutSeconds: 5 },
          livenessProbe: { ...probe("/healthz"), periodSeconds: 10, timeoutSeconds: 5 },
          // As measured: see README, "Sizes".
          resources: {
            requests: { cpu: "100m", memory: "64Mi", "ephemeral-storage": "64Mi" },
            limits: { cpu, memory: "256Mi", "ephemeral-storage": "1Gi" },
          },
        },
        ingress: [
          { from: [{ podSelector: { matchLabels: componentLabels("nginx") } }], ports: [{ port: "http" }] },
          ...SCRAPERS[monitoring].map((scraper) => ({ from: [scraper], ports: [{ port: "metrics" }] })),
        ],
        // A worker asks nobody, not even cluster DNS.
        egress: [],
      },
      { parent: this },
    );
    if (autoscaling) autoscale(name, { workload, namespace, replicas, cpu, autoscaling }, { parent: this });
    const service = (name: string, type: { clusterIP?: "None" }) => {
      const { metadata } = new k8s.core.v1.Service(
        name,
        {
          // The Deployment waits for its pods already; the provider would watch their endpoints for ten seconds more.
          metadata: { name, namespace, labels: workload.labels, annotations: { "pulumi.com/skipAwait": "true" } },
          spec: { ...type, selector: workload.labels, ports: [{ name: "http", port: PORT, targetPort: "http" }] },
        },
        { parent: this },
      );
      return pulumi.interpolate`${metadata.name}.${metadata.namespace}.svc`;
    };
    this.host = service(name, { clusterIP: "None" });
    this.anyHost = service(`${name}-any`, {});
    this.labels = workload.labels;
    this.replicas = workload.replicas;
    this.registerOutputs({ host: this.host, anyHost: this.anyHost, replicas: this.replicas });
  }

  /** What kubelets show the registry, in the format of `~/.docker/config.json`. */
  private pullSecret(name: string, namespace: pulumi.Input<string>, { server, username, password }: Registry) {
    const config = pulumi.jsonStringify({ auths: { [server]: { username, password } } });
    const secret = new k8s.core.v1.Secret(
      `${name}-registry`,
      {
        metadata: { namespace },
        type: "kubernetes.io/dockerconfigjson",
        stringData: { ".dockerconfigjson": config },
      },
      { parent: this },
    );
    return secret.metadata.name;
  }
}
