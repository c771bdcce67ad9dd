import { componentLabels } from "../../../workload";

/** The port that a stranger listens on. */
export const PORT = 7777;

/** A pod that the stack does not know, and that the `restricted` standard lets in. The image has node on its PATH. */
const pod = (namespace: string, name: string, image: string, labels = {}) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { namespace, name, labels },
  spec: {
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

/** The node ports of the stack's own Service, and of one that shows the workers. */
export const NODE_PORTS = { nginx: 30080, worker: 30500 };

/** A List of all that the stack does not know: two pods elsewhere, three beside its own, and a way to the workers. */
export const strangers = (image: string) => ({
  apiVersion: "v1",
  kind: "List",
  items: [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "strangers" } },
    pod("strangers", "stranger", image),
    pod("strangers", "other", image),
    pod("coinflip", "stranger", image),
    pod("coinflip", "other", image),
    // In its place, for its own image can be had on few machines, and to a policy the labels are all.
    pod("coinflip", "grafana", image, componentLabels("grafana")),
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { namespace: "coinflip", name: "workers-shown" },
      spec: {
        type: "NodePort",
        externalTrafficPolicy: "Local",
        selector: { "app.kubernetes.io/component": "worker" },
        ports: [{ port: 5000, nodePort: NODE_PORTS.worker }],
      },
    },
  ],
});
