import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

/** A client notices a wait that is longer. In seconds. */
const SLOW = 1;
/** A client gives up after this, and tries again. In seconds. */
const PATIENCE = 10;
const CLIENTS = 12;
/** In milliseconds. conntrack sends a new connection from the same port as a lost one to the dead pod for two minutes:
 * without this pause the ports are soon used again. */
const PAUSE = 50;
const BODY = '{"heads":3}';

export interface Waits {
  readonly answered: number;
  /** Tries without an answer of status 200. */
  readonly failed: number;
  /** From a client's first try to its answer, in seconds. */
  readonly longest: number;
  /** When the last try began that failed or was slow, as performance.now() tells it; 0 if there was none. */
  readonly lastDisturbed: number;
}

/** Clients that send requests until stopped, each on one kept connection or on a new one each time. */
export class Clients {
  private stopped = false;
  private answered = 0;
  private failed = 0;
  private longest = 0;
  private lastDisturbed = 0;
  /** When the tries under way began, by client. */
  private readonly tries = new Map<number, number>();
  private readonly agent: Agent;
  private readonly running: Promise<unknown>;

  constructor(
    private readonly endpoint: string,
    keepAlive: boolean,
  ) {
    this.agent = new Agent({ keepAlive, maxSockets: CLIENTS });
    this.running = Promise.all(Array.from({ length: CLIENTS }, (_, client) => this.run(client)));
  }

  private async run(client: number): Promise<void> {
    while (!this.stopped) {
      const since = performance.now();
      while (!(await this.succeeds(client)) && !this.stopped) {
        this.failed++;
        await sleep(100);
      }
      this.answered++;
      this.longest = Math.max(this.longest, (performance.now() - since) / 1000);
      await sleep(PAUSE);
    }
  }

  private async succeeds(client: number): Promise<boolean> {
    const began = performance.now();
    this.tries.set(client, began);
    const success = await this.send();
    this.tries.delete(client);
    const slow = performance.now() - began > SLOW * 1000;
    if (!success || slow) this.lastDisturbed = Math.max(this.lastDisturbed, began);
    return success;
  }

  private send(): Promise<boolean> {
    return new Promise((resolve) => {
      const headers = { "content-type": "application/json", "content-length": BODY.length };
      const options = { method: "POST", agent: this.agent, headers, timeout: PATIENCE * 1000 };
      const sent = request(this.endpoint, options, (response) => {
        response.on("error", () => resolve(false));
        response.on("end", () => resolve(response.statusCode === 200)).resume();
      });
      sent.on("timeout", () => sent.destroy());
      sent.on("error", () => resolve(false));
      sent.end(BODY);
    });
  }

  /** For how many seconds no try has begun that failed or was slow. */
  quiet(): number {
    const now = performance.now();
    const slow = [...this.tries.values()].some((began) => now - began > SLOW * 1000);
    return slow ? 0 : (now - this.lastDisturbed) / 1000;
  }

  async stop(): Promise<Waits> {
    this.stopped = true;
    await this.running;
    this.agent.destroy();
    const { answered, failed, longest, lastDisturbed } = this;
    return { answered, failed, longest, lastDisturbed };
  }
}

/** What clients saw of a fault at a time that performance.now() told. */
export function summary({ answered, failed, longest, lastDisturbed }: Waits, fault: number): string {
  const normal = Math.max(0, lastDisturbed - fault) / 1000;
  return (
    `${answered} answered, ${failed} tries failed, longest wait ${longest.toFixed(1)} s, ` +
    `requests sent more than ${normal.toFixed(1)} s later were normal`
  );
}
