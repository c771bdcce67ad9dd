// npm run up [-- --context NAME --config NAME=VALUE --without-pulumi]: from a fresh clone to an answering endpoint.
import { join } from "node:path";
import { parseArgs } from "node:util";
import { currentContext } from "../cluster";
import { provideImages } from "./baseImages";
import { buildBinaries, installGo } from "./cluster/binaries";
import * as localCluster from "./cluster/cluster";
import { addContext, CONTEXT, chooseContext } from "./cluster/kubeconfig";
import { cannotHost, installPackages } from "./cluster/packages";
import { deploy } from "./deploy";
import { dockerAnswers, ourImages, startDocker } from "./docker";
import { firstAnswer } from "./firstAnswer";
import { loadProgram } from "./images";
import { kubectl } from "./kubectl";
import type { Program } from "./program";
import { cannotUsePulumi, pulumiUp } from "./pulumi";
import { note, readRecord, type UpRecord } from "./record";
import { defaults, getConfig, root, setConfig } from "./stackConfig";
import { main, type Say, type Step, steps } from "./steps";

const applyAddon = (file: string) =>
  kubectl(["--context", CONTEXT, "apply", "--server-side", "-f", join(root, "local", "cluster", file)]);

/** Runs what an autoscaler asks for the workers' load, on the local cluster; others have it, or their users see to it. */
async function startMetricsServer(say: Say): Promise<void> {
  const folder = await installGo("sigs.k8s.io/metrics-server/cmd/metrics-server@v0.9.0", say);
  await loadProgram(folder, "metrics-server");
  await applyAddon("metrics-server.yaml");
  const where = ["--context", CONTEXT, "--namespace", "kube-system"];
  await kubectl([...where, "rollout", "status", "deployment/metrics-server", "--timeout=90s"]);
}

/** Starts the local cluster, unless it runs; the seconds until its node was Ready if it was started now. */
async function startLocalCluster(bin: string): Promise<number | undefined> {
  if (await localCluster.isRunning()) return undefined;
  const current = currentContext();
  await note({ startedCluster: true, ...(current !== CONTEXT && { previousContext: current }) });
  const start = performance.now();
  await localCluster.start(bin);
  const ready = (performance.now() - start) / 1000;
  // The sandbox that holds every pod, and DNS.
  for (const program of ["pause", "coredns"]) await loadProgram(bin, program);
  await addContext();
  await applyAddon("addons.yaml");
  return ready;
}

/** Images are built with Docker: its engine has to answer, and only where the cluster is ours it is started. */
async function provideDocker(ours: boolean): Promise<string> {
  if (await dockerAnswers()) return "it answers";
  if (!ours) throw new Error("Docker does not answer; start it, and run npm run up again");
  await note({ startedDocker: true });
  await startDocker();
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

/** What is up would be left behind by an `up` elsewhere, or in another way: `down` comes first. */
function refuseMove(record: UpRecord, next: { context: string; namespace?: string; withoutPulumi: boolean }): void {
  const { context, namespace, with: engine } = record;
  const refuse = (what: string) => {
    throw new Error(`the stack is up ${what}, and would be left behind; npm run down comes first`);
  };
  if (context !== undefined && context !== next.context) refuse(`on "${context}"`);
  if (engine === "pulumi" && next.withoutPulumi) refuse("by the Pulumi CLI");
  // Pulumi itself moves a stack to another namespace.
  if (engine === "kubectl" && next.namespace !== undefined && namespace !== next.namespace)
    refuse(`in the namespace "${namespace}"`);
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
  const record = await readRecord();
  const context = await chooseContext(values.context ?? record?.context);
  const ours = context === CONTEXT;
  if (ours && !(await localCluster.isRunning())) {
    const reason = cannotHost();
    if (reason !== undefined) throw new Error(reason);
  }
  const given = assignments(values.config);
  if (record) refuseMove(record, { ...given, context, withoutPulumi: values["without-pulumi"] });
  await setConfig({ ...given, context });
  await note({ context, namespace: String((await getConfig("namespace")) ?? (await defaults()).namespace) });

  const autoscaled = (await getConfig("autoscaling")) !== undefined;
  let bin = "";
  let started = false;
  let withoutPulumi: string | undefined;
  let outputs: Program["outputs"] | undefined;
  let imagesBefore: readonly string[] | undefined;
  const list: Step[] = [
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
    {
      title: "Docker engine",
      run: async () => {
        const how = await provideDocker(ours);
        imagesBefore = await ourImages();
        return how;
      },
    },
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
          ...(autoscaled
            ? [{ title: "metrics-server, built from its Go module (once; minutes)", run: startMetricsServer }]
            : []),
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
        outputs = withoutPulumi === undefined ? await pulumiUp(started || !ours, say) : await deploy(context);
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
  console.log(await firstAnswer(context, outputs));
});
