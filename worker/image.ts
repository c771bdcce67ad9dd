import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { Cluster } from "../cluster";
import type { ClusterPin } from "../pin";
import type { Registry } from "../settings";
import { bundle } from "./bundle";
import { PLATFORM, Sideload } from "./sideload";

export interface WorkerImageArgs {
  /** The image that the bundle is put on: Node.js, with `node` on its PATH. */
  readonly baseImage: string;
  /** Where to push the image; without one it is side-loaded into the cluster. */
  readonly registry: Registry | undefined;
  readonly cluster: Cluster;
  /** Nothing is built for a cluster that this refuses. */
  readonly pin: ClusterPin;
}

const context = join(__dirname, "dist");
const dockerfile = join(__dirname, "Dockerfile");

/** The worker's image, built from `app/` and brought to where the cluster's nodes find it. */
export class WorkerImage extends pulumi.ComponentResource {
  /** What pods name: a tag that says the content, or a digest. Known to exist for the nodes when it resolves. */
  readonly reference: pulumi.Output<string>;

  constructor(name: string, args: WorkerImageArgs, opts?: pulumi.ComponentResourceOptions) {
    super("coinflip:worker:WorkerImage", name, args, opts);
    const { baseImage, registry, cluster, pin } = args;
    const repository = registry ? `${registry.server}/${registry.repository}` : "coinflip-worker";
    const tag = async () => contentTag(await buildContext(), await readFile(dockerfile), baseImage, PLATFORM);
    const imageName = pulumi.interpolate`${repository}:${tag()}`;
    // Relative to the project's folder, so that another clone of the same content shows no difference.
    const from = {
      context: relative(process.cwd(), context),
      dockerfile: relative(process.cwd(), dockerfile),
      args: { NODE_IMAGE: baseImage },
      platform: PLATFORM,
    };
    const image = new docker.Image(
      name,
      {
        imageName,
        // Not before there is a bundle in the context.
        build: imageName.apply(() => from),
        skipPush: !registry,
        ...(registry && { registry: credentials(registry) }),
      },
      { parent: this, dependsOn: pin },
    );
    this.reference = registry
      ? image.repoDigest
      : new Sideload(name, { image: image.imageName, build: from, cluster }, { parent: this }).image;
    this.registerOutputs({ reference: this.reference });
  }
}

const credentials = ({ server, username, password }: Registry) =>
  username && password ? { server, username, password } : { server };

/** Makes the build context, which holds one file, and returns that. */
async function buildContext(): Promise<Uint8Array> {
  const code = await bundle();
  await mkdir(context, { recursive: true });
  await writeFile(join(context, "server.js"), code);
  return code;
}

/** The same for the same content, another for any other. */
function contentTag(...parts: (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest("hex").slice(0, 16);
}
