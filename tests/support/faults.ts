import * as pulumi from "@pulumi/pulumi";

/** The lines of the error that settings are refused with, after the first. */
export function faultsOf(read: () => unknown): string[] {
  try {
    read();
  } catch (error) {
    expect(pulumi.RunError.isInstance(error)).toBe(true);
    const [first, ...lines] = (error as Error).message.split("\n");
    const count = lines.length === 1 ? "one setting is" : `${lines.length} settings are`;
    expect(first).toBe(`${count} wrong, and nothing was changed:`);
    return lines.map((line) => line.replace(/^ {2}/, ""));
  }
  throw new Error("the settings were not refused");
}
