import { createWriteStream } from "node:fs";

export type Level = "debug" | "info" | "error" | "fatal";
export type Log = (level: Level, fields: Readonly<Record<string, unknown>>) => void;

/** Some hundred lines, written together. */
const BLOCK_BYTES = 32 * 1024;
/** No line waits longer than this. */
const FLUSH_MS = 100;
/** Of one UTF-16 code unit in UTF-8. */
const MOST_BYTES = 3;
/** If the reader is behind by more than this, in bytes, lines are lost: better than the worker's memory. */
const MOST_WAITING = 8 * 1024 * 1024;

/**
 * Lines of JSON on standard output. They are collected in a block outside of JavaScript's heap, for what waits there
 * is garbage that its collector takes long over; and another thread writes them, so that no request waits for a reader.
 */
export class Output {
  private readonly file = createWriteStream("", { fd: 1 });
  private block: Buffer = newBlock();
  /** Written, and not in use: made anew each time, blocks would be memory that is given back late. */
  private readonly spare: Buffer[] = [];
  private used = 0;
  private now = 0;
  private rfc3339 = "";

  constructor() {
    // A log that nobody reads any more is no reason to stop.
    this.file.on("error", () => undefined);
    setInterval(() => this.flush(), FLUSH_MS).unref();
  }

  readonly log: Log = (level, fields) => {
    if (level === "debug") return;
    const line = `{"level":"${level}","time":"${this.time()}",${JSON.stringify(fields).slice(1)}\n`;
    const bytes = line.length * MOST_BYTES;
    if (this.used + bytes > BLOCK_BYTES) this.flush();
    if (bytes > BLOCK_BYTES) this.write(Buffer.from(line), () => undefined);
    else this.used += this.block.write(line, this.used);
  };

  /** Calls back once every line is written, or nobody reads them. */
  end(done: () => void): void {
    this.flush();
    this.file.end(done);
  }

  /** Now, as RFC 3339 writes it; made anew only when the millisecond is. */
  private time(): string {
    const now = Date.now();
    if (now !== this.now) {
      this.now = now;
      this.rfc3339 = new Date(now).toISOString();
    }
    return this.rfc3339;
  }

  private flush(): void {
    if (this.used === 0) return;
    const { block } = this;
    this.write(block.subarray(0, this.used), () => void this.spare.push(block));
    this.block = this.spare.pop() ?? newBlock();
    this.used = 0;
  }

  private write(lines: Buffer, written: () => void): void {
    if (this.file.writableLength < MOST_WAITING) this.file.write(lines, written);
    else written();
  }
}

const newBlock = () => Buffer.allocUnsafeSlow(BLOCK_BYTES);
