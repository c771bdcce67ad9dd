import { readFile, rename } from "node:fs/promises";
import { run } from "./run";

/** The code name of this machine's release. */
export async function debianRelease(): Promise<string> {
  return /VERSION_CODENAME=(\w+)/.exec(await readFile("/etc/os-release", "utf8"))?.[1] ?? "stable";
}

/** Makes an archive of the files of some Debian packages, and of what they depend on. */
export async function makeRoot(release: string, packages: readonly string[], archive: string): Promise<void> {
  // Without base-files the links of the merged /usr are missing, and nothing starts.
  const include = `--include=${["base-files", ...packages].join(",")}`;
  // A mirror's copy of the release may be older than its own date of expiry.
  const dated = `--aptopt=Acquire::Check-Valid-Until "false"`;
  // By its ending mmdebstrap knows what to make.
  const partial = `${archive}.partial.tar`;
  await run("mmdebstrap", ["--mode=root", "--variant=extract", include, dated, release, partial]);
  await rename(partial, archive);
}
