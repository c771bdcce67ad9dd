import { setImmediate } from "node:timers/promises";
import { type Coins, Streak } from "./coinflip";
import { Places } from "./places";

/** The longest that other requests and probes wait for a computation, in milliseconds. */
const SLICE_MS = 0.1;

/** Computes for many at a time, by turns, so that a short computation never waits for a long one. */
export class Computer {
  readonly places: Places;
  /** Coins flipped so far. */
  flips = 0;
  private turns: Promise<unknown> = Promise.resolve();

  /** @param maxConcurrent how many computations take turns; as many more wait for a place */
  constructor(
    private readonly coins: Coins,
    maxConcurrent: number,
  ) {
    this.places = new Places(maxConcurrent);
  }

  /**
   * Flips coins until `heads` heads have come up in a row.
   *
   * @param signal asked for only if it takes more than the first slice, which everyone gets at once
   * @returns the number of flips it took
   * @throws Busy if too many compute already; the signal's reason, at most one slice after it was aborted
   */
  compute(heads: number, signal: () => AbortSignal): number | Promise<number> {
    const streak = new Streak(heads);
    return this.slice(streak) ? streak.flips : this.goOn(streak, signal());
  }

  private async goOn(streak: Streak, signal: AbortSignal): Promise<number> {
    await this.places.take(signal);
    try {
      do {
        await this.turn();
        signal.throwIfAborted();
      } while (!this.slice(streak));
    } finally {
      this.places.leave();
    }
    return streak.flips;
  }

  /** Flips a slice's worth of coins; true once the row is complete. */
  private slice(streak: Streak): boolean {
    const before = streak.flips;
    const end = performance.now() + SLICE_MS;
    let complete = false;
    do {
      complete = streak.flip(this.coins);
    } while (!complete && performance.now() < end);
    this.flips += streak.flips - before;
    return complete;
  }

  /** One turn for each round of Node.js's event loop: between any two it serves whatever has come in. */
  private turn(): Promise<unknown> {
    this.turns = this.turns.then(() => setImmediate());
    return this.turns;
  }
}
