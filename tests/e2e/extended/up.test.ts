import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import execa from "execa";
import { parseAllDocuments } from "yaml";
import { ourImages } from "../../../local/docker";
import { nodesOf, removeNodes } from "../../../local/kind/cluster";
import { KIND } from "../../../local/kind/program";
import { run } from "../../../local/run";
import { Clone } from "../clone";
import { describeOnCluster } from "../engine";
import { processesOf } from "../host";
import { eventually } from "../service";

jest.setTimeout(30 * 60_000);

describe("npm run render", () => {
  const clone = new Clone();
  const folder = join(clone.dir, "manifests");
  const render = (...args: string[]) => clone.run("npm", "run", "render", "--", folder, ...args);
  afterAll(() => clone.remove());

  it("writes the manifests without a cluster and without Docker, and replaces only its own files", async () => {
    mkdirSync(folder);
    writeFileSync(join(folder, "mine.yaml"), "kind: Mine\n");
    expect((await render()).exitCode).toBe(0);
    const first = readdirSync(folder);
    clone.edit("nginx/nginx.conf", "keepalive 4096;", "keepalive 4095;");
    const { exitCode, output } = await render();
    expect([exitCode, output]).toEqual([0, expect.stringContaining("coinflip-worker:")]);
    expect(readdirSync(folder)).toHaveLength(first.length);
    const texts = readdirSync(folder).map((file) => readFileSync(join(folder, file), "utf8"));
    const kinds = texts.flatMap((text) => parseAllDocuments(text).map((each) => each.toJS().kind));
    expect(kinds).toEqual(expect.arrayContaining(["Namespace", "Deployment", "Service", "Mine"]));
    expect(kinds.filter((kind) => kind === "ConfigMap")).toHaveLength(1);
  });

  it("says what is wrong with the configuration", async () => {
    writeFileSync(join(clone.tree, "Pulumi.bad.yaml"), "config:\n  coinflip:workers: many\n");
    const { exitCode, output } = await render("--stack", "bad");
    expect([exitCode, output]).toEqual([1, expect.stringContaining('workers is "many"; allowed is an integer')]);
  });
});

