import { run, waitFor } from "./run";

/**
 * Asks the endpoint for a first answer, by the line that a user would type.
 *
 * @returns the endpoint, the line and the answer, to be shown
 * @throws Error after 30 s, with what was last seen and what may be in the way
 */
export async function firstAnswer(endpoint: string): Promise<string> {
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
        "If the cluster publishes no node ports (kind, k3d), map port 30080 when you create it, or forward one:\n" +
        "  kubectl port-forward --namespace coinflip service/nginx-service 30080:80",
    );
  }
  return `\n${endpoint}\n\n$ curl ${endpoint} -H 'content-type: application/json' -d '${body}'\n${answer}`;
}
