import type { Bound, Result } from "./measure";

/** What each ratio has to be, in the order of the table. */
export const BOUNDS: Readonly<Record<string, Bound & { readonly what: string }>> = {
  "flips20/random": { what: "flips/s at 20 heads, over the bit rate of randomFillSync", atLeast: 0.45, moonshot: 0.7 },
  "flips30/random": { what: "flips/s at 30 heads, over the bit rate of randomFillSync", atLeast: 0.45, moonshot: 0.7 },
  "flips20/mathrandom": { what: "flips/s at 20 heads, over a Math.random loop", atLeast: 250, moonshot: 500 },
  "flips20/cpython": { what: "flips/s at 20 heads, over CPython's loop", atLeast: 6000, moonshot: 10_000 },
  "direct/node-http": { what: "requests/s of a worker, over raw node:http", atLeast: 0.85, moonshot: 1 },
  "direct/flask": { what: "requests/s of a worker, over Flask's own server", atLeast: 28, moonshot: 40 },
  "direct/gunicorn": { what: "requests/s of a worker, over Flask on gunicorn, 2 workers", atLeast: 7, moonshot: 10 },
  "system/flask": { what: "whole system, 3 heads, over the same with Flask", atLeast: 10, moonshot: 18 },
  "system20/flask": { what: "whole system, 20 heads, over the same with Flask", atLeast: 2000, moonshot: 5000 },
  "system/nginx": { what: "whole system, over nginx with a constant answer", atLeast: 0.4, moonshot: 0.6 },
  "fairness/p99": { what: "p99 of 3 heads beside 32 heads, over p99 alone", atMost: 3, moonshot: 1.5 },
  "scaling/2": { what: "requests/s of 2 workers, over twice that of 1", atLeast: 0.9, moonshot: 0.97 },
  "scaling/4": { what: "requests/s of 4 workers, over 4 times that of 1", atLeast: 0.9, moonshot: 0.97 },
  "memory/million": { what: "memory after 1,000,000 requests, over that after 10,000", atMost: 1.1, moonshot: 1 },
};

/** How good a ratio is: from 1 on it is what was asked for, whether that is a least or a most. */
export function goodness({ atLeast, atMost }: Bound, ratio: number): number {
  if (atLeast !== undefined) return ratio / atLeast;
  return (atMost ?? Number.NaN) / ratio;
}

function verdict(bound: Bound, ratio: number): string {
  if (goodness(bound, ratio) < 1) return "NOT MET";
  return goodness(bound, ratio) >= goodness(bound, bound.moonshot) ? "moonshot" : "met";
}

/** Three digits that count, and no more. */
export const short = (value: number) =>
  Math.abs(value) >= 100 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3)));

/** The results as a table for a terminal. */
export function table(results: readonly Result[]): string {
  const rows = results.map(({ id, ratio, spread, median, unit }) => {
    const bound = BOUNDS[id];
    if (bound === undefined) throw new Error(`there is no bound for ${id}`);
    const asked = bound.atLeast === undefined ? `≤ ${bound.atMost}` : `≥ ${bound.atLeast}`;
    const range = `${short(spread[0])} … ${short(spread[1])}`;
    return [id, short(ratio), range, asked, String(bound.moonshot), verdict(bound, ratio), `${short(median)} ${unit}`];
  });
  return columns([["ratio of", "median", "spread (min … max)", "asked", "moonshot", "", "numerator"], ...rows]);
}

/** Lines of columns that stand below each other. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd())
    .join("\n");
}
