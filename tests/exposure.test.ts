import * as pulumi from "@pulumi/pulumi";
import { resolvedConfig } from "../local/stackConfig";
import { selfSign } from "../nginx/certificate";
import { readSettings } from "../settings";
import { faultsOf } from "./support/faults";
import { containerOf, objectOf, podOf, StackCopies } from "./support/stack";

const HOST = "coin.example.com";
const stack = new StackCopies();
let defaults: Record<string, string>;
let pair: { certificate: string; key: string };
let other: { certificate: string; key: string };
beforeAll(async () => {
  defaults = await resolvedConfig("none");
  pair = await selfSign({ host: HOST });
  other = await selfSign({ host: "other.example.com" });
  await pulumi.runtime.setMocks({ newResource: () => ({ id: "", state: {} }), call: () => ({}) }, "coinflip");
});
afterAll(() => stack.remove());
jest.setTimeout(20_000);

/** Settings, objects among them as JSON. */
const asText = (settings: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [
      name,
      typeof value === "object" ? JSON.stringify(value) : String(value),
    ]),
  );
const settingsWith = (settings: Readonly<Record<string, unknown>>) => {
  const own = Object.entries(asText(settings)).map(([name, value]) => [`coinflip:${name}`, value]);
  pulumi.runtime.setAllConfig({ ...defaults, ...Object.fromEntries(own) });
  return readSettings(new pulumi.Config("coinflip"));
};
const faults = (settings: Readonly<Record<string, unknown>>) => faultsOf(() => settingsWith(settings));
const [SET, SET_IN, REMOVE, REMOVE_IN] = ["set ", "set --path ", "rm ", "rm --path "].map(
  (each) => `pulumi config ${each}`,
);

