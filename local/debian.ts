import { existsSync, readFileSync } from "node:fs";
import { readFile, rename } from "node:fs/promises";
import { run, succeeds } from "./run";

/** Whether this is Debian and we are root: only there are packages installed and images made of them. */
export const isDebianRoot = () =>
  process.getuid?.() === 0 &&
  existsSync("/etc/os-release") &&
  /^ID=debian$/m.test(readFileSync("/etc/os-release", "utf8"));

/** The code name of this machine's release. */
export async function debianRelease(): Promise<string> {
  return /VERSION_CODENAME=(\w+)/.exec(await readFile("/etc/os-release", "utf8"))?.[1] ?? "stable";
}

/**
 * Makes an archive of the files of some Debian packages, and of what they depend on.
 *
 * @param variant mmdebstrap's: `extract` only unpacks, `minbase` also runs the packages' scripts, which takes longer
 */
export async function makeRoot(
  release: string,
  packages: readonly string[],
  archive: string,
  variant: "extract" | "minbase" = "extract",
): Promise<void> {
  // Without base-files the links of the merged /usr are missing, and nothing starts.
  const include = `--include=${["base-files", ...packages].join(",")}`;
  // A mirror's copy of the release may be older than its own date of expiry.
  const dated = `--aptopt=Acquire::Check-Valid-Until "false"`;
  // mmdebstrap infers the format from the suffix of the file name.
  const partial = `${archive}.partial.tar`;
  await run("mmdebstrap", ["--mode=root", `--variant=${variant}`, include, dated, release, partial]);
  await rename(partial, archive);
}

/**
 * Installs its arguments without starting their services (invoke-rc.d(8)): `up` starts a Docker engine of its own.
 * The shell's trap removes the policy even if `up` is interrupted. A policy that the machine already has stays.
 */
const INSTALL = `
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  trap 'rm -f $policy' EXIT
  trap 'exit 1' INT TERM HUP
  printf '#!/bin/sh\\nexit 101\\n' >$policy && chmod 755 $policy
fi
apt-get install --yes --no-install-recommends "$@"`;

const installed = async (name: string) =>
  succeeds("sh", ["-c", `dpkg-query -W -f '\${Status}' ${name} | grep -q 'ok installed'`]);

/** Installs the Debian packages that are missing. */
export async function installPackages(onLine: (line: string) => void, packages: readonly string[]): Promise<void> {
  const present = await Promise.all(packages.map(installed));
  const missing = packages.filter((_, index) => !present[index]);
  if (missing.length === 0) return;
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await run("apt-get", ["update"], { env, onLine });
  await run("sh", ["-c", INSTALL, "install", ...missing], { env, onLine });
}
