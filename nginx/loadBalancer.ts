import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../settings";
import type { Timing } from "../worker/timing";
import { componentLabels, probe, toDns, Workload } from "../workload";
import { tlsSecret } from "./certificate";
import { httpRoute, ingress } from "./ingress";
import { renderNginx } from "./render";
import { httpsPort, serviceUrl } from "./url";

type Given =
  | "balancing"
  | "rateLimit"
  | "serviceType"
  | "nodePort"
  | "httpsNodePort"
  | "host"
  | "tls"
  | "ingress"
  | "gateway";

export interface LoadBalancerArgs extends Pick<Settings, Given> {
  readonly namespace: pulumi.Input<string>;
  readonly image: string;
  readonly replicas: number;
  /** The workers' headless Service and the one with an address, as `NAME.NAMESPACE.svc`, the port and the pods' labels of both. */
  readonly upstream: {
    readonly host: pulumi.Input<string>;
    readonly anyHost: pulumi.Input<string>;
    readonly port: number;
    readonly labels: Readonly<Record<string, string>>;
  };
  /** Each pod's limit, in cores. */
  readonly cpu: number;
  readonly timing: Timing;
  /** The host under which a NodePort answers. */
  readonly nodeHost: string;
}

const LISTEN_PORT = 8080;
const TLS_LISTEN_PORT = 8443;
const CONFIG_DIR = "/etc/coinflip";
/** Where tls.conf looks for the Secret's files. */
const TLS_DIR = "/etc/coinflip-tls";
const UID = 10101;

/** nginx in front of the workers: a Deployment, its configuration, and the Service that clients talk to. */
export class LoadBalancer extends pulumi.ComponentResource {
  /** The base URL under which clients reach the service. */
  readonly url: pulumi.Output<string>;

  constructor(name: string, args: LoadBalancerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("coinflip:nginx:LoadBalancer", name, args, opts);
    const { namespace, image, replicas, upstream, balancing, cpu, rateLimit, timing, serviceType, tls, host } = args;
    // No fixed name: other content makes another ConfigMap, and the pods that name it roll.
    const config = new k8s.core.v1.ConfigMap(
      name,
      {
        metadata: { namespace },
        immutable: true,
        data: {
          "nginx.conf": renderNginx({
            ...{ balancing, cpu, rateLimit, ...timing },
            httpsPort: tls && httpsPort(args),
          }),
          "start.sh": readFileSync(join(__dirname, "start.sh"), "utf8"),
        },
      },
      { parent: this },
    );
    const listen = [String(LISTEN_PORT), ...(tls ? [`${TLS_LISTEN_PORT} ssl`] : [])];
    const started = [upstream.host, upstream.anyHost, String(upstream.port), String(timing.dnsValid), ...listen];
    const ports = [
      { name: "http", port: 80, containerPort: LISTEN_PORT, nodePort: args.nodePort },
      ...(tls ? [{ name: "https", port: 443, containerPort: TLS_LISTEN_PORT, nodePort: args.httpsNodePort }] : []),
    ];
    // A limit by address takes the client's own. Not for a NodePort: nodes without an nginx would no longer answer.
    const byNode = serviceType === "LoadBalancer" && rateLimit > 0;
    const drainDelay = byNode ? timing.nodeDrainDelay : timing.drainDelay;
    const labels = componentLabels(name);
    const secretName = tls && tlsSecret(name, tls, { namespace, host, labels }, { parent: this });
    const workload = new Workload(
      name,
      {
        namespace,
        replicas,
        uid: UID,
        graceSeconds: byNode ? timing.nodeGrace : timing.grace,
        container: {
          image,
          command: ["/bin/sh", `${CONFIG_DIR}/start.sh`, `${CONFIG_DIR}/nginx.conf`, ...started],
          ports: ports.map(({ name, containerPort }) => ({ name, containerPort })),
          // Into service only once a worker has answered through it; from then on nginx speaks for itself.
          startupProbe: { ...probe("/readyz"), periodSeconds: 1, failureThreshold: 300 },
          // Not ready, a pod that stops would get no more of what still comes to its node.
          readinessProbe: {
            ...probe("/nginx-readyz"),
            periodSeconds: 5,
            failureThreshold: Math.ceil(drainDelay / 5) + 2,
          },
          livenessProbe: { ...probe("/nginx-healthz"), periodSeconds: 10, timeoutSeconds: 5 },
          // kube-proxy hears of the end first, and clients by `Connection: close`; then QUIT, the image's stop signal, lets requests finish.
          lifecycle: {
            preStop: { exec: { command: ["/bin/sh", "-c", `: >/tmp/draining; exec sleep ${drainDelay}`] } },
          },
          // As measured, for each of its processes: see README, "Sizes".
          resources: {
            requests: { cpu: "100m", memory: `${16 * cpu}Mi`, "ephemeral-storage": "64Mi" },
            limits: { cpu: String(cpu), memory: `${(tls ? 512 : 128) * cpu}Mi`, "ephemeral-storage": "1Gi" },
          },
          volumeMounts: [
            { name: "config", mountPath: CONFIG_DIR, readOnly: true },
            { name: "tmp", mountPath: "/tmp" },
            ...(tls ? [{ name: "tls", mountPath: TLS_DIR, readOnly: true }] : []),
          ],
        },
        volumes: [
          { name: "config", configMap: { name: config.metadata.name } },
          { name: "tmp", emptyDir: { medium: "Memory", sizeLimit: "16Mi" } },
          ...(secretName === undefined ? [] : [{ name: "tls", secret: { secretName } }]),
        ],
        // From anywhere: a client has any address, or by way of a NodePort its node's.
        ingress: [{ ports: ports.map(({ name: port }) => ({ port })) }],
        egress: [
          // By number, for it is another pod's port.
          { to: [{ podSelector: { matchLabels: upstream.labels } }], ports: [{ port: upstream.port }] },
          toDns,
        ],
      },
      { parent: this },
    );
    const service = new k8s.core.v1.Service(
      name,
      {
        metadata: {
          name: "nginx-service",
          namespace,
          labels: workload.labels,
          // The Deployment waits for its pods already; the provider would watch their endpoints for ten seconds more.
          annotations: {
            ...(serviceType !== "LoadBalancer" && { "pulumi.com/skipAwait": "true" }),
            // A NodePort is what works on any cluster; others are a setting away.
            ...(serviceType === "NodePort" && { "kube-score/ignore": "service-type" }),
          },
        },
        spec: {
          type: serviceType,
          ...(byNode && { externalTrafficPolicy: "Local" }),
          selector: workload.labels,
          ports: ports.map(({ name, port, nodePort }) => ({
            ...{ name, port, targetPort: name },
            ...(serviceType === "NodePort" && { nodePort }),
          })),
        },
      },
      { parent: this },
    );
    const backend = { service, port: { name: "http", number: 80 }, labels };
    if (args.ingress) ingress("coinflip", args.ingress, backend, this);
    if (args.gateway) httpRoute("coinflip", args.gateway, backend, this);
    this.url = serviceUrl(args, args.nodeHost, service);
    this.registerOutputs({ url: this.url });
  }
}
