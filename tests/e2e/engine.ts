import execa from "execa";
import { isDebianRoot } from "../../local/debian";
import { pulumiProgram } from "../../local/pulumi";
import type { Clone, Outcome } from "./clone";

/** One way to bring the stack of a clone to the cluster. */
export interface Engine {
  readonly title: string;
  /** What `npm run up` is told, to deploy in this way. */
  readonly flags: readonly string[];
  /** Sets the values and deploys them. */
  deploy(clone: Clone, settings?: Readonly<Record<string, string>>): Promise<Outcome>;
}

export const withoutPulumi: Engine = {
  title: "without the Pulumi CLI",
  flags: ["--without-pulumi"],
  deploy: (clone, settings = {}) => {
    const values = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    return clone.run("npm", "run", "up", "--", "--without-pulumi", ...values);
  },
};

export const withPulumi: Engine = {
  title: "with the Pulumi CLI",
  flags: [],
  deploy: async (clone, settings = {}) => {
    for (const [name, value] of Object.entries(settings)) {
      const secret = name === "registry.password" ? ["--secret"] : [];
      await clone.succeed(pulumiProgram(), "config", "set", "--path", ...secret, name, value);
    }
    return clone.run(pulumiProgram(), "up", "--yes", "--skip-preview", "--suppress-progress", "--color=never");
  },
};

/** `describe`, or `describe.skip` with the reason printed. */
export function describeUnless(reason: string | undefined, what: string): jest.Describe {
  if (reason === undefined) return describe;
  process.stdout.write(`Skipped: ${what}. ${reason}\n`);
  return describe.skip as jest.Describe;
}

/** Why no Pulumi CLI can be had here, or undefined. The npm package downloads one where it can. */
function pulumiMissing(): string | undefined {
  const { exitCode, stderr } = execa.sync(pulumiProgram(), ["version"], { reject: false, timeout: 300_000 });
  if (exitCode === 0) return undefined;
  return `The Pulumi CLI cannot be had here (${stderr.trim().split("\n").at(-1) ?? "it does not run"}).`;
}

/** Why there can be no kind cluster here; undefined if there can. */
function dockerMissing(): string | undefined {
  const { exitCode } = execa.sync("docker", ["version"], { reject: false, timeout: 30_000 });
  return exitCode === 0 || isDebianRoot() ? undefined : "Docker does not answer.";
}

export const noCluster = dockerMissing();
export const describeOnCluster = describeUnless(noCluster, "what needs a kind cluster");
export const describeWithPulumi = describeUnless(noCluster ?? pulumiMissing(), "what needs the Pulumi CLI");
