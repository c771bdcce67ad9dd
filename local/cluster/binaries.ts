import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, symlink } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { run } from "../run";

export const cacheDir = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "coinflip");

/** The programs that the one binary of kube/main.go can be. */
const PROGRAMS = [
  "kube-apiserver",
  "kube-controller-manager",
  "kube-proxy",
  "kube-scheduler",
  "kubeadm",
  "kubectl",
  "kubelet",
];
const SOURCES = ["go.mod", "go.sum", "kube/main.go", "coredns/main.go", "pause/main.go"];

/** The folder of the cache for what is built from these files. */
export async function cachedBuild(name: string, sources: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const source of sources) hash.update(await readFile(source));
  return join(cacheDir, `${name}-${hash.digest("hex").slice(0, 16)}`);
}

/** Has a folder of the cache filled, unless it is there; what fails leaves none. */
export async function buildOnce(dir: string, build: (partial: string) => Promise<void>): Promise<void> {
  if (existsSync(dir)) return;
  const partial = `${dir}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  await build(partial);
  await rename(partial, dir);
}

/** The folder of the cluster's own programs: Kubernetes' under their names, coredns and pause. */
export const binariesDir = () =>
  cachedBuild(
    "cluster",
    SOURCES.map((source) => join(__dirname, source)),
  );

/** Builds the cluster's programs, unless they are in the cache. */
export async function buildBinaries(onLine: (line: string) => void): Promise<string> {
  const dir = await binariesDir();
  await buildOnce(dir, (partial) => build(partial, onLine));
  return dir;
}

async function build(dir: string, onLine: (line: string) => void): Promise<void> {
  const version = await run("go", ["list", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes"], { cwd: __dirname });
  const [major, minor] = version.replace("v", "").split(".");
  // Without these the API server says v0.0.0-master, which its clients cannot parse.
  const stamp = Object.entries({ gitVersion: version, gitMajor: major, gitMinor: minor })
    .map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)
    .join(" ");
  await run(
    "go",
    ["build", "-v", "-trimpath", "-ldflags", `-s -w ${stamp}`, "-o", dir, "./kube", "./coredns", "./pause"],
    { cwd: __dirname, env: { CGO_ENABLED: "0" }, timeout: 30 * 60_000, onLine },
  );
  await Promise.all(PROGRAMS.map((program) => symlink("kube", join(dir, program))));
}

/**
 * Builds a program from its Go module, unless it is in the cache; returns its folder.
 *
 * @param program as `go install` takes it, with a version: example.com/module/cmd/program@v1.2.3
 */
export async function installGo(program: string, onLine?: (line: string) => void): Promise<string> {
  const dir = join(cacheDir, basename(program));
  await buildOnce(dir, async (partial) => {
    await run("go", ["install", "-v", "-trimpath", "-ldflags", "-s -w", program], {
      env: { CGO_ENABLED: "0", GOBIN: partial },
      timeout: 30 * 60_000,
      ...(onLine && { onLine }),
    });
  });
  return dir;
}
