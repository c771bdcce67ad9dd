import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { bundle } from "../../worker/bundle";
import { freePort } from "./freePort";

/** A line of the worker's log. */
export type Line = Record<string, unknown> & { readonly msg?: string };

export interface WorkerProcess {
  readonly url: string;
  readonly lines: readonly Line[];
  readonly errors: () => string;
  readonly kill: (signal: NodeJS.Signals) => void;
  /** Leaves its log without a reader. */
  readonly stopReading: () => void;
  /** Waits for a line of the log. */
  readonly line: (wanted: (line: Line) => boolean) => Promise<Line>;
  /** Resolves with the exit code, and when it came. */
  readonly exit: Promise<{ code: number | null; at: number }>;
}

/** In place of crypto's bits: tails, but heads to the process that has flipped for so long. */
const SLOW_COIN = `const crypto = require("node:crypto");
let start;
crypto.randomFillSync = (block) => block.fill(performance.now() - (start ??= performance.now()) < MS ? 0 : 255);`;

/** Processes of the worker, bundled as for its image. */
export class WorkerProcesses {
  private readonly running = new Set<ChildProcess>();
  private folder = "";

  async bundle(): Promise<void> {
    this.folder = await mkdtemp(join(tmpdir(), "coinflip-server-"));
    await writeFile(join(this.folder, "server.js"), await bundle());
  }

  /** Starts a worker; with `slowMs` its first row of heads comes up only after that time. */
  async start(env: Record<string, string>, slowMs?: number): Promise<WorkerProcess> {
    const preload = join(this.folder, `slow-${slowMs}.cjs`);
    if (slowMs !== undefined) await writeFile(preload, SLOW_COIN.replace("MS", String(slowMs)));
    const args = [...(slowMs === undefined ? [] : ["--require", preload]), join(this.folder, "server.js")];
    const child = spawn(process.execPath, args, {
      env: { METRICS_PORT: "0", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const stopReading = () => child.stdout.destroy();
    this.running.add(child);
    const lines: Line[] = [];
    let errors = "";
    child.stderr.on("data", (text) => {
      errors += text;
    });
    const log = createInterface({ input: child.stdout });
    log.on("line", (text) => lines.push(JSON.parse(text) as Line));
    const exit = once(child, "close").then(([code]) => {
      this.running.delete(child);
      return { code: code as number | null, at: performance.now() };
    });
    const line = async (wanted: (line: Line) => boolean) => {
      const deadline = performance.now() + 5_000;
      for (;;) {
        const found = lines.find(wanted);
        if (found) return found;
        if (performance.now() > deadline) throw new Error(`no such line in\n${JSON.stringify(lines)}\n${errors}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    };
    const kill = (signal: NodeJS.Signals) => void child.kill(signal);
    return { url: `http://127.0.0.1:${env.PORT}`, lines, errors: () => errors, kill, stopReading, line, exit };
  }

  /** The same on a free port, once it listens there. */
  async listening(env: Record<string, string> = {}, slowMs?: number): Promise<WorkerProcess> {
    const worker = await this.start({ PORT: String(await freePort()), ...env }, slowMs);
    await worker.line(({ msg }) => msg === "listening");
    return worker;
  }

  /** Ends what a test has left running. */
  async end(): Promise<void> {
    const left = [...this.running];
    for (const child of left) child.kill("SIGKILL");
    await Promise.all(left.filter(({ exitCode }) => exitCode === null).map((child) => once(child, "exit")));
    this.running.clear();
  }

  remove = () => rm(this.folder, { recursive: true, force: true });
}

/** Asks a worker for `heads` heads in a row. */
export const compute = ({ url }: WorkerProcess, heads: number, init: RequestInit = {}) =>
  fetch(`${url}/compute`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ heads }),
    ...init,
  });

export const connectTo = ({ url }: WorkerProcess) => connect(Number(new URL(url).port), "127.0.0.1");
