// npm run down: undoes what `npm run up` did, and no more.
import { rm } from "node:fs/promises";
import * as localCluster from "./cluster/cluster";
import { answers, exists, removeContext } from "./cluster/kubeconfig";
import { remove } from "./deploy";
import { dockerAnswers, ourImages, stopDocker } from "./docker";
import { logout, pulumiDown } from "./pulumi";
import { forget, readRecord } from "./record";
import { run } from "./run";
import { root, STACK, stackFile } from "./stackConfig";
import { main, type Step, steps } from "./steps";

/** Those that are still there, in a Docker engine that stays. */
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
  const { startedCluster = false, startedDocker = false, context = "", namespace, previousContext = "" } = record;
  const clusterGoes = startedCluster || (await isGone(context));
  const list: Step[] = [];
  if (record.with === "pulumi") {
    list.push({ title: "Stack", run: (say) => pulumiDown(clusterGoes, say) });
  } else if (namespace && !clusterGoes) {
    list.push({ title: "Stack", run: () => remove(context, namespace) });
  }
  if (record.loggedIn) list.push({ title: "Pulumi login", run: logout });
  if (startedCluster) {
    list.push({
      title: "Local cluster",
      run: async () => {
        await localCluster.stop();
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
  console.log("\nDown. What is kept: installed packages, and the cache of built programs in ~/.cache/coinflip.");
});
