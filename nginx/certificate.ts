import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Tls } from "./exposure";
import { bare, isFor } from "./pem";

/** A certificate and its private key, in PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

export interface SelfSignedInputs {
  /** The host name or address in it, as a URL has it. */
  readonly host: string;
}

const DAY = 86_400_000;
const LIFETIME_DAYS = 365;
/** An `up` replaces what has less time left. */
const RENEWAL_DAYS = 30;

/** Whether a self-signed certificate that is there already need not be made anew. */
export function stillGood(certificate: string, { host }: SelfSignedInputs): boolean {
  const parsed = new X509Certificate(certificate);
  return (
    parsed.issuer === parsed.subject &&
    isFor(parsed, host) &&
    Date.parse(parsed.validTo) - Date.now() > RENEWAL_DAYS * DAY
  );
}

/** Makes a key (P-256) and a certificate of it for one host, good for a year. */
export async function selfSign({ host }: SelfSignedInputs): Promise<KeyPair> {
  // Here, for it takes a while to load, and most runs of the program need none.
  const { generate } = require("selfsigned") as typeof import("selfsigned");
  const name = bare(host);
  const now = Date.now();
  const { cert, private: key } = await generate([{ name: "commonName", value: name.slice(0, 64) }], {
    keyType: "ec",
    curve: "P-256",
    algorithm: "sha256",
    // A day back, for clocks that are behind.
    notBeforeDate: new Date(now - DAY),
    notAfterDate: new Date(now + LIFETIME_DAYS * DAY),
    extensions: [
      { name: "basicConstraints", cA: false, critical: true },
      { name: "keyUsage", digitalSignature: true, critical: true },
      { name: "extKeyUsage", serverAuth: true },
      { name: "subjectAltName", altNames: [isIP(name) ? { type: 7, ip: name } : { type: 2, value: name }] },
    ],
  });
  return { certificate: cert, key };
}

type State = SelfSignedInputs & KeyPair;

const provider: pulumi.dynamic.ResourceProvider<SelfSignedInputs, State> = {
  async create(inputs) {
    return { id: inputs.host, outs: { ...inputs, ...(await selfSign(inputs)) } };
  },
  async diff(_id, olds, news) {
    return { changes: !stillGood(olds.certificate, news) };
  },
  async update(_id, _olds, news) {
    return { outs: { ...news, ...(await selfSign(news)) } };
  },
};

/** A certificate that nobody else has signed. It stays the same until it is about to expire, or the host is another one. */
export class SelfSigned extends pulumi.dynamic.Resource {
  declare readonly certificate: pulumi.Output<string>;
  declare readonly key: pulumi.Output<string>;

  constructor(name: string, inputs: SelfSignedInputs, opts?: pulumi.CustomResourceOptions) {
    const props = { ...inputs, certificate: undefined, key: undefined };
    super(provider, name, props, { ...opts, additionalSecretOutputs: ["key"] }, "coinflip", "SelfSigned");
  }
}

/** The name of the Secret that nginx takes its certificate from: the user's own, or one with the content given here. */
export function tlsSecret(
  name: string,
  { secret, selfSigned, ...given }: Tls,
  args: { readonly namespace: pulumi.Input<string>; readonly host: string; readonly labels: Record<string, string> },
  opts: pulumi.CustomResourceOptions,
): pulumi.Input<string> {
  if (secret !== undefined) return secret;
  const { certificate, key } = selfSigned ? new SelfSigned(name, { host: args.host }, opts) : given;
  // No fixed name: another certificate makes another Secret, and the pods that name it roll.
  const made = new k8s.core.v1.Secret(
    `${name}-tls`,
    {
      metadata: { namespace: args.namespace, labels: args.labels },
      immutable: true,
      type: "kubernetes.io/tls",
      stringData: { "tls.crt": certificate ?? "", "tls.key": key ?? "" },
    },
    opts,
  );
  return made.metadata.name;
}
