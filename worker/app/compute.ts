import { setImmediate } from "node:timers/promises";
import { type RandomBits, Streak } from "./coinflip";

/** The longest that other requests and probes wait for a computation, in milliseconds. */
const SLICE_MS = 2;
const LARGEST_BLOCK = 64 * 1024;

/** Random bits are asked for in blocks of about four times the flips to expect (2^(heads+1) - 2), in bytes. */
const blockBytes = (heads: number) => Math.min(LARGEST_BLOCK, Math.max(64, 2 ** heads));

/**
 * Flips coins until `heads` heads have come up in a row.
 *
 * @returns the number of flips it took
 * @throws the signal's reason, at most one slice after it was aborted
 */
export async function compute(heads: number, fill: RandomBits, signal: AbortSignal): Promise<number> {
  const streak = new Streak(heads);
  const block = Buffer.allocUnsafe(blockBytes(heads));
  for (;;) {
    const sliceEnd = performance.now() + SLICE_MS;
    do {
      fill(block);
      if (streak.feed(block)) return streak.flips;
    } while (performance.now() < sliceEnd);
    await setImmediate();
    signal.throwIfAborted();
  }
}
