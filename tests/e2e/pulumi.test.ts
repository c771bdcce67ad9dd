import { pulumiProgram } from "../../local/pulumi";
import { Clone } from "./clone";
import { describeWithPulumi, withPulumi } from "./engine";
import { measured, printReport } from "./report";
import { compute, eventually } from "./service";

jest.setTimeout(30 * 60_000);

describeWithPulumi("an ordinary Pulumi program", () => {
  let clone: Clone;
  const pulumi = (...args: string[]) => clone.run(pulumiProgram(), ...args, "--color=never");

  beforeAll(async () => {
    clone = new Clone();
    await clone.succeed("npm", "run", "up");
  });
  afterAll(async () => {
    await clone.run("npm", "run", "down");
    clone.remove();
    printReport("An ordinary Pulumi program");
  });

  it("shows no changes in an unchanged preview", async () => {
    const seconds: number[] = [];
    for (let i = 0; i < 3; i++) {
      const preview = await pulumi("preview", "--expect-no-changes");
      expect(preview.output).toMatch(/\d+ unchanged/);
      expect(preview.exitCode).toBe(0);
      seconds.push(preview.seconds);
    }
    const [, median = Number.NaN] = seconds.sort((a, b) => a - b);
    measured("unchanged pulumi preview, median of 3 (s)", median, 3);
  });

  it("goes from 2 to 3 workers", async () => {
    await pulumi("config", "set", "workers", "3");
    const up = await pulumi("up", "--yes", "--skip-preview");
    measured("workers 2 → 3 (s)", up.seconds, 8);
    expect(up.output).toContain("workers  : 2 => 3");
  });

  it("leaves the workers to an autoscaler without a drop, lets it have them, and takes them back", async () => {
    const replicas = async () =>
      Number(
        await clone.kubectl(
          ...["--namespace", "coinflip", "get", "deployment", "worker", "--output", "jsonpath={.spec.replicas}"],
        ),
      );
    const up = async () =>
      (await clone.succeed(pulumiProgram(), "up", "--yes", "--skip-preview", "--color=never")).output;
    await pulumi("config", "set", "--path", "autoscaling.min", "3");
    await pulumi("config", "set", "--path", "autoscaling.max", "5");
    await up();
    expect(await replicas()).toBe(3);
    // Its minimum it keeps to without metrics.
    await pulumi("config", "set", "--path", "autoscaling.min", "4");
    await up();
    await eventually(40, async () => expect(await replicas()).toBe(4));
    await pulumi("config", "set", "maxHeads", "31");
    await up();
    expect(await replicas()).toBe(4);
    await pulumi("config", "rm", "autoscaling");
    await up();
    expect(await replicas()).toBe(3);
    // Once more, though Pulumi has not heard since that there are others.
    await pulumi("config", "set", "--path", "autoscaling.min", "4");
    await pulumi("config", "set", "--path", "autoscaling.max", "5");
    await up();
    await eventually(40, async () => expect(await replicas()).toBe(4));
    await pulumi("config", "rm", "autoscaling");
    await up();
    expect(await replicas()).toBe(3);
    expect((await pulumi("preview", "--expect-no-changes")).exitCode).toBe(0);
  });

  it("refuses another cluster than the one it is on, and touches and builds nothing", async () => {
    const images = async () => (await clone.succeed("docker", "image", "ls", "coinflip-worker")).output;
    const before = await images();
    const was = 'service: "coinflip"';
    const other = 'service: "coinflip, edited"';
    clone.edit("worker/app/app.ts", was, other);
    await clone.kubectl("config", "set-context", "kind-other", "--cluster=coinflip-local", "--user=coinflip-local");
    await pulumi("config", "set", "context", "kind-other");
    const { exitCode, output } = await pulumi("up", "--yes", "--skip-preview");
    expect(exitCode).not.toBe(0);
    expect(output).toContain(
      'this stack is on the cluster "coinflip-local", and would leave it behind for "kind-other"',
    );
    expect(output).toContain("pulumi config set context coinflip-local");
    expect(await images()).toBe(before);
    clone.edit("worker/app/app.ts", other, was);
    await pulumi("config", "set", "context", "coinflip-local");
    expect(output).not.toMatch(/\d+ (created|updated|deleted|replaced)/);
  });

  it("goes by pulumi destroy, and comes back by pulumi up with the image built anew", async () => {
    const destroy = await pulumi("destroy", "--yes", "--skip-preview");
    measured("pulumi destroy (s)", destroy.seconds, 12);
    expect(destroy.exitCode).toBe(0);
    expect(await clone.kubectl("get", "namespaces", "--output", "name")).not.toContain("coinflip");

    const ids = (await clone.succeed("docker", "image", "ls", "--quiet", "coinflip-worker")).output.split("\n");
    await clone.succeed("docker", "image", "rm", "--force", ...ids);
    const up = await withPulumi.deploy(clone);
    measured("pulumi up from nothing, image built (s)", up.seconds, 15);
    expect(up.exitCode).toBe(0);
    const endpoint = (await pulumi("stack", "output", "endpoint")).output.trim();
    // kube-proxy takes up the pods within a second of their being ready.
    await eventually(5, async () => expect((await compute(endpoint, 3)).status).toBe(200));
  });
});
