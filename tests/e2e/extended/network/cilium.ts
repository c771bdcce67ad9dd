import { readFileSync } from "node:fs";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildOnce, cachedBuild, checkSpace } from "../../../../local/buildCache";
import { debianRelease, installPackages, isDebianRoot, makeRoot } from "../../../../local/debian";
import { run, succeeds } from "../../../../local/run";
import { PLATFORM, saveImage } from "../../../../worker/sideload";

/** As cilium.yaml names it. */
const IMAGE = "coinflip.local/cilium:test";
/** clang compiles the agent's BPF programs; mount is for cilium.yaml. */
const PACKAGES = ["clang-19", "ipset", "iptables", "dash", "coreutils", "mount"];
const MODULE = "github.com/cilium/cilium";
/** Where the module has its CustomResourceDefinitions, which the operator would create. */
const CRDS = join("pkg", "k8s", "apis", "cilium.io", "client", "crds");

/** Why Cilium cannot run here; undefined if it can. */
export function cannotEnforce(): string | undefined {
  if (!isDebianRoot()) return "Cilium is built only on Debian as root.";
  if (!/\tbpf$/m.test(readFileSync("/proc/filesystems", "utf8"))) return "The kernel has no BPF, which Cilium needs.";
  return undefined;
}

const go = (...args: string[]) => run("go", args, { cwd: __dirname, env: { CGO_ENABLED: "0" }, timeout: 30 * 60_000 });

/** The contents of the YAML files in a folder. */
const filesIn = async (folder: string) => {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".yaml"));
  return Promise.all(names.map((name) => readFile(join(folder, name), "utf8")));
};

/** Fills a folder with `image.tar`, the image of the agent, and `crds.yaml`. */
async function build(folder: string): Promise<void> {
  await checkSpace(folder, 4e9, "building Cilium");
  await installPackages(() => undefined, ["mmdebstrap"]);
  const context = await mkdtemp(join(tmpdir(), "coinflip-cilium-"));
  try {
    // `tool` stands for the programs that go.mod names.
    const programs = go("build", "-trimpath", "-ldflags", "-s -w", "-o", context, "tool");
    await Promise.all([programs, makeRoot(await debianRelease(), PACKAGES, join(context, "root.tar"))]);
    const module = await go("list", "-m", "-f", "{{.Dir}}", MODULE);
    const crds = await Promise.all(["v2", "v2alpha1"].map((version) => filesIn(join(module, CRDS, version))));
    await writeFile(join(folder, "crds.yaml"), crds.flat().join("\n---\n"));
    await cp(join(module, "bpf"), join(context, "bpf"), { recursive: true });
    await run("docker", ["build", "--network=none", "-t", IMAGE, "-f", join(__dirname, "Dockerfile"), context]);
    await saveImage(IMAGE, join(folder, "image.tar"), PLATFORM);
  } finally {
    // The cache has the image from here on.
    await succeeds("docker", ["image", "rm", "--force", IMAGE]);
    await succeeds("docker", ["image", "prune", "--force", "--filter", "label=coinflip.local=cilium"]);
    await rm(context, { recursive: true, force: true });
  }
}

/**
 * Builds Cilium from its Go module, unless it is in the cache.
 *
 * @returns the folder of the agent's image and of the CRDs
 */
export async function buildCilium(): Promise<string> {
  const folder = await cachedBuild(
    "cilium",
    ["cilium.ts", "Dockerfile", "go.mod", "go.sum"].map((source) => join(__dirname, source)),
  );
  await buildOnce(folder, build);
  return folder;
}
