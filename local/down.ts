// npm run down: undoes what `npm run up` did, and no more.
import { rm } from "node:fs/promises";
import { answers, exists, removeContext } from "./context";
import { remove } from "./deploy";
import { dockerAnswers, ourImages, stopDocker } from "./docker";
import { CONTEXT } from "./kind/cluster";
import { removeCluster } from "./kind/ours";
import { logout, pulumiDown } from "./pulumi";
import { forget, readRecord } from "./record";
import { run } from "./run";
import { root, STACK, stackFile } from "./stackConfig";
import { main, type Step, steps } from "./steps";

/** Removes our images from a Docker engine that `up` did not start. */
async function removeImages(made: readonly string[]): Promise<void> {
  if (!(await dockerAnswers())) return;
  const names = (await ourImages()).filter((name) => made.includes(name));
  if (names.length > 0) await run("docker", ["image", "rm", "--force", ...names]);
}

/** Whether the stack's cluster has been deleted since, and the stack with it. */
async function isGone(context: string): Promise<boolean> {
  if (!exists(context)) return true;
  if (await answers(context)) return false;
  throw new Error(
    `the cluster of the context "${context}" does not answer; start it, and run npm run down again. ` +
      `If it is gone for good:  kubectl config delete-context ${context}`,
  );
}

main(async () => {
  process.chdir(root);
  const record = await readRecord();
  if (!record) {
    console.log("Nothing is up from here.");
    return;
  }
  const { createdCluster = false, createdNetwork = false, startedDocker = false } = record;
  const { context = "", namespace, previousContext = "" } = record;
  // An engine of ours that has ended has taken its containers with it.
  if (createdCluster && !startedDocker && !(await dockerAnswers()))
    throw new Error("Docker does not answer, and the cluster is in it; start Docker, and run npm run down again");
  // Without an engine in the record, `up` failed before it deployed anything.
  const nothingDeployed = record.with === undefined;
  const clusterGoes = nothingDeployed || (createdCluster && context === CONTEXT) || (await isGone(context));
  const list: Step[] = [];
  if (record.with === "pulumi") {
    list.push({ title: "Stack", run: (say) => pulumiDown(clusterGoes, say) });
  } else if (namespace && !clusterGoes) {
    list.push({ title: "Stack", run: () => remove(context, namespace) });
  }
  if (record.loggedIn) list.push({ title: "Pulumi login", run: logout });
  if (createdCluster) {
    list.push({
      title: "kind cluster",
      run: async () => {
        if (await dockerAnswers()) await removeCluster(createdNetwork);
        await removeContext(previousContext);
      },
    });
  }
  list.push(
    startedDocker
      ? { title: "Docker engine", run: stopDocker }
      : { title: "Images", run: () => removeImages(record.images ?? []) },
  );
  await steps(list);
  await rm(stackFile(STACK), { force: true });
  await forget();
  console.log("\nDown. Installed packages stay, and so does the cache of builds in ~/.cache/coinflip.");
});
