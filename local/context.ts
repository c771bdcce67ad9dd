import { connect } from "node:net";
import { classify, currentContext, readContext } from "../cluster";
import { CONTEXT } from "./kind/cluster";
import { kubectl } from "./kubectl";

/** Whether the kubeconfig has such a context, with its cluster. */
export function exists(context: string): boolean {
  try {
    readContext(context);
    return true;
  } catch {
    return false;
  }
}

/** Whether something listens where the context's API server should be. */
export async function answers(context: string): Promise<boolean> {
  const { hostname, port, protocol } = new URL(readContext(context).server);
  const socket = connect({ host: hostname, port: Number(port) || (protocol === "https:" ? 443 : 80), timeout: 3000 });
  try {
    return await new Promise((resolve) => {
      socket.once("connect", () => resolve(true));
      for (const event of ["error", "timeout"]) socket.once(event, () => resolve(false));
    });
  } finally {
    socket.destroy();
  }
}

/**
 * The context to deploy to: the one named, else the current one if it is a local cluster that answers, else that of the
 * cluster that `up` creates.
 *
 * @param ours whether `up` has created its cluster, which it may also start or create again
 * @throws Error if the one named does not answer
 */
export async function chooseContext(named: string | undefined, ours: boolean): Promise<string> {
  if (named !== undefined) {
    if ((named === CONTEXT && ours) || (await answers(named))) return named;
    throw new Error(
      `no cluster answers under the context "${named}"; kubectl config get-contexts lists those you have`,
    );
  }
  const current = currentContext();
  if (!exists(current)) return CONTEXT;
  const { kind } = classify(current, readContext(current));
  return kind !== "remote" && (await answers(current)) ? current : CONTEXT;
}

/** Takes our cluster's context out of the kubeconfig. If it was current, `previous` is current again, if it still exists. */
export async function removeContext(previous: string): Promise<void> {
  // kind has not added it yet if `up` was interrupted. Then there may be no kubectl either.
  if (!exists(CONTEXT)) return;
  const wasCurrent = currentContext() === CONTEXT;
  for (const section of ["contexts", "clusters", "users"]) {
    await kubectl(["config", "unset", `${section}.${CONTEXT}`]);
  }
  if (!wasCurrent) return;
  await kubectl(exists(previous) ? ["config", "use-context", previous] : ["config", "unset", "current-context"]);
}
