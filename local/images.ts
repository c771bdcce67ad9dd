import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PLATFORM, saveImage } from "../worker/sideload";
import { cacheDir } from "./cluster/binaries";
import { dir as clusterDir } from "./cluster/cluster";
import { debianRelease, makeRoot } from "./debian";
import { run, succeeds } from "./run";

const DOCKERFILE = join(__dirname, "images", "Dockerfile");

/** Builds one target of images/Dockerfile from what is in `context`, and saves it as an archive. */
async function build(target: string, image: string, context: string, archive: string, args: string[] = []) {
  await run("docker", ["build", "-q", "-t", image, "--target", target, "-f", DOCKERFILE, ...args, context]);
  await mkdir(cacheDir, { recursive: true });
  await saveImage(image, `${archive}.partial`, PLATFORM);
  await rename(`${archive}.partial`, archive);
}

/** Loads an archive into the containerd of a local cluster. */
async function load(archive: string, cluster = clusterDir): Promise<void> {
  await run("ctr", ["-a", join(cluster, "containerd.sock"), "-n", "k8s.io", "images", "import", archive]);
}

/** Brings the image of a static program, which is in the folder, to the local cluster; the archive stays beside it. */
export async function loadProgram(folder: string, program: string): Promise<void> {
  const archive = join(folder, `${program}.tar`);
  if (!existsSync(archive)) {
    await build("program", `coinflip.local/${program}:1`, folder, archive, ["--build-arg", `PROGRAM=${program}`]);
  }
  await load(archive);
}

/** An image of Debian packages that stands in for one that no registry can be reached for. */
interface StandIn {
  /** In images/Dockerfile. */
  readonly target: string;
  readonly image: string;
  /** The Debian release, where the packages have the version that the stack needs. */
  readonly release: string;
  readonly packages: readonly string[];
  /** Adds to the build context what is not a package. */
  readonly addTo?: (context: string) => Promise<void>;
}

/** forky is the first release whose nginx can follow DNS in the open-source version (1.27.3); coreutils are for start.sh and preStop. */
export const NGINX = { release: "forky", packages: ["dash", "coreutils", "nginx-light"] } as const;

async function standIns(): Promise<Record<BaseImage, StandIn>> {
  const nodeProgram = require.resolve("node/bin/node");
  const { version } = JSON.parse(await readFile(require.resolve("node/package.json"), "utf8"));
  return {
    // The npm package's program, on the libraries that it is linked with.
    nodeImage: {
      target: "node",
      image: `coinflip.local/node:${version}`,
      release: await debianRelease(),
      packages: ["libstdc++6", "libatomic1"],
      addTo: (context) => copyFile(nodeProgram, join(context, "node")),
    },
    nginxImage: { target: "nginx", image: "coinflip.local/nginx:forky", ...NGINX },
    prometheusImage: {
      target: "prometheus",
      image: "coinflip.local/prometheus:forky",
      release: "forky",
      packages: ["prometheus"],
    },
  };
}

async function makeStandIn({ target, image, release, packages, addTo }: StandIn, archive: string) {
  const context = await mkdtemp(join(tmpdir(), "coinflip-image-"));
  try {
    await makeRoot(release, packages, join(context, "rootfs.tar"));
    await addTo?.(context);
    await build(target, image, context, archive);
  } finally {
    await rm(context, { recursive: true, force: true });
  }
}

/** The settings that name base images. */
export type BaseImage = "nodeImage" | "nginxImage" | "prometheusImage";
export const isStandIn = (image: string) => image.startsWith("coinflip.local/");

/** Brings an image of the same programs, made from Debian packages, in its place; returns its name. */
export async function provideStandIn(setting: BaseImage): Promise<string> {
  const standIn = (await standIns())[setting];
  const recipe = createHash("sha256").update(JSON.stringify(standIn)).digest("hex").slice(0, 8);
  const archive = join(cacheDir, `${standIn.image.replace(/\W/g, "-")}-${recipe}.tar`);
  if (!existsSync(archive)) await makeStandIn(standIn, archive);
  await (setting === "nodeImage" ? run("docker", ["load", "-q", "-i", archive]) : load(archive));
  return standIn.image;
}

/** Pulls an image, unless Docker has it; undefined, or why it cannot be had. */
export async function cannotPull(image: string): Promise<string | undefined> {
  if (await succeeds("docker", ["image", "inspect", image])) return undefined;
  return run("docker", ["pull", "-q", image], { timeout: 300_000 }).then(
    () => undefined,
    (error: Error) => error.message.split("\n").at(-1),
  );
}

/** Brings an image from Docker to a local cluster, which pulls from nowhere. The cluster is named by its folder. */
export async function loadFromDocker(image: string, cluster = clusterDir): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "coinflip-image-"));
  try {
    const archive = join(folder, "image.tar");
    await saveImage(image, archive, PLATFORM);
    await load(archive, cluster);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
