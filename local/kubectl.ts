import { join } from "node:path";
import execa, { type Options } from "execa";
import { kubectlProgram, stateDir } from "../cluster";
import { type RunOptions, run } from "./run";

/** What kubectl caches of clusters, until `npm run down`. */
export const KUBECACHEDIR = join(stateDir(), "kubectl-cache");

/** Starts kubectl, which runs until it is killed. In an object, because a promise of the process would wait for its end. */
export const startKubectl = (args: readonly string[], options: Options = { all: true }) => ({
  process: execa(kubectlProgram(), args, { ...options, env: { KUBECACHEDIR }, reject: false }),
});

export const kubectl = (args: readonly string[], options: RunOptions = {}) =>
  run(kubectlProgram(), args, { ...options, env: { KUBECACHEDIR, ...options.env } });
