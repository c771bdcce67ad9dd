import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, symlink } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
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

/** The folder of the cluster's own programs: Kubernetes' under their names, coredns and pause. */
export async function binariesDir(): Promise<string> {
  const hash = createHash("sha256");
  for (const source of SOURCES) hash.update(await readFile(join(__dirname, source)));
  return join(cacheDir, `cluster-${hash.digest("hex").slice(0, 16)}`);
}

/** Builds the cluster's programs, unless they are in the cache. */
export async function buildBinaries(onLine: (line: string) => void): Promise<string> {
  const dir = await binariesDir();
  if (existsSync(dir)) return dir;
  const version = await run("go", ["list", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes"], { cwd: __dirname });
  const [major, minor] = version.replace("v", "").split(".");
  // Without these the API server says v0.0.0-master, which its clients cannot parse.
  const stamp = Object.entries({ gitVersion: version, gitMajor: major, gitMinor: minor })
    .map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)
    .join(" ");
  const partial = `${dir}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  await run(
    "go",
    ["build", "-v", "-trimpath", "-ldflags", `-s -w ${stamp}`, "-o", partial, "./kube", "./coredns", "./pause"],
    { cwd: __dirname, env: { CGO_ENABLED: "0" }, timeout: 30 * 60_000, onLine },
  );
  await Promise.all(PROGRAMS.map((program) => symlink("kube", join(partial, program))));
  await rename(partial, dir);
  return dir;
}

/** Builds metrics-server, unless it is in the cache; returns its folder. */
export async function buildMetricsServer(onLine: (line: string) => void): Promise<string> {
  const version = "v0.9.0";
  const dir = join(cacheDir, `metrics-server-${version}`);
  if (existsSync(dir)) return dir;
  const partial = `${dir}.partial`;
  await rm(partial, { recursive: true, force: true });
  const program = `sigs.k8s.io/metrics-server/cmd/metrics-server@${version}`;
  await run("go", ["install", "-v", "-trimpath", "-ldflags", "-s -w", program], {
    env: { CGO_ENABLED: "0", GOBIN: partial },
    timeout: 30 * 60_000,
    onLine,
  });
  await rename(partial, dir);
  return dir;
}
