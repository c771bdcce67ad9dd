import { readFile } from "node:fs/promises";
import type { Bench } from "./context";
import { type Server, startWorker } from "./direct";
import { type Result, ratio, rounds } from "./measure";
import { end, start } from "./processes";
import { command, load } from "./wrk";

const RUNS = 5;
const FEW = 10_000;
const MANY = 1_000_000;

/** How long short requests take while the same worker computes for another client all the time. */
export async function fairness(bench: Bench): Promise<Result> {
  const { pin, peer, say } = bench;
  const worker = await startWorker(bench);
  const pinned = (words: readonly string[]) => pin.on(1, words);
  const p99 = async () => (await load({ url: worker.url, seconds: 2, connections: 4, pin: pinned })).p99;
  try {
    await load({ url: worker.url, seconds: 6, connections: 4, pin: pinned });
    const values = await rounds(
      RUNS,
      {
        idle: p99,
        // Its own answers may be 504; it is there to keep the worker busy.
        busy: async () => {
          const other = start(
            command({ url: worker.url, heads: 32, seconds: 60, connections: 1, pin: pinned }),
            "ignore",
          );
          await new Promise((resolve) => setTimeout(resolve, 300));
          try {
            return await p99();
          } finally {
            await end(other);
          }
        },
      },
      { onRound: (round) => say(`fairness, round ${round + 1}`) },
    );
    peer("fairness: p99 alone", values.idle, "ms");
    return ratio("fairness/p99", "ms", values.busy, values.idle);
  } finally {
    await end(worker.process);
  }
}

/** Megabytes of a process that are in memory. */
async function resident({ process: { pid } }: Server): Promise<number> {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1];
  return (Number(kib) * 1024) / 1e6;
}

/** Whether a worker grows. Five at a time, for nothing is timed here. */
export async function memory(bench: Bench): Promise<Result> {
  bench.say("memory, a million requests to each of five workers");
  const one = async () => {
    // `taskset` becomes the worker, so that the process id is the worker's either way; but each may use any core here.
    const worker = await startWorker({ folder: bench.folder, pin: { ...bench.pin, on: (_, words) => [...words] } });
    const send = async (seconds: number, requests = 0) =>
      (await load({ url: worker.url, seconds, connections: 32, requests })).requests;
    const settled = async () => {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      return resident(worker);
    };
    try {
      let sent = await send(10, FEW);
      if (sent < FEW) throw new Error(`a worker answered ${sent} requests in 10 s, too few for this`);
      const before = await settled();
      while (sent < MANY) sent += await send(5);
      return { before, after: await settled() };
    } finally {
      await end(worker.process);
    }
  };
  const runs = await Promise.all(Array.from({ length: RUNS }, one));
  const after = runs.map((run) => run.after);
  const before = runs.map((run) => run.before);
  bench.peer("memory: after 10,000 requests", before, "MB");
  return ratio("memory/million", "MB", after, before);
}
