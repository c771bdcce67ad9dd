/** Fills the whole block with independent fair bits. A set bit is heads, a clear one tails. */
export type RandomBits = (block: Uint8Array) => unknown;

/** The exports of find.wat. */
interface Find {
  readonly memory: { readonly buffer: ArrayBuffer };
  /** The first byte of `at` … `end - 2` that begins a 16-bit window with all of the mask; else, as far as `end - 1`. */
  readonly find: (at: number, end: number, mask: number) => number;
}

/** Large enough that the cost of asking for random bits is lost in it, and filled and flipped in some 25 µs. */
const BLOCK_BYTES = 128 * 1024;

/** A supply of fair coins, by the block. Each is flipped once, or thrown away: who flips next begins with a new byte. */
export class Coins {
  readonly block: Uint8Array;
  readonly find: Find["find"];
  /** The first byte of the block that is not flipped yet. */
  next: number;

  /** @param wasm find.wat, compiled */
  constructor(
    wasm: BufferSource,
    private readonly fill: RandomBits,
    bytes = BLOCK_BYTES,
  ) {
    const { memory, find } = new WebAssembly.Instance(new WebAssembly.Module(wasm)).exports as unknown as Find;
    this.block = new Uint8Array(memory.buffer, 0, bytes);
    this.find = find;
    this.next = bytes;
  }

  /** Sees to it that there are coins to flip. */
  provide(): void {
    if (this.next < this.block.length) return;
    this.fill(this.block);
    this.next = 0;
  }
}

const BYTES = Array.from({ length: 256 }, (_, byte) => byte);
/** Heads at the start, at the end, and in the longest row of a byte's eight flips (bit 0 is flipped first). */
const LEADING = Uint8Array.from(BYTES, (byte) => Math.log2(~byte & (byte + 1)));
const TRAILING = Uint8Array.from(BYTES, (byte) => Math.clz32(~(byte << 24)));
const LONGEST = Uint8Array.from(BYTES, (byte) =>
  Math.max(
    ...byte
      .toString(2)
      .split("0")
      .map((row) => row.length),
  ),
);
const ALL_HEADS = 255;

/** From this many heads on, any row of them holds a whole byte of heads, wherever it begins. */
const HOLDS_A_BYTE = 15;
/** A row of n heads holds a window of n - 7 that begins with a byte, of which `find` looks at 16 at the most. */
const windowOf = (heads: number) => 2 ** Math.min(16, heads - 7) - 1;

/** Flips coins until `heads` heads have come up in a row. */
export class Streak {
  /** Coins flipped so far; once `flip` has returned true, up to and with the last head of the row. */
  flips = 0;
  /** Heads in a row right before the next flip. */
  private open = 0;

  constructor(private readonly heads: number) {}

  /** Flips what is left of the block of coins; true once the row is complete. */
  flip(coins: Coins): boolean {
    coins.provide();
    const flips = this.heads < HOLDS_A_BYTE ? this.walk(coins) : this.leap(coins);
    const bytes = flips < 0 ? coins.block.length - coins.next : Math.ceil(flips / 8);
    this.flips += flips < 0 ? bytes * 8 : flips;
    coins.next += bytes;
    return flips >= 0;
  }

  /** Looks at byte after byte. Returns the number of flips that completed the row, or -1. */
  private walk({ block, next }: Coins): number {
    const { heads } = this;
    let open = this.open;
    for (let at = next; at < block.length; at++) {
      const byte = block[at] as number;
      if (open + (LEADING[byte] as number) >= heads) return (at - next) * 8 + heads - open;
      if ((LONGEST[byte] as number) >= heads) return (at - next) * 8 + endOfRow(byte, heads);
      open = byte === ALL_HEADS ? open + 8 : (TRAILING[byte] as number);
    }
    this.open = open;
    return -1;
  }

  /** The same, but of the bytes that are not all heads, only the last before each that may be in the row. */
  private leap({ block, next, find }: Coins): number {
    const { heads } = this;
    const window = windowOf(heads);
    let open = this.open;
    for (let at = next; at < block.length; at++) {
      const byte = block[at] as number;
      if (open + (LEADING[byte] as number) >= heads) return (at - next) * 8 + heads - open;
      if (byte === ALL_HEADS) {
        open += 8;
      } else {
        at = find(at + 1, block.length, window) - 1;
        open = TRAILING[block[at] as number] as number;
      }
    }
    this.open = open;
    return -1;
  }
}

/** The number of flips after which a byte, taken alone, has its first row of `heads` heads. */
function endOfRow(byte: number, heads: number): number {
  let row = 0;
  let flips = 0;
  while (row < heads) row = (byte >> flips++) & 1 ? row + 1 : 0;
  return flips;
}
