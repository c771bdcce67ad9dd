import { isIPv6 } from "node:net";
import type * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../settings";

type Addressed = Pick<Settings, "serviceType" | "host" | "tls" | "httpsNodePort" | "ingress" | "gateway">;

/** The port in nginx's own https URLs, as `:PORT`; empty for the usual one. */
export const httpsPort = ({ serviceType, httpsNodePort }: Pick<Addressed, "serviceType" | "httpsNodePort">) =>
  serviceType === "NodePort" ? `:${httpsNodePort}` : "";

/**
 * The base URL under which clients reach the service.
 *
 * @param nodeHost the host under which a NodePort answers, unless `host` is set
 */
export function serviceUrl(
  addressed: Addressed,
  nodeHost: string,
  service: k8s.core.v1.Service,
): pulumi.Output<string> {
  const { host, tls, ingress, gateway } = addressed;
  if (ingress) return pulumi.output(`${ingress.tls === undefined ? "http" : "https"}://${ingress.host}`);
  if (gateway) return pulumi.output(`${gateway.scheme ?? "http"}://${gateway.hostnames[0]}`);
  const scheme = tls ? "https" : "http";
  return pulumi.all([service.metadata, service.spec, service.status]).apply(([metadata, spec, status]) => {
    if (spec.type === "NodePort") {
      const port = tls ? httpsPort(addressed) : `:${spec.ports[0]?.nodePort}`;
      return `${scheme}://${host || nodeHost}${port}`;
    }
    const { hostname, ip } = status?.loadBalancer?.ingress?.[0] ?? {};
    const address = ip && isIPv6(ip) ? `[${ip}]` : ip;
    return `${scheme}://${host || hostname || address || `${metadata.name}.${metadata.namespace}.svc`}`;
  });
}
