import type { pinner } from "./processes";

/** What all parts of the benchmark share. */
export interface Bench {
  /** A folder for this run's files, removed after it. */
  readonly folder: string;
  /** Python of the virtual environment that has the peers' packages. */
  readonly python: string;
  readonly pin: Awaited<ReturnType<typeof pinner>>;
  readonly quick: boolean;
  /** Notes what one peer reached, in absolute numbers. */
  readonly peer: (name: string, values: readonly number[], unit: string) => void;
  /** Tells what is being done. */
  readonly say: (line: string) => void;
  /** Undone at the end, whatever the end is; the last first. */
  readonly defer: (undo: () => Promise<unknown>) => void;
}
