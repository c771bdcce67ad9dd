import { once } from "node:events";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { toYaml } from "../../local/deploy";
import { NAME, NETWORK } from "../../local/kind/cluster";
import { OUR_CLUSTER } from "../../local/kind/ours";
import type { Manifest } from "../../local/program";
import { run } from "../../local/run";
import { loadImage } from "../../worker/sideload";
import { Clone } from "../e2e/clone";
import type { Bench } from "./context";
import { start, untilAnswers } from "./processes";

/** A Deployment, as far as the benchmark changes one. */
interface Deployment extends Manifest {
  readonly spec: { template: { spec: { containers: [Container] } } };
}

interface Probe {
  httpGet?: { path: string; port: string };
  tcpSocket?: { port: string };
  periodSeconds?: number;
}

interface Container {
  image: string;
  startupProbe?: Probe | undefined;
  readinessProbe?: Probe | undefined;
  livenessProbe?: Probe | undefined;
  env?: unknown[] | undefined;
}

/** A kind cluster of the benchmark's own, with the stack as `npm run up` makes it. */
export class BenchCluster {
  private constructor(
    private readonly clone: Clone,
    /** The stack's POST /compute. */
    readonly url: string,
  ) {}

  static async start({ say, defer }: Bench): Promise<BenchCluster> {
    say("system, npm run up in a clone");
    const clone = new Clone();
    defer(async () => clone.remove());
    const npm = ["--prefix", clone.tree, "run", "--silent"];
    const env = { ...process.env, ...clone.env, INIT_CWD: clone.tree };
    defer(async () => {
      console.log("        taking the cluster away");
      await run("npm", [...npm, "down"], { env });
    });
    const up = start(["sh", "-c", 'exec "$@" 2>&1', "up", "npm", ...npm, "up", "--", "--without-pulumi"], "pipe", env);
    let said = "";
    up.stdout?.on("data", (text) => {
      said += text;
    });
    await once(up, "close");
    const published = /^http:\S+\/compute$/m.exec(said)?.[0];
    if (published === undefined)
      throw new Error(`npm run up has failed:\n${said.trim().split("\n").slice(-15).join("\n")}`);
    // The node's own address: Docker's proxy of 127.0.0.1 would take CPU from what is measured.
    const address = ["inspect", "--format", `{{(index .NetworkSettings.Networks "${NETWORK}").IPAddress}}`];
    const url = new URL(published);
    url.hostname = await run("docker", [...address, `${NAME}-control-plane`]);
    return new BenchCluster(clone, url.href);
  }

  readonly kubectl = (...args: string[]) => this.clone.kubectl(...args);

  /** The same stack under another name, with other settings, as manifests. */
  async render(namespace: string, settings: Readonly<Record<string, string>>): Promise<Manifest[]> {
    const config = parse(await readFile(join(this.clone.tree, "Pulumi.local.yaml"), "utf8")).config as object;
    const own = Object.entries({ ...settings, namespace }).map(([name, value]) => [`coinflip:${name}`, value]);
    const stack = stringify({ config: { ...config, ...Object.fromEntries(own) } });
    await writeFile(join(this.clone.tree, `Pulumi.${namespace}.yaml`), stack);
    const folder = join(this.clone.dir, namespace);
    await this.clone.succeed("npm", "run", "render", "--", folder, "--stack", namespace);
    const files = (await readdir(folder)).sort();
    return Promise.all(files.map(async (file) => parse(await readFile(join(folder, file), "utf8")) as Manifest));
  }

  /** Applies manifests, without a wait. */
  async apply(namespace: string, manifests: readonly Manifest[]): Promise<void> {
    const file = join(this.clone.dir, `${namespace}.yaml`);
    await writeFile(file, toYaml(manifests));
    await this.kubectl("apply", "--server-side", "-f", file);
  }

  /** Waits until a stack has rolled out and answers; returns its POST /compute. */
  async ready(namespace: string, nodePort: number): Promise<string> {
    for (const name of (await this.kubectl("-n", namespace, "get", "deployments", "-o", "name")).split("\n")) {
      await this.kubectl("-n", namespace, "rollout", "status", name, "--timeout=120s");
    }
    const url = new URL(this.url);
    url.port = String(nodePort);
    await untilAnswers(namespace, url.href);
    return url.href;
  }

  /** Ends the pods of a stack, without a wait: the cluster goes as a whole. */
  async idle(namespace: string): Promise<void> {
    await this.kubectl("-n", namespace, "delete", "deployments", "--all", "--wait=false");
  }

  /** Brings an image from Docker to the node. */
  loadImage = (image: string) => loadImage(image, OUR_CLUSTER);
}

const isDeployment = (manifest: Manifest, name: string): manifest is Deployment =>
  manifest.kind === "Deployment" && manifest.metadata.name === name;

/** A copy in which the container of one Deployment is another. */
export const withContainer = (
  manifests: readonly Manifest[],
  deployment: string,
  change: (container: Container) => Container,
): Manifest[] =>
  manifests.map((manifest) => {
    if (!isDeployment(manifest, deployment)) return manifest;
    const copy = structuredClone(manifest);
    const { spec } = copy.spec.template;
    spec.containers = [change(spec.containers[0])];
    return copy;
  });
