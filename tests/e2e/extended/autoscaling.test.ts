import { pulumiProgram } from "../../../local/pulumi";
import { Clone } from "../clone";
import { describeWithPulumi } from "../engine";
import { eventually } from "../service";
import { TestCluster } from "../testCluster";

jest.setTimeout(10 * 60_000);

describeWithPulumi("an autoscaler, with the Pulumi CLI", () => {
  const clone = new Clone();
  const pulumi = (...args: string[]) => clone.succeed(pulumiProgram(), ...args, "--color=never");
  const set = (name: string, value: string) => pulumi("config", "set", "--path", name, value);
  const up = () => pulumi("up", "--yes", "--skip-preview");
  const replicas = async () => {
    const deployment = ["--namespace", "autoscaling", "get", "deployment", "worker"];
    return Number(await clone.kubectl(...deployment, "--output", "jsonpath={.spec.replicas}"));
  };
  /** The autoscaler keeps to its minimum without metrics. */
  const followsMinimum = () => eventually(40, async () => expect(await replicas()).toBe(4));

  beforeAll(async () => {
    const cluster = TestCluster.shared();
    await clone.up(cluster, { ...cluster.nextStack("autoscaling"), workers: "3" });
  });
  afterAll(async () => {
    await clone.run("npm", "run", "down");
    clone.remove();
  });

  it("takes the workers over without a drop, keeps them through updates, and gives them back", async () => {
    await set("autoscaling.min", "3");
    await set("autoscaling.max", "5");
    await up();
    expect(await replicas()).toBe(3);
    await set("autoscaling.min", "4");
    await up();
    await followsMinimum();
    await set("maxHeads", "31");
    await up();
    expect(await replicas()).toBe(4);
    await pulumi("config", "rm", "autoscaling");
    await up();
    expect(await replicas()).toBe(3);
  });

  it("gives them back even if Pulumi has not read the number of workers since", async () => {
    await set("autoscaling.min", "4");
    await set("autoscaling.max", "5");
    await up();
    await followsMinimum();
    await pulumi("config", "rm", "autoscaling");
    await up();
    expect(await replicas()).toBe(3);
    await pulumi("preview", "--expect-no-changes");
  });
});
