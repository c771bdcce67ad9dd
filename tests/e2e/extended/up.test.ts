import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { Clone } from "../clone";
import { describeOnCluster } from "../engine";

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
  let clone: Clone;
  beforeAll(() => {
    clone = new Clone();
  });
  const up = (...args: string[]) => clone.run("npm", "run", "up", "--", "--without-pulumi", ...args);
  const config = () => readFileSync(join(clone.tree, "Pulumi.local.yaml"), "utf8");
  afterAll(async () => {
    await clone.run("npm", "run", "down");
    clone.remove();
  });

  it("refuses a wrong setting before it does anything", async () => {
    const { exitCode, output } = await up("-c", "workers=0", "-c", "wokers=3");
    expect([exitCode, output]).toEqual([1, expect.stringContaining("2 settings are wrong, and nothing was changed")]);
    expect(output).not.toContain("kind cluster");
    expect(existsSync(join(clone.tree, "Pulumi.local.yaml"))).toBe(false);
  });

  it("gives a first answer through a forwarded port where the address is the cluster's own", async () => {
    // Left over by the deletion of a cluster: up has to look past it, and down must not go back to it.
    writeFileSync(clone.env.KUBECONFIG ?? "", "kind: Config\napiVersion: v1\ncurrent-context: gone\n");
    const { exitCode, output } = await up("-c", "serviceType=ClusterIP", "-c", "loadBalancers=1", "-c", "workers=1");
    expect([exitCode, output]).toEqual([0, expect.stringContaining("kubectl port-forward --context kind-coinflip")]);
    expect(output).toMatch(/\{"heads_required":3,"total_flips":\d+\}/);
  });

  it.each([
    ["elsewhere", ["--context", "kind-other"], 'there is no kubeconfig context "kind-other"'],
    ["in another namespace", ["-c", "namespace=other"], 'the stack is up in the namespace "coinflip"'],
    ["with what is no assignment", ["-c", "workers"], "--config takes NAME=VALUE"],
  ])("refuses to go on %s, and changes nothing", async (_, args, message) => {
    const was = config();
    const { exitCode, output } = await up(...args);
    expect([exitCode, output]).toEqual([1, expect.stringContaining(message)]);
    expect(config()).toBe(was);
  });

  it("leaves alone a namespace that is not the stack's", async () => {
    await clone.kubectl("label", "namespace", "coinflip", "app.kubernetes.io/name-");
    const { exitCode, output } = await up();
    expect([exitCode, output]).toEqual([1, expect.stringContaining('the namespace "coinflip" is there already')]);
  });

  it("is undone by npm run down, after which nothing is up", async () => {
    const down = await clone.succeed("npm", "run", "down");
    expect(down.output).toContain("Down.");
    expect((await clone.succeed("npm", "run", "down")).output).toContain("Nothing is up from here.");
    expect(readFileSync(clone.env.KUBECONFIG ?? "", "utf8")).not.toMatch(/kind-coinflip|gone/);
  });
});
