import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism, cpus } from "node:os";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { succeeds, waitFor } from "../../local/run";

const running = new Set<ChildProcess>();
let ending = false;

/** Starts a program that ends with the benchmark, if not before. */
export function start(
  command: readonly string[],
  stdio: "ignore" | "pipe",
  env: NodeJS.ProcessEnv = process.env,
): ChildProcess {
  if (ending) throw new Error("the benchmark is being ended");
  const [program = "", ...args] = command;
  // A group of its own, for some have children, and a Ctrl-C is ours to pass on.
  const child = spawn(program, args, { env, detached: true, stdio: [stdio, stdio, "ignore"] });
  child.on("error", () => undefined); // Told by whoever waits for its answer.
  running.add(child);
  child.once("close", () => running.delete(child));
  return child;
}

/** Ends a program and its children. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const closed = once(child, "close");
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {} // It has ended since.
  await closed;
}

/** Ends all that were started, and lets no more start. */
export async function endAll(): Promise<void> {
  ending = true;
  await Promise.all([...running].map(end));
}

/** The command on one core, where there are two and a program that sees to it. */
export async function pinner(): Promise<{ on: (core: number, command: readonly string[]) => string[]; how: string }> {
  if (availableParallelism() < 2) return { on: (_, command) => [...command], how: "one core: nothing is pinned" };
  if (!(await succeeds("taskset", ["-c", "1", "true"]))) {
    return { on: (_, command) => [...command], how: "no taskset: nothing is pinned" };
  }
  return {
    on: (core, command) => ["taskset", "-c", String(core), ...command],
    how: "servers of one process on core 0, wrk on core 1",
  };
}

/** The time that all cores together have had so far, and of it the idle one, in milliseconds. */
function coreTimes() {
  const each = cpus().map(({ times }) => times);
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  return { all: sum(each.flatMap((times) => Object.values(times))), idle: sum(each.map(({ idle }) => idle)) };
}

/** Waits until most of the machine is idle, but not for long: on a busy one there is nothing to wait for. */
export async function untilIdle(): Promise<void> {
  const idle = async () => {
    const before = coreTimes();
    await sleep(500);
    const after = coreTimes();
    return after.idle - before.idle > 0.7 * (after.all - before.all);
  };
  await waitFor("an idle machine", 10, idle).catch(() => undefined);
}

/** Waits until POST /compute answers as the contract says. */
export async function untilAnswers(name: string, url: string, seconds = 20): Promise<void> {
  await waitFor(`a right answer of ${name}`, seconds, async () => {
    const answer = await ask(url, 3);
    if (!/^200 \{"heads_required": ?3, ?"total_flips": ?\d+\}\s*$/.test(answer)) throw new Error(answer);
    return true;
  });
}

/** One answer, as status and text. */
export async function ask(url: string, heads: number): Promise<string> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", connection: "close" },
    body: JSON.stringify({ heads }),
    signal: AbortSignal.timeout(5_000),
  });
  return `${response.status} ${await response.text()}`;
}

/** A program that answers each line with a number, one after the other. */
export class Asked {
  private readonly child: ChildProcess;
  private readonly lines: AsyncIterator<string>;

  constructor(
    private readonly name: string,
    command: readonly string[],
  ) {
    this.child = start(command, "pipe");
    if (!this.child.stdout) throw new Error(`${name} has no output`);
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  async number(question: string): Promise<number> {
    this.child.stdin?.write(`${question}\n`);
    const { value, done } = await this.lines.next();
    if (done || !(Number(value) > 0)) throw new Error(`${this.name} answered ${value ?? "nothing"} to ${question}`);
    return Number(value);
  }

  end = () => end(this.child);
}
