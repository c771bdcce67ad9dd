import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { connect, type SecureVersion, type TLSSocket } from "node:tls";
import { parseDocument } from "yaml";
import { selfSign } from "../../../nginx/certificate";
import { Clone } from "../clone";
import { describeOnCluster, describeWithPulumi, type Engine, withoutPulumi, withPulumi } from "../engine";
import { measured, printReport } from "../report";
import { eventually } from "../service";
import { TestCluster } from "../testCluster";

jest.setTimeout(30 * 60_000);

const HOST = "coin.example.com";
const GATEWAY_API = "sigs.k8s.io/gateway-api@v1.4.0";

/** The folder of the Gateway API's CRDs. */
function gatewayCrds(): string {
  const { Dir } = JSON.parse(execFileSync("go", ["mod", "download", "-json", GATEWAY_API]).toString()) as {
    Dir: string;
  };
  return join(Dir, "config", "crd", "standard");
}

/** The service's outside, on a real cluster: TLS through the NodePort, Ingress and HTTPRoute on the API server. */
function edgeOf(engine: Engine, namespace: string): void {
  let clone: Clone;
  let ports: { readonly http: number; readonly https: number };
  let started: number;
  const inStack = (...args: string[]) => clone.kubectl("--namespace", namespace, ...args);
  const get = (what: string, path: string) => inStack("get", ...what.split(" "), "--output", `jsonpath={${path}}`);
  const nginxPods = () => get("pods --selector app.kubernetes.io/component=nginx", ".items[*].metadata.name");
  /** Which certificate nginx is given. */
  const mounted = () => get("deployment nginx", ".spec.template.spec.volumes[?(@.name=='tls')].secret.secretName");
  const versions = () => get("deployments,services,secrets,configmaps,ingresses", ".items[*].metadata.resourceVersion");

  /** Replaces settings as a user does who edits the stack's file, and deploys; undefined removes one. */
  async function deploy(settings: Readonly<Record<string, unknown>> = {}) {
    const file = join(clone.tree, "Pulumi.local.yaml");
    const document = parseDocument(readFileSync(file, "utf8"));
    for (const [name, value] of Object.entries(settings)) {
      if (value === undefined) document.deleteIn(["config", `coinflip:${name}`]);
      else document.setIn(["config", `coinflip:${name}`], value);
    }
    writeFileSync(file, document.toString());
    return engine.deploy(clone);
  }
  async function deployed(settings?: Readonly<Record<string, unknown>>) {
    const { exitCode, output } = await deploy(settings);
    if (exitCode !== 0) throw new Error(output);
    return output;
  }
  const endpoint = async (output: string) =>
    engine === withPulumi ? (await clone.succeed("pulumi", "stack", "output", "endpoint")).output.trim() : output;

  const handshake = (ca: string, version: SecureVersion = "TLSv1.3") =>
    new Promise<{ protocol: string | null; fingerprint: string }>((resolve, reject) => {
      const versions = { minVersion: version, maxVersion: version, ciphers: "DEFAULT:@SECLEVEL=0" };
      const socket: TLSSocket = connect(
        { host: "localhost", port: ports.https, servername: HOST, ca, ...versions },
        () => {
          resolve({ protocol: socket.getProtocol(), fingerprint: socket.getPeerCertificate().fingerprint256 });
          socket.destroy();
        },
      ).on("error", reject);
    });
  const compute = (ca: string) =>
    new Promise((resolve, reject) => {
      const headers = { "content-type": "application/json" };
      const options = {
        host: "localhost",
        port: ports.https,
        servername: HOST,
        ca,
        path: "/compute",
        method: "POST",
        headers,
      };
      request(options, async (response) => {
        const body: unknown = JSON.parse(Buffer.concat(await response.toArray()).toString());
        resolve({ status: response.statusCode, body });
      })
        .on("error", reject)
        .end('{"heads":3}');
    });
  const ANSWER = { status: 200, body: { heads_required: 3, total_flips: expect.any(Number) } };
  const certificateOf = async (secret: string) =>
    Buffer.from(await get(`secret ${secret}`, ".data.tls\\.crt"), "base64").toString();

  beforeAll(() => {
    started = performance.now();
    clone = new Clone();
  });
  afterAll(async () => {
    await clone.run("npm", "run", "down");
    // The cluster is shared.
    await clone.kubectl("delete", "--ignore-not-found", "--wait=false", "ingressclass", "left", "right");
    await clone.kubectl("delete", "--ignore-not-found", "--filename", gatewayCrds());
    clone.remove();
    measured("TLS, Ingress and Gateway (s)", (performance.now() - started) / 1000, 90);
    printReport(`The edge, ${engine.title}`);
  });

  it("goes from nothing to an answer by https with a self-signed certificate", async () => {
    const cluster = TestCluster.shared();
    const stack = cluster.nextStack(namespace);
    ports = { http: Number(stack.nodePort), https: Number(stack.httpsNodePort) };
    const settings = { ...stack, "tls.selfSigned": "true", host: HOST, loadBalancers: "1", workers: "1" };
    const output = await clone.up(cluster, settings, ...engine.flags);
    expect(output).toContain(`\nhttps://${HOST}:${ports.https}/compute\n`);
    expect(output).toMatch(/\$ curl --insecure https:\/\/localhost:\d+\/compute.*\n\{"heads_required":3,/);
  });

  it("speaks TLS 1.2 and 1.3 through the NodePort, and nothing older, with a certificate for its host", async () => {
    const certificate = await certificateOf(await mounted());
    const { subjectAltName, fingerprint256: fingerprint, validTo } = new X509Certificate(certificate);
    expect(subjectAltName).toBe(`DNS:${HOST}`);
    expect(Date.parse(validTo)).toBeGreaterThan(Date.now() + 300 * 86_400_000);
    for (const protocol of ["TLSv1.2", "TLSv1.3"] as const)
      expect(await handshake(certificate, protocol)).toEqual({ protocol, fingerprint });
    await expect(handshake(certificate, "TLSv1.1")).rejects.toThrow(/protocol version/);
    expect(await compute(certificate)).toEqual(ANSWER);
  });

  it("redirects plain HTTP, so that a POST stays one", async () => {
    const { status, headers } = await fetch(`http://localhost:${ports.http}/compute`, {
      method: "POST",
      redirect: "manual",
    });
    expect([status, headers.get("location")]).toEqual([308, `https://localhost:${ports.https}/compute`]);
  });

  it("keeps the certificate, and changes nothing, when nothing has changed", async () => {
    const was = [await versions(), await nginxPods()];
    if (engine === withPulumi) {
      await clone.succeed("pulumi", "preview", "--expect-no-changes");
      expect((await clone.succeed("pulumi", "stack", "export")).output).not.toContain("PRIVATE KEY");
    } else await deployed();
    expect([await versions(), await nginxPods()]).toEqual(was);
  });

  /** What does not depend on how the stack is deployed is tried once. */
  const once = (name: string, promise: () => Promise<void>) => engine === withoutPulumi && it(name, promise);

  once("loses no request where cluster DNS still tells of workers that are all gone", async () => {
    const dns = ["--namespace", "kube-system"];
    const config = JSON.parse(await clone.kubectl(...dns, "get", "configmap", "coredns", "--output=json"));
    // For longer than the rollout takes, and the rest of the tests.
    const cached = config.data.Corefile.replace(/cache 30 \{.*?\}/s, "cache 900").replace("ttl 30", "ttl 900");
    const restart = async (name: string, ...where: string[]) => {
      await clone.kubectl(...where, "rollout", "restart", `deployment/${name}`);
      await clone.kubectl(...where, "rollout", "status", `deployment/${name}`, "--timeout=60s");
    };
    const cache = async (Corefile: string) => {
      await clone.kubectl(...dns, "patch", "configmap", "coredns", "--patch", JSON.stringify({ data: { Corefile } }));
      await restart("coredns", ...dns);
    };
    await cache(cached);
    // Its pods ask the new CoreDNS for the workers there are, and only those that were there stay in its cache.
    await restart("nginx", "--namespace", namespace);

    const certificate = await certificateOf(await mounted());
    const lost: unknown[] = [];
    let sent = 0;
    let stopped = false;
    const client = async () => {
      while (!stopped) {
        sent++;
        const answer = (await compute(certificate).catch(({ message }: Error) => ({ status: message }))) as {
          status: unknown;
        };
        if (answer.status !== 200) lost.push(answer);
      }
    };
    const clients = [client(), client()];
    await restart("worker", "--namespace", namespace);
    const address = await get("service worker-any", ".spec.clusterIP");
    await eventually(30, async () => {
      const log = await inStack("logs", "--selector=app.kubernetes.io/component=nginx", "--tail=50");
      expect(log).toContain(`${address}:5000","upstreamStatus":`);
    });
    stopped = true;
    await Promise.all(clients);
    await cache(config.data.Corefile);
    expect(sent).toBeGreaterThan(100);
    expect(lost).toEqual([]);
  });

  it("refuses a Secret that is not there before it touches anything, and takes it once it is", async () => {
    const was = await versions();
    const refused = await deploy({ tls: { secret: "own" } });
    expect([refused.exitCode, refused.output]).toEqual([
      ...[expect.any(Number), expect.stringContaining(`the namespace "${namespace}" has no Secret "own"`)],
    ]);
    expect(refused.exitCode).not.toBe(0);
    expect(refused.output).toContain(
      `kubectl create secret tls own --namespace ${namespace} --cert tls.crt --key tls.key`,
    );
    expect(await versions()).toBe(was);

    const { certificate, key } = await selfSign({ host: HOST });
    const files = { "tls.crt": certificate, "tls.key": key };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(clone.dir, name), text);
    const paths = ["--cert", join(clone.dir, "tls.crt"), "--key", join(clone.dir, "tls.key")];
    await inStack("create", "secret", "tls", "own", ...paths);
    await deployed();
    expect(await mounted()).toBe("own");
    // kube-proxy may still know the old pod, which takes no new connections.
    await eventually(10, async () =>
      expect((await handshake(certificate)).fingerprint).toBe(new X509Certificate(certificate).fingerprint256),
    );
  });

  once("rolls nginx to a certificate that the configuration has", async () => {
    const { certificate, key } = await selfSign({ host: HOST });
    await deployed({ tls: { certificate, key } });
    expect(await certificateOf(await mounted())).toBe(certificate);
    await eventually(10, async () => expect(await compute(certificate)).toEqual(ANSWER));
  });

  it("refuses an Ingress without a class where there are several, before it touches anything", async () => {
    for (const name of ["left", "right"]) {
      const ingressClass = { apiVersion: "networking.k8s.io/v1", kind: "IngressClass", metadata: { name } };
      writeFileSync(
        join(clone.dir, name),
        JSON.stringify({ ...ingressClass, spec: { controller: `example.com/${name}` } }),
      );
      await clone.kubectl("apply", "--filename", join(clone.dir, name));
    }
    const was = await versions();
    const without = { tls: undefined, host: undefined, serviceType: "ClusterIP" };
    const { exitCode, output } = await deploy({ ...without, ingress: { host: HOST } });
    expect(exitCode).not.toBe(0);
    expect(output).toContain("the cluster has several IngressClasses (left, right), and ingress names none");
    expect(output).toContain("pulumi config set --path ingress.className left");
    expect(await versions()).toBe(was);
  });

  it("declares an Ingress that the API server takes, and exports its URL", async () => {
    const annotations = { "example.com/timeout": "60" };
    const output = await deployed({ ingress: { host: HOST, className: "right", tls: "its-own", annotations } });
    expect(await endpoint(output)).toContain(`https://${HOST}/compute`);
    const { metadata, spec } = JSON.parse(await inStack("get", "ingress", "coinflip", "--output=json"));
    expect(metadata.annotations).toMatchObject(annotations);
    const service = { name: "nginx-service", port: { name: "http" } };
    expect(spec).toEqual({
      ingressClassName: "right",
      tls: [{ hosts: [HOST], secretName: "its-own" }],
      rules: [{ host: HOST, http: { paths: [{ path: "/", pathType: "Prefix", backend: { service } }] } }],
    });
  });

  it("refuses a Gateway where there are none, and declares an HTTPRoute that the API server takes where there are", async () => {
    const gateway = { name: "edge", namespace: "gateways", sectionName: "web", hostnames: [HOST, "flip.example.com"] };
    const refused = await deploy({ ingress: undefined, gateway });
    expect(refused.exitCode).not.toBe(0);
    expect(refused.output).toContain("the cluster has no httproutes.gateway.networking.k8s.io, which gateway takes");

    await clone.kubectl("apply", "--server-side", "--filename", gatewayCrds());
    await clone.kubectl("wait", "--for=condition=Established", "crd/httproutes.gateway.networking.k8s.io");
    expect(await endpoint(await deployed())).toContain(`http://${HOST}/compute`);
    const { spec } = JSON.parse(await inStack("get", "httproute", "coinflip", "--output=json"));
    expect(spec).toMatchObject({
      parentRefs: [{ name: "edge", namespace: "gateways", sectionName: "web" }],
      hostnames: [HOST, "flip.example.com"],
      rules: [{ backendRefs: [{ name: "nginx-service", port: 80 }] }],
    });
    expect(await inStack("get", "ingresses", "--output=name")).toBe("");
  });
}

describeOnCluster(`the edge, ${withoutPulumi.title}`, () => edgeOf(withoutPulumi, "edge"));
describeWithPulumi(`the edge, ${withPulumi.title}`, () => edgeOf(withPulumi, "edge-pulumi"));
