import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Cluster, localClusterDir } from "./cluster";
import type { Settings } from "./settings";

/** What a cluster must have before anything is brought to it. */
export interface Requirements {
  readonly namespace: string;
  /** The name of a Secret of type kubernetes.io/tls in the namespace. */
  readonly tlsSecret?: string;
  /** No more than one IngressClass, for an Ingress that names none. */
  readonly oneIngressClass?: true;
  /** What settings take that not every cluster has. */
  readonly crds?: readonly Crd[];
}

const OPERATOR = "monitoring=operator takes:  install prometheus-operator, or pulumi config set monitoring on";
/** Which setting takes a CustomResourceDefinition, and what to do where there is none. */
const CRDS = {
  "httproutes.gateway.networking.k8s.io": "gateway takes:  install the Gateway API, or pulumi config rm gateway",
  "podmonitors.monitoring.coreos.com": OPERATOR,
  "prometheusrules.monitoring.coreos.com": OPERATOR,
} as const;
type Crd = keyof typeof CRDS;

export function requirementsOf({ namespace, tls, ingress, gateway, monitoring }: Settings): Requirements {
  const crds: Crd[] = [];
  if (gateway) crds.push("httproutes.gateway.networking.k8s.io");
  if (monitoring === "operator")
    crds.push("podmonitors.monitoring.coreos.com", "prometheusrules.monitoring.coreos.com");
  return {
    namespace,
    ...(tls?.secret !== undefined && { tlsSecret: tls.secret }),
    ...(ingress && ingress.className === undefined && { oneIngressClass: true }),
    ...(crds.length > 0 && { crds }),
  };
}

/** The local cluster comes with a kubectl of its own, for machines that have none. */
async function kubectl({ kind, name, context }: Cluster, ...args: string[]): Promise<string> {
  const own = join(localClusterDir(name), "kubectl");
  const program = kind === "coinflip" && existsSync(own) ? own : "kubectl";
  try {
    return (await promisify(execFile)(program, ["--context", context, ...args], { timeout: 60_000 })).stdout.trim();
  } catch (error) {
    const { code, stderr, message } = error as { code?: string; stderr?: string; message: string };
    if (code === "ENOENT") throw new Error("kubectl is not installed, and the cluster is asked with it what it has");
    throw new Error(`the cluster does not say what it has: ${stderr?.trim() || message}`);
  }
}

/** What the cluster lacks, each with what to do; empty if nothing. */
export async function lacks(cluster: Cluster, requirements: Requirements): Promise<string[]> {
  const { namespace, tlsSecret, oneIngressClass, crds = [] } = requirements;
  const lacking: string[] = [];
  if (tlsSecret !== undefined) {
    const where = ["--namespace", namespace, "--ignore-not-found", "--output", "jsonpath={.type}"];
    const type = await kubectl(cluster, "get", "secret", tlsSecret, ...where);
    const create = `kubectl create secret tls ${tlsSecret} --namespace ${namespace} --cert tls.crt --key tls.key`;
    if (type === "")
      lacking.push(
        `the namespace "${namespace}" has no Secret "${tlsSecret}", which tls.secret names:  ${create}` +
          " (a namespace that is not there yet is made without tls; or give tls.certificate and tls.key)",
      );
    else if (type !== "kubernetes.io/tls")
      lacking.push(`the Secret "${tlsSecret}" is of type ${type}, and not kubernetes.io/tls:  ${create}`);
  }
  if (oneIngressClass) {
    const names = (await kubectl(cluster, "get", "ingressclasses", "--output", "jsonpath={.items[*].metadata.name}"))
      .split(" ")
      .filter(Boolean);
    if (names.length > 1)
      lacking.push(
        `the cluster has several IngressClasses (${names.join(", ")}), and ingress names none:` +
          `  pulumi config set --path ingress.className ${names[0]}`,
      );
  }
  for (const crd of crds) {
    if ((await kubectl(cluster, "get", "crd", crd, "--ignore-not-found", "--output", "name")) === "")
      lacking.push(`the cluster has no ${crd}, which ${CRDS[crd]}`);
  }
  return lacking;
}
