import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import execa, { type Options } from "execa";
import { binariesDir } from "./cluster/binaries";
import { dir as clusterDir } from "./cluster/cluster";
import { type RunOptions, run } from "./run";

/** The kubectl that was built with the local cluster, else the one on the PATH. */
async function program(): Promise<string> {
  const built = join(await binariesDir(), "kubectl");
  return existsSync(built) ? built : "kubectl";
}

/** What kubectl remembers of clusters, until `npm run down`. */
export const KUBECACHEDIR = join(dirname(clusterDir), "kubectl-cache");

/** Starts what runs until it is killed. In an object, for a promise of the process would wait for its end. */
export const startKubectl = async (args: readonly string[], options: Options = { all: true }) => ({
  process: execa(await program(), args, { ...options, env: { KUBECACHEDIR }, reject: false }),
});

export const kubectl = async (args: readonly string[], options: RunOptions = {}) =>
  run(await program(), args, { ...options, env: { KUBECACHEDIR, ...options.env } });
