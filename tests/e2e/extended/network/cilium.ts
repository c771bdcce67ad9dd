import { existsSync, readFileSync } from "node:fs";
import { cp, symlink } from "node:fs/promises";
import { join } from "node:path";
import { buildOnce, cachedBuild } from "../../../local/cluster/binaries";
import { run } from "../../../local/run";

/** The compiler of its BPF programs, the sets of its iptables rules, and what lists BPF programs that stay behind. */
export const CILIUM_PACKAGES: readonly string[] = ["clang-19", "ipset", "bpftool"];
const PROGRAMS = ["/usr/bin/clang-19", "/usr/sbin/ipset", "/usr/sbin/bpftool"];

/** Why Cilium cannot run here, or undefined. */
export function cannotEnforce(): string | undefined {
  if (!/\tbpf$/m.test(readFileSync("/proc/filesystems", "utf8"))) return "The kernel has no BPF, which Cilium takes.";
  const missing = PROGRAMS.filter((program) => !existsSync(program));
  return missing.length === 0 ? undefined : `Debian's packages have not brought ${missing.join(" and ")}.`;
}

const MODULE = "github.com/cilium/cilium";
/** What kube-apiserver has to know of Cilium. */
const CRDS = join("pkg", "k8s", "apis", "cilium.io", "client", "crds");

/**
 * Builds Cilium from its Go module, unless it is in the cache.
 *
 * @returns the folder of its agent, its CNI plugin, its CRDs and the sources of its BPF programs
 */
export async function buildCilium(): Promise<string> {
  const dir = await cachedBuild(
    "cilium",
    ["cilium.ts", "go.mod", "go.sum"].map((source) => join(__dirname, source)),
  );
  await buildOnce(dir, build);
  return dir;
}

async function build(dir: string): Promise<void> {
  const go = (...args: string[]) =>
    run("go", args, { cwd: __dirname, env: { CGO_ENABLED: "0" }, timeout: 30 * 60_000 });
  // `tool` stands for the programs that go.mod names.
  await go("build", "-trimpath", "-ldflags", "-s -w", "-o", dir, "tool");
  const module = await go("list", "-m", "-f", "{{.Dir}}", MODULE);
  for (const version of ["v2", "v2alpha1"]) {
    await cp(join(module, CRDS, version), join(dir, "crds"), {
      recursive: true,
      filter: (source) => !source.endsWith(".go"),
    });
  }
  const tests = join(module, "bpf", "tests");
  await cp(join(module, "bpf"), join(dir, "bpf"), { recursive: true, filter: (source) => source !== tests });
  await symlink("/usr/bin/clang-19", join(dir, "clang"));
  // containerd has one folder for all CNI plugins.
  await symlink("/usr/lib/cni/loopback", join(dir, "loopback"));
}
