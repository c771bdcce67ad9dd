import { spawn } from "node:child_process";
import { existsSync, openSync } from "node:fs";
import { mkdir, readdir, readFile, rm, rmdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { stateDir } from "../cluster";
import { installPackages, isDebianRoot } from "./debian";
import { run, succeeds, waitFor } from "./run";
import type { Say } from "./steps";

/** Where the engine that we start keeps everything. */
const dir = join(stateDir(), "docker");
const pidFile = join(dir, "pid");
/** Older engines create this file wherever their data is. The second file records that it was not there before. */
const KEY = "/etc/docker/key.json";
const newKey = join(dir, "new-key");
/** The cgroup that our engine creates for its containers. */
const CGROUP = "/coinflip-docker";

/** kind's flag --cgroupns needs Docker 20.10, which introduced this version of the API. */
const OLDEST_API = 41;

/** The images in Docker that this project makes: the worker's, and images that stand in for others. */
export async function ourImages(): Promise<string[]> {
  const ours = ["--filter", "reference=coinflip-worker", "--filter", "reference=coinflip.local/*"];
  const names = await run("docker", ["image", "ls", "--format", "{{.Repository}}:{{.Tag}}", ...ours]);
  return names.split("\n").filter((name) => name !== "");
}

export const dockerAnswers = () => succeeds("docker", ["version", "--format", "{{.Server.Version}}"]);

/** Whether `up` may install and start an engine: on Debian as root, unless the user has chosen another one. */
const mayStart = () => isDebianRoot() && process.env.DOCKER_HOST === undefined;

/** Fails early where there is no engine and none can be started. */
export async function checkDocker(): Promise<void> {
  const reason = await run("docker", ["version", "--format", "{{.Server.APIVersion}} {{.Server.Version}}"]).then(
    (versions) => {
      const [api = "", version] = versions.split(" ");
      return Number(api.split(".")[1]) < OLDEST_API
        ? `Docker ${version} is too old: install 20.10 or later`
        : undefined;
    },
    (error: Error) => {
      if (mayStart()) return undefined;
      return `Docker does not answer (${error.message.split("\n").at(-1)}): install it (https://docs.docker.com/get-docker) or start it`;
    },
  );
  if (reason !== undefined) throw new Error(`${reason}, then run npm run up again`);
}

/**
 * Installs Debian's Docker engine if it is missing, and starts one of our own. It has no iptables rules and no default
 * bridge, so it leaves the host's firewall and forwarding alone; its containers cannot reach other machines.
 *
 * @throws Error with the engine's last log lines, if it does not answer within 30 s
 */
export async function startDocker(say: Say): Promise<void> {
  // Docker's own packages conflict with Debian's.
  if (!(await succeeds("sh", ["-c", "command -v dockerd"]))) await installPackages(say, ["docker.io"]);
  await stopDocker(); // The rest of one that ended by itself.
  await mkdir(dir, { recursive: true });
  if (!existsSync(KEY)) await writeFile(newKey, "");
  const log = openSync(join(dir, "log"), "a");
  const child = spawn(
    "dockerd",
    [
      ...["--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false"],
      ...["--data-root", join(dir, "data"), "--exec-root", join(dir, "run"), "--pidfile", pidFile],
      ...["--cgroup-parent", CGROUP, ...(await runtime())],
    ],
    { detached: true, stdio: ["ignore", log, log] },
  );
  child.on("error", () => undefined); // The wait below reports it.
  child.unref();
  try {
    await waitFor("an answer of the Docker engine", 30, dockerAnswers);
  } catch (error) {
    const words = (await readFile(join(dir, "log"), "utf8")).trim().split("\n").slice(-5).join("\n");
    await stopDocker();
    throw new Error(`${(error as Error).message}\n${words}`);
  }
}

const CAP_SYS_RESOURCE = 24n;

/** Where this process may not pass CAP_SYS_RESOURCE on, containers do not start with it: runc.sh leaves it out. */
async function runtime(): Promise<string[]> {
  const bounding = /^CapBnd:\s+(\w+)$/m.exec(await readFile("/proc/self/status", "utf8"))?.[1] ?? "0";
  if ((BigInt(`0x${bounding}`) >> CAP_SYS_RESOURCE) & 1n) return [];
  return ["--add-runtime", `coinflip=${join(__dirname, "runc.sh")}`, "--default-runtime", "coinflip"];
}

/** Stops the engine that we started, if there is one, and removes everything that it had. */
export async function stopDocker(): Promise<void> {
  if (!existsSync(dir)) return;
  const pid = Number(await readFile(pidFile, "utf8").catch(() => ""));
  const alive = async () => (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).includes(pidFile);
  if (pid > 0 && (await alive())) {
    // The engine leaves the bridges of its networks behind.
    const networks = await run("docker", ["network", "ls", "--quiet", "--filter", "type=custom"]).catch(() => "");
    if (networks !== "") await succeeds("docker", ["network", "rm", ...networks.split("\n")]);
    process.kill(pid, "SIGTERM");
    await waitFor("the end of the Docker engine", 20, async () => !(await alive()));
  }
  // Its storage driver leaves the folder mounted onto itself.
  const data = join(dir, "data");
  await waitFor(`the end of the mount ${data}`, 10, async () => {
    while (await succeeds("mountpoint", ["-q", data])) await run("umount", [data]);
    return true;
  });
  await removeCgroups();
  if (existsSync(newKey)) {
    await rm(KEY, { force: true });
    await rmdir(dirname(KEY)).catch(() => undefined); // Unless something else is in there.
  }
  await rm(dir, { recursive: true, force: true });
}

/** Removes the engine's cgroup in every hierarchy; a removed container's processes may still be on their way out. */
async function removeCgroups(): Promise<void> {
  const root = "/sys/fs/cgroup";
  const hierarchies = existsSync(join(root, "cgroup.controllers")) ? [""] : await readdir(root);
  await waitFor(`the removal of the cgroup ${CGROUP}`, 10, async () => {
    for (const hierarchy of hierarchies) await removeEmpty(join(root, hierarchy, CGROUP));
    return true;
  });
}

async function removeEmpty(group: string): Promise<void> {
  if (!existsSync(group)) return;
  const entries = await readdir(group, { withFileTypes: true });
  for (const entry of entries.filter((each) => each.isDirectory())) await removeEmpty(join(group, entry.name));
  await rmdir(group);
}
