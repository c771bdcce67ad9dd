import { createPrivateKey, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import * as pulumi from "@pulumi/pulumi";
import { ENCRYPTED, type Rule } from "../rules";

/** Without the brackets that an IPv6 address has in a URL. */
export const bare = (host: string) => host.replace(/^\[|\]$/g, "");

/** Whether a certificate is for a host (RFC 6125), which may be an address as a URL has it. */
export function isFor(certificate: X509Certificate, host: string): boolean {
  const name = bare(host);
  return (isIP(name) ? certificate.checkIP(name) : certificate.checkHost(name)) !== undefined;
}

function parsed<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}

const readCertificate = (pem: unknown) => parsed(() => new X509Certificate(String(pem)));

export const certificate: Rule<string> = {
  allowed: "a certificate in PEM that has not expired, with a key",
  example: '"$(cat tls.crt)"',
  parse: (value) => {
    const until = readCertificate(value)?.validTo;
    return until !== undefined && Date.parse(until) > Date.now() ? String(value) : undefined;
  },
};

export const privateKey: Rule<pulumi.Output<string>> = {
  allowed: "the certificate's private key in PEM, without a passphrase",
  example: '"$(cat tls.key)"',
  parse: (value, given) => {
    const key = parsed(() => createPrivateKey(String(value)));
    const fits = key !== undefined && readCertificate(given?.certificate)?.checkPrivateKey(key);
    return fits || value === ENCRYPTED ? pulumi.secret(String(value)) : undefined;
  },
};
