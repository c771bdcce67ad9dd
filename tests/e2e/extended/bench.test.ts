import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import execa from "execa";
import type { Result } from "../../bench/measure";
import { processesOf } from "../host";

jest.setTimeout(180_000);

const root = join(__dirname, "..", "..", "..");
const BENCH = join(root, "tests", "bench");
const bench = (folder: string, ...args: string[]) =>
  // Its temporary files go into the folder, so that the test finds those that it leaves.
  // Without PYTHONDONTWRITEBYTECODE Python leaves compiled copies, unless the benchmark forbids it.
  execa("npm", ["run", "bench", "--", ...args], {
    cwd: root,
    env: { TMPDIR: folder, PYTHONDONTWRITEBYTECODE: "" },
    all: true,
    reject: false,
  });

/** Why the load generator or the peers cannot be had here, or undefined. */
function missing(): string | undefined {
  const program = join(root, "node_modules", ".bin", "tsx");
  const { exitCode, stderr } = execa.sync(program, [join(BENCH, "provide.ts")], { reject: false });
  return exitCode === 0 ? undefined : (stderr.trim().split("\n").at(-1) ?? "");
}

const reason = missing();
if (reason !== undefined) process.stdout.write(`Skipped: the benchmark beside its peers. ${reason}\n`);

describe("npm run bench", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "coinflip-bench-test-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  // What comes out is a machine's affair; that it comes out is asserted.
  (reason === undefined ? it : it.skip)(
    "measures the kernel and single workers beside their peers in its quick form, and leaves nothing behind",
    async () => {
      const file = join(folder, "bench.json");
      const { exitCode, all } = await bench(folder, "--quick", "--json", file);
      expect({ exitCode, all }).toEqual({ exitCode: 0, all: expect.stringContaining("direct/gunicorn") });
      const { machine, date, results } = JSON.parse(readFileSync(file, "utf8")) as {
        machine: object;
        date: string;
        results: Result[];
      };
      expect(machine).toMatchObject({ cores: expect.any(Number), node: process.version });
      expect(new Date(date).toISOString()).toBe(date);
      expect(results.map(({ id }) => id)).toEqual([
        ...["flips20/random", "flips30/random", "flips20/mathrandom", "flips20/cpython"],
        ...["direct/node-http", "direct/flask", "direct/gunicorn"],
      ]);
      for (const { ratio, median, spread, runs, unit } of results) {
        expect(runs.length).toBeGreaterThanOrEqual(5);
        for (const value of [ratio, median, ...spread, ...runs]) expect(value > 0 && Number.isFinite(value)).toBe(true);
        expect(spread[0]).toBeLessThanOrEqual(ratio);
        expect(ratio).toBeLessThanOrEqual(spread[1]);
        expect(unit).toMatch(/^(flips|requests)\/s$/);
      }
      expect(readdirSync(folder).filter((name) => name.startsWith("coinflip"))).toEqual([]);
      expect(readdirSync(join(BENCH, "peers"))).not.toContain("__pycache__");
      expect(processesOf(folder)).toEqual([]);
      expect(processesOf(join(BENCH, "peers"))).toEqual([]);
    },
  );
});
