import { setTimeout as sleep } from "node:timers/promises";
import { installPackages } from "../../../local/debian";
import { loadImage } from "../../../worker/sideload";
import { load } from "../../bench/wrk";
import { describeOnCluster, describeWithPulumi, withoutPulumi, withPulumi } from "../engine";
import { eventually, workersOf } from "../service";
import { TestCluster } from "../testCluster";
import { computeAt, hasImage, joinNode, killNode, removeImage, startNode, workerNodes } from "./nodes/node";
import { Stack } from "./nodes/stack";
import { Clients, summary } from "./nodes/waits";

jest.setTimeout(15 * 60_000);

const since = (start: number) => ((performance.now() - start) / 1000).toFixed(1);

/** At least so many requests are sent while a node is drained. */
const REQUESTS = 20_000;

describeOnCluster("on a kind cluster of three nodes", () => {
  let test: TestCluster;
  let stack: Stack;
  let pulumiStack: Stack;
  const stacks: Stack[] = [];
  const report: string[] = [];
  /** The name of the fourth node. */
  const added = () => `${test.cluster.name}-worker3`;

  const node = (...args: string[]) => stack.clone.kubectl(...args);
  const ready = (name: string, status: string, seconds: number) =>
    node("wait", `node/${name}`, `--for=condition=Ready=${status}`, `--timeout=${seconds}s`);

  /** A node with pods of both tiers, and the other one. */
  async function nodeWithBoth(): Promise<{ node: string; other: string }> {
    const [nginx, workers] = [await stack.nodesWith("nginx"), await stack.nodesWith("worker")];
    const found = nginx.find((each) => workers.includes(each)) ?? "none";
    return { node: found, other: (await workerNodes(test.cluster)).find((each) => each !== found) ?? "none" };
  }

  /** Allows new pods on one node only while something happens. */
  async function onlyOn(name: string, happens: () => Promise<void>): Promise<void> {
    const others = (await workerNodes(test.cluster)).filter((each) => each !== name);
    await node("cordon", ...others);
    try {
      await happens();
    } finally {
      await node("uncordon", ...others);
    }
  }

  /** A new worker pod runs on the node, from the image that is there. */
  const runsOn = (on: Stack, name: string) =>
    onlyOn(name, async () => {
      const was = (await on.pods("worker")).map((pod) => pod.name);
      await on.kubectl("delete", `pod/${was[0]}`, "--wait=false");
      await eventually(30, async () => {
        const made = (await on.pods("worker")).filter((pod) => !was.includes(pod.name));
        expect(made.map((pod) => pod.node)).toEqual([name]);
      });
      await on.untilWhole(60);
    });

  beforeAll(async () => {
    await installPackages(() => undefined, ["wrk"]);
    // The cluster that the other suites share has the usual ports.
    const start = performance.now();
    test = await TestCluster.create("coinflip-nodes", { nodes: 3, stacks: 2, firstPort: 30300 });
    stack = new Stack(test, withoutPulumi, test.nextStack("nodes"));
    stacks.push(stack);
    report.push(`  cluster with base images: ${since(start)} s`);
    await stack.up();
    report.push(`  npm run up: ${since(start)} s after the start`);
  });
  afterAll(async () => {
    process.stdout.write(`\nOn three nodes\n${report.join("\n")}\n\n`);
    await test?.remove();
    for (const each of stacks) await each.forget();
  });

  it("spreads both tiers across the nodes", async () => {
    const nodes = await workerNodes(test.cluster);
    expect(nodes).toHaveLength(2);
    expect(await stack.nodesWith("nginx")).toEqual(nodes);
    expect(await stack.nodesWith("worker")).toEqual(nodes);
  });

  it("loses no request while a node is drained", async () => {
    const { node: drained, other } = await nodeWithBoth();
    let [requests, p99, done] = [0, 0, false];
    const steadyLoad = async () => {
      while (!done || requests < REQUESTS) {
        const loaded = await load({ url: stack.endpoint, connections: 48, pauseMs: 5, seconds: 4 });
        [requests, p99] = [requests + loaded.requests, Math.max(p99, loaded.p99)];
      }
    };
    const drain = async () => {
      try {
        await node("drain", drained, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=120s");
        await stack.untilWhole(60);
      } finally {
        done = true;
        await node("uncordon", drained);
      }
    };
    await Promise.all([steadyLoad(), drain()]);
    report.push(`  node drained: ${requests} requests, 0 lost, p99 ${p99.toFixed(0)} ms`);
    expect(await stack.nodesWith("nginx")).toEqual([other]);
    expect(await stack.nodesWith("worker")).toEqual([other]);
  });

  /** The next deployment loads the image onto the node that lacks it, and changes nothing else; the one after it, nothing. */
  async function repairs(repaired: Stack, name: string): Promise<void> {
    const image = await repaired.image();
    expect(await hasImage(name, image)).toBe(false);
    const before = await repaired.versions();
    await repaired.deploy();
    expect(await hasImage(name, image)).toBe(true);
    expect(await repaired.versions()).toBe(before);
    await repaired.expectUnchanged();
    await runsOn(repaired, name);
  }

  async function repairsRemoval(repaired: Stack): Promise<void> {
    const [name = ""] = await workerNodes(test.cluster);
    await removeImage(name, await repaired.image());
    await repairs(repaired, name);
  }

  it("loads the image again where it was removed from one node", () => repairsRemoval(stack));

  describeWithPulumi(withPulumi.title, () => {
    it("loads the image again where it was removed from one node", async () => {
      pulumiStack = new Stack(test, withPulumi, test.nextStack("nodes-pulumi"));
      stacks.push(pulumiStack);
      // An image of its own, which no other deployment loads.
      pulumiStack.clone.edit("worker/app/app.ts", 'service: "coinflip"', 'service: "coinflip, elsewhere"');
      await pulumiStack.up();
      await repairsRemoval(pulumiStack);
    });
  });

  it("loads the image onto a node added later", async () => {
    await joinNode(test.cluster, added());
    // kubectl does not wait for a node that has not registered yet.
    await eventually(30, async () => void (await ready(added(), "true", 120)));
    await loadImage(stack.settings.nginxImage ?? "", test.cluster);
    await repairs(stack, added());
  });

  it("uses the added node when it scales up", async () => {
    // Enough for each of the three nodes.
    await stack.deploy({ workers: "4", loadBalancers: "4" });
    expect(await stack.nodesWith("nginx")).toContain(added());
    const workers = (await stack.pods("worker")).filter((pod) => pod.node === added()).map(({ name }) => name);
    expect(workers).not.toEqual([]);
    await eventually(30, async () =>
      expect(await workersOf(stack.endpoint, 40)).toEqual(expect.arrayContaining(workers)),
    );
    const answer = await computeAt(test.cluster, added(), stack.settings.nodePort ?? "");
    expect(JSON.parse(answer)).toMatchObject({ heads_required: 3 });
  });

  describeWithPulumi(withPulumi.title, () => {
    it("loads the image onto a node added later", () => repairs(pulumiStack, added()));
  });

  it("answers again while a node is dead, and has all replicas once the node is back", async () => {
    const victim = (await nodeWithBoth()).node;
    const kinds = { kept: new Clients(stack.endpoint, true), new: new Clients(stack.endpoint, false) };
    await sleep(2_000);
    const share = async (component: string) => {
      const pods = await stack.pods(component);
      return `${pods.filter((pod) => pod.node === victim).length} of ${pods.length} ${component} pods`;
    };
    report.push(`  node killed, which had ${await share("nginx")} and ${await share("worker")}`);
    const killed = performance.now();
    await killNode(victim);
    try {
      await ready(victim, "Unknown", 120);
      await eventually(60, async () => {
        for (const clients of Object.values(kinds)) expect(clients.quiet()).toBeGreaterThan(4);
      });
    } finally {
      for (const [kind, clients] of Object.entries(kinds))
        report.push(`    ${kind} connections: ${summary(await clients.stop(), killed)}`);
      await startNode(victim);
    }
    const started = performance.now();
    await ready(victim, "true", 120);
    await stack.untilWhole(120);
    await eventually(60, async () => {
      const names = (await stack.pods("worker")).map(({ name }) => name);
      expect(new Set(await workersOf(stack.endpoint, 20))).toEqual(new Set(names));
    });
    report.push(`  node started again: whole ${since(started)} s later`);
  });
});
