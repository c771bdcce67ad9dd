import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import execa from "execa";
import { buildOnce, cacheDir } from "../../local/buildCache";
import { debianRelease, isDebianRoot, makeRoot } from "../../local/debian";
import { run } from "../../local/run";

const DIR = join(cacheDir, "prometheus-tools");
const PROGRAM = join(DIR, "usr", "bin", "promtool");

/** Why promtool cannot be had here; undefined if it can. */
export const whyNoPromtool = () =>
  existsSync(PROGRAM) || isDebianRoot() ? undefined : "promtool is unpacked only on Debian as root.";

/** Takes promtool out of Debian's package of Prometheus, which is not installed: it would start with the machine. */
export const providePromtool = () =>
  buildOnce(DIR, async (partial) => {
    const archive = join(partial, "rootfs.tar");
    await makeRoot(await debianRelease(), ["prometheus"], archive);
    await run("tar", ["-xf", archive, "-C", partial, "./usr/bin/promtool"]);
    await rm(archive);
  });

/** Runs promtool(1); its exit code, and what it says on both streams. */
export async function promtool(
  args: readonly string[],
  input = "",
): Promise<{ readonly exitCode: number; readonly output: string }> {
  const { exitCode, all = "" } = await execa(PROGRAM, args, { input, all: true, reject: false });
  return { exitCode, output: all };
}
