import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ask, start } from "./processes";

export interface Load {
  readonly url: string;
  readonly heads?: number;
  readonly seconds: number;
  readonly connections: number;
  /** After how many requests to send no more; wrk ends only when the time is over. */
  readonly requests?: number;
  /** The pause of each connection before a request, in milliseconds. */
  readonly pauseMs?: number;
  readonly timeoutSeconds?: number;
  /** Puts wrk on its core. */
  readonly pin?: (command: readonly string[]) => string[];
}

export interface Loaded {
  readonly requests: number;
  readonly rate: number;
  /** In milliseconds. */
  readonly p99: number;
}

const SCRIPT = join(__dirname, "request.lua");

/** wrk's command line for a load. */
export function command({
  url,
  heads = 3,
  seconds,
  connections,
  requests = 0,
  pauseMs = 0,
  timeoutSeconds = 10,
  pin,
}: Load): string[] {
  const words = [
    ...["wrk", "--threads", "1", "--connections", String(connections), "--duration", `${seconds}s`],
    ...["--timeout", `${timeoutSeconds}s`, "--script", SCRIPT, url, "--", ...[heads, requests, pauseMs].map(String)],
  ];
  return pin ? pin(words) : words;
}

/**
 * Sends the load.
 *
 * @throws Error if any request failed, with wrk's counts and what the server answers to one more
 */
export const load = (wanted: Load): Promise<Loaded> => begin(wanted).loaded;

/** Sends a load that can be ended before its time, with what it has got until then. */
export function begin(wanted: Load): { readonly stop: () => void; readonly loaded: Promise<Loaded> } {
  const child = start(command(wanted), "pipe");
  return { stop: () => void child.kill("SIGINT"), loaded: results(child, wanted) };
}

async function results(child: ChildProcess, wanted: Load): Promise<Loaded> {
  if (!child.stdout) throw new Error("wrk has no output");
  let result: Record<string, number> | undefined;
  let said = "";
  createInterface({ input: child.stdout }).on("line", (line) => {
    said = `${said}${line}\n`;
    if (line.startsWith("RESULT ")) result = JSON.parse(line.slice("RESULT ".length));
  });
  await once(child, "close");
  if (result === undefined) throw new Error(`wrk ended without a result (is it installed?)\n${said.trim()}`);
  const { requests = 0, seconds = 0, p99 = 0, ...errors } = result;
  const seen = Object.entries(errors).filter(([, count]) => count > 0);
  if (seen.length > 0 || requests === 0) {
    const last = await ask(wanted.url, wanted.heads ?? 3).catch((error: Error) => error.message);
    const counts = seen.map(([what, count]) => `${count} ${what}`).join(", ") || "no answer";
    throw new Error(`wrk to ${wanted.url}: of ${requests} requests failed: ${counts}; one more gets: ${last}`);
  }
  return { requests, rate: requests / seconds, p99 };
}
