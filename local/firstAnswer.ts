import { lookup } from "node:dns/promises";
import { createInterface } from "node:readline";
import type { Cluster } from "../cluster";
import { bare } from "../nginx/pem";
import { mappedPorts } from "./kind/cluster";
import { kubectl, startKubectl } from "./kubectl";
import type { Program } from "./program";
import { run, waitFor } from "./run";

const BODY = '{"heads":3}';

/** The line that a user would type, as arguments of curl. */
const lineFor = (endpoint: string, flags: readonly string[]) => [
  ...flags,
  ...[endpoint, "-H", "content-type: application/json", "-d", BODY],
];
const shown = (line: readonly string[], answer: string) =>
  `$ curl ${line.map((each) => (/[ {]/.test(each) ? `'${each}'` : each)).join(" ")}\n${answer}`;

/** curl's code for a certificate that this machine does not trust, as a self-signed one (curl(1), "Exit codes"). */
const UNTRUSTED = "curl: (60)";

/** Asks by a line that a user would type; the line, and the answer below it. */
async function ask(endpoint: string, seconds: number, flags: readonly string[] = []): Promise<string> {
  let answer = "";
  let untrusted = false;
  await waitFor(`an answer of ${endpoint}`, seconds, async () => {
    try {
      answer = await run("curl", ["-fsS", "-m", "5", ...lineFor(endpoint, flags)]);
    } catch (error) {
      untrusted = flags.length === 0 && (error as Error).message.includes(UNTRUSTED);
      if (!untrusted) throw error;
    }
    return true;
  });
  return untrusted ? ask(endpoint, seconds, ["--insecure"]) : shown(lineFor(endpoint, flags), answer);
}

/** Asks through a port of this machine that kubectl forwards meanwhile. */
async function askForwarded(where: readonly string[], scheme: "http" | "https", port: number): Promise<string> {
  const { process: forward } = startKubectl([...where, "port-forward", "service/nginx-service", `:${port}`]);
  try {
    let said = "";
    if (forward.all) createInterface({ input: forward.all }).on("line", (line) => (said += `${line}\n`));
    let local = "";
    await waitFor("a forwarded port", 15, async () => {
      local = /^Forwarding from 127\.0\.0\.1:(\d+)/m.exec(said)?.[1] ?? "";
      if (local === "") throw new Error(said.trim() || "nothing");
      return true;
    });
    return await ask(`${scheme}://localhost:${local}/compute`, 15);
  } finally {
    forward.kill();
    await forward;
  }
}

/** Why this machine cannot reach the endpoint; undefined if it may be able to. */
async function whyUnreachable({ kind, name }: Cluster, { hostname, port }: URL): Promise<string | undefined> {
  if (hostname.endsWith(".svc")) return "This address is known only in the cluster.";
  if (kind !== "kind" || hostname !== "localhost") return undefined;
  // The nodes may be in another Docker than this machine's.
  const mapped = await mappedPorts(name).catch(() => undefined);
  if (mapped === undefined || mapped.includes(Number(port))) return undefined;
  return `The kind cluster does not map port ${port} to this machine, and kind cannot map a port later.`;
}

/**
 * Sends the endpoint a first request; where this machine cannot reach it, through a forwarded port.
 *
 * @returns the endpoint, the command that sends the request, and the answer, to be shown
 * @throws Error if there is none, with what was last seen
 */
export async function firstAnswer(cluster: Cluster, { endpoint, namespace }: Program["outputs"]): Promise<string> {
  const url = new URL(endpoint);
  let why = await whyUnreachable(cluster, url);
  if (why === undefined) {
    try {
      await lookup(bare(url.hostname));
      return `\n${endpoint}\n\n${await ask(endpoint, 15)}`;
    } catch {
      why = "The stack runs, but this machine cannot reach that address (README, Troubleshooting).";
    }
  }
  const where = ["--context", cluster.context, "--namespace", namespace];
  const names = await kubectl([...where, "get", "service", "nginx-service", "-o", "jsonpath={.spec.ports[*].name}"]);
  const tls = names.includes("https");
  const [scheme, port, local] = tls ? (["https", 443, 30443] as const) : (["http", 80, 30080] as const);
  const answer = await askForwarded(where, scheme, port);
  return (
    `\n${endpoint}\n\n${why} It answers here while this runs:\n\n` +
    `$ kubectl port-forward ${where.join(" ")} service/nginx-service ${local}:${port}\n` +
    answer.replace(/:\/\/localhost:\d+/, `://localhost:${local}`)
  );
}
