import { readFileSync } from "node:fs";
import { join } from "node:path";

/** What `reach.js` may try. */
export interface Target {
  readonly host: string;
  readonly port: number;
  /** Asked for a name, over UDP; else connected to over TCP. */
  readonly dns?: boolean;
}
export type Targets = Readonly<Record<string, Target>>;

/** Somebody who tries: who runs the text in a Node.js of his own, with one argument, and tells what it printed. */
export interface Origin {
  readonly node: (text: string, argument: string) => Promise<string>;
  readonly targets: Targets;
}

const reach = readFileSync(join(__dirname, "reach.js"), "utf8");

/**
 * Has everybody try all of his targets at once.
 *
 * @returns a table with a row for each origin: yes, no (no answer at all), the code of the error, or · where not tried
 */
export async function whoReachesWhom(origins: Readonly<Record<string, Origin>>): Promise<string> {
  const tried = Object.entries(origins).map(async ([name, { node, targets }]) => {
    const outcomes: Record<string, string> = JSON.parse(await node(reach, JSON.stringify(targets)));
    return { name, outcomes };
  });
  const rows = await Promise.all(tried);
  const columns = [...new Set(rows.flatMap(({ outcomes }) => Object.keys(outcomes)))];
  const cells = [
    ["from, to", ...columns],
    ...rows.map(({ name, outcomes }) => [name, ...columns.map((column) => outcomes[column] ?? "·")]),
  ];
  const width = (column: number) => Math.max(...cells.map((row) => row[column]?.length ?? 0));
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(width(column)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
