import { existsSync } from "node:fs";
import { copyFile, cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cacheDir } from "../../local/buildCache";
import { debianRelease, makeRoot } from "../../local/debian";
import { run } from "../../local/run";
import type { Bench } from "./context";

export const FLASK_IMAGE = "coinflip-bench-flask:1";
const PEERS = join(__dirname, "peers");

/** Debian's Python of this machine's release, as an archive that is kept for the next time. */
async function rootfs(): Promise<string> {
  const release = await debianRelease();
  const archive = join(cacheDir, `bench-python-${release}.tar`);
  if (!existsSync(archive)) await makeRoot(release, ["python3"], archive);
  return archive;
}

/** Builds the original's image in Docker, from the packages that the direct comparison uses. */
export async function buildFlaskImage({ python, say, defer }: Bench): Promise<void> {
  say("system, the image of the original");
  const site = await run(python, ["-c", "import sysconfig; print(sysconfig.get_path('platlib'))"]);
  const context = await mkdtemp(join(tmpdir(), "coinflip-bench-image-"));
  defer(() => rm(context, { recursive: true, force: true }));
  await copyFile(await rootfs(), join(context, "rootfs.tar"));
  await cp(site, join(context, "site"), { recursive: true });
  await copyFile(join(PEERS, "coinflip.py"), join(context, "coinflip.py"));
  // A Docker engine that ran before keeps nothing of ours.
  defer(() => run("docker", ["image", "rm", "--force", FLASK_IMAGE]).catch(() => undefined));
  await run("docker", ["build", "-q", "-t", FLASK_IMAGE, "-f", join(PEERS, "flask.Dockerfile"), context]);
}
