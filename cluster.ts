import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";

/** Who runs the cluster's nodes, as far as this machine can put an image on them. */
export type ClusterKind = "coinflip" | "kind" | "k3d" | "minikube" | "docker" | "remote";

/** The cluster that a kubeconfig context leads to. */
export interface Cluster {
  readonly context: string;
  readonly kind: ClusterKind;
  /** What the kind's own tool calls it. */
  readonly name: string;
  /** The host under which a NodePort most likely answers. */
  readonly host: string;
}

/** Where the local cluster of that name (local/cluster) keeps all that it has. */
export const localClusterDir = (name: string) =>
  join(process.env.XDG_STATE_HOME || join(homedir(), ".local", "state"), "coinflip", name);

const SHARED_DOCKER = /^(docker-desktop|docker-for-desktop|rancher-desktop|orbstack|colima(-.+)?)$/;

/** The part of a kubeconfig file that says which clusters there are. */
interface Kubeconfig {
  readonly "current-context"?: string;
  readonly contexts?: readonly { readonly name: string; readonly context: { readonly cluster: string } }[];
  readonly clusters?: readonly { readonly name: string; readonly cluster: KubeconfigCluster }[];
}
interface KubeconfigCluster {
  readonly server: string;
  readonly "certificate-authority"?: string;
}

/** The user's kubeconfig files, in the order in which the first that says a thing wins. */
function kubeconfigs(): Kubeconfig[] {
  const files = (process.env.KUBECONFIG || join(homedir(), ".kube", "config")).split(delimiter);
  return files.filter((file) => existsSync(file)).map(readKubeconfig);
}

function readKubeconfig(file: string): Kubeconfig {
  try {
    return parse(readFileSync(file, "utf8")) ?? {};
  } catch (error) {
    throw new pulumi.RunError(`${file} cannot be read as a kubeconfig (${(error as Error).message}); mend KUBECONFIG`);
  }
}

/** The kubeconfig's current context, or an empty name. */
export const currentContext = () => kubeconfigs().find((each) => each["current-context"])?.["current-context"] ?? "";

/**
 * Finds where a kubeconfig context leads, by KUBECONFIG or ~/.kube/config.
 *
 * @param name the context's name, which may be empty if there is no current one
 * @throws pulumi.RunError if there is no such context
 */
export function readContext(name: string): KubeconfigCluster {
  const files = kubeconfigs();
  const contexts = files.flatMap((file) => file.contexts ?? []);
  const known = contexts.find((each) => each.name === name)?.context.cluster;
  const cluster = files.flatMap((file) => file.clusters ?? []).find((each) => each.name === known)?.cluster;
  if (cluster) return cluster;
  const have =
    contexts.length > 0 ? `the kubeconfig has ${contexts.map((each) => each.name).join(", ")}` : "there is none";
  const missing = name ? `no kubeconfig context "${name}"` : "no current kubeconfig context";
  throw new pulumi.RunError(
    `there is ${missing} to deploy to (${have}). npm run up starts a local cluster; ` +
      "pulumi config set context NAME takes one of yours",
  );
}

/**
 * Finds the cluster to deploy to.
 *
 * @param context a kubeconfig context; empty takes the current one
 * @throws pulumi.RunError if there is no such context, or if it was not named and is not a local cluster
 */
export function findCluster(context: string): Cluster {
  const name = context || currentContext();
  const found = classify(name, readContext(name));
  if (found.kind === "remote" && context === "") {
    throw new pulumi.RunError(
      `the current context "${name}" is no local cluster, and nobody deploys there by accident: ` +
        `pulumi config set context ${name}`,
    );
  }
  return found;
}

/** Tells the kind of a cluster by the name that its tool gives to contexts, and minikube by where it keeps its CA. */
export function classify(context: string, cluster: KubeconfigCluster): Cluster {
  const { hostname } = new URL(cluster.server);
  const local = /^(coinflip|kind|k3d)-(.+)$/.exec(context);
  if (local) {
    const [, kind, name] = local as unknown as [string, "coinflip" | "kind" | "k3d", string];
    return { context, kind, name, host: kind === "coinflip" ? hostname : "localhost" };
  }
  if (SHARED_DOCKER.test(context)) return { context, kind: "docker", name: context, host: "localhost" };
  if (context === "minikube" || cluster["certificate-authority"]?.includes("/.minikube/")) {
    return { context, kind: "minikube", name: context, host: hostname };
  }
  return { context, kind: "remote", name: context, host: hostname };
}

/**
 * Asks the cluster by kubectl; returns what that prints. The local cluster comes with one of its own, for machines that have none.
 *
 * @throws Error with what kubectl says, also if it takes longer than a minute
 */
export async function kubectl({ kind, name, context }: Cluster, ...args: string[]): Promise<string> {
  const own = join(localClusterDir(name), "kubectl");
  const program = kind === "coinflip" && existsSync(own) ? own : "kubectl";
  try {
    return (await promisify(execFile)(program, ["--context", context, ...args], { timeout: 60_000 })).stdout.trim();
  } catch (error) {
    const { code, stderr, message } = error as { code?: string; stderr?: string; message: string };
    if (code === "ENOENT") throw new Error("kubectl is not installed, and the cluster is asked with it");
    throw new Error(`the cluster does not answer kubectl ${args[0]}: ${stderr?.trim() || message}`);
  }
}
