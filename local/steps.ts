import { Listr, PRESET_TIMER } from "listr2";
import { interruption } from "./run";

/** Tells a line of what a step is doing. */
export type Say = (line: string) => void;

export interface Step {
  readonly title: string;
  /** A string that it returns is shown as the outcome. */
  readonly run: (say: Say) => Promise<unknown>;
}

/** On a terminal the last line stands below the step and is replaced; in a log a line stays, so they come seldom. */
const SECONDS_BETWEEN_LOG_LINES = 20;

/**
 * Does one step after the other, each shown with its elapsed time.
 *
 * @throws what the first step throws that fails; only its first line is shown with the step
 */
export async function steps(list: readonly Step[]): Promise<void> {
  let failure: Error | undefined;
  // A second Ctrl-C ends the process at once.
  process.once("SIGINT", () => interruption.abort(new Error("interrupted; npm run down undoes what was done")));
  const tasks = list.map(({ title, run }) => ({
    title,
    task: async (_: unknown, task: { output: string; title: string }) => {
      const start = performance.now();
      let last = start;
      const say = (line: string) => {
        const now = performance.now();
        if (!process.stdout.isTTY && now - last < SECONDS_BETWEEN_LOG_LINES * 1000) return;
        last = now;
        task.output = `${Math.round((now - start) / 1000)} s: ${line}`;
      };
      try {
        interruption.signal.throwIfAborted();
        const outcome = await run(say);
        if (typeof outcome === "string" && outcome !== "") task.title = `${title}: ${outcome}`;
      } catch (error) {
        const { aborted, reason } = interruption.signal;
        failure = (aborted ? reason : error) as Error;
        throw new Error(failure.message.split("\n")[0]);
      }
    },
  }));
  const listr = new Listr(tasks, {
    exitOnError: true,
    // Its own listener would exit before anything is cleaned up.
    registerSignalListeners: false,
    rendererOptions: { timer: PRESET_TIMER, collapseErrors: false, showErrorMessage: false },
    fallbackRendererOptions: { timer: PRESET_TIMER },
  });
  await listr.run().catch((error) => {
    throw failure ?? error;
  });
}

/** Runs a command of this folder: its error, in words that a person can act on, and the exit code 1. */
export function main(command: () => Promise<void>): void {
  command().catch((error: Error) => {
    console.error(`\n${error.message}`);
    process.exit(1);
  });
}
