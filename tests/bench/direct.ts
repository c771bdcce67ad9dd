import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { freePort } from "../support/freePort";
import type { Bench } from "./context";
import { type Result, ratio, rounds } from "./measure";
import { end, start, untilAnswers } from "./processes";
import { workerCommand } from "./worker";
import { load } from "./wrk";

const CONNECTIONS = 32;
const PEERS = join(__dirname, "peers");

/** A server that answers, and its process. */
export interface Server {
  readonly url: string;
  readonly process: ChildProcess;
}

export async function startServer(
  name: string,
  command: (port: number) => readonly string[],
  env?: (port: number) => NodeJS.ProcessEnv,
): Promise<Server> {
  const port = await freePort();
  const process = start(command(port), "ignore", env?.(port));
  const url = `http://127.0.0.1:${port}/compute`;
  await untilAnswers(name, url);
  return { url, process };
}

/** A worker on the first core. */
export async function startWorker({ folder, pin }: Pick<Bench, "folder" | "pin">): Promise<Server> {
  const { command, env } = await workerCommand(folder);
  return startServer("the worker", () => pin.on(0, command), env);
}

/** Requests per second of single processes, each asked by wrk without a proxy. */
export async function direct(bench: Bench): Promise<Result[]> {
  const { python, pin, quick, peer, say } = bench;
  const node =
    (program: string, ...args: string[]) =>
    (port: number) =>
      pin.on(0, [process.execPath, join(PEERS, program), String(port), ...args]);
  // As their users start them: the original's servers have the whole machine, though the worker has one core of it.
  // -B: no compiled copies beside the programs.
  const flask = (port: number) => [python, "-B", join(PEERS, "coinflip.py"), "127.0.0.1", String(port)];
  const gunicorn = (port: number) => [
    ...[python, "-B", "-m", "gunicorn", "--workers", "2", "--chdir", PEERS],
    ...["--bind", `127.0.0.1:${port}`, "coinflip:app"],
  ];
  const servers: Record<string, Server> = {};
  try {
    servers.worker = await startWorker(bench);
    servers["node-http"] = await startServer("node-http.mjs", node("node-http.mjs"));
    servers.flask = await startServer("Flask", flask);
    servers.gunicorn = await startServer("gunicorn", gunicorn);
    if (!quick) {
      servers["flask on one core"] = await startServer("Flask", (port) => pin.on(0, flask(port)));
      servers["math-random"] = await startServer("math-random.mjs", node("math-random.mjs"));
      servers["node-http constant"] = await startServer("node-http.mjs", node("node-http.mjs", "constant"));
    }
    const wrk = ({ url }: Server, seconds: number) =>
      load({ url, seconds, connections: CONNECTIONS, pin: (command) => pin.on(1, command) });
    // V8 compiles for some seconds, and Python's servers open what they need at the first requests.
    for (const [name, server] of Object.entries(servers)) {
      say(`direct, warming up ${name}`);
      await wrk(server, /flask|gunicorn/.test(name) ? 1 : quick ? 3 : 6);
    }
    const seconds = 1;
    const contestants = Object.entries(servers).map(
      ([name, server]) => [name, async () => (await wrk(server, seconds)).rate] as const,
    );
    const values = await rounds(5, Object.fromEntries(contestants), {
      thereAndBack: !quick,
      onRound: (round) => say(`direct, round ${round + 1}`),
    });
    for (const [name, rates] of Object.entries(values)) peer(`direct: ${name}`, rates, "requests/s");
    const over = (name: string) => ratio(`direct/${name}`, "requests/s", values.worker ?? [], values[name] ?? []);
    return [over("node-http"), over("flask"), over("gunicorn")];
  } finally {
    await Promise.all(Object.values(servers).map(({ process }) => end(process)));
  }
}
