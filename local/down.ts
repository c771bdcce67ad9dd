// npm run down: undoes what `npm run up` did, and no more.
import { rm } from "node:fs/promises";
import * as localCluster from "./cluster/cluster";
import { removeContext } from "./cluster/kubeconfig";
import { remove } from "./deploy";
import { dockerAnswers, stopDocker } from "./docker";
import { logout, pulumiDown } from "./pulumi";
import { forget, readRecord } from "./record";
import { run } from "./run";
import { root, STACK, stackFile } from "./stackConfig";
import { main, type Step, steps } from "./steps";

/** The images that were built for the stack, in a Docker engine that stays. */
async function removeImages(): Promise<void> {
  if (!(await dockerAnswers())) return;
  const ours = ["--filter", "reference=coinflip-worker", "--filter", "reference=coinflip.local/*"];
  const images = (await run("docker", ["image", "ls", "--format", "{{.Repository}}:{{.Tag}}", ...ours])).split("\n");
  const names = images.filter((name) => name !== "");
  if (names.length > 0) await run("docker", ["image", "rm", "--force", ...names]);
}

main(async () => {
  process.chdir(root);
  const record = await readRecord();
  if (!record) {
    console.log("Nothing is up from here.");
    return;
  }
  const { startedCluster = false, startedDocker = false, context, namespace, previousContext = "" } = record;
  const list: Step[] = [];
  if (record.with === "pulumi") {
    list.push({ title: "Stack", run: (say) => pulumiDown(startedCluster, say) });
  } else if (context && namespace && !startedCluster) {
    list.push({ title: "Stack", run: () => remove(context, namespace) });
  }
  if (record.loggedIn) list.push({ title: "Pulumi login", run: logout });
  if (startedCluster) {
    list.push({
      title: "Local cluster",
      run: async () => {
        await removeContext(previousContext);
        await localCluster.stop();
      },
    });
  }
  list.push(startedDocker ? { title: "Docker engine", run: stopDocker } : { title: "Images", run: removeImages });
  await steps(list);
  await rm(stackFile(STACK), { force: true });
  await forget();
  console.log("\nDown. What is kept: installed packages, and the cache of built programs in ~/.cache/coinflip.");
});
