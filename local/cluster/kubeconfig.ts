import { readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { parse } from "yaml";
import { classify, currentContext, readContext } from "../../cluster";
import { kubectl } from "../kubectl";
import { dir, kubeconfig, NAME } from "./cluster";

export const CONTEXT = `coinflip-${NAME}`;

/** Whether the kubeconfig has such a context, with its cluster. */
export function exists(context: string): boolean {
  try {
    readContext(context);
    return true;
  } catch {
    return false;
  }
}

/** Whether somebody listens where the context's API server should be. */
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
 * The context to deploy to: the one named (our own need not be there yet), else the current one if it is a local
 * cluster and answers, else our own.
 *
 * @throws Error if the one named does not answer
 */
export async function chooseContext(named: string | undefined): Promise<string> {
  if (named !== undefined) {
    if (named === CONTEXT || (await answers(named))) return named;
    throw new Error(
      `no cluster answers under the context "${named}"; kubectl config get-contexts lists those you have`,
    );
  }
  const current = currentContext();
  if (!exists(current) || current === CONTEXT) return CONTEXT;
  const { kind } = classify(current, readContext(current));
  return kind !== "remote" && (await answers(current)) ? current : CONTEXT;
}

/** Adds the local cluster to the user's kubeconfig (KUBECONFIG or ~/.kube/config), and makes it current. */
export async function addContext(): Promise<void> {
  const admin = parse(await readFile(kubeconfig, "utf8"));
  const { server } = admin.clusters[0].cluster;
  const user = admin.users[0].user as Record<string, string>;
  const file = async (name: string, base64: string | undefined) => {
    const path = join(dir, "conf", name);
    await writeFile(path, Buffer.from(base64 ?? "", "base64"), { mode: 0o600 });
    return path;
  };
  const certificate = await file("admin.crt", user["client-certificate-data"]);
  const key = await file("admin.key", user["client-key-data"]);
  const embedded = "--embed-certs=true";
  const ca = join(dir, "pki", "ca.crt");
  const config = (...args: string[]) => kubectl(["config", ...args]);
  await config("set-cluster", CONTEXT, `--server=${server}`, `--certificate-authority=${ca}`, embedded);
  await config("set-credentials", CONTEXT, `--client-certificate=${certificate}`, `--client-key=${key}`, embedded);
  await config("set-context", CONTEXT, `--cluster=${CONTEXT}`, `--user=${CONTEXT}`);
  await config("use-context", CONTEXT);
}

/** Takes the local cluster out of the kubeconfig again. If it was current, `previous` is now, where it is still there. */
export async function removeContext(previous: string): Promise<void> {
  const wasCurrent = currentContext() === CONTEXT;
  for (const section of ["contexts", "clusters", "users"]) {
    await kubectl(["config", "unset", `${section}.${CONTEXT}`]);
  }
  if (!wasCurrent) return;
  await kubectl(exists(previous) ? ["config", "use-context", previous] : ["config", "unset", "current-context"]);
}
