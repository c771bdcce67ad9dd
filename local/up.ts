// npm run up [-- --context NAME --nodes N --config NAME=VALUE --without-pulumi]: from a fresh clone to an answering endpoint.
import { parseArgs } from "node:util";
import { type Cluster, classify, clusterUid, readContext } from "../cluster";
import { wrongCluster } from "../pin";
import { provideImages } from "./baseImages";
import { answers, chooseContext, exists } from "./context";
import { deploy } from "./deploy";
import { checkDocker, dockerAnswers, ourImages, startDocker } from "./docker";
import { firstAnswer } from "./firstAnswer";
import { CONTEXT } from "./kind/cluster";
import { startMetricsServer } from "./kind/metricsServer";
import { announcement, nodeCount, OUR_CLUSTER, provideCluster, provideKubectl } from "./kind/ours";
import type { Program } from "./program";
import { cannotUsePulumi, pulumiUp } from "./pulumi";
import { note, readRecord, type UpRecord } from "./record";
import { defaults, getConfig, root, setConfig } from "./stackConfig";
import { main, type Say, type Step, steps } from "./steps";

/** Starts a Docker engine if none answers. */
async function provideDocker(say: Say): Promise<string> {
  if (await dockerAnswers()) return "running";
  await note({ startedDocker: true });
  await startDocker(say);
  return "started";
}

/** Reads the NAME=VALUE of each --config. */
function assignments(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const [, name = "", value = ""] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
      if (name === "") throw new Error(`--config takes NAME=VALUE, such as workers=3, not "${text}"`);
      if (name === "context") throw new Error(`name the cluster by --context ${value}`);
      return [name, value];
    }),
  );
}

/** Refuses an `up` that would leave the stack behind: on another cluster, in another namespace, or without Pulumi. */
async function refuseMove(
  { context, namespace, clusterUid: uid, with: engine }: UpRecord,
  next: { context: string; namespace?: string; clusterUid?: string; withoutPulumi: boolean },
): Promise<void> {
  if (engine === undefined) return; // Nothing has been deployed.
  const refuse = (what: string) => {
    throw new Error(`the stack is up ${what}, and would be left behind; run npm run down first`);
  };
  if (context !== undefined && context !== next.context) {
    const same = uid !== undefined && (await clusterUid(next.context)) === uid;
    // Pulumi moves a stack whose clusterUid is set to the new cluster's.
    if (!same && !(engine === "pulumi" && next.clusterUid !== undefined)) refuse(`on "${context}"`);
  }
  if (engine === "pulumi" && next.withoutPulumi) refuse("with the Pulumi CLI");
  // Pulumi itself moves a stack to another namespace.
  if (engine === "kubectl" && next.namespace !== undefined && namespace !== next.namespace)
    refuse(`in the namespace "${namespace}"`);
}

/**
 * The UID of a cluster that answers.
 *
 * @throws Error if the stack is on another cluster, or `clusterUid` names another one
 */
async function checkCluster(cluster: Cluster, record: UpRecord | undefined, expected: string): Promise<string> {
  await provideKubectl(cluster);
  const { context } = cluster;
  const uid = await clusterUid(context);
  const pinned = record?.clusterUid && { context: record.context ?? context, uid: record.clusterUid };
  const wrong = wrongCluster({ context, uid }, pinned || undefined, expected);
  if (wrong !== undefined) throw new Error(wrong);
  return uid;
}

/** A setting as the user has set it, or its default. */
const setting = async (name: string) => (await getConfig(name)) ?? (await defaults())[name];

main(async () => {
  const { values } = parseArgs({
    options: {
      context: { type: "string" },
      nodes: { type: "string" },
      config: { type: "string", short: "c", multiple: true, default: [] },
      "without-pulumi": { type: "boolean", default: false },
    },
  });
  process.chdir(root);
  const record = await readRecord();
  const nodes = values.nodes === undefined ? undefined : nodeCount(values.nodes);
  const given = assignments(values.config);
  const created = record?.createdCluster ?? false;
  // An `up` that has failed before it created the cluster leaves only the name of its context.
  const earlier = created || (record?.context && exists(record.context)) ? record?.context : undefined;
  const context = await chooseContext(values.context ?? earlier, created);
  // A cluster of that name that is somebody else's is used like any other.
  const ours = context === CONTEXT && (created || !exists(CONTEXT) || !(await answers(CONTEXT)));
  if (!ours && nodes !== undefined)
    throw new Error(`--nodes is for a cluster that npm run up creates, and "${context}" exists already`);
  if (record) await refuseMove(record, { ...given, context, withoutPulumi: values["without-pulumi"] });
  await checkDocker();
  const cluster: Cluster = ours ? OUR_CLUSTER : classify(context, readContext(context));
  const running = exists(context) && (await answers(context));
  const expected = given.clusterUid ?? String(await setting("clusterUid"));
  const uid = running ? await checkCluster(cluster, record, expected) : undefined;
  await setConfig({ ...given, context });
  await note({ context, namespace: String(await setting("namespace")), ...(uid !== undefined && { clusterUid: uid }) });
  if (ours && !created) console.log(announcement(nodes ?? 1));

  const ports = {
    nodePort: Number(await setting("nodePort")),
    httpsNodePort: Number(await setting("httpsNodePort")),
  };
  const autoscaled = (await getConfig("autoscaling")) !== undefined;
  let withoutPulumi: string | undefined;
  let outputs: Program["outputs"] | undefined;
  let imagesBefore: readonly string[] | undefined;
  const list: Step[] = [
    {
      title: "Docker engine",
      run: async (say) => {
        const how = await provideDocker(say);
        imagesBefore = await ourImages();
        return how;
      },
    },
    ...(ours
      ? [
          { title: "kind cluster", run: (say: Say) => provideCluster({ ports, nodes }, say) },
          { title: "Base images", run: () => provideImages(cluster) },
          ...(autoscaled ? [{ title: "metrics-server", run: (say: Say) => startMetricsServer(cluster, say) }] : []),
        ]
      : []),
    {
      title: "Pulumi CLI",
      run: async (say) => {
        if (values["without-pulumi"]) withoutPulumi = "as asked";
        else withoutPulumi = record?.with === "kubectl" ? "as before" : await cannotUsePulumi(say);
        if (record?.with === "pulumi" && withoutPulumi !== undefined)
          throw new Error(`the Pulumi CLI has brought the stack up, but cannot be used now: ${withoutPulumi}`);
        await note({ with: withoutPulumi === undefined ? "pulumi" : "kubectl" });
        return withoutPulumi && `not used (${withoutPulumi}); the same program is deployed without it`;
      },
    },
    {
      title: `Stack on ${context}`,
      run: async (say) => {
        outputs = withoutPulumi === undefined ? await pulumiUp(say) : await deploy(context);
      },
    },
  ];
  try {
    await steps(list);
  } finally {
    if (imagesBefore !== undefined && (await dockerAnswers())) {
      const before = new Set(imagesBefore);
      const made = (await ourImages()).filter((image) => !before.has(image));
      await note({ images: [...(record?.images ?? []), ...made] });
    }
  }
  if (!outputs) throw new Error("the stack has no outputs");
  console.log(await firstAnswer(cluster, outputs));
});
