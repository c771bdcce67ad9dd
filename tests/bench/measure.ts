/** What the issue asks for, beside the ratio. */
export interface Bound {
  readonly atLeast?: number;
  readonly atMost?: number;
  readonly moonshot: number;
}

/** One line of bench.json: `ratio` is the median of `runs`, one of each round; `median` that of the numerator, in `unit`. */
export interface Result {
  readonly id: string;
  readonly ratio: number;
  readonly median: number;
  /** The least and the greatest of the runs. */
  readonly spread: readonly [number, number];
  readonly unit: string;
  readonly runs: readonly number[];
}

/** What a contestant reached in each round. */
export type Values<Name extends string> = Readonly<Record<Name, readonly number[]>>;

/**
 * Measures the contestants side by side: in every round each of them, there and back (A B C, C B A),
 * so that a machine that grows slower or faster meanwhile does so for all. A round's value is the mean of the two.
 */
export async function rounds<Name extends string>(
  count: number,
  contestants: Readonly<Record<Name, () => Promise<number>>>,
  { thereAndBack = true, onRound = (_: number) => {} } = {},
): Promise<Values<Name>> {
  const names = Object.keys(contestants) as Name[];
  const values = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, number[]>;
  for (let round = 0; round < count; round++) {
    onRound(round);
    const there = round % 2 === 0 ? names : names.toReversed();
    const order = thereAndBack ? [...there, ...there.toReversed()] : there;
    const sums = new Map<Name, number>();
    for (const name of order) sums.set(name, (sums.get(name) ?? 0) + (await contestants[name]()));
    for (const [name, sum] of sums) values[name].push((sum * names.length) / order.length);
  }
  return values;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (index: number) => sorted[index] ?? Number.NaN;
  return (at(Math.floor((sorted.length - 1) / 2)) + at(Math.ceil((sorted.length - 1) / 2))) / 2;
}

/** The ratio of two contestants, round by round; `share` of the denominator stands for the whole of it. */
export function ratio(id: string, unit: string, over: readonly number[], under: readonly number[], share = 1): Result {
  const runs = over.map((value, round) => value / ((under[round] ?? Number.NaN) * share));
  if (runs.some((run) => !(run > 0) || !Number.isFinite(run)))
    throw new Error(`${id} has no ratio: ${runs.join(", ")}`);
  return { id, ratio: median(runs), median: median(over), spread: [Math.min(...runs), Math.max(...runs)], unit, runs };
}