describe("tls", () => {
  test("takes a Secret's name, a switch, or a certificate with its key, which is a secret", async () => {
    expect(settingsWith({ tls: { secret: "a.b-1" }, host: HOST }).tls).toEqual({ secret: "a.b-1" });
    for (const on of [true, "true"])
      expect(settingsWith({ tls: { selfSigned: on }, host: "[fd00::1]" }).tls).toEqual({ selfSigned: true });
    const { certificate, key } = settingsWith({ tls: pair, host: HOST }).tls ?? {};
    expect([certificate, await pulumi.isSecret(key as pulumi.Output<string>)]).toEqual([pair.certificate, true]);
  });

  const allowedKey = `allowed is the certificate's private key in PEM, without a passphrase:  ${"pulumi config set --secret --path "}tls.key "$(cat tls.key)"`;
  const allowedCertificate = `allowed is a certificate in PEM that has not expired, with a key:  ${SET_IN}tls.certificate "$(cat tls.crt)"`;
  test("is refused where it cannot work", () => {
    const refusals: [Record<string, unknown>, string[]][] = [
      [
        { tls: { selfSigned: true } },
        [`tls is without host, the name that the certificate is for:  ${SET}host ${HOST}`],
      ],
      [
        { tls: { selfSigned: false }, host: HOST },
        [`tls.selfSigned is "false"; allowed is true, or left out:  ${SET_IN}tls.selfSigned true`],
      ],
      [
        { tls: { selfSigned: true, secret: "own", ...pair }, host: HOST },
        [
          `tls.secret is beside tls.selfSigned, and there is one certificate:  ${REMOVE_IN}tls.secret`,
          `tls.certificate is beside tls.selfSigned, and there is one certificate:  ${REMOVE_IN}tls.certificate`,
        ],
      ],
      [
        { tls: { certificate: pair.certificate }, host: HOST },
        [`tls.key is "[secret]"; ${allowedKey}`.replace('"[secret]"', "missing")],
      ],
      [{ tls: { ...pair, key: other.key }, host: HOST }, [`tls.key is "[secret]"; ${allowedKey}`]],
      [
        { tls: { ...pair, certificate: "none" }, host: HOST },
        [`tls.certificate is "none"; ${allowedCertificate}`, `tls.key is "[secret]"; ${allowedKey}`],
      ],
      [
        { tls: other, host: HOST },
        [`host is "${HOST}", and tls.certificate is for DNS:other.example.com:  ${SET}host NAME`],
      ],
      [
        { tls: { secret: "own" }, host: HOST, httpsNodePort: 30080 },
        [`httpsNodePort is 30080, as nodePort is:  ${SET}httpsNodePort 30443`],
      ],
    ];
    for (const [settings, expected] of refusals) expect(faults(settings)).toEqual(expected);
  });

  test("shows nothing of a key", () => {
    expect(JSON.stringify(faults({ tls: { ...pair, certificate: "none" }, host: HOST }))).not.toContain("PRIVATE");
  });

  test("adds a listener, its port, and the certificate's files, and leaves the probes where they are", async () => {
    const program = await stack.run(asText({ tls: { selfSigned: true }, host: HOST, httpsNodePort: 31443 }));
    const secret = objectOf(program, "Secret");
    expect(secret).toMatchObject({
      type: "kubernetes.io/tls",
      immutable: true,
      stringData: { "tls.crt": `certificate of ${HOST}`, "tls.key": `key of ${HOST}` },
    });
    expect(podOf(program, "nginx").volumes).toContainEqual({
      name: "tls",
      secret: { secretName: secret.metadata.name },
    });
    const { command, ports, volumeMounts, startupProbe } = containerOf(program, "nginx");
    expect(ports).toEqual([
      { name: "http", containerPort: 8080 },
      { name: "https", containerPort: 8443 },
    ]);
    expect((command as string[]).slice(-2)).toEqual(["8080", "8443 ssl"]);
    expect(volumeMounts).toContainEqual({ name: "tls", mountPath: "/etc/coinflip-tls", readOnly: true });
    expect(startupProbe).toMatchObject({ httpGet: { path: "/readyz", port: "http" } });
    expect(objectOf(program, "Service", "nginx-service").spec.ports).toEqual([
      { name: "http", port: 80, targetPort: "http", nodePort: 30080 },
      { name: "https", port: 443, targetPort: "https", nodePort: 31443 },
    ]);
    const policy = objectOf(program, "NetworkPolicy", "nginx").spec as unknown as { ingress: unknown };
    expect(policy.ingress).toEqual([{ ports: [{ port: "http" }, { port: "https" }] }]);
    expect(program.outputs.endpoint).toBe(`https://${HOST}:31443/compute`);
    expect(JSON.stringify(program.outputs)).not.toContain("key of");
  });

  test("by a Secret makes none, and asks the cluster for it", async () => {
    const program = await stack.run(asText({ tls: { secret: "own" }, host: HOST, serviceType: "ClusterIP" }));
    expect(program.manifests.map(({ kind }) => kind)).not.toContain("Secret");
    expect(podOf(program, "nginx").volumes).toContainEqual({ name: "tls", secret: { secretName: "own" } });
    expect(program.pins).toMatchObject([{ requirements: { namespace: "coinflip", tlsSecret: "own" } }]);
    const { "nginx.conf": config } = objectOf(program, "ConfigMap").data as Record<string, string>;
    expect(config).toContain("https://$host$request_uri;");
    expect(program.outputs.url).toBe(`https://${HOST}`);
  });
});

