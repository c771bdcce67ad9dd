import { existsSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cacheDir } from "./cluster/binaries";
import { dir as clusterDir } from "./cluster/cluster";
import { run, succeeds } from "./run";

const DOCKERFILE = join(__dirname, "images", "Dockerfile");

/** Builds one target of images/Dockerfile from what is in `context`, and saves it as an archive. */
async function build(target: string, image: string, context: string, archive: string, args: string[] = []) {
  await run("docker", ["build", "-q", "-t", image, "--target", target, "-f", DOCKERFILE, ...args, context]);
  await mkdir(cacheDir, { recursive: true });
  await run("docker", ["save", "-o", `${archive}.partial`, image]);
  await rename(`${archive}.partial`, archive);
}

/** Loads an archive into the local cluster's containerd. */
async function load(archive: string): Promise<void> {
  await run("ctr", ["-a", join(clusterDir, "containerd.sock"), "-n", "k8s.io", "images", "import", archive]);
}

/** The images of the cluster's own pods: the sandbox that holds every pod, and DNS. */
export async function loadClusterImages(bin: string): Promise<void> {
  for (const program of ["pause", "coredns"]) {
    const archive = join(bin, `${program}.tar`);
    if (!existsSync(archive)) {
      await build("program", `coinflip.local/${program}:1`, bin, archive, ["--build-arg", `PROGRAM=${program}`]);
    }
    await load(archive);
  }
}

/** An image of Debian packages that stands in for one that no registry can be reached for. */
interface StandIn {
  readonly image: string;
  /** The Debian release, where the packages have the version that the stack needs. */
  readonly suite: string;
  readonly packages: string;
  /** Adds to the build context what is not a package. */
  readonly addTo?: (context: string) => Promise<void>;
}

async function standIns(): Promise<Record<"node" | "nginx", StandIn>> {
  const nodeProgram = require.resolve("node/bin/node");
  const { version } = JSON.parse(await readFile(require.resolve("node/package.json"), "utf8"));
  const release = /VERSION_CODENAME=(\w+)/.exec(await readFile("/etc/os-release", "utf8"))?.[1] ?? "stable";
  return {
    // The npm package's program, on the libraries that it is linked with.
    node: {
      image: `coinflip.local/node:${version}`,
      suite: release,
      packages: "base-files,libstdc++6,libatomic1",
      addTo: (context) => copyFile(nodeProgram, join(context, "node")),
    },
    // forky is the first release whose nginx can follow DNS in the open-source version (1.27.3).
    nginx: { image: "coinflip.local/nginx:forky", suite: "forky", packages: "base-files,dash,nginx-light" },
  };
}

async function makeStandIn(name: string, { image, suite, packages, addTo }: StandIn, archive: string) {
  const context = await mkdtemp(join(tmpdir(), "coinflip-image-"));
  try {
    // Without base-files the links of the merged /usr are missing, and nothing starts.
    const rootfs = ["--mode=root", "--variant=extract", `--include=${packages}`];
    // A mirror's copy of the release may be older than its own date of expiry.
    const dated = `--aptopt=Acquire::Check-Valid-Until "false"`;
    await run("mmdebstrap", [...rootfs, dated, suite, join(context, "rootfs.tar")]);
    await addTo?.(context);
    await build(name, image, context, archive);
  } finally {
    await rm(context, { recursive: true, force: true });
  }
}

export interface BaseImages {
  readonly nodeImage: string;
  readonly nginxImage: string;
  /** Why they are not the ones asked for, if they are not. */
  readonly standInBecause?: string;
}

/**
 * Brings the base images to where they are used: the worker's to Docker, nginx's to the local cluster, which pulls from
 * nowhere. Where no registry answers, images of the same programs are made from Debian packages, and kept in the cache.
 */
export async function provideBaseImages(wanted: { nodeImage: string; nginxImage: string }): Promise<BaseImages> {
  const pulled = await Promise.all(Object.values(wanted).map(pull));
  const refused = pulled.find((reason) => reason !== undefined);
  if (refused === undefined) {
    await saveAndLoad(wanted.nginxImage);
    return wanted;
  }
  const { node, nginx } = await standIns();
  const [nodeArchive, nginxArchive] = [node, nginx].map(({ image }) =>
    join(cacheDir, `${image.replace(/\W/g, "-")}.tar`),
  );
  if (!nodeArchive || !nginxArchive) throw new Error("unreachable");
  if (!existsSync(nodeArchive)) await makeStandIn("node", node, nodeArchive);
  if (!existsSync(nginxArchive)) await makeStandIn("nginx", nginx, nginxArchive);
  await Promise.all([run("docker", ["load", "-q", "-i", nodeArchive]), load(nginxArchive)]);
  return { nodeImage: node.image, nginxImage: nginx.image, standInBecause: refused };
}

/** Pulls an image unless Docker has it; undefined, or why it cannot be had. */
async function pull(image: string): Promise<string | undefined> {
  if (await succeeds("docker", ["image", "inspect", image])) return undefined;
  return run("docker", ["pull", "-q", image], { timeout: 300_000 }).then(
    () => undefined,
    (error: Error) => error.message.split("\n").at(-1),
  );
}

async function saveAndLoad(image: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "coinflip-image-"));
  try {
    const archive = join(folder, "image.tar");
    await run("docker", ["save", "-o", archive, image]);
    await load(archive);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
