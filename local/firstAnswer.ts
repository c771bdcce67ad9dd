import type { Program } from "./program";
import { run, waitFor } from "./run";

/**
 * Asks the endpoint for a first answer, by the line that a user would type.
 *
 * @returns the endpoint, the line and the answer, to be shown
 * @throws Error after 30 s, with what was last seen and what may be in the way
 */
export async function firstAnswer({ endpoint, namespace }: Program["outputs"]): Promise<string> {
  const forward = `kubectl port-forward --namespace ${namespace} service/nginx-service 30080:80`;
  if (new URL(endpoint).hostname.endsWith(".svc")) {
    return `\n${endpoint}\n\nThis address is the cluster's own. From here:  ${forward}`;
  }
  const body = '{"heads":3}';
  const args = ["-fsS", "-m", "5", endpoint, "-H", "content-type: application/json", "-d", body];
  let answer = "";
  try {
    await waitFor(`an answer of ${endpoint}`, 30, async () => {
      answer = await run("curl", args);
      return true;
    });
  } catch (error) {
    throw new Error(
      `The stack runs, but ${endpoint} does not answer from here: ${(error as Error).message}\n` +
        `If the cluster publishes no node ports (kind, k3d), map them when you create it, or forward one:\n  ${forward}`,
    );
  }
  return `\n${endpoint}\n\n$ curl ${endpoint} -H 'content-type: application/json' -d '${body}'\n${answer}`;
}
