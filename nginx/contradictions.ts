import { X509Certificate } from "node:crypto";
import type { Settings } from "../settings";
import { isFor } from "./pem";

const set = (name: string, value: unknown) =>
  `pulumi config set ${name.includes(".") ? "--path " : ""}${name} ${value}`;
const remove = (name: string) => `pulumi config rm ${name.includes(".") ? "--path " : ""}${name}`;

/** What is wrong between settings of how the service is reached, each with the command that mends it. */
export function* edgeContradictions(settings: Settings) {
  yield* tls(settings);
}

function* tls({ tls, host, serviceType, nodePort, httpsNodePort }: Settings) {
  if (tls === undefined) return;
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
