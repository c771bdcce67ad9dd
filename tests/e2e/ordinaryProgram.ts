import { pulumiProgram } from "../../local/pulumi";
import type { Clone } from "./clone";
import { withPulumi } from "./engine";
import { measured } from "./report";
import { compute, eventually } from "./service";

/** What the Pulumi CLI's own commands do with a stack that `npm run up` has deployed with two workers. */
export function ordinaryProgram(cloned: () => Clone): void {
  const pulumi = (...args: string[]) => cloned().run(pulumiProgram(), ...args, "--color=never");
  const uid = () => cloned().kubectl("get", "namespace", "kube-system", "--output", "jsonpath={.metadata.uid}");

  it("shows no changes in an unchanged preview", async () => {
    const seconds: number[] = [];
    for (let i = 0; i < 3; i++) {
      const preview = await pulumi("preview", "--expect-no-changes");
      expect(preview.output).toMatch(/\d+ unchanged/);
      expect(preview.exitCode).toBe(0);
      seconds.push(preview.seconds);
    }
    const [, median = Number.NaN] = seconds.sort((a, b) => a - b);
    measured("pulumi preview without changes, median of 3 (s)", median, 3);
  });

  it("goes from 2 to 3 workers", async () => {
    await pulumi("config", "set", "workers", "3");
    const up = await pulumi("up", "--yes", "--skip-preview");
    measured("pulumi up, workers 2 → 3 (s)", up.seconds, 5);
    expect(up.output).toContain("workers  : 2 => 3");
  });

  it("accepts the same cluster under another context, and changes no object in it", async () => {
    await cloned().kubectl("config", "rename-context", "kind-coinflip", "renamed");
    await pulumi("config", "set", "context", "renamed");
    const { exitCode, output } = await pulumi("up", "--yes", "--skip-preview");
    expect([exitCode, output]).toEqual([0, expect.not.stringMatching(/kubernetes:\S+:\S+ \S+ (updated|replaced)/)]);
    await cloned().kubectl("config", "rename-context", "renamed", "kind-coinflip");
    await pulumi("config", "set", "context", "kind-coinflip");
    await cloned().succeed(pulumiProgram(), "up", "--yes", "--skip-preview");
  });

  it("refuses a cluster other than its own, and touches and builds nothing", async () => {
    const images = async () =>
      (await cloned().succeed("docker", "image", "ls", "--format", "{{.ID}} {{.Tag}}", "coinflip-worker")).output;
    const before = await images();
    const was = 'service: "coinflip, edited"';
    const other = 'service: "coinflip, edited again"';
    const [own, another] = [await uid(), "00000000-0000-4000-8000-000000000000"];
    cloned().edit("worker/app/app.ts", was, other);
    await pulumi("config", "set", "clusterUid", another);
    try {
      const { exitCode, output } = await pulumi("up", "--yes", "--skip-preview");
      expect(exitCode).not.toBe(0);
      expect(output).toContain(
        `the context "kind-coinflip" leads to the cluster ${own}, and clusterUid allows only ${another}`,
      );
      expect(output).toContain(`pulumi config set clusterUid ${own}`);
      expect(output).not.toMatch(/\d+ (created|updated|deleted|replaced)/);
      expect(await images()).toBe(before);
    } finally {
      cloned().edit("worker/app/app.ts", other, was);
      await pulumi("config", "set", "clusterUid", own);
    }
  });

  it("goes by pulumi destroy, and comes back by pulumi up with the image built anew", async () => {
    const destroy = await pulumi("destroy", "--yes", "--skip-preview");
    measured("pulumi destroy (s)", destroy.seconds, 10);
    expect(destroy.exitCode).toBe(0);
    expect(await cloned().kubectl("get", "namespaces", "--output", "name")).not.toContain("coinflip");

    const ids = (await cloned().succeed("docker", "image", "ls", "--quiet", "coinflip-worker")).output.split("\n");
    await cloned().succeed("docker", "image", "rm", "--force", ...ids);
    const up = await withPulumi.deploy(cloned());
    measured("pulumi up from nothing, image built (s)", up.seconds, 10);
    expect(up.exitCode).toBe(0);
    const endpoint = (await pulumi("stack", "output", "endpoint")).output.trim();
    // kube-proxy takes up the pods within a second of their being ready.
    await eventually(5, async () => expect((await compute(endpoint, 3)).status).toBe(200));
  });
}
