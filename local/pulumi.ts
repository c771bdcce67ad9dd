import { accessSync, constants } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { Program } from "./program";
import { note } from "./record";
import { run } from "./run";
import { root, STACK } from "./stackConfig";

const env = {
  PULUMI_SKIP_UPDATE_CHECK: "true",
  // A local backend asks for a passphrase; without secrets in the stack an empty one will do.
  ...(process.env.PULUMI_CONFIG_PASSPHRASE_FILE === undefined && {
    PULUMI_CONFIG_PASSPHRASE: process.env.PULUMI_CONFIG_PASSPHRASE ?? "",
  }),
};

/** The npm package `pulumi`: it runs the CLI of its version, and downloads it if it is not there. */
const LAUNCHER = join(root, "node_modules", ".bin", "pulumi");

/** The Pulumi CLI: the user's own if there is one on the PATH, else the npm package's. */
export function pulumiProgram(): string {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    if (folder.includes("node_modules")) continue;
    try {
      accessSync(join(folder, "pulumi"), constants.X_OK);
      return join(folder, "pulumi");
    } catch {}
  }
  return LAUNCHER;
}

async function pulumi(args: readonly string[], onLine?: (line: string) => void): Promise<string> {
  // The Kubernetes provider leaves a kubeconfig in it at every start.
  const TMPDIR = await mkdtemp(join(tmpdir(), "coinflip-pulumi-"));
  try {
    const options = { cwd: root, env: { ...env, TMPDIR }, ...(onLine && { onLine }) };
    return await run(pulumiProgram(), [...args, "--non-interactive", "--color=never"], options);
  } finally {
    await rm(TMPDIR, { recursive: true, force: true });
  }
}

/** Undefined if the Pulumi CLI and the plugins can be used here; else the reason in a few words. */
export async function cannotUsePulumi(onLine: (line: string) => void): Promise<string | undefined> {
  try {
    await pulumi(["version"], onLine);
    await pulumi(["install", "--no-dependencies"], onLine);
    return undefined;
  } catch (error) {
    return (error as Error).message.split("\n").filter(Boolean).at(-1);
  }
}

/** False only if the CLI says so: a backend that is slow or down is no reason to take another one. */
async function isLoggedIn(): Promise<boolean> {
  try {
    await pulumi(["whoami"]);
    return true;
  } catch (error) {
    if (/PULUMI_ACCESS_TOKEN|pulumi login/.test((error as Error).message)) return false;
    throw error;
  }
}

/** `pulumi up` on the stack `local`: on the backend that the user is logged in to, else on this machine's files. */
export async function pulumiUp(onLine: (line: string) => void): Promise<Program["outputs"]> {
  if (!(await isLoggedIn())) {
    await note({ loggedIn: true });
    await pulumi(["login", "--local"]);
  }
  await pulumi(["stack", "select", "--create", STACK]);
  await pulumi(["up", "--yes", "--skip-preview", "--suppress-progress", "--refresh", "--stack", STACK], onLine);
  return JSON.parse(await pulumi(["stack", "output", "--json", "--stack", STACK]));
}

/**
 * Removes the stack, and what it deployed.
 *
 * @param clusterGoes whether the cluster goes too: then nothing in it needs to be removed one by one
 */
export async function pulumiDown(clusterGoes: boolean, onLine: (line: string) => void): Promise<void> {
  const exists = (await pulumi(["stack", "ls", "--json"])).includes(`"${STACK}"`);
  if (!exists) return;
  if (!clusterGoes)
    await pulumi(["destroy", "--yes", "--skip-preview", "--suppress-progress", "--stack", STACK], onLine);
  await pulumi(["stack", "rm", "--yes", "--remove-backups", STACK, ...(clusterGoes ? ["--force"] : [])]);
}

export async function logout(): Promise<void> {
  await pulumi(["logout"]);
}
