import { once } from "node:events";
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { join } from "node:path";
import { Clone } from "./clone";
import { describeWithCilium, withoutPulumi } from "./engine";
import { added, hostState, processesOf } from "./host";
import { buildCilium } from "./network/cilium";
import { NODE_PORTS, PORT, strangers } from "./network/strangers";
import { type Origin, type Targets, whoReachesWhom } from "./network/table";
import { measured, printReport } from "./report";
import { compute, endpointOf, eventually } from "./service";

jest.setTimeout(30 * 60_000);

/** Who reaches what, with the policies of the stack. The node is where probes come from. */
const LOCKED_DOWN = `
from, to            nginx  worker  metrics  prometheus  stranger inside  stranger elsewhere  DNS/UDP  DNS/TCP  API server  outside
client              yes    no      ·        ·           ·                ·                   ·        ·        ·           ·
stranger elsewhere  yes    no      no       no          no               yes                 yes      yes      yes         yes
stranger inside     no     no      no       no          no               no                  no       no       no          no
nginx               no     yes     no       no          no               no                  yes      yes      no          no
worker              no     no      no       no          no               no                  no       no       no          no
prometheus          no     no      yes      ·           no               no                  yes      yes      no          no
grafana             no     no      no       yes         no               no                  yes      yes      no          no
node                yes    yes     yes      yes         yes              yes                 yes      yes      yes         yes
`.trim();
/** The same without policies: all that is tried listens, and can be reached by whoever tries. */
const OPEN = LOCKED_DOWN.replace(/\bno\b ?/g, "yes");

