import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { installPackages } from "../../../local/debian";
import { Clone } from "../clone";
import { describeUnless, noCluster } from "../engine";
import { added, hostState, processesOf } from "../host";
import { measured, printReport } from "../report";
import { compute, eventually } from "../service";
import { type Settings, TestCluster } from "../testCluster";
import { buildCilium, cannotEnforce } from "./network/cilium";
import { installCilium } from "./network/install";
import { DEBUGGER, inspectNodes, type Landscape, type Node, prepare } from "./network/landscape";
import { originsFor, PLACEMENTS, type Placement } from "./network/origins";
import { type Target, whoReachesWhom } from "./network/table";

jest.setTimeout(30 * 60_000);

const NAME = "coinflip-network";
/** The connections that the stack's policies permit. A pod's own node always reaches it: the kubelet's probes come from there. */
const LOCKED_DOWN = `
from, to            nginx  worker  metrics  prometheus  stranger inside  stranger elsewhere  DNS/UDP  DNS/TCP  API server  outside
client              yes    no      ·        ·           ·                ·                   ·        ·        ·           ·
stranger elsewhere  yes    no      no       no          no               yes                 yes      yes      yes         yes
stranger inside     no     no      no       no          no               no                  no       no       no          no
nginx               no     yes     no       no          no               no                  yes      yes      no          no
worker              no     no      no       no          no               no                  no       no       no          no
prometheus          no     no      yes      ·           no               no                  yes      yes      no          no
grafana             no     no      no       yes         no               no                  yes      yes      no          no
pods' own node      yes    yes     yes      yes         yes              yes                 yes      yes      yes         yes
another node        yes    no      no       no          no               yes                 yes      yes      yes         yes
`.trim();
/** The same without policies. It proves that every target listens. */
const OPEN = LOCKED_DOWN.replace(/\bno\b ?/g, "yes");

const enforced = describeUnless(noCluster ?? cannotEnforce(), "what needs enforced NetworkPolicies");
enforced("the stack's network, on two nodes with Cilium", () => {
  let before: ReturnType<typeof hostState>;
  let clone: Clone;
  let cluster: TestCluster;
  let settings: Settings;
  let nodes: Node[];
  let landscape: Landscape;
  let outside: Server;
  let server: Target;

  /** Does the work, and reports the time that it took. */
  async function timed<T>(what: string, atMost: number, work: () => Promise<T>): Promise<T> {
    const start = performance.now();
    const result = await work();
    measured(`${what} (s)`, (performance.now() - start) / 1000, atMost);
    return result;
  }

  const inCoinflip = (...args: string[]) => clone.kubectl("--namespace=coinflip", ...args);
  /** Several requests to each node, because kube-proxy picks one of the nginx pods of both nodes. */
  const answersThroughEveryNode = () =>
    eventually(10, async () => {
      for (const { address } of nodes) {
        const url = `http://${address}:${settings.nodePort}/compute`;
        for (let i = 0; i < 8; i++) expect((await compute(url, 3)).status).toBe(200);
      }
    });
  /** A changed policy takes effect after some time. */
  const expectTable = (placement: Placement, table: string) =>
    eventually(20, async () => {
      const context = { clone, nodePort: Number(settings.nodePort), outside: server };
      expect(await whoReachesWhom(originsFor(placement, landscape, context))).toBe(table);
    });

  beforeAll(async () => {
    await installPackages(() => undefined, ["bpftool"]); // For hostState.
    const cilium = await timed("Cilium built, or found in the cache", 360, buildCilium);
    before = hostState();
    clone = new Clone();
    const size = { nodes: 2, stacks: 1, withoutPodNetwork: true, firstPort: 30500 };
    cluster = await timed("cluster of two nodes", 60, () => TestCluster.create(NAME, size));
    await timed("Cilium, nodes and CoreDNS ready", 90, () => installCilium(cilium, NAME));
    nodes = await inspectNodes(NAME);
    settings = { ...cluster.nextStack("coinflip"), monitoring: "on", workers: "4", loadBalancers: "4" };
    await timed("npm run up", 60, () => clone.up(cluster, settings, "--without-pulumi"));
    const host = nodes[0]?.gateway ?? "";
    outside = createServer().listen(0, host);
    await once(outside, "listening");
    server = { host, port: (outside.address() as AddressInfo).port };
    landscape = await timed("pods beside the stack", 60, () => prepare(clone, nodes));
  });
  afterAll(async () => {
    outside?.close();
    await cluster?.remove();
    clone?.remove();
    printReport("The stack's network");
  });

  it("carries an answer through the NodePort of either node, nginx and a worker", async () => {
    await answersThroughEveryNode();
    // With the default, Cluster, nginx sees a node's address and not the client's.
    await inCoinflip("patch", "service", "nginx-service", "--patch", '{"spec":{"externalTrafficPolicy":"Local"}}');
    await answersThroughEveryNode();
  });

  it("carries the metrics of all workers to Prometheus", async () => {
    const query = `fetch("http://localhost:9090/api/v1/query?query=sum(up)").then((answer) => answer.text()).then(console.log)`;
    const inPrometheus = ["exec", landscape.prometheus.name, `--container=${DEBUGGER}`, "--"];
    await eventually(20, async () => {
      const { data } = JSON.parse(await inCoinflip(...inPrometheus, "node", "-e", query));
      expect(data.result[0]?.value[1]).toBe("4");
    });
  });

  it.each(PLACEMENTS)("permits pods %s what the stack needs, and nothing else", async (placement) => {
    await timed(`each pair ${placement} tried`, 10, () => expectTable(placement, LOCKED_DOWN));
  });

  it("is locked down by its policies: without them, every target can be reached", async () => {
    process.stdout.write(`\n${LOCKED_DOWN}\n`);
    await inCoinflip("delete", "networkpolicies", "--all");
    for (const placement of PLACEMENTS) await expectTable(placement, OPEN);
  });

  it("leaves nothing of Cilium on the host", async () => {
    await cluster.remove();
    expect(processesOf(clone.dir)).toEqual([]);
    // Other suites may create clusters meanwhile: their interfaces and mounts do not count.
    const fromCilium = /^settings: |^programs: +name (cil|tail)_|cilium|lxc|bpf/i;
    expect(added(before, hostState()).filter((line) => fromCilium.test(line))).toEqual([]);
  });
});
