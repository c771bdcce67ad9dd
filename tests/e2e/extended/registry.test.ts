import { installPackages } from "../../../local/debian";
import { nodesOf } from "../../../local/kind/cluster";
import { Clone } from "../clone";
import { describeOnCluster, describeWithPulumi, type Engine, withoutPulumi, withPulumi } from "../engine";
import { compute, endpointOf } from "../service";
import { TestCluster } from "../testCluster";
import { PASSWORD, Registry, USERNAME } from "./registry";

jest.setTimeout(30 * 60_000);

/** A stack whose image is pushed to a registry, and pulled from there by the cluster. */
function pushedStack(engine: Engine, port: number): void {
  let clone: Clone;
  let registry: Registry;
  let endpoint: string;
  const namespace = `registry-${port}`;
  const image = () =>
    clone.kubectl(
      ...["--namespace", namespace, "get", "deployment", "worker"],
      ...["--output", "jsonpath={.spec.template.spec.containers[0].image} {.status.readyReplicas}"],
    );

  beforeAll(async () => {
    await installPackages(() => undefined, ["docker-registry"]);
    clone = new Clone();
    registry = new Registry(port);
    await registry.start();
    const cluster = TestCluster.shared();
    await registry.announceTo((await nodesOf(cluster.cluster.name)).map(({ name }) => name));
    endpoint = endpointOf(await clone.up(cluster, cluster.nextStack(namespace), ...engine.flags));
  });
  afterAll(async () => {
    await clone.run("npm", "run", "down");
    await registry.remove();
    clone.remove();
  });

  it("changes nothing when the registry refuses the password, and says so", async () => {
    const was = await image();
    const { exitCode, output } = await engine.deploy(clone, {
      "registry.server": registry.server,
      "registry.repository": "e2e/coinflip",
      "registry.username": USERNAME,
      "registry.password": "wrong",
    });
    expect(exitCode).not.toBe(0);
    expect(output).toMatch(/unauthorized|no basic auth credentials|denied/i);
    expect(await image()).toBe(was);
  });

  it("pushes the image, and pods pull it by its digest with the stack's credentials", async () => {
    const { exitCode, output } = await engine.deploy(clone, { "registry.password": PASSWORD });
    expect([exitCode, output]).toEqual([0, expect.any(String)]);
    expect(await image()).toMatch(new RegExp(`^${registry.server}/e2e/coinflip@sha256:[0-9a-f]{64} 2$`));
    expect((await compute(endpoint, 3)).status).toBe(200);
  });

  it("changes nothing when the registry is down, and says so", async () => {
    const was = await image();
    await registry.stop();
    clone.edit("worker/app/app.ts", 'service: "coinflip"', 'service: "coinflip, edited"');
    const { exitCode, output } = await engine.deploy(clone);
    expect(exitCode).not.toBe(0);
    expect(output).toContain("connection refused");
    expect(await image()).toBe(was);
    expect((await compute(endpoint, 3)).status).toBe(200);
  });
}

describeOnCluster(`an image in a registry, ${withoutPulumi.title}`, () => pushedStack(withoutPulumi, 5071));
describeWithPulumi(`an image in a registry, ${withPulumi.title}`, () => pushedStack(withPulumi, 5072));
