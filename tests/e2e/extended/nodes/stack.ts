import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pulumiProgram } from "../../../../local/pulumi";
import type { UpRecord } from "../../../../local/record";
import { succeeds } from "../../../../local/run";
import { Clone } from "../../clone";
import { type Engine, withPulumi } from "../../engine";
import { endpointOf, eventually } from "../../service";
import type { Settings, TestCluster } from "../../testCluster";

export interface Pod {
  readonly name: string;
  readonly node: string;
}

/** A stack on a cluster of several nodes, deployed by one of the engines from a clone of its own. */
export class Stack {
  endpoint = "";

  constructor(
    private readonly cluster: TestCluster,
    readonly engine: Engine,
    readonly settings: Settings,
    readonly clone = new Clone(),
  ) {}

  /** The first `npm run up`. */
  async up(): Promise<void> {
    this.endpoint = endpointOf(await this.clone.up(this.cluster, this.settings, ...this.engine.flags));
  }

  /** Deploys once more, with other settings if given. */
  async deploy(settings: Settings = {}): Promise<void> {
    const { exitCode, output } = await this.engine.deploy(this.clone, settings);
    if (exitCode !== 0) throw new Error(output);
  }

  kubectl = (...args: string[]) => this.clone.kubectl("--namespace", this.settings.namespace ?? "", ...args);

  /** The pods of a component that are not ending. */
  async pods(component: string): Promise<Pod[]> {
    const selector = ["--selector", `app.kubernetes.io/component=${component}`];
    const text = await this.kubectl("get", "pods", ...selector, "--output", "json");
    const { items } = JSON.parse(text) as {
      items: { metadata: { name: string; deletionTimestamp?: string }; spec: { nodeName?: string } }[];
    };
    return items
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map(({ metadata, spec }) => ({ name: metadata.name, node: spec.nodeName ?? "none" }));
  }

  async nodesWith(component: string): Promise<string[]> {
    return [...new Set((await this.pods(component)).map(({ node }) => node))].sort();
  }

  image = () =>
    this.kubectl("get", "deployment/worker", "--output", "jsonpath={.spec.template.spec.containers[0].image}");

  /** Changes with each write to a Deployment. */
  versions = () =>
    this.kubectl("get", "deployments", "--output", "jsonpath={.items[*]['metadata.name','metadata.resourceVersion']}");

  /** Waits until all replicas are available, on nodes that are alive. */
  untilWhole = (seconds: number) =>
    eventually(seconds, async () => {
      const format = "jsonpath={range .items[*]}{.spec.replicas}/{.status.availableReplicas} {end}";
      const counts = (await this.kubectl("get", "deployments", "--output", format)).trim().split(" ");
      expect(counts.filter((count) => !/^(\d+)\/\1$/.test(count))).toEqual([]);
    });

  /** An unchanged `pulumi preview`, or an unchanged `up` without the CLI, finds nothing to change. */
  async expectUnchanged(): Promise<void> {
    const before = await this.versions();
    if (this.engine === withPulumi) {
      const preview = ["preview", "--expect-no-changes", "--non-interactive", "--color=never"];
      await this.clone.succeed(pulumiProgram(), ...preview);
    } else await this.deploy();
    expect(await this.versions()).toBe(before);
  }

  /** Removes what `up` left outside the cluster, once that is removed: it takes less time than `npm run down`. */
  async forget(): Promise<void> {
    const record = join(this.clone.env.XDG_STATE_HOME ?? "", "coinflip", "up.json");
    const { images = [] } = existsSync(record) ? (JSON.parse(readFileSync(record, "utf8")) as UpRecord) : {};
    // Fails for one that another cluster's `down` has removed.
    if (images.length > 0) await succeeds("docker", ["image", "rm", ...images]);
    this.clone.remove();
  }
}
