import { componentLabels } from "../../../../workload";

/** The port that a stranger listens on. */
export const PORT = 7777;
/** The node port of a Service that exposes the workers. */
export const WORKER_NODE_PORT = 30700;

/** A pod that is no part of the stack and that the `restricted` standard admits. The image has node on its PATH. */
const pod = (namespace: string, name: string, node: string, image: string, labels = {}) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { namespace, name: `${name}-${node}`, labels },
  spec: {
    nodeName: node,
    terminationGracePeriodSeconds: 0,
    automountServiceAccountToken: false,
    securityContext: { runAsNonRoot: true, runAsUser: 10001, seccompProfile: { type: "RuntimeDefault" } },
    containers: [
      {
        name: "listener",
        image,
        command: ["node", "-e", `require("node:net").createServer().listen(${PORT})`],
        readinessProbe: { tcpSocket: { port: PORT }, periodSeconds: 1 },
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
      },
    ],
  },
});

/** A List of objects beside the stack: on each node two pods elsewhere and three in its namespace, and a Service. */
export const strangers = (image: string, nodes: readonly string[]) => ({
  apiVersion: "v1",
  kind: "List",
  items: [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "strangers" } },
    ...nodes.flatMap((node) => [
      pod("strangers", "stranger", node, image),
      pod("strangers", "other", node, image),
      pod("coinflip", "stranger", node, image),
      pod("coinflip", "other", node, image),
      // Stands in for Grafana, whose image few machines can pull. A policy sees only the labels.
      pod("coinflip", "grafana", node, image, componentLabels("grafana")),
    ]),
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { namespace: "coinflip", name: "exposed-workers" },
      spec: {
        type: "NodePort",
        externalTrafficPolicy: "Local",
        selector: { "app.kubernetes.io/component": "worker" },
        ports: [{ port: 5000, nodePort: WORKER_NODE_PORT }],
      },
    },
  ],
});
