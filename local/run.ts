import { basename } from "node:path";
import { createInterface } from "node:readline";
import execa, { type Options } from "execa";

/** Aborted by Ctrl-C: running programs are ended and waits fail, so that every `finally` cleans up. */
export const interruption = new AbortController();

/** How much of a failed program's output is worth reading first. */
const LAST_LINES = 15;
/** How much of its command line, in characters. */
const LONGEST_COMMAND = 100;

export interface RunOptions extends Pick<Options, "cwd" | "env" | "input" | "stdin" | "timeout"> {
  /** Told each line as it comes. */
  readonly onLine?: (line: string) => void;
}

/**
 * Runs a program to its end.
 *
 * @returns what it wrote to standard output
 * @throws Error with the last lines of all that it wrote, if it fails or takes longer than the timeout (10 minutes)
 */
export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { onLine, timeout = 600_000, ...rest } = options;
  const child = execa(program, args, { stdin: "ignore", all: true, reject: false, ...rest });
  if (onLine && child.all) createInterface({ input: child.all }).on("line", onLine);
  // Not execa's: Node.js would keep the timer of a program that is not installed, and with it this process.
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill();
  }, timeout);
  const interrupt = () => child.kill("SIGINT");
  interruption.signal.addEventListener("abort", interrupt);
  const result = await child;
  interruption.signal.removeEventListener("abort", interrupt);
  clearTimeout(timer);
  const { failed, all, stdout, exitCode } = result;
  if (!failed) return stdout;
  if ((result as { code?: string }).code === "ENOENT") throw new Error(`${program} is not installed`);
  const why = timedOut ? "took too long" : `failed (exit code ${exitCode ?? "none"})`;
  const tail = (all ?? "").trimEnd().split("\n").slice(-LAST_LINES).join("\n");
  const command = [basename(program), ...args].join(" ").slice(0, LONGEST_COMMAND);
  throw new Error(`${command} ${why}; its last lines:\n${tail}`);
}

/** True if the program runs and says that all is well. */
export const succeeds = (program: string, args: readonly string[], options: RunOptions = {}) =>
  run(program, args, { timeout: 10_000, ...options }).then(
    () => true,
    () => false,
  );

/**
 * Asks again and again until the answer is true.
 *
 * @throws Error after `seconds`, with what was waited for and what was last seen
 */
export async function waitFor(what: string, seconds: number, attempt: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  let last = "nothing";
  for (;;) {
    interruption.signal.throwIfAborted();
    try {
      if (await attempt()) return;
    } catch (error) {
      last = (error as Error).message;
    }
    if (performance.now() > deadline) throw new Error(`${what} did not happen within ${seconds} s; last seen: ${last}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
