/** What was measured, against what is asked for. The numbers are reported, never asserted: machines differ. */
const rows: { what: string; seconds: number; atMost: number }[] = [];

export const measured = (what: string, seconds: number, atMost: number) => {
  rows.push({ what, seconds, atMost });
};

/** Prints the table of all that was measured so far. */
export function printReport(title: string): void {
  const width = Math.max(...rows.map(({ what }) => what.length));
  const lines = rows.map(({ what, seconds, atMost }) => {
    const verdict = seconds <= atMost ? "" : "  more than asked for";
    return `  ${what.padEnd(width)}  ${seconds.toFixed(1).padStart(6)}  ${String(atMost).padStart(4)}${verdict}`;
  });
  process.stdout.write(`\n${title}: measured, at most\n${lines.join("\n")}\n\n`);
  rows.length = 0;
}
