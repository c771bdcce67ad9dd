import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { binariesDir } from "./cluster/binaries";
import { dir as clusterDir } from "./cluster/cluster";
import { type RunOptions, run } from "./run";

/** The kubectl that was built with the local cluster, else the one on the PATH. */
export async function program(): Promise<string> {
  const built = join(await binariesDir(), "kubectl");
  return existsSync(built) ? built : "kubectl";
}

/** What kubectl remembers of clusters, until `npm run down`. */
export const KUBECACHEDIR = join(dirname(clusterDir), "kubectl-cache");

export const kubectl = async (args: readonly string[], options: RunOptions = {}) =>
  run(await program(), args, { ...options, env: { KUBECACHEDIR, ...options.env } });