describe("ingress", () => {
  const wanted = { host: HOST };

  test("takes annotations as an object and as JSON", () => {
    const annotations = { "example.com/timeout": "60" };
    for (const given of [annotations, JSON.stringify(annotations)])
      expect(settingsWith({ ingress: { ...wanted, annotations: given } }).ingress).toEqual({ ...wanted, annotations });
  });

  test.each<[settings: Record<string, unknown>, fault: string]>([
    [
      { ingress: { className: "a" } },
      `ingress.host is missing; allowed is a host name in small letters, and no address:  ${SET_IN}ingress.host ${HOST}`,
    ],
    ...["10.0.0.1", "Coin.example.com", "a..b", "-a", "*.example.com"].map(
      (host) =>
        [
          { ingress: { host } },
          `ingress.host is "${host}"; allowed is a host name in small letters, and no address:  ${SET_IN}ingress.host ${HOST}`,
        ] as [Record<string, unknown>, string],
    ),
    [
      { ingress: { ...wanted, annotations: { a: 1 } } },
      `ingress.annotations is "[object Object]"; allowed is an object of texts:  ${SET_IN}ingress.annotations '{"example.com/name":"value"}'`,
    ],
    [
      { ingress: wanted, tls: { selfSigned: true } },
      `tls is nginx's own, and ingress speaks plain HTTP to nginx:  ${REMOVE}tls`,
    ],
    [{ ingress: wanted, host: "other" }, `host is "other", and the URL takes ingress.host, ${HOST}:  ${REMOVE}host`],
    [
      { ingress: wanted, rateLimit: 5 },
      `rateLimit counts addresses, and nginx sees only those of what ingress leads through; limit there:  ${SET}rateLimit 0`,
    ],
    [
      { ingress: wanted, gateway: { name: "edge", hostnames: [HOST] } },
      `gateway is beside ingress, and there is one URL:  ${REMOVE}gateway`,
    ],
  ])("is refused in %j", (settings, fault) => {
    expect(faults(settings)).toEqual([fault]);
  });

  test("leads to nginx, waits for no address, and asks the cluster for its class where none is named", async () => {
    const program = await stack.run(asText({ ingress: wanted, serviceType: "ClusterIP" }));
    const { metadata, spec } = objectOf(program, "Ingress");
    expect(metadata).toMatchObject({ annotations: { "pulumi.com/skipAwait": "true" } });
    expect(spec).not.toHaveProperty("ingressClassName");
    expect(spec).not.toHaveProperty("tls");
    expect(program.pins).toMatchObject([{ requirements: { ingressClass: {} } }]);
    expect(program.outputs.endpoint).toBe(`http://${HOST}/compute`);
    const named = await stack.run(asText({ ingress: { ...wanted, className: "a", tls: "its-own" } }));
    expect(objectOf(named, "Ingress").spec).toMatchObject({ ingressClassName: "a", tls: [{ secretName: "its-own" }] });
    expect(named.pins[0]?.requirements).toEqual({ namespace: "coinflip", ingressClass: { name: "a" } });
    expect(named.outputs.endpoint).toBe(`https://${HOST}/compute`);
  });
});

describe("gateway", () => {
  test("takes host names as a list and as text", () => {
    for (const hostnames of [["a.example", "b.example"], "a.example,b.example"])
      expect(settingsWith({ gateway: { name: "edge", hostnames } }).gateway?.hostnames).toEqual([
        "a.example",
        "b.example",
      ]);
  });

  test.each([[[]], ["a, b"], [["10.0.0.1"]], [{}], [""]])("refuses %j as host names", (hostnames) => {
    expect(faults({ gateway: { name: "edge", hostnames } })).toEqual([
      expect.stringMatching(/^gateway\.hostnames is ".*"; allowed is host names in small letters, separated by commas/),
    ]);
  });

  test("is an HTTPRoute, and asks the cluster whether it has such", async () => {
    const program = await stack.run(asText({ gateway: { name: "edge", hostnames: HOST, scheme: "https" } }));
    expect(objectOf(program, "HTTPRoute").spec).toEqual({
      parentRefs: [{ name: "edge" }],
      hostnames: [HOST],
      rules: [{ backendRefs: [{ name: "nginx-service", port: 80 }] }],
    });
    expect(program.pins).toMatchObject([{ requirements: { crds: ["httproutes.gateway.networking.k8s.io"] } }]);
    expect(program.outputs.url).toBe(`https://${HOST}`);
  });
});
