import * as k8s from "@pulumi/kubernetes";
import { findCluster } from "./cluster";
import { Monitoring, monitoringPods } from "./monitoring/monitoring";
import { Namespace } from "./namespace";
import { LoadBalancer } from "./nginx/loadBalancer";
import { ClusterPin } from "./pin";
import { requirementsOf } from "./requirements";
import { readSettings } from "./settings";
import { WorkerImage } from "./worker/image";
import { timingFor } from "./worker/timing";
import { Worker } from "./worker/worker";

const settings = readSettings();
const timing = timingFor(settings.deadlineSeconds);
const cluster = findCluster(settings.context);
const pin = new ClusterPin("cluster", {
  cluster,
  requirements: requirementsOf(settings),
  expectedUid: settings.clusterUid,
});
// With an identifier, another context of the same cluster replaces nothing, and another cluster everything.
const provider = new k8s.Provider("cluster", { context: cluster.context, clusterIdentifier: pin.uid });

const workerImage = new WorkerImage("worker", {
  baseImage: settings.nodeImage,
  registry: settings.registry,
  cluster,
  pin,
});

// Everything else waits for the image: a build or a push that fails leaves the cluster as it was.
const home = new Namespace(
  "coinflip",
  {
    name: settings.namespace,
    pods: (settings.autoscaling?.max ?? settings.workers) + settings.loadBalancers + monitoringPods(settings),
  },
  { providers: [provider], dependsOn: workerImage },
);

const worker = new Worker(
  "worker",
  {
    cluster,
    namespace: home.name,
    image: workerImage.reference,
    replicas: settings.workers,
    autoscaling: settings.autoscaling,
    maxHeads: settings.maxHeads,
    maxConcurrent: settings.maxConcurrent,
    cpu: settings.workerCpu,
    timing,
    registry: settings.registry,
    monitoring: settings.monitoring,
  },
  { provider },
);

const loadBalancer = new LoadBalancer(
  "nginx",
  {
    namespace: home.name,
    image: settings.nginxImage,
    replicas: settings.loadBalancers,
    upstream: { host: worker.host, anyHost: worker.anyHost, port: worker.port, labels: worker.labels },
    balancing: settings.balancing,
    cpu: settings.nginxCpu,
    rateLimit: settings.rateLimit,
    timing,
    serviceType: settings.serviceType,
    nodePort: settings.nodePort,
    httpsNodePort: settings.httpsNodePort,
    tls: settings.tls,
    ingress: settings.ingress,
    gateway: settings.gateway,
    host: settings.host,
    nodeHost: cluster.host,
  },
  { provider },
);

if (settings.monitoring !== "off") {
  new Monitoring(
    "monitoring",
    {
      by: settings.monitoring,
      namespace: home.name,
      prometheusImage: settings.prometheusImage,
      grafanaImage: settings.grafanaImage,
      workers: { labels: worker.labels, metricsPort: worker.metricsPort },
    },
    { provider },
  );
}

/** The base URL of the service, and the full one of its one operation. */
export const url = loadBalancer.url;
export const endpoint = url.apply((base) => `${base}/compute`);
export const image = workerImage.reference;
export const workers = worker.replicas;
export const namespace = home.name;
