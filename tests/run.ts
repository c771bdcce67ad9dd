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

async function jest(project: string): Promise<boolean> {
  // The others share clusters, ports and the machine's clock.
  const workers = project === "unit" ? "--maxWorkers=100%" : "--runInBand";
  const [code] = await start("jest", "--selectProjects", project, workers).ended;
  return code === 0;
}

async function run(): Promise<void> {
  const builds = start("tsx", join("tests", "builds.ts"), ...projects);
  // Tests come first where cores are few.
  if (builds.child.pid !== undefined) setPriority(builds.child.pid, 15);
  const passed: boolean[] = [];
  for (const project of projects) {
    // The life cycle is measured. The extended suites wait for the builds that they need themselves.
    if (project === "e2e") await builds.ended;
    passed.push(await jest(project));
  }
  await builds.ended;
  process.exitCode = passed.every(Boolean) ? 0 : 1;
}

run();
