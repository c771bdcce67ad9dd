import fc from "fast-check";
import { type RandomBits, Streak } from "../worker/app/coinflip";
import { Computer } from "../worker/app/compute";
import { coinsOf } from "./support/coins";
import { chiSquare, criticalValue, lawOfFlips, seededBits } from "./support/statistics";

const SAMPLES = 20_000;
const never = () => new AbortController().signal;

/** The flips of a row of heads, one coin after the other; undefined if the coins do not hold such a row. */
function flipByFlip(heads: number, coins: Uint8Array): number | undefined {
  let row = 0;
  for (let flip = 0; flip < coins.length * 8; flip++) {
    row = ((coins[flip >> 3] ?? 0) >> (flip & 7)) & 1 ? row + 1 : 0;
    if (row === heads) return flip + 1;
  }
  return undefined;
}

/** The same by the program, in blocks of so many bytes; coins that fill no whole block are left out. */
function blockByBlock(heads: number, bytes: readonly number[], blockBytes: number) {
  let at = 0;
  const coins = coinsOf((block) => {
    block.set(bytes.slice(at, at + blockBytes));
    at += blockBytes;
  }, blockBytes);
  const streak = new Streak(heads);
  let complete = false;
  while (!complete && at + blockBytes <= bytes.length) complete = streak.flip(coins);
  return { flips: complete ? streak.flips : undefined, scanned: streak.flips, next: at - blockBytes + coins.next };
}

const anyHeads = fc.integer({ min: 1, max: 40 });
const blockSize = fc.oneof(fc.integer({ min: 1, max: 12 }), fc.constantFrom(63, 64, 65, 66, 67, 127, 130, 200, 300));
const fairByte = fc.integer({ min: 0, max: 255 });
/** Long rows, which begin and end inside bytes and cross blocks. */
const headyByte = fc.oneof(
  { weight: 12, arbitrary: fc.constant(0xff) },
  { weight: 3, arbitrary: fc.constantFrom(0x7f, 0xfe, 0x3f, 0xfc, 0x0f, 0xf0, 0x01, 0x80, 0x7e, 0x00) },
  { weight: 1, arbitrary: fairByte },
);

describe("a streak", () => {
  test.each([
    ["fair coins", fairByte],
    ["coins that love heads", headyByte],
  ])("counts %s as one would flip by flip, however they come in blocks", (_, byte) => {
    const blocks = fc.tuple(blockSize, fc.integer({ min: 1, max: 6 })).chain(([size, count]) => {
      const length = size * count;
      return fc.tuple(fc.constant(size), fc.array(byte, { minLength: length, maxLength: length, size: "max" }));
    });
    fc.assert(
      fc.property(anyHeads, blocks, (heads, [size, bytes]) => {
        const flips = flipByFlip(heads, Uint8Array.from(bytes));
        const scanned = flips ?? bytes.length * 8;
        expect(blockByBlock(heads, bytes, size)).toEqual({ flips, scanned, next: Math.ceil(scanned / 8) });
      }),
      { numRuns: 5000 },
    );
  });

  test("finds a row of every length at every place among tails, also across blocks of one byte", () => {
    const length = 200;
    for (let heads = 1; heads <= 40; heads++) {
      for (const before of [...Array(24).keys(), ...Array.from({ length: 24 }, (_, n) => 500 + n), 1600 - heads]) {
        const coins = new Uint8Array(length);
        for (let flip = before; flip < before + heads; flip++)
          coins[flip >> 3] = (coins[flip >> 3] ?? 0) | (1 << (flip & 7));
        for (const size of [1, 100, length]) {
          const found = (row: number) => [heads, before, size, blockByBlock(row, [...coins], size).flips];
          expect(found(heads)).toEqual([heads, before, size, before + heads]);
          expect(found(heads + 1)).toEqual([heads, before, size, undefined]);
        }
      }
    }
  });

  test("flips bit 0 of a byte first", () => {
    expect(blockByBlock(1, [0b1000_0000], 1).flips).toBe(8);
    expect(blockByBlock(1, [0b0000_0001], 1).flips).toBe(1);
  });

  test("never flips a coin twice: the next one begins with a fresh byte of the same block", () => {
    const coins = coinsOf((block) => block.set([0b0000_0001, 0b0000_0010, 0xff, 0xff]), 4);
    const flips = (heads: number) => {
      const streak = new Streak(heads);
      expect(streak.flip(coins)).toBe(true);
      return streak.flips;
    };
    expect([flips(1), flips(1), flips(8), coins.next]).toEqual([1, 2, 8, 3]);
  });
});

describe("the number of flips", () => {
  const draw = async (heads: number, bits: RandomBits) => {
    const samples: number[] = [];
    const computer = new Computer(coinsOf(bits), 1);
    while (samples.length < SAMPLES) samples.push(await computer.compute(heads, never));
    return samples;
  };

  // NIST/SEMATECH e-Handbook of Statistical Methods, table 1.3.6.7.4.
  test.each([
    [10, 29.588],
    [50, 86.661],
    [100, 149.449],
  ])("is judged by the tabled critical value of chi-square with %i degrees of freedom", (degrees, tabled) => {
    expect(Math.abs(criticalValue(degrees) - tabled)).toBeLessThan(tabled * 0.01);
  });

  test.each([1, 2, 3, 4, 5, 6])(
    "follows the exact law of a fair coin, and has its mean, for %i heads",
    async (heads) => {
      const law = lawOfFlips(heads, 64 * 2 ** heads);
      const mean = law.reduce((sum, probability, n) => sum + n * probability, 0);
      expect(mean).toBeCloseTo(2 ** (heads + 1) - 2, 6);
      const samples = await draw(heads, seededBits(heads));
      const { statistic, degrees } = chiSquare(samples, law);
      expect(degrees).toBeGreaterThan(8);
      expect(statistic).toBeLessThan(criticalValue(degrees));
      const variance = law.reduce((sum, probability, n) => sum + (n - mean) ** 2 * probability, 0);
      const sampleMean = samples.reduce((sum, n) => sum + n, 0) / SAMPLES;
      expect(Math.abs(sampleMean - mean)).toBeLessThan(4 * Math.sqrt(variance / SAMPLES));
    },
  );

  test.each([1, 2, 3, 4, 5, 6])("gives away a coin with 52 %% heads by the same law for %i heads", async (heads) => {
    const samples = await draw(heads, seededBits(heads, 0.52));
    const { statistic, degrees } = chiSquare(samples, lawOfFlips(heads, 64 * 2 ** heads));
    expect(statistic).toBeGreaterThan(criticalValue(degrees));
  });
});
