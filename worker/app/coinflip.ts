/** Fills the whole block with independent fair bits. A set bit is heads, a clear one tails. */
export type RandomBits = (block: Buffer) => void;

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

/** From this many heads on, any row of them holds a whole byte of heads, wherever it begins. */
const HOLDS_A_BYTE = 15;
const ALL_HEADS = 255;

/** Flips coins until `heads` heads have come up in a row. The bits are handed to it, block by block. */
export class Streak {
  /** Coins flipped so far; once `feed` has returned true, up to and with the last head of the row. */
  flips = 0;
  /** Heads in a row right before the next flip. */
  private open = 0;

  constructor(private readonly heads: number) {}

  /** Flips the coins of one block; true once the row is complete. The rest of that block is left unflipped. */
  feed(block: Buffer): boolean {
    const end = this.scan(block);
    this.flips += end < 0 ? block.length * 8 : end;
    return end >= 0;
  }

  /** The number of flips that completed the row, or -1. */
  private scan(block: Buffer): number {
    const { heads } = this;
    let open = this.open;
    for (let at = 0; at < block.length; at++) {
      const byte = block[at] as number;
      if (open + (LEADING[byte] as number) >= heads) return at * 8 + heads - open;
      if (byte === ALL_HEADS) {
        open += 8;
        continue;
      }
      if ((LONGEST[byte] as number) >= heads) return at * 8 + endOfRow(byte, heads);
      if (heads >= HOLDS_A_BYTE) {
        // Nothing but a byte of heads can be in a row this long: jump to just before the next one.
        const next = block.indexOf(ALL_HEADS, at + 1);
        at = (next < 0 ? block.length : next) - 1;
      }
      open = TRAILING[block[at] as number] as number;
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
