import { readFileSync } from "node:fs";
import { join } from "node:path";

/** What `reach.js` tries to reach. */
export interface Target {
  readonly host: string;
  readonly port: number;
  /** Resolves a name over UDP instead of opening a TCP connection. */
  readonly dns?: boolean;
}
export type Targets = Readonly<Record<string, Target>>;

/** Runs a JavaScript text with one argument in a Node.js of its own, and returns its output. */
export type RunNode = (text: string, argument: string) => Promise<string>;

export interface Origin {
  readonly run: RunNode;
  readonly targets: Targets;
}

const reach = readFileSync(join(__dirname, "reach.js"), "utf8");

/**
 * Lets every origin try all of its targets at once.
 *
 * @returns a table with a row for each origin: yes, no (no answer at all), the code of the error, or · where not tried
 */
export async function whoReachesWhom(origins: Readonly<Record<string, Origin>>): Promise<string> {
  const tried = Object.entries(origins).map(async ([name, { run, targets }]) => {
    const outcomes: Record<string, string> = JSON.parse(await run(reach, JSON.stringify(targets)));
    return { name, outcomes };
  });
  const rows = await Promise.all(tried);
  const columns = [...new Set(rows.flatMap(({ outcomes }) => Object.keys(outcomes)))];
  const cells = [
    ["from, to", ...columns],
    ...rows.map(({ name, outcomes }) => [name, ...columns.map((column) => outcomes[column] ?? "·")]),
  ];
  const width = (column: number) => Math.max(...cells.map((row) => row[column]?.length ?? 0));
  const line = (row: readonly string[]) => row.map((cell, column) => cell.padEnd(width(column))).join("  ");
  return cells.map((row) => line(row).trimEnd()).join("\n");
}
