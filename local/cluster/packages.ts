import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { run, succeeds } from "../run";

/** What the local cluster and its images are made of, beside the binaries that are built. */
export const PACKAGES: readonly string[] = [
  "ca-certificates",
  "conntrack",
  "containerd",
  "containernetworking-plugins",
  "curl",
  "docker.io",
  "etcd-server",
  "iproute2",
  "iptables",
  "mmdebstrap",
  "runc",
];

/** Whether a local cluster can be made here; if not, the reason, and what gives a cluster instead. */
export function cannotHost(): string | undefined {
  const instead =
    "Start a cluster with one command of your choice: kind create cluster, minikube start, k3d cluster create, " +
    "or Kubernetes in Docker Desktop's settings. Then run npm run up again.";
  const isDebian = existsSync("/etc/os-release") && /^ID=debian$/m.test(readFileSync("/etc/os-release", "utf8"));
  if (!isDebian || process.getuid?.() !== 0) {
    return `There is no local Kubernetes cluster, and one is only made on Debian Linux as root. ${instead}`;
  }
  const go = /go1\.(\d+)/.exec(spawnSync("go", ["version"], { encoding: "utf8" }).stdout ?? "");
  if (!go || Number(go[1]) < 24) {
    return `There is no local Kubernetes cluster, and building one takes Go 1.24 or newer (https://go.dev/dl). ${instead}`;
  }
  return undefined;
}

/**
 * Installs its arguments. Their services are not started (invoke-rc.d(8)): the cluster has its own, and ends them.
 * A shell's trap, so that the policy goes even if this program is interrupted; the machine's own policy stays.
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
export async function installPackages(onLine: (line: string) => void, packages = PACKAGES): Promise<void> {
  const present = await Promise.all(packages.map(installed));
  const missing = packages.filter((_, index) => !present[index]);
  if (missing.length === 0) return;
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await run("apt-get", ["update"], { env, onLine });
  await run("sh", ["-c", INSTALL, "install", ...missing], { env, onLine });
}
