import { mersenne } from "pure-rand/generator/mersenne";
import type { RandomBits } from "../../worker/app/coinflip";

/** A coin of our own: seeded, so that a test sees the same flips each time, and as unfair as it is asked to be. */
export function seededBits(seed: number, headsProbability = 0.5): RandomBits {
  const random = mersenne(seed);
  const bit = () => ((random.next() >>> 0) / 2 ** 32 < headsProbability ? 1 : 0);
  return (block) => {
    for (let at = 0; at < block.length; at++) {
      let byte = 0;
      for (let flip = 0; flip < 8; flip++) byte |= bit() << flip;
      block[at] = byte;
    }
  };
}

/** Tails, for as long as a test should ever need: a computation that never lets go must not hold the tests too. */
export function onlyTails(patienceMs = 3_000): RandomBits {
  const end = performance.now() + patienceMs;
  return (block) => {
    if (performance.now() > end) throw new Error("the computation was not ended");
    block.fill(0);
  };
}

/**
 * The exact law of the flips up to `heads` heads in a row: `law[n]` is the probability of n.
 * A row that is complete with flip n > heads follows a tail at flip n - heads, before which no row was complete.
 */
export function lawOfFlips(heads: number, longest: number): number[] {
  const law = new Array<number>(longest + 1).fill(0);
  law[heads] = 2 ** -heads;
  let complete = 0;
  for (let n = heads + 1; n <= longest; n++) {
    complete += law[n - heads - 1] ?? 0;
    law[n] = 2 ** -(heads + 1) * (1 - complete);
  }
  return law;
}

/** Pearson's statistic of samples against a law, over bins in which at least five samples are expected. */
export function chiSquare(samples: readonly number[], law: readonly number[]): { statistic: number; degrees: number } {
  const observed = new Map<number, number>();
  for (const sample of samples) observed.set(sample, (observed.get(sample) ?? 0) + 1);
  const bins: { expected: number; seen: number }[] = [];
  let bin = { expected: 0, seen: 0 };
  let unassigned = 1;
  let unseen = samples.length;
  for (const [n, probability] of law.entries()) {
    bin.expected += probability * samples.length;
    bin.seen += observed.get(n) ?? 0;
    if (bin.expected < 5 || (unassigned - bin.expected / samples.length) * samples.length < 5) continue;
    bins.push(bin);
    unassigned -= bin.expected / samples.length;
    unseen -= bin.seen;
    bin = { expected: 0, seen: 0 };
  }
  bins.push({ expected: unassigned * samples.length, seen: unseen });
  const statistic = bins.reduce((sum, { expected, seen }) => sum + (seen - expected) ** 2 / expected, 0);
  return { statistic, degrees: bins.length - 1 };
}

/** The standard normal distribution's quantile at 0.999. */
const Z_999 = 3.0902;

/** The value that chi-square exceeds with p = 0.001, after Wilson and Hilferty (1931), doi 10.1073/pnas.17.12.684. */
export function criticalValue(degrees: number): number {
  const spread = 2 / (9 * degrees);
  return degrees * (1 - spread + Z_999 * Math.sqrt(spread)) ** 3;
}
