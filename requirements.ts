import { kubectl } from "./cluster";
import type { Settings } from "./settings";

/** What a cluster must have before anything is brought to it. */
export interface Requirements {
  readonly namespace: string;
  /** The name of a Secret of type kubernetes.io/tls in the namespace. */
  readonly tlsSecret?: string;
  /** The IngressClass that an Ingress names; without a name the cluster's default. */
  readonly ingressClass?: { readonly name?: string };
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
    ...(ingress && { ingressClass: ingress.className === undefined ? {} : { name: ingress.className } }),
    ...(crds.length > 0 && { crds }),
  };
}

interface IngressClass {
  readonly name: string;
  readonly isDefault: boolean;
}

async function ingressClasses(context: string): Promise<IngressClass[]> {
  const isDefault = "{.metadata.annotations.ingressclass\\.kubernetes\\.io/is-default-class}";
  const each = `jsonpath={range .items[*]}{.metadata.name} ${isDefault}{"\\n"}{end}`;
  const lines = (await kubectl(context, "get", "ingressclasses", "--output", each)).split("\n").filter(Boolean);
  return lines.map((line) => {
    const [name = "", marked] = line.split(" ");
    return { name, isDefault: marked === "true" };
  });
}

/** Where there is no class at all, controllers of the old way may take an Ingress that names none. */
function* lacksClass(classes: readonly IngressClass[], wanted: string | undefined) {
  const names = classes.map(({ name }) => name);
  const choose = `pulumi config set --path ingress.className ${names[0]}`;
  if (wanted !== undefined) {
    if (names.length === 0) yield `the cluster has no IngressClass "${wanted}", nor any other:  install its controller`;
    else if (!names.includes(wanted))
      yield `the cluster has no IngressClass "${wanted}", but ${names.join(", ")}:  ${choose}`;
  } else if (names.length > 1)
    yield `the cluster has several IngressClasses (${names.join(", ")}), and ingress names none:  ${choose}`;
  else if (classes.some(({ isDefault }) => !isDefault))
    yield `the cluster's only IngressClass, ${names[0]}, is not its default, and ingress names none:  ${choose}`;
}

/** What the cluster lacks, each with what to do; empty if nothing. */
export async function lacks(context: string, requirements: Requirements): Promise<string[]> {
  const { namespace, tlsSecret, ingressClass, crds = [] } = requirements;
  const lacking: string[] = [];
  if (tlsSecret !== undefined) {
    const where = ["--namespace", namespace, "--ignore-not-found", "--output", "jsonpath={.type}"];
    const type = await kubectl(context, "get", "secret", tlsSecret, ...where);
    const create = `kubectl create secret tls ${tlsSecret} --namespace ${namespace} --cert tls.crt --key tls.key`;
    if (type === "")
      lacking.push(
        `the namespace "${namespace}" has no Secret "${tlsSecret}", which tls.secret names:  ${create}` +
          " (a namespace that is not there yet is made without tls; or give tls.certificate and tls.key)",
      );
    else if (type !== "kubernetes.io/tls")
      lacking.push(`the Secret "${tlsSecret}" is of type ${type}, and not kubernetes.io/tls:  ${create}`);
  }
  if (ingressClass) lacking.push(...lacksClass(await ingressClasses(context), ingressClass.name));
  for (const crd of crds) {
    if ((await kubectl(context, "get", "crd", crd, "--ignore-not-found", "--output", "name")) === "")
      lacking.push(`the cluster has no ${crd}, which ${CRDS[crd]}`);
  }
  return lacking;
}
