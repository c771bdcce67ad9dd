/** Thrown to those who find every place taken, and the queue full. */
export class Busy extends Error {}

/** So many places, and a queue of as many before them, first come, first served. */
export class Places {
  taken = 0;
  private readonly queue = new Set<() => void>();

  constructor(readonly count: number) {}

  /** How many wait for a place. */
  get waiting(): number {
    return this.queue.size;
  }

  /**
   * Takes a place, as soon as there is one. Whoever took it must `leave` it.
   *
   * @throws Busy if the queue is full; the signal's reason once it is aborted
   */
  async take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.taken < this.count) {
      this.taken += 1;
      return;
    }
    if (this.queue.size >= this.count)
      throw new Busy(`the limit of ${this.count} under way, and as many waiting, is reached`);
    await new Promise<void>((resolve, reject) => {
      const enter = () => {
        signal.removeEventListener("abort", giveUp);
        resolve();
      };
      const giveUp = () => {
        this.queue.delete(enter);
        reject(signal.reason);
      };
      this.queue.add(enter);
      signal.addEventListener("abort", giveUp, { once: true });
    });
  }

  /** Gives the place to the first in the queue. */
  leave(): void {
    const [enter] = this.queue;
    if (enter === undefined) {
      this.taken -= 1;
    } else {
      this.queue.delete(enter);
      enter();
    }
  }
}
