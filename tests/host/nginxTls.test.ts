import { X509Certificate } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { SecureVersion } from "node:tls";
import { selfSign } from "../../nginx/certificate";
import { renderNginx } from "../../nginx/render";
import { timingFor } from "../../worker/timing";
import { NginxRoot, whyNoNginx } from "../support/nginxRoot";

const reason = whyNoNginx();
if (reason !== undefined) process.stdout.write(`Skipped: nginx with TLS. ${reason}\n`);
const testHere = reason === undefined ? test : test.skip;

const HOST = "coin.example.com";
const rendered = renderNginx({
  ...{ balancing: "round-robin", cpu: 1, rateLimit: 0, httpsPort: ":30443" },
  ...timingFor(30),
});
const WORKER = "127.0.0.2";

const nginx = new NginxRoot(["8080", "8443 ssl"]);
let certificate: string;
/** Puts a new certificate where the Secret is mounted. */
async function renew() {
  const pair = await selfSign({ host: HOST });
  certificate = pair.certificate;
  await nginx.put("etc/coinflip-tls/tls.crt", pair.certificate);
  await nginx.put("etc/coinflip-tls/tls.key", pair.key);
}

interface Handshake {
  readonly error?: string;
  readonly protocol?: string;
  readonly cipher?: string;
  readonly alpn?: string | false;
  readonly fingerprint?: string;
}
/** Shakes hands as a client that trusts the certificate. */
const handshake = async (options: { version?: SecureVersion; ciphers?: string; host?: string } = {}) => {
  const { version = "TLSv1.3", ciphers = "DEFAULT", host = HOST } = options;
  const answer = await nginx.fromInside(`new Promise((resolve) => {
    const socket = require("node:tls").connect({
      host: "127.0.0.1", port: 8443, servername: ${JSON.stringify(host)}, ca: ${JSON.stringify(certificate)},
      minVersion: "${version}", maxVersion: "${version}", ciphers: "${ciphers}:@SECLEVEL=0", ALPNProtocols: ["h2", "http/1.1"],
    });
    socket.on("error", ({ code, message }) => resolve({ error: code ?? message }));
    socket.on("secureConnect", () => {
      resolve({
        protocol: socket.getProtocol(),
        cipher: socket.getCipher().name,
        alpn: socket.alpnProtocol,
        fingerprint: socket.getPeerCertificate().fingerprint256,
      });
      socket.destroy();
    });
  })`);
  return answer as Handshake;
};

describe("nginx with TLS", () => {
  beforeAll(async () => {
    if (reason !== undefined) return;
    await nginx.make();
    await renew();
    await nginx.surround({ worker: [WORKER], "worker-any": [WORKER] }, [WORKER]);
    await nginx.serve(
      rendered.replace(/(ssl_certificate_cache .*valid=)60s;/, "$11s;"),
      "nameserver 127.0.0.1\nsearch svc.cluster.local\n",
    );
    await nginx.ask("/nginx-healthz");
  }, 120_000);
  afterAll(async () => {
    await nginx.end();
    await nginx.remove();
  });

  testHere("has told no fault of its configuration", async () => {
    expect(await nginx.read("output")).not.toMatch(/\[(warn|error|emerg|crit)\]/);
  });

  testHere.each(["TLSv1.2", "TLSv1.3"] as const)("speaks %s, and offers HTTP/2", async (version) => {
    const { fingerprint256 } = new X509Certificate(certificate);
    expect(await handshake({ version })).toEqual({
      protocol: version,
      cipher: expect.stringMatching(/GCM|CHACHA20/),
      alpn: "h2",
      fingerprint: fingerprint256,
    });
  });

  testHere.each(["TLSv1", "TLSv1.1"] as const)("refuses %s", async (version) => {
    expect(await handshake({ version })).toEqual({ error: expect.stringContaining("ALERT_PROTOCOL_VERSION") });
  });

  testHere.each(["AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA"])("refuses the cipher %s", async (ciphers) => {
    const { error, cipher } = await handshake({ version: "TLSv1.2", ciphers });
    expect([error, cipher]).toEqual([expect.stringContaining("HANDSHAKE_FAILURE"), undefined]);
  });

  testHere("is for its host, and no other", async () => {
    expect(await handshake({ host: "other.example.com" })).toEqual({ error: "ERR_TLS_CERT_ALTNAME_INVALID" });
  });

  testHere("passes requests on to a worker, by HTTP/1.1 and HTTP/2", async () => {
    const answers = await nginx.fromInside(`(async () => {
      const options = { ca: ${JSON.stringify(certificate)}, servername: "${HOST}" };
      const body = async (stream) => JSON.parse(Buffer.concat(await stream.toArray()).toString());
      const first = await new Promise((resolve, reject) => require("node:https")
        .request("https://127.0.0.1:8443/compute", { ...options, method: "POST" }, resolve).on("error", reject).end("one"));
      const session = require("node:http2").connect("https://127.0.0.1:8443", options);
      const second = session.request({ ":method": "POST", ":path": "/compute" }).end("two");
      const both = [await body(first), await body(second)];
      session.destroy();
      return both;
    })()`);
    const common = { address: WORKER, method: "POST", url: "/compute", headers: { "x-forwarded-proto": "https" } };
    expect(answers).toMatchObject([
      { ...common, body: "one" },
      { ...common, body: "two" },
    ]);
  });

  testHere("redirects plain HTTP, so that a POST stays one, but no probe", async () => {
    for (const path of ["/compute?a=b%20c", "/", "/nothing"]) {
      const { text } = await nginx.write(
        `POST ${path} HTTP/1.1\r\nHost: ${HOST}:30080\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
      );
      const [status, ...headers] = text.split("\r\n");
      expect(status).toBe("HTTP/1.1 308 Permanent Redirect");
      expect(headers).toContain(`Location: https://${HOST}:30443${path}`);
    }
    for (const path of ["/healthz", "/readyz", "/nginx-healthz", "/nginx-readyz"])
      expect((await nginx.ask(path)).status).toBe(200);
  });

  testHere("redirects plain HTTP where TLS is spoken as well", async () => {
    const answer = await nginx.fromInside(
      `fetch("http://127.0.0.1:8443/compute", { redirect: "manual" }).then(({ status, headers }) => [status, headers.get("location")])`,
    );
    expect(answer).toEqual([308, "https://127.0.0.1:30443/compute"]);
  });

  testHere("takes up a renewed certificate without a reload", async () => {
    await handshake();
    await sleep(1_100);
    await renew();
    const { fingerprint256 } = new X509Certificate(certificate);
    await sleep(1_100);
    expect((await handshake()).fingerprint).toBe(fingerprint256);
  });
});
