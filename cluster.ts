import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";

/** The type of a cluster, which decides how images reach its nodes. */
export type ClusterKind = "kind" | "k3d" | "minikube" | "docker" | "remote";

/** The cluster that a kubeconfig context leads to. */
export interface Cluster {
  readonly context: string;
  readonly kind: ClusterKind;
  /** What the kind's own tool calls it. */
  readonly name: string;
  /** The host under which a NodePort most likely answers. */
  readonly host: string;
}

/** The folder in which the npm commands keep what lasts from `up` to `down`. */
export const stateDir = () => join(process.env.XDG_STATE_HOME || join(homedir(), ".local", "state"), "coinflip");

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
/** A cluster and the name of its entry, which stays the same when a context is renamed. */
interface NamedCluster extends KubeconfigCluster {
  readonly entry: string;
}

/** The user's kubeconfig files, in order of precedence: the first file that sets a value wins. */
function kubeconfigs(): Kubeconfig[] {
  const files = (process.env.KUBECONFIG || join(homedir(), ".kube", "config")).split(delimiter);
  return files.filter((file) => existsSync(file)).map(readKubeconfig);
}

function readKubeconfig(file: string): Kubeconfig {
  try {
    return parse(readFileSync(file, "utf8")) ?? {};
  } catch (error) {
    throw new pulumi.RunError(`${file} cannot be read as a kubeconfig (${(error as Error).message}); fix KUBECONFIG`);
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
export function readContext(name: string): NamedCluster {
  const files = kubeconfigs();
  const contexts = files.flatMap((file) => file.contexts ?? []);
  const entry = contexts.find((each) => each.name === name)?.context.cluster;
  const cluster = files.flatMap((file) => file.clusters ?? []).find((each) => each.name === entry)?.cluster;
  if (entry !== undefined && cluster) return { ...cluster, entry };
  const have =
    contexts.length > 0 ? `the kubeconfig has ${contexts.map((each) => each.name).join(", ")}` : "there is none";
  const missing = name ? `no kubeconfig context "${name}"` : "no current kubeconfig context";
  throw new pulumi.RunError(
    `there is ${missing} to deploy to (${have}). npm run up creates a local cluster; ` +
      "pulumi config set context NAME takes one of yours; " +
      "PULUMI_K8S_DELETE_UNREACHABLE=true pulumi destroy clears a stack whose cluster is gone for good",
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
      `the current context "${name}" is not a local cluster. To deploy there, name it:  pulumi config set context ${name}`,
    );
  }
  return found;
}

/** Infers the type of a cluster from the name of its kubeconfig entry, and minikube from the path of its CA. */
export function classify(context: string, { entry, server, ...cluster }: NamedCluster): Cluster {
  const { hostname } = new URL(server);
  const [, kind, name] = /^(kind|k3d)-(.+)$/.exec(entry) ?? [];
  if (name !== undefined) return { context, kind: kind as "kind" | "k3d", name, host: "localhost" };
  if (SHARED_DOCKER.test(entry)) return { context, kind: "docker", name: entry, host: "localhost" };
  if (entry === "minikube" || cluster["certificate-authority"]?.includes("/.minikube/")) {
    return { context, kind: "minikube", name: entry, host: hostname };
  }
  return { context, kind: "remote", name: entry, host: hostname };
}

/** The kubectl on the PATH; without one, the one that `npm run up` has copied from its cluster. */
export function kubectlProgram(): string {
  const own = join(stateDir(), "kubectl");
  const onPath = (process.env.PATH ?? "").split(delimiter).some((folder) => existsSync(join(folder, "kubectl")));
  return !onPath && existsSync(own) ? own : "kubectl";
}

/**
 * Runs kubectl on the cluster and returns what it prints.
 *
 * @throws Error with kubectl's message, also if it takes longer than a minute
 */
export async function kubectl(context: string, ...args: string[]): Promise<string> {
  try {
    const command = ["--context", context, ...args];
    return (await promisify(execFile)(kubectlProgram(), command, { timeout: 60_000 })).stdout.trim();
  } catch (error) {
    const { code, stderr, message } = error as { code?: string; stderr?: string; message: string };
    if (code === "ENOENT")
      throw new Error(
        "kubectl is not installed, and the stack needs it to reach the cluster: https://kubernetes.io/docs/tasks/tools",
      );
    throw new Error(
      `kubectl ${args[0]} failed on the cluster of the context "${context}": ${stderr?.trim() || message}`,
    );
  }
}

/** The UID of the namespace kube-system: it lasts as long as the cluster, whatever contexts lead to it. */
export const clusterUid = (context: string) =>
  kubectl(context, "get", "namespace", "kube-system", "--output", "jsonpath={.metadata.uid}");
