import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import type { Gateway, Ingress } from "./exposure";

/** The Service behind them, and what its namespace and labels are. */
export interface Backend {
  readonly service: k8s.core.v1.Service;
  readonly port: { readonly name: string; readonly number: number };
  readonly labels: Readonly<Record<string, string>>;
}

/** An Ingress, for a controller that the cluster has. */
export function ingress(name: string, wanted: Ingress, { service, port, labels }: Backend, parent: pulumi.Resource) {
  const { host, className, tls, annotations } = wanted;
  const backend = { service: { name: service.metadata.name, port: { name: port.name } } };
  new k8s.networking.v1.Ingress(
    name,
    {
      metadata: {
        name,
        namespace: service.metadata.namespace,
        labels,
        // The URL has the host and needs no address; some controllers never report one, and the provider would wait for it.
        annotations: { "pulumi.com/skipAwait": "true", ...annotations },
      },
      spec: {
        ...(className !== undefined && { ingressClassName: className }),
        ...(tls !== undefined && { tls: [{ hosts: [host], secretName: tls }] }),
        rules: [{ host, http: { paths: [{ path: "/", pathType: "Prefix", backend }] } }],
      },
    },
    { parent },
  );
}

/** An HTTPRoute on a Gateway that the cluster has (https://gateway-api.sigs.k8s.io/reference/spec/). */
export function httpRoute(name: string, wanted: Gateway, { service, port, labels }: Backend, parent: pulumi.Resource) {
  const { name: gateway, namespace, sectionName, hostnames } = wanted;
  new k8s.apiextensions.CustomResource(
    name,
    {
      apiVersion: "gateway.networking.k8s.io/v1",
      kind: "HTTPRoute",
      metadata: { name, namespace: service.metadata.namespace, labels },
      spec: {
        parentRefs: [
          {
            name: gateway,
            ...(namespace !== undefined && { namespace }),
            ...(sectionName !== undefined && { sectionName }),
          },
        ],
        hostnames,
        rules: [{ backendRefs: [{ name: service.metadata.name, port: port.number }] }],
      },
    },
    { parent },
  );
}
