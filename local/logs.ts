// npm run logs: follows the logs of both tiers of the stack that is up; pretty on a terminal, as they are into a pipe.
import { createInterface } from "node:readline";
import type { ExecaChildProcess } from "execa";
import { startKubectl } from "./kubectl";
import { parseLine, pretty, type Tier } from "./logLine";
import { readRecord } from "./record";
import { main } from "./steps";

/** Of a container that has run before. */
const LINES_BEFORE = 10;

const running = new Set<ExecaChildProcess>();

/** Runs kubectl until it ends, and tells each line; returns what it says of an error. */
async function follow(args: readonly string[], onLine: (line: string) => void): Promise<string> {
  const { process: child } = startKubectl(args, { buffer: false });
  running.add(child);
  let errors = "";
  child.stderr?.on("data", (text) => {
    errors = String(text);
  });
  if (child.stdout) createInterface({ input: child.stdout }).on("line", onLine);
  const { failed } = await child;
  running.delete(child);
  return failed ? errors.trim() || "kubectl has ended" : "";
}

/** A terminal gets lines for people; a pipe what is JSON, and what is not goes beside it. */
function show(tier: Tier, pod: string, line: string): void {
  if (process.stdout.isTTY) console.log(pretty(tier, pod, line));
  else if (parseLine(line) === undefined) console.error(line);
  else console.log(line);
}

const SEEN = "{.metadata.name} {.metadata.labels.app\\.kubernetes\\.io/component}";
const STARTED = "{.status.containerStatuses[0].restartCount} {.status.containerStatuses[0].state.running.startedAt}";

main(async () => {
  const { context, namespace } = (await readRecord()) ?? {};
  if (context === undefined || namespace === undefined) throw new Error("nothing is up from here: npm run up");
  const where = ["--context", context, "--namespace", namespace];
  const end = () => {
    for (const child of running) child.kill();
    process.exit(0);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, end);
  process.stdout.on("error", end); // The reader of a pipe has gone.

  const start = Date.now();
  const followed = new Set<string>();
  /** Follows a container as soon as it runs, and again after each restart. */
  const seen = (line: string) => {
    const [pod = "", tier = "", restarts = "", startedAt = ""] = line.split(" ");
    const container = `${pod} ${restarts}`;
    if (startedAt === "" || followed.has(container)) return;
    followed.add(container);
    const tail = Date.parse(startedAt) < start ? LINES_BEFORE : -1;
    void follow([...where, "logs", "--follow", `--tail=${tail}`, pod], (text) => show(tier as Tier, pod, text)).then(
      (error) => error !== "" && console.error(`${pod}: ${error}`),
    );
  };
  const pods = [
    "get",
    "pods",
    "--selector",
    "app.kubernetes.io/name=coinflip,app.kubernetes.io/component in (worker,nginx)",
  ];
  const output = ["--output", `jsonpath=${SEEN} ${STARTED}{"\\n"}`];
  for (;;) {
    // The API server ends a watch from time to time.
    const error = await follow([...where, ...pods, "--watch", ...output], seen);
    if (error !== "") {
      for (const child of running) child.kill();
      throw new Error(error);
    }
  }
});
