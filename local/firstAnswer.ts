import { createInterface } from "node:readline";
import { startKubectl } from "./kubectl";
import type { Program } from "./program";
import { run, waitFor } from "./run";

const BODY = '{"heads":3}';

/** Asks by the line that a user would type. */
async function ask(endpoint: string, seconds: number): Promise<string> {
  let answer = "";
  await waitFor(`an answer of ${endpoint}`, seconds, async () => {
    answer = await run("curl", ["-fsS", "-m", "5", endpoint, "-H", "content-type: application/json", "-d", BODY]);
    return true;
  });
  return answer;
}

const shown = (endpoint: string, answer: string) =>
  `$ curl ${endpoint} -H 'content-type: application/json' -d '${BODY}'\n${answer}`;

/** Asks through a port of this machine that kubectl forwards meanwhile. */
async function askForwarded(context: string, namespace: string): Promise<string> {
  const where = ["--context", context, "--namespace", namespace];
  const { process: forward } = await startKubectl([...where, "port-forward", "service/nginx-service", ":80"]);
  try {
    let said = "";
    if (forward.all) createInterface({ input: forward.all }).on("line", (line) => (said += `${line}\n`));
    let port = "";
    await waitFor("a forwarded port", 15, async () => {
      port = /^Forwarding from 127\.0\.0\.1:(\d+)/m.exec(said)?.[1] ?? "";
      if (port === "") throw new Error(said.trim() || "nothing");
      return true;
    });
    return await ask(`http://localhost:${port}/compute`, 15);
  } finally {
    forward.kill();
    await forward;
  }
}

/**
 * Asks the endpoint for a first answer; where this machine does not reach it, through a forwarded port.
 *
 * @returns the endpoint, the line that asks it, and the answer, to be shown
 * @throws Error if there is none, with what was last seen
 */
export async function firstAnswer(context: string, { endpoint, namespace }: Program["outputs"]): Promise<string> {
  const inCluster = new URL(endpoint).hostname.endsWith(".svc");
  try {
    if (!inCluster) return `\n${endpoint}\n\n${shown(endpoint, await ask(endpoint, 15))}`;
  } catch {}
  const why = inCluster
    ? "This address is the cluster's own."
    : "The stack runs, but this machine does not reach that address: does the cluster publish its node ports (README, Troubleshooting)?";
  const answer = await askForwarded(context, namespace);
  return (
    `\n${endpoint}\n\n${why} It answers here while this runs:\n\n` +
    `$ kubectl port-forward --context ${context} --namespace ${namespace} service/nginx-service 30080:80\n` +
    shown("http://localhost:30080/compute", answer)
  );
}