describeWithCilium("the stack's network, on a cluster that enforces NetworkPolicies", () => {
  let clone: Clone;
  let before: ReturnType<typeof hostState>;
  let endpoint: string;
  let outside: Server;
  let origins: Record<string, Origin>;

  const inCoinflip = (...args: string[]) => clone.kubectl("--namespace", "coinflip", ...args);
  const podsOf = async (component: string) => {
    const selector = ["--selector", `app.kubernetes.io/component=${component}`];
    return (await inCoinflip("get", "pods", ...selector, "--output", "jsonpath={.items[*].metadata.name}")).split(" ");
  };
  const addressOf = (namespace: string, pod: string) =>
    clone.kubectl("--namespace", namespace, "get", "pod", pod, "--output", "jsonpath={.status.podIP}");
  const inPod =
    (namespace: string, pod: string, container: string): Origin["node"] =>
    (text, argument) =>
      clone.kubectl("--namespace", namespace, "exec", pod, "-c", container, "--", "node", "-e", text, argument);
  const onHost =
    (...prefix: string[]): Origin["node"] =>
    async (text, argument) =>
      (await clone.succeed("env", ...prefix, "node", "-e", text, argument)).output;

  /** Adds a container to a pod whose image has no Node.js: it is on the pod's network. */
  const addNode = (pod: string, image: string) =>
    inCoinflip(
      ...["debug", pod, "--container=reach", `--image=${image}`, "--image-pull-policy=IfNotPresent"],
      ...["--profile=restricted", "--attach=false", "--", "node", "-e", "setInterval(() => undefined, 1e6)"],
    );

  /** The stack has it only where it has a Grafana. */
  async function applyGrafanasPolicy(): Promise<void> {
    writeFileSync(join(clone.tree, "Pulumi.watched.yaml"), "config: { coinflip:monitoring: on }");
    const manifests = join(clone.dir, "manifests");
    await clone.succeed("npm", "run", "render", "--", manifests, "--stack", "watched");
    const [policy = ""] = readdirSync(manifests).filter((file) => file.endsWith("-networkpolicy-grafana.yaml"));
    await inCoinflip("apply", "--server-side", "-f", join(manifests, policy));
  }

  /** Brings strangers in, and tells who is to try what. */
  async function prepare(): Promise<Record<string, Origin>> {
    const [nginx = "", otherNginx = ""] = await podsOf("nginx");
    const [prometheus = ""] = await podsOf("prometheus");
    const [worker = "", otherWorker = ""] = await podsOf("worker");
    const image = await inCoinflip("get", "pod", worker, "--output", "jsonpath={.spec.containers[0].image}");
    const file = join(clone.dir, "strangers.json");
    writeFileSync(file, JSON.stringify(strangers(image)));
    await clone.kubectl("apply", "--server-side", "-f", file);
    await applyGrafanasPolicy();
    await addNode(nginx, image);
    await addNode(prometheus, image);
    const { pid } = JSON.parse(readFileSync(join(clone.clusterDir, "node.json"), "utf8"));
    const node = new URL(endpoint).hostname;
    const host = node.replace(/2$/, "1");
    outside = createServer().listen(0, host);
    await once(outside, "listening");
    await clone.kubectl("wait", "pod", "--all-namespaces", "--all", "--for=condition=Ready", "--timeout=60s");

    const targets: Targets = {
      nginx: { host: await addressOf("coinflip", otherNginx), port: 8080 },
      worker: { host: await addressOf("coinflip", otherWorker), port: 5000 },
      metrics: { host: await addressOf("coinflip", otherWorker), port: 9464 },
      prometheus: { host: await addressOf("coinflip", prometheus), port: 9090 },
      "stranger inside": { host: await addressOf("coinflip", "other"), port: PORT },
      "stranger elsewhere": { host: await addressOf("strangers", "other"), port: PORT },
      "DNS/UDP": { host: "10.96.0.10", port: 53, dns: true },
      "DNS/TCP": { host: "10.96.0.10", port: 53 },
      "API server": { host: "10.96.0.1", port: 443 },
      outside: { host, port: (outside.address() as AddressInfo).port },
    };
    // A pod reaches itself, whatever the policies say.
    const others = (self: string) => Object.fromEntries(Object.entries(targets).filter(([name]) => name !== self));
    return {
      client: {
        node: onHost(),
        targets: { nginx: { host: node, port: NODE_PORTS.nginx }, worker: { host: node, port: NODE_PORTS.worker } },
      },
      "stranger elsewhere": { node: inPod("strangers", "stranger", "listener"), targets },
      "stranger inside": { node: inPod("coinflip", "stranger", "listener"), targets },
      nginx: { node: inPod("coinflip", nginx, "reach"), targets },
      worker: { node: inPod("coinflip", worker, "worker"), targets },
      prometheus: { node: inPod("coinflip", prometheus, "reach"), targets: others("prometheus") },
      grafana: { node: inPod("coinflip", "grafana", "listener"), targets },
      node: { node: onHost("nsenter", `--net=/proc/${pid}/ns/net`), targets },
    };
  }

  beforeAll(async () => {
    process.env.CILIUM = await buildCilium();
    before = hostState();
    clone = new Clone();
    copyFileSync(join(__dirname, "network", "cni.sh"), join(clone.tree, "local", "cluster", "cni.sh"));
  });
  afterAll(async () => {
    outside?.close();
    await clone.run("npm", "run", "down");
    clone.remove();
    printReport("The stack's network");
  });

  it("carries an answer through NodePort, nginx and worker", async () => {
    const up = await clone.succeed("npm", "run", "up", "--", ...withoutPulumi.flags, "-c", "monitoring=on");
    measured("npm run up with Cilium (s)", up.seconds, 60);
    endpoint = endpointOf(up.output);
    expect((await compute(endpoint, 3)).status).toBe(200);
    // From here on nginx sees the client's own address: the node's, which it saw so far, is let through whatever the policies say.
    await inCoinflip("patch", "service", "nginx-service", "--patch", '{"spec":{"externalTrafficPolicy":"Local"}}');
    await eventually(10, async () => expect((await compute(endpoint, 3)).status).toBe(200));
  });

  it("carries the workers' metrics to Prometheus", async () => {
    const query = "/api/v1/namespaces/coinflip/services/prometheus:http/proxy/api/v1/query?query=sum(up)";
    await eventually(20, async () => {
      const { data } = JSON.parse(await clone.kubectl("get", "--raw", query));
      expect(data.result[0]?.value[1]).toBe("2");
    });
  });

  it("lets through what the stack needs, and nothing else", async () => {
    origins = await prepare();
    const start = performance.now();
    await eventually(20, async () => expect(await whoReachesWhom(origins)).toBe(LOCKED_DOWN));
    measured("each pair tried (s)", (performance.now() - start) / 1000, 10);
    process.stdout.write(`\n${LOCKED_DOWN}\n`);
  });

  it("is locked down by its policies: without them, whatever was refused is reached", async () => {
    await inCoinflip("delete", "networkpolicies", "--all");
    await eventually(20, async () => expect(await whoReachesWhom(origins)).toBe(OPEN));
  });

  it("leaves nothing of Cilium on the machine", async () => {
    await clone.succeed("npm", "run", "down");
    expect(processesOf(clone.dir)).toEqual([]);
    expect(added(before, hostState())).toEqual([]);
  });
});
