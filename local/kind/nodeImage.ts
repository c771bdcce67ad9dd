import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildOnce, cacheDir, cachedBuild, checkSpace } from "../buildCache";
import { debianRelease, installPackages, isDebianRoot, makeRoot } from "../debian";
import { cannotPull, provideCached } from "../images";
import { run, succeeds } from "../run";
import type { Say } from "../steps";
import { KIND } from "./program";

const SOURCE = join(__dirname, "nodeImage");
const GO_SOURCES = ["go.mod", "go.sum", ...["kube", "etcd", "coredns", "pause"].map((name) => `${name}/main.go`)];
const NODE_PACKAGES = [
  ...["ca-certificates", "conntrack", "containerd", "containernetworking-plugins", "curl", "dbus", "ethtool"],
  ...["hostname", "iproute2", "iptables", "jq", "kmod", "mount", "procps", "runc", "socat", "systemd-sysv"],
];
const POD_PACKAGES = ["conntrack", "coreutils", "dash", "iptables"];

/** Why no node image can be built on this machine; undefined if one can. */
async function cannotBuild(): Promise<string | undefined> {
  if (!isDebianRoot()) return "one is built only on Debian as root";
  if (!(await succeeds("go", ["version"]))) return "building one needs Go 1.24 or later (https://go.dev/dl)";
  return undefined;
}

/** The files of a folder, with their paths below it, in order. */
const filesBelow = async (folder: string) =>
  (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort();

/** Kubernetes, etcd, CoreDNS and pause: the folder of the programs, built unless they are in the cache. */
export async function programs(say: Say): Promise<string> {
  const sources = GO_SOURCES.map((source) => join(SOURCE, source));
  const dir = await cachedBuild("kubernetes", sources);
  await buildOnce(dir, async (partial) => {
    const version = await kubernetesVersion();
    const [major, minor] = version.replace("v", "").split(".");
    // Without these the API server reports v0.0.0-master, which its clients cannot parse.
    const stamp = Object.entries({ gitVersion: version, gitMajor: major, gitMinor: minor })
      .map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)
      .join(" ");
    const packages = ["./kube", "./etcd", "./coredns", "./pause"];
    const command = ["build", "-v", "-trimpath", "-ldflags", `-s -w ${stamp}`, "-o", partial, ...packages];
    await run("go", command, { cwd: SOURCE, env: { CGO_ENABLED: "0" }, timeout: 40 * 60_000, onLine: say });
    await symlink("kube", join(partial, "kubeadm"));
  });
  return dir;
}

const kubernetesVersion = () => run("go", ["list", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes"], { cwd: SOURCE });

const docker = (file: string, context: string, names: readonly string[]) =>
  run("docker", [
    ...["build", "--network", "none", "-f", join(SOURCE, file), ...names.flatMap((name) => ["-t", name]), context],
  ]);

/** Builds the image in Docker. What goes into it is gathered in temporary folders, one for each Dockerfile. */
async function build(image: string, say: Say): Promise<void> {
  await checkSpace(cacheDir, 8e9, "building the node image");
  await installPackages(say, ["mmdebstrap"]);
  const context = await mkdtemp(join(tmpdir(), "coinflip-node-"));
  const [pods, node] = [join(context, "pods"), join(context, "node")];
  try {
    await cp(join(SOURCE, "files"), join(node, "files"), { recursive: true });
    await mkdir(pods);
    const roots = async () => {
      const release = await debianRelease();
      await makeRoot(release, POD_PACKAGES, join(pods, "root.tar"));
      await makeRoot(release, NODE_PACKAGES, join(node, "root.tar"), "minbase");
    };
    // Both use the network and one core for most of their time.
    const [bin] = await Promise.all([programs(say), roots()]);
    const version = await kubernetesVersion();
    await writeFile(join(node, "files", "kind", "version"), version);
    await cp(join(bin, "kube"), join(node, "kube"));
    await cp(bin, join(pods, "bin"), { recursive: true });
    const list = await run(join(bin, "kubeadm"), ["config", "images", "list", "--kubernetes-version", version]);
    const names = list.split("\n").filter((line) => line.startsWith("registry.k8s.io/"));
    try {
      say("docker build, the image of the control plane");
      await docker("pods.Dockerfile", pods, names);
      await run("docker", ["save", "-o", join(node, "images.tar"), ...names]);
      say("docker build, the node image");
      await docker("Dockerfile", node, [image]);
    } finally {
      await succeeds("docker", ["image", "rm", "--force", ...names]);
      await succeeds("docker", ["image", "prune", "--force", "--filter", "label=coinflip.local=node"]);
    }
  } finally {
    await rm(context, { recursive: true, force: true });
  }
}

/** Builds the node image, or loads it from the cache. Its name says its content. */
async function provideBuilt(say: Say): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify([NODE_PACKAGES, POD_PACKAGES, await debianRelease()]));
  for (const file of await filesBelow(SOURCE)) hash.update(file.slice(SOURCE.length)).update(await readFile(file));
  const image = `coinflip.local/node:${hash.digest("hex").slice(0, 16)}`;
  await provideCached(image, "", () => build(image, say));
  return image;
}

/**
 * Brings the image of kind's nodes into Docker: pulls it, or builds an equivalent one where no registry can be reached.
 *
 * @returns its name, and how it was obtained
 * @throws Error if it can be neither pulled nor built, with both reasons
 */
export async function provideNodeImage(say: Say): Promise<{ readonly image: string; readonly how: string }> {
  const refused = await cannotPull(KIND.nodeImage);
  if (refused === undefined) return { image: KIND.nodeImage, how: "kindest/node" };
  const reason = await cannotBuild();
  if (reason !== undefined)
    throw new Error(`kindest/node cannot be pulled (${refused}), and ${reason}. Check Docker's access to Docker Hub.`);
  return { image: await provideBuilt(say), how: `built from Debian packages and Go modules, because: ${refused}` };
}
