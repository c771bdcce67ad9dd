import { execFile, spawn } from "node:child_process";
import { open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import * as pulumi from "@pulumi/pulumi";
import type { Cluster } from "../cluster";

/** What images are built for: the machine that builds, and, it is assumed, the nodes. */
export const PLATFORM = `linux/${process.arch === "arm64" ? "arm64" : "amd64"}`;

/** What `docker build` is told. Paths are relative to the project's folder. */
export interface Build {
  readonly context: string;
  readonly dockerfile: string;
  readonly args: Readonly<Record<string, string>>;
  readonly platform: string;
}

export interface SideloadInputs {
  readonly image: string;
  readonly build: Build;
  readonly cluster: Cluster;
}

/** Runs a program; its error carries what the program said. */
async function run(program: string, ...args: string[]): Promise<string> {
  try {
    return (await promisify(execFile)(program, args, { maxBuffer: 2 ** 24, timeout: 300_000 })).stdout;
  } catch (error) {
    const { code, stderr, message } = error as { code?: string; stderr?: string; message: string };
    if (code === "ENOENT") throw new Error(`${program} is not installed, and this cluster's images are loaded with it`);
    throw new Error(`${program} ${args.join(" ")}: ${stderr?.trim() || message}`);
  }
}

const lines = (output: string) => output.split("\n").filter((line) => line !== "");

/** How to look for an image on a cluster's nodes, and how to bring it there from a `docker save` archive. */
interface Loader {
  readonly nodes: () => Promise<string[]>;
  readonly has: (node: string, image: string) => Promise<boolean>;
  readonly load: (nodes: string[], archive: string) => Promise<unknown>;
}

/** The nodes of kind and k3d: Docker containers with containerd inside. */
function containers(kind: string, name: string, label: string): Loader {
  return {
    async nodes() {
      const names = lines(await run("docker", "ps", "--filter", `label=${label}`, "--format", "{{.Names}}"));
      const nodes = names.filter((each) => !/-(external-load-balancer|serverlb|tools|registry)$/.test(each));
      if (nodes.length === 0) throw new Error(`no node of the ${kind} cluster "${name}" runs in Docker; start it`);
      return nodes;
    },
    async has(node, image) {
      const listing = ["-n", "k8s.io", "images", "ls", "-q", `name==${qualified(image)}`];
      return lines(await run("docker", "exec", node, "ctr", ...listing)).length > 0;
    },
    load: (nodes, archive) => Promise.all(nodes.map((node) => importInto(node, archive))),
  };
}

/** An image's name as containerd has it: with the registry that Docker leaves out. */
function qualified(image: string): string {
  const [first = "", ...rest] = image.split("/");
  if (rest.length === 0) return `docker.io/library/${image}`;
  return /[.:]|^localhost$/.test(first) ? image : `docker.io/${image}`;
}

/** Imports an archive as `kind load image-archive` does, on machines without kind as well. */
export async function importInto(node: string, archive: string): Promise<void> {
  const file = await open(archive);
  const command = ["exec", "-i", node, "ctr", "-n", "k8s.io", "images", "import", "--all-platforms", "-"];
  try {
    await new Promise<void>((resolve, reject) => {
      const child = spawn("docker", command, { stdio: [file.fd, "ignore", "pipe"] });
      let errors = "";
      child.stderr?.on("data", (data) => {
        errors += data;
      });
      child.on("error", reject);
      child.on("close", (code) =>
        code === 0 ? resolve() : reject(new Error(`docker ${command.join(" ")}: ${errors.trim()}`)),
      );
    });
  } finally {
    await file.close();
  }
}

function loaderFor({ kind, name, context }: Cluster): Loader {
  switch (kind) {
    case "kind":
      return containers(kind, name, `io.x-k8s.kind.cluster=${name}`);
    case "k3d":
      return containers(kind, name, `k3d.cluster=${name}`);
    case "minikube":
      return {
        nodes: async () => [name],
        has: async (_, image) => (await run("minikube", "-p", name, "image", "ls")).includes(image),
        load: (_, archive) => run("minikube", "-p", name, "image", "load", archive),
      };
    case "docker":
      // Docker's own images are the cluster's: what was built is there.
      return {
        nodes: async () => [name],
        has: (_, image) => inDocker(image),
        load: async () => undefined,
      };
    case "remote":
      throw new Error(
        `no image can be side-loaded into "${context}", which is no local cluster; push it to a registry instead: ` +
          "pulumi config set --path registry.server HOST, and registry.repository",
      );
  }
}

/** An image and the cluster whose nodes need it. */
type Placed = Pick<SideloadInputs, "image" | "cluster">;

/** The nodes of the cluster that do not have the image yet. */
export async function nodesWithout({ image, cluster }: Placed): Promise<string[]> {
  const loader = loaderFor(cluster);
  const nodes = await loader.nodes();
  const present = await Promise.all(nodes.map((node) => loader.has(node, image)));
  return nodes.filter((_, index) => !present[index]);
}

const inDocker = (image: string) =>
  run("docker", "image", "inspect", image).then(
    () => true,
    () => false,
  );

/** Builds an image with Docker, unless Docker has it: its tag says its content. */
export async function buildImage(image: string, { context, dockerfile, args, platform }: Build): Promise<void> {
  if (await inDocker(image)) return;
  const buildArgs = Object.entries(args).flatMap(([name, value]) => ["--build-arg", `${name}=${value}`]);
  await run("docker", "build", "--platform", platform, "-t", image, "-f", dockerfile, ...buildArgs, context);
}

/** The first Docker API whose `save` can be told the platform. */
const SAVES_PLATFORM = 48;

/** Writes an image to an archive. A Docker that keeps several platforms of an image has to be told which one is meant. */
export async function saveImage(image: string, archive: string, platform: string): Promise<void> {
  const api = await run("docker", "version", "--format", "{{.Server.APIVersion}}");
  const flags = Number(/^1\.(\d+)/.exec(api)?.[1]) >= SAVES_PLATFORM ? ["--platform", platform] : [];
  await run("docker", "save", ...flags, "-o", archive, image);
}

async function loadInto(nodes: string[], { image, cluster }: Placed, platform: string): Promise<void> {
  if (nodes.length === 0 || cluster.kind === "docker") return;
  const archive = join(tmpdir(), `${image.replace(/\W/g, "-")}-${process.pid}.tar`);
  try {
    await saveImage(image, archive, platform);
    await loaderFor(cluster).load(nodes, archive);
  } finally {
    await rm(archive, { force: true });
  }
}

/** Brings an image from Docker to those nodes of the cluster that do not have it. */
export const loadImage = async (image: string, cluster: Cluster) =>
  loadInto(await nodesWithout({ image, cluster }), { image, cluster }, PLATFORM);

/** Brings the worker's image to every node that does not have it. Builds it again if Docker no longer has it. */
export async function sideload(inputs: SideloadInputs): Promise<void> {
  const nodes = await nodesWithout(inputs);
  if (nodes.length === 0) return;
  await buildImage(inputs.image, inputs.build);
  await loadInto(nodes, inputs, inputs.build.platform);
}

const provider: pulumi.dynamic.ResourceProvider<SideloadInputs, SideloadInputs> = {
  async create(inputs) {
    await sideload(inputs);
    return { id: inputs.image, outs: inputs };
  },
  // A node that is new, or a whole cluster, needs the image although nothing in the program has changed.
  async diff(_id, olds, news) {
    const { kind, name } = news.cluster;
    const moved = olds.image !== news.image || olds.cluster.kind !== kind || olds.cluster.name !== name;
    return { changes: moved || (await nodesWithout(news)).length > 0 };
  },
  async update(_id, _olds, news) {
    await sideload(news);
    return { outs: news };
  },
};

export type SideloadArgs = { readonly [Name in keyof SideloadInputs]: pulumi.Input<SideloadInputs[Name]> };

/** An image on every node of a cluster that pulls from no registry. */
export class Sideload extends pulumi.dynamic.Resource {
  declare readonly image: pulumi.Output<string>;

  constructor(name: string, args: SideloadArgs, opts?: pulumi.CustomResourceOptions) {
    super(provider, name, args, opts, "coinflip", "Sideload");
  }
}
