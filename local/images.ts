import { createHash } from "node:crypto";
import { copyFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PLATFORM, saveImage } from "../worker/sideload";
import { buildOnce, cacheDir } from "./buildCache";
import { debianRelease, installPackages, isDebianRoot, makeRoot } from "./debian";
import { run, succeeds } from "./run";

const DOCKERFILE = join(__dirname, "images", "Dockerfile");

/** Builds one target of images/Dockerfile from what is in `context`. */
export const buildTarget = (target: string, image: string, context: string, args: readonly string[] = []) =>
  run("docker", [
    "build",
    "-q",
    "--network",
    "none",
    "-t",
    image,
    "--target",
    target,
    "-f",
    DOCKERFILE,
    ...args,
    context,
  ]);

/** Loads an image into Docker from the cache. Builds it and saves it to the cache if it is missing there. */
export async function provideCached(image: string, recipe: string, build: () => Promise<unknown>): Promise<void> {
  const hash = createHash("sha256").update(recipe).digest("hex").slice(0, 8);
  const folder = join(cacheDir, `${image.replace(/\W/g, "-")}-${hash}`);
  if (await succeeds("docker", ["image", "inspect", image])) return;
  await buildOnce(folder, async (partial) => {
    await build();
    await saveImage(image, join(partial, "image.tar"), PLATFORM);
  });
  if (await succeeds("docker", ["image", "inspect", image])) return;
  await run("docker", ["load", "-q", "-i", join(folder, "image.tar")]);
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
      target: "nodejs",
      image: `coinflip.local/nodejs:${version}`,
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

async function makeStandIn({ target, image, release, packages, addTo }: StandIn): Promise<void> {
  if (!isDebianRoot()) throw new Error(`${image} is made only on Debian as root`);
  await installPackages(() => undefined, ["mmdebstrap"]);
  const context = await mkdtemp(join(tmpdir(), "coinflip-image-"));
  try {
    await makeRoot(release, packages, join(context, "rootfs.tar"));
    await addTo?.(context);
    await buildTarget(target, image, context);
  } finally {
    await rm(context, { recursive: true, force: true });
  }
}

/** The settings that name base images. */
export type BaseImage = "nodeImage" | "nginxImage" | "prometheusImage";
export const isStandIn = (image: string) => image.startsWith("coinflip.local/");

/** Makes an image with the same programs from Debian packages, unless Docker or the cache has it. Returns its name. */
export async function provideStandIn(setting: BaseImage): Promise<string> {
  const standIn = (await standIns())[setting];
  await provideCached(standIn.image, JSON.stringify(standIn), () => makeStandIn(standIn));
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