describeOnCluster("npm run up", () => {
  const clone = new Clone();
  const args = ["run", "up", "--", "--without-pulumi"];
  const up = (...flags: string[]) => clone.run("npm", ...args, ...flags);
  const config = () => readFileSync(join(clone.tree, "Pulumi.local.yaml"), "utf8");
  const nodes = async () => (await nodesOf("coinflip")).filter(({ running }) => running).map(({ name }) => name);
  const uid = () => clone.kubectl("get", "namespace", "kube-system", "--output", "jsonpath={.metadata.uid}");
  afterAll(async () => {
    await clone.run("npm", "run", "down");
    clone.remove();
  });

  it.each([
    ["wrong settings", ["-c", "workers=0", "-c", "wokers=3"], "2 settings are wrong, and nothing was changed"],
    ["--nodes 0", ["--nodes", "0"], '--nodes is "0"; allowed is an integer from 1 to 9'],
    ["--nodes 50", ["--nodes", "50"], '--nodes is "50"; allowed is an integer from 1 to 9'],
  ])("refuses %s before it does anything", async (_, flags, message) => {
    const { exitCode, output } = await up(...flags);
    expect([exitCode, output]).toEqual([1, expect.stringContaining(message)]);
    expect(await nodes()).toEqual([]);
    expect(existsSync(join(clone.tree, "Pulumi.local.yaml"))).toBe(false);
  });

  it("refuses a port that is in use, names a free one, and creates no cluster", async () => {
    const server = createServer().listen(30080, "127.0.0.1");
    try {
      const { exitCode, output } = await up();
      expect([exitCode, output]).toEqual([1, expect.stringContaining("port 30080 of this machine is in use")]);
      expect(output).toMatch(/Port 30\d+ is free: {2}npm run up -- -c nodePort=30\d+/);
      expect(await nodes()).toEqual([]);
    } finally {
      server.close();
    }
  });

  it("is interrupted while kind creates the cluster, and the next one creates it again and answers", async () => {
    // Left over by the deletion of a cluster: up ignores it, and down does not restore it.
    writeFileSync(clone.env.KUBECONFIG ?? "", "kind: Config\napiVersion: v1\ncurrent-context: gone\n");
    const child = execa("npm", args, { cwd: clone.tree, env: clone.env, all: true, reject: false, detached: true });
    await eventually(60, async () => expect(await nodes()).toEqual(["coinflip-control-plane"]));
    process.kill(-(child.pid ?? 0), "SIGINT"); // As Ctrl-C does, to all of them.
    expect((await child).exitCode).not.toBe(0);
    // npm does not wait until up has cleaned up.
    await eventually(10, async () => {
      const scratch = readdirSync(clone.env.TMPDIR ?? "").filter((name) => name.startsWith("coinflip-"));
      expect([scratch, processesOf(clone.tree)]).toEqual([[], []]);
    });

    const flags = ["-c", "serviceType=ClusterIP", "-c", "loadBalancers=1", "-c", "workers=1"];
    const { exitCode, output } = await up(...flags);
    expect([exitCode, output]).toEqual([0, expect.stringContaining("kubectl port-forward --context kind-coinflip")]);
    expect(output).toMatch(/\{"heads_required":3,"total_flips":\d+\}/);
  });

  it.each([
    ["on another cluster", ["--context", "kind-other"], 'there is no kubeconfig context "kind-other"'],
    ["in another namespace", ["-c", "namespace=other"], 'the stack is up in the namespace "coinflip"'],
    ["with something that is no assignment", ["-c", "workers"], "--config takes NAME=VALUE"],
    ["with another number of nodes", ["--nodes", "3"], "npm run down, then npm run up -- --nodes 3"],
    [
      "on a cluster with another UID",
      ["-c", "clusterUid=00000000-0000-4000-8000-000000000000"],
      "clusterUid allows only 00000000-0000-4000-8000-000000000000",
    ],
  ])("refuses to continue %s, and changes no object", async (_, flags, message) => {
    const was = config();
    const { exitCode, output } = await up(...flags);
    expect([exitCode, output]).toEqual([1, expect.stringContaining(message)]);
    if (config() !== was) writeFileSync(join(clone.tree, "Pulumi.local.yaml"), was);
  });

  it("leaves alone a namespace that is not the stack's", async () => {
    await clone.kubectl("label", "namespace", "coinflip", "app.kubernetes.io/name-");
    const { exitCode, output } = await up();
    expect([exitCode, output]).toEqual([1, expect.stringContaining('the namespace "coinflip" is there already')]);
  });

  it("forwards a port that the cluster does not map, and says why", async () => {
    await clone.kubectl("label", "namespace", "coinflip", "app.kubernetes.io/name=coinflip");
    const { exitCode, output } = await up("-c", "serviceType=NodePort", "-c", "nodePort=30099");
    expect([exitCode, output]).toEqual([0, expect.stringContaining("nodePort 30099 not mapped to this machine")]);
    expect(output).toContain("The kind cluster does not map port 30099 to this machine");
    expect(output).toMatch(/\{"heads_required":3,"total_flips":\d+\}/);
  });

  it("creates the cluster again if somebody has deleted it, and deploys the stack to the new one", async () => {
    const was = await uid();
    await removeNodes(await nodesOf("coinflip"));
    const { exitCode, output } = await up("-c", "nodePort=30080");
    expect([exitCode, output]).toEqual([0, expect.stringContaining("http://localhost:30080/compute")]);
    expect(await uid()).not.toBe(was);
  });

  it("is undone by npm run down, after which nothing is up", async () => {
    const down = await clone.succeed("npm", "run", "down");
    expect(down.output).toContain("Down.");
    expect((await clone.succeed("npm", "run", "down")).output).toContain("Nothing is up from here.");
    expect(readFileSync(clone.env.KUBECONFIG ?? "", "utf8")).not.toMatch(/kind-coinflip|gone/);
  });

  it("refuses a kind cluster of that name that it has not created", async () => {
    const label = "io.x-k8s.kind.cluster=coinflip";
    const image = (await ourImages()).find((name) => name.startsWith("coinflip.local/")) ?? KIND.nodeImage;
    await run("docker", ["create", "--name", "coinflip-control-plane", "--label", label, image, "true"]);
    try {
      const { exitCode, output } = await up();
      expect([exitCode, output]).toEqual([1, expect.stringContaining("that npm run up has not created")]);
      expect(output).toContain("kind delete cluster --name coinflip");
    } finally {
      await run("docker", ["rm", "--force", "coinflip-control-plane"]);
    }
  });
});
