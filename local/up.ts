// npm run up [-- --context NAME --config NAME=VALUE --without-pulumi]: from a fresh clone to an answering endpoint.
import { join } from "node:path";
import { parseArgs } from "node:util";
import { currentContext } from "../cluster";
import { buildBinaries } from "./cluster/binaries";
import * as localCluster from "./cluster/cluster";
import { addContext, CONTEXT, chooseContext } from "./cluster/kubeconfig";
import { cannotHost, installPackages } from "./cluster/packages";
import { deploy } from "./deploy";
import { dockerAnswers, startDocker } from "./docker";
import { firstAnswer } from "./firstAnswer";
import { loadClusterImages, provideBaseImages } from "./images";
import { kubectl } from "./kubectl";
import type { Program } from "./program";
import { cannotUsePulumi, pulumiUp } from "./pulumi";
import { note, readRecord } from "./record";
import { defaults, getConfig, root, setConfig } from "./stackConfig";
import { main, type Say, steps } from "./steps";

/** Starts the local cluster, unless it runs; the seconds until its node was Ready if it was started now. */
async function startLocalCluster(bin: string): Promise<number | undefined> {
  if (await localCluster.isRunning()) return undefined;
  const current = currentContext();
  await note({ startedCluster: true, ...(current !== CONTEXT && { previousContext: current }) });
  const start = performance.now();
  await localCluster.start(bin);
  const ready = (performance.now() - start) / 1000;
  await loadClusterImages(bin);
  await addContext();
  const addons = join(root, "local", "cluster", "addons.yaml");
  await kubectl(["--context", CONTEXT, "apply", "--server-side", "-f", addons]);
  return ready;
}

/** Brings the base images to the local cluster, and their names to the stack. */
async function provideImages(): Promise<string | undefined> {
  const asked = async (name: "nodeImage" | "nginxImage") => {
    const value = await getConfig(name);
    // A stand-in of an earlier time is no wish of the user's.
    return typeof value === "string" && !value.startsWith("coinflip.local/") ? value : String((await defaults())[name]);
  };
  const wanted = { nodeImage: await asked("nodeImage"), nginxImage: await asked("nginxImage") };
  const { standInBecause, ...images } = await provideBaseImages(wanted);
  if (standInBecause === undefined) return undefined;
  await setConfig(images);
  return `made from Debian packages, since no image registry could be reached (${standInBecause})`;
}

/** Images are built with Docker: its engine has to answer, and only where the cluster is ours it is started. */
async function provideDocker(ours: boolean): Promise<string> {
  if (await dockerAnswers()) return "it answers";
  if (!ours) throw new Error("Docker does not answer; start it, and run npm run up again");
  await note({ startedDocker: true });
  await startDocker();
  return "started";
}

main(async () => {
  const { values } = parseArgs({
    options: {
      context: { type: "string" },
      config: { type: "string", short: "c", multiple: true, default: [] },
      "without-pulumi": { type: "boolean", default: false },
    },
  });
  process.chdir(root);
  for (const assignment of values.config) {
    const [name = "", ...value] = assignment.split("=");
    await setConfig({ [name]: value.join("=") });
  }
  const context = await chooseContext(values.context);
  const ours = context === CONTEXT;
  if (ours && !(await localCluster.isRunning())) {
    const reason = cannotHost();
    if (reason !== undefined) throw new Error(reason);
  }
  const record = await readRecord();
  if (record?.context !== undefined && record.context !== context) {
    throw new Error(
      `the stack is up on "${record.context}"; npm run down there comes before npm run up on "${context}"`,
    );
  }
  await setConfig({ context });
  await note({ context, namespace: String((await getConfig("namespace")) ?? (await defaults()).namespace) });

  let bin = "";
  let started = false;
  let withoutPulumi: string | undefined;
  let outputs: Program["outputs"] | undefined;
  await steps([
    ...(ours
      ? [
          { title: "Debian packages", run: (say: Say) => installPackages(say) },
          {
            title: "Kubernetes, built from its Go modules (once; minutes)",
            run: async (say: Say) => {
              bin = await buildBinaries(say);
            },
          },
        ]
      : []),
    { title: "Docker engine", run: () => provideDocker(ours) },
    ...(ours
      ? [
          {
            title: "Local cluster",
            run: async () => {
              const ready = await startLocalCluster(bin);
              started = ready !== undefined;
              const how = started ? `started, Ready after ${ready?.toFixed(1)} s` : "running";
              return `${how}, context ${CONTEXT}`;
            },
          },
          { title: "Base images", run: provideImages },
        ]
      : []),
    {
      title: "Pulumi CLI",
      run: async (say) => {
        withoutPulumi = values["without-pulumi"] ? "as asked" : await cannotUsePulumi(say);
        await note({ with: withoutPulumi === undefined ? "pulumi" : "kubectl" });
        return withoutPulumi && `not used (${withoutPulumi}); the same program is deployed without it`;
      },
    },
    {
      title: `Stack on ${context}`,
      run: async (say) => {
        outputs = withoutPulumi === undefined ? await pulumiUp(started || !ours, say) : await deploy(context);
      },
    },
  ]);
  if (!outputs) throw new Error("the stack has no outputs");
  console.log(await firstAnswer(outputs));
});
