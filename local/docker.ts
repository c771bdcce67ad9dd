import { spawn } from "node:child_process";
import { existsSync, openSync } from "node:fs";
import { mkdir, readFile, rm, rmdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { dir as clusterDir } from "./cluster/cluster";
import { run, succeeds, waitFor } from "./run";

/** Where an engine that we started keeps what it has: beside the cluster, for it outlives it by a moment. */
const dir = join(dirname(clusterDir), "docker");
const pidFile = join(dir, "pid");
/** Older engines make this file wherever their data is; the second one says that it was not there before. */
const KEY = "/etc/docker/key.json";
const newKey = join(dir, "new-key");

/** The images in Docker that this project makes: the worker's, and base images that stand in for others. */
export async function ourImages(): Promise<string[]> {
  const ours = ["--filter", "reference=coinflip-worker", "--filter", "reference=coinflip.local/*"];
  const names = await run("docker", ["image", "ls", "--format", "{{.Repository}}:{{.Tag}}", ...ours]);
  return names.split("\n").filter((name) => name !== "");
}

export const dockerAnswers = () => succeeds("docker", ["version", "--format", "{{.Server.Version}}"]);

/**
 * Starts a Docker engine of our own. It builds images and runs no containers, so it gets no network,
 * and leaves the machine's interfaces, rules and settings as they are.
 *
 * @throws Error with the engine's last words, if it does not answer within 30 s
 */
export async function startDocker(): Promise<void> {
  await stopDocker(); // What is left of one that ended by itself.
  await mkdir(dir, { recursive: true });
  if (!existsSync(KEY)) await writeFile(newKey, "");
  const log = openSync(join(dir, "log"), "a");
  const child = spawn(
    "dockerd",
    [
      ...["--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false"],
      ...["--data-root", join(dir, "data"), "--exec-root", join(dir, "run"), "--pidfile", pidFile],
    ],
    { detached: true, stdio: ["ignore", log, log] },
  );
  child.on("error", () => undefined); // Told by the wait below.
  child.unref();
  try {
    await waitFor("an answer of the Docker engine", 30, dockerAnswers);
  } catch (error) {
    const words = (await readFile(join(dir, "log"), "utf8")).trim().split("\n").slice(-5).join("\n");
    await stopDocker();
    throw new Error(`${(error as Error).message}\n${words}`);
  }
}

/** Ends the engine that we started, if there is one, and removes what it had. */
export async function stopDocker(): Promise<void> {
  if (!existsSync(dir)) return;
  const pid = Number(await readFile(pidFile, "utf8").catch(() => ""));
  const alive = async () => (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).includes(pidFile);
  if (pid > 0 && (await alive())) {
    process.kill(pid, "SIGTERM");
    await waitFor("the end of the Docker engine", 20, async () => !(await alive()));
  }
  // Its storage driver leaves the folder mounted onto itself.
  const data = join(dir, "data");
  await waitFor(`the end of the mount ${data}`, 10, async () => {
    while (await succeeds("mountpoint", ["-q", data])) await run("umount", [data]);
    return true;
  });
  if (existsSync(newKey)) {
    await rm(KEY, { force: true });
    await rmdir(dirname(KEY)).catch(() => undefined); // Unless something else is in there.
  }
  await rm(dir, { recursive: true, force: true });
}
