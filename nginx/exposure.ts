import { X509Certificate } from "node:crypto";
import type * as pulumi from "@pulumi/pulumi";
import { hostName, hostNames, type Members, objectName, on, oneOf, texts } from "../rules";
import type { Settings } from "../settings";
import { certificate, isFor, privateKey } from "./pem";

/** Where nginx's certificate comes from: one of the three. */
export interface Tls {
  /** Made by the program. */
  readonly selfSigned?: true;
  /** A Secret of the namespace, of type kubernetes.io/tls, that somebody else keeps. */
  readonly secret?: string;
  /** PEM, the server's first, then those that signed it. */
  readonly certificate?: string;
  readonly key?: pulumi.Output<string>;
}

/** An Ingress in front of nginx. */
export interface Ingress {
  readonly host: string;
  /** The IngressClass; the cluster's only one if not given. */
  readonly className?: string;
  /** The Secret, in the namespace, that the controller takes its certificate from. */
  readonly tls?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** The Gateway that an HTTPRoute to nginx is attached to. */
export interface Gateway {
  readonly name: string;
  /** The stack's if not given. */
  readonly namespace?: string;
  /** The listener; any that takes the route if not given. */
  readonly sectionName?: string;
  /** The first is the URL's. */
  readonly hostnames: readonly string[];
  /** What the listener speaks; http if not given. */
  readonly scheme?: "http" | "https";
}

/** What stands between the clients and nginx's plain HTTP. */
export interface Exposure {
  readonly tls: Tls | undefined;
  readonly ingress: Ingress | undefined;
  readonly gateway: Gateway | undefined;
}

export const exposure: { readonly [K in keyof Exposure]: Members<NonNullable<Exposure[K]>> } = {
  tls: {
    selfSigned: { ...on, optional: () => true },
    secret: { ...objectName("coinflip-tls"), optional: () => true },
    certificate: { ...certificate, optional: (tls) => !("key" in tls) },
    key: { ...privateKey, optional: (tls) => !("certificate" in tls), secret: true },
  },
  ingress: {
    host: hostName,
    className: { ...objectName("traefik"), optional: () => true },
    tls: { ...objectName("coinflip-tls"), optional: () => true },
    annotations: { ...texts, optional: () => true },
  },
  gateway: {
    name: objectName("gateway"),
    namespace: { ...objectName("gateways"), optional: () => true },
    sectionName: { ...objectName("http"), optional: () => true },
    hostnames: hostNames,
    scheme: { ...oneOf("http", "https"), optional: () => true },
  },
};

const set = (name: string, value: unknown) =>
  `pulumi config set ${name.includes(".") ? "--path " : ""}${name} ${value}`;
const remove = (name: string) => `pulumi config rm ${name.includes(".") ? "--path " : ""}${name}`;

/** What is wrong between settings of how the service is reached, each with the command that mends it. */
export function* exposureContradictions(settings: Settings) {
  yield* tls(settings);
  yield* controllers(settings);
}

function* tls({ tls, ingress, gateway, host, serviceType, nodePort, httpsNodePort }: Settings) {
  if (tls === undefined || ingress || gateway) return;
  const { selfSigned, secret, certificate } = tls;
  const sources = Object.entries({ selfSigned, secret, certificate }).filter(([, value]) => value !== undefined);
  for (const [name] of sources.slice(1))
    yield `tls.${name} is beside tls.${sources[0]?.[0]}, and there is one certificate:  ${remove(`tls.${name}`)}`;
  if (host === "")
    yield `tls is without host, the name that the certificate is for:  ${set("host", "coin.example.com")}`;
  else if (certificate !== undefined && !isFor(new X509Certificate(certificate), host)) {
    const names = new X509Certificate(certificate).subjectAltName ?? "no name";
    yield `host is "${host}", and tls.certificate is for ${names}:  ${set("host", "NAME")}`;
  }
  if (serviceType === "NodePort" && nodePort === httpsNodePort)
    yield `httpsNodePort is ${httpsNodePort}, as nodePort is:  ${set("httpsNodePort", nodePort === 30443 ? 30444 : 30443)}`;
}

/** What does not go with an Ingress or a Gateway, which stand between nginx and its clients. */
function* controllers({ ingress, gateway, tls, host, rateLimit }: Settings) {
  if (ingress && gateway) yield `gateway is beside ingress, and there is one URL:  ${remove("gateway")}`;
  const front = ingress
    ? { name: "ingress", host: ingress.host, setting: "ingress.host" }
    : gateway && { name: "gateway", host: gateway.hostnames[0], setting: "gateway.hostnames" };
  if (!front) return;
  if (tls) yield `tls is nginx's own, and ${front.name} speaks plain HTTP to nginx:  ${remove("tls")}`;
  if (host !== "" && host !== front.host)
    yield `host is "${host}", and the URL takes ${front.setting}, ${front.host}:  ${remove("host")}`;
  if (rateLimit > 0)
    yield `rateLimit counts addresses, and nginx sees only those of what ${front.name} leads through; limit there:  ${set("rateLimit", 0)}`;
}
