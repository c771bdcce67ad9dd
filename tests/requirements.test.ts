import { lacks, type Requirements } from "../requirements";
import { FakeTools, type Reply } from "./support/fakeTools";

const namespace = "flips";
let tools: FakeTools;
beforeEach(() => {
  tools = new FakeTools();
});
afterEach(() => tools.remove());

const SECRET = "--context prod get secret own --namespace flips --ignore-not-found --output jsonpath={.type}";
const DEFAULT = "{.metadata.annotations.ingressclass\\.kubernetes\\.io/is-default-class}";
const CLASSES = `--context prod get ingressclasses --output jsonpath={range .items[*]}{.metadata.name} ${DEFAULT}{"\\n"}{end}`;
const crdOf = (name: string) => `--context prod get crd ${name} --ignore-not-found --output name`;
const ROUTES = "httproutes.gateway.networking.k8s.io";
const MONITORS = "podmonitors.monitoring.coreos.com";
const RULES = "prometheusrules.monitoring.coreos.com";
const CREATE = "kubectl create secret tls own --namespace flips --cert tls.crt --key tls.key";

test("a stack that requires nothing asks the cluster nothing", async () => {
  expect(await lacks("prod", { namespace })).toEqual([]);
  expect(tools.calls()).toEqual([]);
});

test.each<[of: string, Omit<Requirements, "namespace">, Record<string, Reply>, string[]]>([
  ["a Secret that is there", { tlsSecret: "own" }, { [SECRET]: { says: "kubernetes.io/tls" } }, []],
  [
    "a Secret that is not there",
    { tlsSecret: "own" },
    { [SECRET]: { says: "" } },
    [
      `the namespace "flips" has no Secret "own", which tls.secret names:  ${CREATE} ` +
        "(a namespace that is not there yet is made without tls; or give tls.certificate and tls.key)",
    ],
  ],
  [
    "a Secret of another type",
    { tlsSecret: "own" },
    { [SECRET]: { says: "Opaque" } },
    [`the Secret "own" is of type Opaque, and not kubernetes.io/tls:  ${CREATE}`],
  ],
  ["no IngressClass", { ingressClass: {} }, { [CLASSES]: { says: "" } }, []],
  ["one IngressClass, its default", { ingressClass: {} }, { [CLASSES]: { says: "a true" } }, []],
  [
    "one IngressClass, not its default",
    { ingressClass: {} },
    { [CLASSES]: { says: "a " } },
    [
      "the cluster's only IngressClass, a, is not its default, and ingress names none:  pulumi config set --path ingress.className a",
    ],
  ],
  [
    "several IngressClasses",
    { ingressClass: {} },
    { [CLASSES]: { says: "a \nb true" } },
    [
      "the cluster has several IngressClasses (a, b), and ingress names none:  pulumi config set --path ingress.className a",
    ],
  ],
  ["the IngressClass that is named", { ingressClass: { name: "b" } }, { [CLASSES]: { says: "a true\nb " } }, []],
  [
    "other IngressClasses",
    { ingressClass: { name: "traefk" } },
    { [CLASSES]: { says: "traefik \nb true" } },
    ['the cluster has no IngressClass "traefk", but traefik, b:  pulumi config set --path ingress.className traefik'],
  ],
  [
    "no IngressClass where one is named",
    { ingressClass: { name: "traefik" } },
    { [CLASSES]: { says: "" } },
    ['the cluster has no IngressClass "traefik", nor any other:  install its controller'],
  ],
  [
    "the Gateway API",
    { crds: [ROUTES] },
    { [crdOf(ROUTES)]: { says: `customresourcedefinition.apiextensions.k8s.io/${ROUTES}` } },
    [],
  ],
  [
    "no Gateway API",
    { crds: [ROUTES] },
    { [crdOf(ROUTES)]: { says: "" } },
    [
      "the cluster has no httproutes.gateway.networking.k8s.io, which gateway takes:  install the Gateway API, or pulumi config rm gateway",
    ],
  ],
  [
    "half of prometheus-operator",
    { crds: [MONITORS, RULES] },
    {
      [crdOf(MONITORS)]: { says: `customresourcedefinition.apiextensions.k8s.io/${MONITORS}` },
      [crdOf(RULES)]: { says: "" },
    },
    [
      "the cluster has no prometheusrules.monitoring.coreos.com, which monitoring=operator takes:  install prometheus-operator, or pulumi config set monitoring on",
    ],
  ],
])("a cluster with %s", async (_, requirements, replies, expected) => {
  tools.tool("kubectl", replies);
  expect(await lacks("prod", { namespace, ...requirements })).toEqual(expected);
});

test("a cluster that does not answer rejects with the context and the message of kubectl", async () => {
  tools.tool("kubectl", { [CLASSES]: { fails: "Unable to connect to the server" } });
  await expect(lacks("prod", { namespace, ingressClass: {} })).rejects.toEqual(
    new Error('kubectl get failed on the cluster of the context "prod": Unable to connect to the server'),
  );
});
