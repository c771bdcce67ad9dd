import { readFileSync } from "node:fs";
import { isIPv6 } from "node:net";
import { join } from "node:path";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../settings";
import type { Timing } from "../worker/timing";
import { Workload } from "../workload";
import { renderNginx } from "./render";

export interface LoadBalancerArgs extends Pick<Settings, "balancing" | "serviceType" | "nodePort" | "rateLimit"> {
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
  /** The host in the URL; empty takes the cluster's. */
  readonly host: string;
  /** The host under which a NodePort answers. */
  readonly nodeHost: string;
}

const LISTEN_PORT = 8080;
/** The port that clients outside a NodePort use. */
const SERVICE_PORT = 80;
/**
 * Policies see what answers for the DNS Service: pods of any labels, which on OpenShift listen on 5353, or a cache at an
 * address of the node (NodeLocal DNSCache). So it may be anywhere.
 */
const DNS_PORTS = [53, 5353];
const CONFIG_DIR = "/etc/coinflip";
const UID = 10101;

/** nginx in front of the workers: a Deployment, its configuration, and the Service that clients talk to. */
export class LoadBalancer extends pulumi.ComponentResource {
  /** The base URL under which clients reach the service. */
  readonly url: pulumi.Output<string>;

  constructor(name: string, args: LoadBalancerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("coinflip:nginx:LoadBalancer", name, args, opts);
    const { namespace, image, replicas, upstream, balancing, cpu, rateLimit, timing, serviceType, nodePort } = args;
    // No fixed name: other content makes another ConfigMap, and the pods that name it roll.
    const config = new k8s.core.v1.ConfigMap(
      name,
      {
        metadata: { namespace },
        immutable: true,
        data: {
          "nginx.conf": renderNginx({ balancing, cpu, rateLimit, ...timing }),
          "start.sh": readFileSync(join(__dirname, "start.sh"), "utf8"),
        },
      },
      { parent: this },
    );
    const started = [upstream.host, upstream.anyHost, ...[upstream.port, timing.dnsValid, LISTEN_PORT].map(String)];
    const probe = (path: string) => ({ httpGet: { path, port: "http" } });
    const workload = new Workload(
      name,
      {
        namespace,
        replicas,
        uid: UID,
        graceSeconds: timing.grace,
        container: {
          image,
          command: ["/bin/sh", `${CONFIG_DIR}/start.sh`, `${CONFIG_DIR}/nginx.conf`, ...started],
          ports: [{ name: "http", containerPort: LISTEN_PORT }],
          // Into service only once a worker has answered through it; from then on nginx speaks for itself.
          startupProbe: { ...probe("/readyz"), periodSeconds: 1, failureThreshold: 300 },
          readinessProbe: { ...probe("/nginx-healthz"), periodSeconds: 5 },
          livenessProbe: { ...probe("/nginx-healthz"), periodSeconds: 10, timeoutSeconds: 5 },
          // kube-proxy hears of the end first, and clients by `Connection: close`; then QUIT, the image's stop signal, lets requests finish.
          lifecycle: {
            preStop: { exec: { command: ["/bin/sh", "-c", `: >/tmp/draining; exec sleep ${timing.drainDelay}`] } },
          },
          // As measured, for each of its processes: see README, "Sizes".
          resources: {
            requests: { cpu: "100m", memory: `${16 * cpu}Mi`, "ephemeral-storage": "64Mi" },
            limits: { cpu: String(cpu), memory: `${128 * cpu}Mi`, "ephemeral-storage": "1Gi" },
          },
          volumeMounts: [
            { name: "config", mountPath: CONFIG_DIR, readOnly: true },
            { name: "tmp", mountPath: "/tmp" },
          ],
        },
        volumes: [
          { name: "config", configMap: { name: config.metadata.name } },
          { name: "tmp", emptyDir: { medium: "Memory", sizeLimit: "16Mi" } },
        ],
        // From anywhere: a client has any address, or by way of a NodePort its node's.
        ingress: [{ ports: [{ port: "http" }] }],
        egress: [
          // By number, for it is another pod's port.
          { to: [{ podSelector: { matchLabels: upstream.labels } }], ports: [{ port: upstream.port }] },
          { ports: DNS_PORTS.flatMap((port) => ["UDP", "TCP"].map((protocol) => ({ port, protocol }))) },
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
          ...(serviceType !== "LoadBalancer" && { annotations: { "pulumi.com/skipAwait": "true" } }),
        },
        spec: {
          type: serviceType,
          // A limit by address takes the client's own. Not for a NodePort: nodes without an nginx would no longer answer.
          ...(serviceType === "LoadBalancer" && rateLimit > 0 && { externalTrafficPolicy: "Local" }),
          selector: workload.labels,
          ports: [
            {
              name: "http",
              port: SERVICE_PORT,
              targetPort: "http",
              ...(serviceType === "NodePort" && { nodePort }),
            },
          ],
        },
      },
      { parent: this },
    );
    this.url = pulumi.all([service.metadata, service.spec, service.status]).apply(([metadata, spec, status]) => {
      if (spec.type === "NodePort") return `http://${args.host || args.nodeHost}:${spec.ports[0]?.nodePort}`;
      const { hostname, ip } = status?.loadBalancer?.ingress?.[0] ?? {};
      const address = ip && isIPv6(ip) ? `[${ip}]` : ip;
      return `http://${args.host || hostname || address || `${metadata.name}.${metadata.namespace}.svc`}`;
    });
    this.registerOutputs({ url: this.url });
  }
}
