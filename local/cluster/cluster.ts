import { spawn } from "node:child_process";
import { existsSync, openSync } from "node:fs";
import { mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { localClusterDir } from "../../cluster";
import { run, succeeds, waitFor } from "../run";
import { makeCgroup, removeCgroup } from "./cgroup";

/** The local cluster's name; its kubeconfig context is `coinflip-local`. */
export const NAME = "local";
export const dir = localClusterDir(NAME);
const logDir = join(dir, "log");

/** What a running cluster is found and removed by; kept in its folder. */
interface Node {
  /** The process that holds the node's namespaces: with it ends all that runs in them. */
  readonly pid: number;
  readonly interface: string;
  readonly cgroup: string;
}
const nodeFile = join(dir, "node.json");

export const kubeconfig = join(dir, "conf", "super-admin.conf");

async function readNode(): Promise<Node | undefined> {
  return existsSync(nodeFile) ? JSON.parse(await readFile(nodeFile, "utf8")) : undefined;
}

/** A process id can be another's by now: only one that still runs our script counts. */
async function isAlive({ pid }: Node): Promise<boolean> {
  const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return command.includes("node.sh") && command.includes(dir);
}

export async function isRunning(): Promise<boolean> {
  const node = await readNode();
  return node !== undefined && (await isAlive(node));
}

/** The first subnet 10.90.N.0/30 that no interface of this machine has yet, and what is named after it. */
async function freeSubnet() {
  const taken = await run("ip", ["-o", "-4", "address"]);
  for (let n = 0; n < 256; n++) {
    if (taken.includes(` 10.90.${n}.`)) continue;
    return { interface: `coinflip${n}`, cgroup: `/coinflip${n}`, host: `10.90.${n}.1`, node: `10.90.${n}.2` };
  }
  throw new Error("all of 10.90.0.0/16 is taken on this machine; npm run down in the other clones frees it");
}

/**
 * Starts the cluster and waits until its node is Ready.
 *
 * @param bin the folder of the cluster's programs
 * @throws Error with the log lines that matter, after removing what was made
 */
export async function start(bin: string): Promise<void> {
  await stop(); // What is left of one that ended by itself.
  await mkdir(logDir, { recursive: true });
  // For the program, which asks the cluster what it has.
  await symlink(join(bin, "kubectl"), join(dir, "kubectl"));
  const subnet = await freeSubnet();
  await makeCgroup(subnet.cgroup);
  const log = openSync(join(logDir, "node.log"), "a");
  const namespaces = ["--pid", "--mount", "--net", "--uts", "--ipc", "--fork", "--mount-proc", "--kill-child"];
  const script = [join(__dirname, "node.sh"), dir, bin, NAME, subnet.node, subnet.host, subnet.cgroup];
  const child = spawn("unshare", [...namespaces, "bash", ...script], { detached: true, stdio: ["ignore", log, log] });
  child.unref();
  if (child.pid === undefined) throw new Error("unshare is not installed; apt-get install util-linux");
  const node: Node = { pid: child.pid, interface: subnet.interface, cgroup: subnet.cgroup };
  await writeFile(nodeFile, JSON.stringify(node));
  try {
    await connect(child.pid, subnet.interface, subnet.host);
    await waitFor("the node's Ready condition", 60, async () => {
      if (!(await isAlive(node))) throw new Error("the node has ended");
      const path = "jsonpath={.items[*].status.conditions[?(@.type=='Ready')].status}";
      return (await run(join(bin, "kubectl"), ["--kubeconfig", kubeconfig, "get", "nodes", "-o", path])) === "True";
    });
  } catch (error) {
    const reason = await lastErrors();
    await stop();
    throw new Error(`the local cluster did not start: ${(error as Error).message}\n${reason}`);
  }
}

/** Gives the node its network interface, eth0, the other end of one of this machine. */
async function connect(pid: number, name: string, address: string): Promise<void> {
  let init = "";
  await waitFor("the node's first process", 5, async () => {
    init = await firstProcess(pid);
    return init !== "";
  });
  await run("ip", ["link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", init]);
  await run("ip", ["address", "add", `${address}/30`, "dev", name]);
  await run("ip", ["link", "set", name, "up"]);
}

/** The first process in the namespaces that `unshare` holds, or an empty text. */
const firstProcess = async (unshare: number) =>
  (await readFile(`/proc/${unshare}/task/${unshare}/children`, "utf8").catch(() => "")).trim();

/** True once nothing is left of a process but its exit code, which waits for its parent (proc_pid_stat(5)). */
async function hasEnded(pid: string): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return !/\) [^ZX]/.test(stat);
}

/** The last lines of each program's log that look like an error. */
async function lastErrors(): Promise<string> {
  const files = (await readdir(logDir)).filter((file) => file.endsWith(".log"));
  const texts = await Promise.all(files.map((file) => readFile(join(logDir, file), "utf8")));
  return texts
    .flatMap((text, index) => {
      const errors = text.split("\n").filter((line) => /^[EF]\d{4}|error|fatal|has ended/i.test(line));
      return errors.slice(-3).map((line) => `  ${files[index]}: ${line}`);
    })
    .join("\n");
}

/** Ends the cluster and removes all that it had: processes, mounts, interface, rules, cgroups and files. */
export async function stop(): Promise<void> {
  const node = await readNode();
  if (node) {
    if (await isAlive(node)) {
      const init = await firstProcess(node.pid);
      process.kill(node.pid, "SIGKILL"); // unshare heeds no other; its --kill-child ends the rest.
      // The first process of a namespace ends after all others in it (pid_namespaces(7)).
      await waitFor("the end of the node's processes", 10, async () => init === "" || hasEnded(init));
    }
    // The kernel takes the interface away with the namespace, but in its own time.
    await waitFor(`the end of interface ${node.interface}`, 10, async () => {
      if (!(await succeeds("ip", ["link", "show", node.interface]))) return true;
      return succeeds("ip", ["link", "delete", node.interface]);
    });
    await removeCgroup(node.cgroup);
  }
  await rm(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
