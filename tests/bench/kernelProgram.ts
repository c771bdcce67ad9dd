// Bundled and run by kernel.ts: for each line "KERNEL SECONDS" on standard input, a line with its flips, or bits, per second.
import { randomFillSync } from "node:crypto";
import { createInterface } from "node:readline";
import { Coins, Streak } from "../../worker/app/coinflip";
import find from "../../worker/app/find.wat";

const coins = new Coins(find, randomFillSync);

/** Units per second of a step, over at least so many seconds. */
function rate(seconds: number, step: () => number): number {
  const start = performance.now();
  let units = 0;
  let elapsed = 0;
  do {
    units += step();
    elapsed = performance.now() - start;
  } while (elapsed < seconds * 1000);
  return (units / elapsed) * 1000;
}

/** Whole rows for 20 heads; for 30 a row takes as long as it likes, so by the block. */
function streaks(heads: number): () => number {
  let streak = new Streak(heads);
  return () => {
    const before = streak.flips;
    const complete = streak.flip(coins);
    const flips = streak.flips - before;
    if (complete) streak = new Streak(heads);
    return flips;
  };
}

function mathRandomRow(): number {
  let heads = 0;
  let flips = 0;
  while (heads < 20) {
    flips++;
    heads = Math.random() < 0.5 ? heads + 1 : 0;
  }
  return flips;
}

function randomBits(kibibytes: number): () => number {
  const block = new Uint8Array(kibibytes * 1024);
  return () => {
    randomFillSync(block);
    return block.length * 8;
  };
}

const kernels: Record<string, () => number> = {
  flips20: streaks(20),
  flips30: streaks(30),
  mathrandom: mathRandomRow,
  random64: randomBits(64),
  random128: randomBits(128),
};

createInterface({ input: process.stdin }).on("line", (line) => {
  const [kernel = "", seconds] = line.split(" ");
  const step = kernels[kernel];
  console.log(step ? rate(Number(seconds), step) : `there is no kernel ${kernel}`);
});
