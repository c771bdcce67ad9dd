// npm run up [-- --context NAME] [-- --config NAME=VALUE …]: from a fresh clone to an answering endpoint.
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
import { note } from "./record";
import { defaults, getConfig, root, setConfig } from "./stackConfig";
import { main, type Say, steps } from "./steps";

/** Starts the local cluster, unless it runs; true if it was started now. */
async function startLocalCluster(bin: string): Promise<boolean> {
  if (await localCluster.isRunning()) return false;
  const current = currentContext();
  await note({ startedCluster: true, ...(current !== CONTEXT && { previousContext: current }) });
  await localCluster.start(bin);
  await loadClusterImages(bin);
  await addContext();
  const addons = join(root, "local", "cluster", "addons.yaml");
  await kubectl(["--context", CONTEXT, "apply", "--server-side", "-f", addons]);
  return true;
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

async function provideDocker(): Promise<string> {
  if (await dockerAnswers()) return "it answers";
  await note({ startedDocker: true });
  await startDocker();
  return "started";
}

main(async () => {
  const { values } = parseArgs({
    options: { context: { type: "string" }, config: { type: "string", short: "c", multiple: true, default: [] } },
  });
  process.chdir(root);
  for (const assignment of values.config) {
    const [name = "", ...value] = assignment.split("=");
    await setConfig({ [name]: value.join("=") });
  }
  const context = await chooseContext(values.context);
  const ours = context === CONTEXT;
  if (ours && !(await localCluster.isRunning())) {
    const reason = await cannotHost();
    if (reason !== undefined) throw new Error(reason);
  }
  await note({ context });
  await setConfig({ context });

  let bin = "";
  let started = false;
  let withoutPulumi: string | undefined;
  let outputs: Program["outputs"] | undefined;
  await steps([
    ...(ours
      ? [
          { title: "Debian packages", run: installPackages },
          {
            title: "Kubernetes, built from its Go modules (once; minutes)",
            run: async (say: Say) => {
              bin = await buildBinaries(say);
            },
          },
        ]
      : []),
    { title: "Docker engine", run: provideDocker },
    ...(ours
      ? [
          {
            title: "Local cluster",
            run: async () => {
              started = await startLocalCluster(bin);
              return started ? `started, context ${CONTEXT}` : `running, context ${CONTEXT}`;
            },
          },
          { title: "Base images", run: provideImages },
        ]
      : []),
    {
      title: "Pulumi CLI",
      run: async (say) => {
        withoutPulumi = await cannotUsePulumi(say);
        await note({ with: withoutPulumi === undefined ? "pulumi" : "kubectl" });
        return withoutPulumi && `not to be had here (${withoutPulumi}); the same program is deployed without it`;
      },
    },
    {
      title: `Stack on ${context}`,
      run: async (say) => {
        outputs = withoutPulumi === undefined ? await pulumiUp(started, say) : await deploy(context);
        await note({ namespace: outputs.namespace });
      },
    },
  ]);
  if (!outputs) throw new Error("the stack has no outputs");
  console.log(await firstAnswer(outputs.endpoint));
});
