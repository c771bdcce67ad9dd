import { join } from "node:path";
import execa from "execa";

const root = join(__dirname, "..");

test("npm run bench names a wrong argument in one line, before it starts anything", async () => {
  const args = ["--require", require.resolve("tsx/cjs"), join(root, "tests", "bench", "bench.ts"), "--quik"];
  const { exitCode, all } = await execa(process.execPath, args, { cwd: root, all: true, reject: false });
  const message = "Unknown option '--quik'; allowed is npm run bench -- [--json FILE] [--quick]";
  expect([exitCode, all]).toEqual([1, `\n${message}`]);
});
