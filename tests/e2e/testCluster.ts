import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Cluster } from "../../cluster";
import { cannotPull, provideStandIn } from "../../local/images";
import { createCluster, nodesOf, removeNodes } from "../../local/kind/cluster";
import { provideNodeImage } from "../../local/kind/nodeImage";
import { provideKind } from "../../local/kind/program";
import { defaults } from "../../local/stackConfig";
import { loadImage } from "../../worker/sideload";

/** The settings that place one suite's stack beside those of others on one cluster. */
export type Settings = Readonly<Record<string, string>>;

const BASE_IMAGES = ["nodeImage", "nginxImage", "prometheusImage"] as const;
/** The first node port of a cluster's stacks, unless the cluster is given another one. */
const FIRST_PORT = 30100;
/** How far a stack's port for TLS is from the one for HTTP. */
const TO_HTTPS = 100;

/** A kind cluster for tests, with base images in its nodes and ports on 127.0.0.1 for several stacks. */
export class TestCluster {
  private constructor(
    readonly cluster: Cluster,
    private readonly folder: string,
    private readonly images: Settings,
    private readonly mostStacks: number,
    private readonly firstPort: number,
  ) {}

  /** The file with the cluster's context, which is current there. */
  get kubeconfig(): string {
    return join(this.folder, "kubeconfig");
  }

  /** Clusters that run at the same time need different first ports. */
  static async create(
    name: string,
    {
      nodes = 1,
      stacks = 1,
      withoutPodNetwork = false,
      firstPort = FIRST_PORT,
    }: { nodes?: number; stacks?: number; withoutPodNetwork?: boolean; firstPort?: number },
  ): Promise<TestCluster> {
    const folder = await mkdtemp(join(tmpdir(), "coinflip-cluster-"));
    const kind = await provideKind(() => undefined);
    const { image } = await provideNodeImage(() => undefined);
    const numbers = Array.from({ length: stacks }, (_, stack) => stack);
    const ports = numbers.flatMap((stack) => [firstPort + stack, firstPort + TO_HTTPS + stack]);
    const cluster: Cluster = { context: `kind-${name}`, kind: "kind", name, host: "localhost" };
    const wanted = { name, image, nodes, ports, withoutPodNetwork, kubeconfig: join(folder, "kubeconfig") };
    const images: Record<string, string> = {};
    const created = new TestCluster(cluster, folder, images, stacks, firstPort);
    try {
      await createCluster(kind, wanted, () => undefined);
      for (const setting of BASE_IMAGES) {
        const usual = String((await defaults())[setting]);
        const base = (await cannotPull(usual)) === undefined ? usual : await provideStandIn(setting);
        if (setting !== "nodeImage") await loadImage(base, cluster);
        images[setting] = base;
      }
    } catch (error) {
      await created.remove();
      throw error;
    }
    return created;
  }

  /** For another module, or another process. */
  toString = () => JSON.stringify([this.cluster, this.folder, this.images, this.mostStacks, this.firstPort]);

  /** The cluster that the extended suites share: extended/setup.ts has made it. */
  static shared(): TestCluster {
    const [cluster, folder, images, stacks, firstPort] = JSON.parse(process.env.COINFLIP_TEST_CLUSTER ?? "[]");
    return new TestCluster(cluster, folder, images, stacks, firstPort);
  }

  /** The settings of one more stack: a namespace and ports of its own, and images that the nodes have. */
  nextStack(namespace: string): Settings {
    // In a file, for each suite has modules of its own.
    const counter = join(this.folder, "stacks");
    const stack = existsSync(counter) ? Number(readFileSync(counter, "utf8")) : 0;
    writeFileSync(counter, String(stack + 1));
    if (stack >= this.mostStacks) throw new Error(`the cluster was made for ${this.mostStacks} stacks`);
    return {
      ...this.images,
      grafanaImage: "",
      namespace,
      nodePort: String(this.firstPort + stack),
      httpsNodePort: String(this.firstPort + TO_HTTPS + stack),
    };
  }

  async remove(): Promise<void> {
    const nodes = await nodesOf(this.cluster.name);
    if (nodes.length > 0) await removeNodes(nodes);
    await rm(this.folder, { recursive: true, force: true });
  }
}
