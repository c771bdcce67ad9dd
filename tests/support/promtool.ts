import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import execa from "execa";
import { cacheDir } from "../../local/cluster/binaries";
import { cannotHost } from "../../local/cluster/packages";
import { debianRelease, makeRoot } from "../../local/debian";
import { run } from "../../local/run";

const PROGRAM = join(cacheDir, "promtool");

/** Why promtool cannot be had here; undefined if it can. */
export const whyNoPromtool = () => (existsSync(PROGRAM) ? undefined : cannotHost());

/** Takes promtool out of Debian's package of Prometheus, which is not installed: it would start with the machine. */
export async function providePromtool(): Promise<void> {
  if (existsSync(PROGRAM)) return;
  const folder = `${PROGRAM}.partial`;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const archive = join(folder, "rootfs.tar");
  await makeRoot(await debianRelease(), ["prometheus"], archive);
  await run("tar", ["-xf", archive, "-C", folder, "./usr/bin/promtool"]);
  await rename(join(folder, "usr", "bin", "promtool"), PROGRAM);
  await rm(folder, { recursive: true });
}

/** Runs promtool(1); its exit code, and what it says on both streams. */
export async function promtool(
  args: readonly string[],
  input = "",
): Promise<{ readonly exitCode: number; readonly output: string }> {
  const { exitCode, all = "" } = await execa(PROGRAM, args, { input, all: true, reject: false });
  return { exitCode, output: all };
}
