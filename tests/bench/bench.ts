// npm run bench [-- --json FILE --quick]: the service beside its peers on this machine, as ratios.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { arch, cpus, release, tmpdir, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { main } from "../../local/steps";
import { BOUNDS, columns, short, table } from "./bounds";
import { drawChart } from "./chart";
import type { Bench } from "./context";
import { direct } from "./direct";
import { kernel } from "./kernel";
import { median, type Result } from "./measure";
import { provideTools, provideVenv } from "./prepare";
import { endAll, pinner } from "./processes";
import { fairness, memory } from "./single";
import { system } from "./system";

const CHART = join(__dirname, "..", "..", "docs", "bench.svg");

const machine = () => ({
  cpu: cpus()[0]?.model.trim() ?? "unknown",
  cores: cpus().length,
  memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
  kernel: `Linux ${release()} ${arch()}`,
  node: process.version,
});

function readArguments(): { json: string; quick: boolean } {
  try {
    const options = {
      json: { type: "string", default: "bench.json" },
      quick: { type: "boolean", default: false },
    } as const;
    const { values } = parseArgs({ options });
    return { quick: values.quick, json: resolve(process.env.INIT_CWD ?? ".", values.json) };
  } catch (error) {
    throw new Error(`${(error as Error).message.split(". ")[0]}; allowed is npm run bench -- [--json FILE] [--quick]`);
  }
}

main(async () => {
  const { json, quick } = readArguments();
  const begun = performance.now();
  const undo: (() => Promise<unknown>)[] = [];
  const cleanUp = async () => {
    await endAll();
    for (let last = undo.pop(); last; last = undo.pop()) {
      await last().catch((error: Error) => {
        console.error(`\nnot taken away: ${error.message}`);
        process.exitCode = 1;
      });
    }
  };
  let interrupted = false;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (interrupted) return;
      interrupted = true;
      console.error(`\n${signal}: ending what was started …`);
      cleanUp().finally(() => process.exit(1));
    });
  }
  const say = (line: string) => {
    if (!interrupted) console.log(`${String(Math.round((performance.now() - begun) / 1000)).padStart(4)} s  ${line}`);
  };
  const peers: { name: string; median: number; unit: string; runs: readonly number[] }[] = [];
  const results: Result[] = [];
  try {
    const folder = await mkdtemp(join(tmpdir(), "coinflip-bench-"));
    undo.push(() => rm(folder, { recursive: true, force: true }));
    say("wrk, and a Python environment with Flask");
    await provideTools(() => undefined);
    const pin = await pinner();
    say(pin.how);
    const bench: Bench = {
      ...{ folder, pin, quick, say, python: await provideVenv() },
      peer: (name, runs, unit) => peers.push({ name, median: median(runs), unit, runs }),
      defer: (step) => undo.push(step),
    };
    results.push(...(await kernel(bench)), ...(await direct(bench)));
    if (!quick) {
      results.push(await fairness(bench), await memory(bench));
      // Last, for a cluster takes something of the machine even when nobody asks it.
      if (process.platform === "linux") results.push(...(await system(bench)));
      else say("left out: system and scaling, because only Linux reaches a kind node without Docker's proxy between");
    }
  } catch (error) {
    if (interrupted) return await new Promise(() => undefined); // The signal's handler ends it.
    throw error;
  } finally {
    if (!interrupted) await cleanUp();
  }
  const order = Object.keys(BOUNDS);
  results.sort((a, b) => order.indexOf(a.id) - order.indexOf(b.id));
  const date = new Date().toISOString();
  await writeFile(json, `${JSON.stringify({ machine: machine(), date, results, peers }, null, 2)}\n`);
  const rows = peers.map(({ name, median, unit }) => [name, short(median), unit]);
  console.log(`\n${columns([["median of", "", ""], ...rows])}\n\n${table(results)}\n`);
  if (!quick) {
    const { cpu, cores, memory, kernel, node } = machine();
    await drawChart(CHART, results, date, `${cpu}, ${cores} cores, ${memory}, ${kernel}, Node.js ${node}`);
  }
  say(`written: ${json}${quick ? "" : `, ${CHART}`}`);
});
