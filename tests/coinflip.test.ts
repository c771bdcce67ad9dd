import fc from "fast-check";
import { type RandomBits, Streak } from "../worker/app/coinflip";
import { compute } from "../worker/app/compute";
import { chiSquare, criticalValue, lawOfFlips, onlyTails, seededBits } from "./support/statistics";

const SAMPLES = 20_000;
const never = new AbortController().signal;

/** The flips of a row of heads, one coin after the other; undefined if the coins do not hold such a row. */
function flipByFlip(heads: number, coins: Buffer): number | undefined {
  let row = 0;
  for (let flip = 0; flip < coins.length * 8; flip++) {
    row = ((coins[flip >> 3] ?? 0) >> (flip & 7)) & 1 ? row + 1 : 0;
    if (row === heads) return flip + 1;
  }
  return undefined;
}

/** The same by the program, block by block. */
function blockByBlock(heads: number, blocks: readonly Buffer[]): { flips: number | undefined; scanned: number } {
  const streak = new Streak(heads);
  const last = blocks.findIndex((block) => streak.feed(block));
  return { flips: last < 0 ? undefined : streak.flips, scanned: streak.flips };
}

const anyHeads = fc.integer({ min: 1, max: 40 });
const blocksOf = (byte: fc.Arbitrary<number>) =>
  fc.array(
    fc.array(byte, { minLength: 1, maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
    { minLength: 1, maxLength: 8 },
  );
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
    fc.assert(
      fc.property(anyHeads, blocksOf(byte), (heads, blocks) => {
        const coins = Buffer.concat(blocks);
        const flips = flipByFlip(heads, coins);
        expect(blockByBlock(heads, blocks)).toEqual({ flips, scanned: flips ?? coins.length * 8 });
      }),
      { numRuns: 5000 },
    );
  });

  test("finds a row of every length at every place, also across blocks of one byte", () => {
    for (let heads = 1; heads <= 40; heads++) {
      for (let before = 0; before < 24; before++) {
        const coins = Buffer.alloc(10);
        for (let flip = before; flip < before + heads; flip++)
          coins[flip >> 3] = (coins[flip >> 3] ?? 0) | (1 << (flip & 7));
        const bytes = Array.from(coins, (byte) => Buffer.of(byte));
        expect([heads, before, blockByBlock(heads, [coins]).flips]).toEqual([heads, before, before + heads]);
        expect([heads, before, blockByBlock(heads, bytes).flips]).toEqual([heads, before, before + heads]);
        expect([heads, before, blockByBlock(heads + 1, bytes).flips]).toEqual([heads, before, undefined]);
      }
    }
  });

  test("flips bit 0 of a byte first", () => {
    expect(blockByBlock(1, [Buffer.of(0b1000_0000)]).flips).toBe(8);
    expect(blockByBlock(1, [Buffer.of(0b0000_0001)]).flips).toBe(1);
  });
});

describe("the number of flips", () => {
  const draw = async (heads: number, bits: RandomBits) => {
    const samples: number[] = [];
    while (samples.length < SAMPLES) samples.push(await compute(heads, bits, never));
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

describe("a computation", () => {
  test("asks for blocks until the row is complete, also across two of them", async () => {
    let blocks = 0;
    let flips = 0;
    const fill: RandomBits = (block) => {
      block.fill(0);
      blocks += 1;
      flips += block.length * 8;
      if (blocks === 2) block.writeUInt8(0xff, block.length - 1);
      if (blocks === 3) block.writeUInt8(0x01, 0);
    };
    const total = await compute(9, fill, never);
    expect({ blocks, total }).toEqual({ blocks: 3, total: (flips / 3) * 2 + 1 });
  });

  test("ends with the signal's reason within a slice after it was aborted", async () => {
    const client = new AbortController();
    let left = Number.POSITIVE_INFINITY;
    setTimeout(() => {
      left = performance.now();
      client.abort(new Error("the client left"));
    }, 30);
    await expect(compute(40, onlyTails(), client.signal)).rejects.toThrow("the client left");
    expect(performance.now() - left).toBeLessThan(250);
  });

  test("lets other work run, again and again", async () => {
    const client = new AbortController();
    let turns = 0;
    const turn = setInterval(() => turns++, 1);
    setTimeout(() => client.abort(new Error("enough")), 200);
    await expect(compute(40, onlyTails(), client.signal)).rejects.toThrow("enough");
    clearInterval(turn);
    expect(turns).toBeGreaterThan(10);
  });
});
