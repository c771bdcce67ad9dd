// npm test, npm run test:extended: runs the Jest projects that are named, and builds what they need meanwhile.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setPriority } from "node:os";
import { join } from "node:path";

const projects = process.argv.slice(2);

function start(program: string, ...args: string[]) {
  const child = spawn(process.execPath, [join("node_modules", ".bin", program), ...args], { stdio: "inherit" });
  return { child, ended: once(child, "exit") as Promise<[number | null]> };
}

async function jest(...selected: string[]): Promise<boolean> {
  const [code] = await start("jest", "--runInBand", "--selectProjects", ...selected).ended;
  return code === 0;
}

async function run(): Promise<void> {
  const builds = start("tsx", join("tests", "builds.ts"), ...projects);
  // Tests come first where cores are few.
  if (builds.child.pid !== undefined) setPriority(builds.child.pid, 15);
  const quick = projects.filter((project) => project === "unit" || project === "host");
  const passed = [quick.length === 0 || (await jest(...quick))];
  // What the cluster is made of has to be there; the other builds are waited for by the suites that need them.
  if (projects.includes("e2e")) {
    await builds.ended;
    passed.push(await jest("e2e"));
  }
  if (projects.includes("extended")) passed.push(await jest("extended"));
  await builds.ended;
  process.exitCode = passed.every(Boolean) ? 0 : 1;
}

run();
