import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { clusterUid } from "../cluster";
import { selfSign, stillGood } from "../nginx/certificate";
import { lacks } from "../requirements";
import { buildImage, sideload } from "../worker/sideload";
import { kubectl } from "./kubectl";
import { type Effects, type ImageInputs, type Manifest, type Program, runProgram } from "./program";
import { run } from "./run";
import { resolvedConfig } from "./stackConfig";

/** The program's objects as one stream for kubectl. */
export const toYaml = (manifests: readonly Manifest[]) =>
  manifests.map((each) => stringify(each, { blockQuote: "literal", lineWidth: 0 })).join("---\n");

/** Builds, pushes and loads as the providers do, and reads from the cluster what they have in their state. */
const effectsOn = (namespace: readonly string[]): Effects => ({
  async image({ imageName, build, skipPush, registry }: ImageInputs) {
    await buildImage(imageName, build);
    return skipPush ? undefined : push(imageName, registry);
  },
  sideload,
  async pin({ context, requirements }) {
    const lacking = await lacks(context, requirements);
    if (lacking.length > 0) throw new Error(lacking.join("\n"));
    return clusterUid(context);
  },
  async selfSigned(inputs) {
    const which = ["--selector=app.kubernetes.io/component=nginx", "--field-selector=type=kubernetes.io/tls"];
    const found = await kubectl([...namespace, "get", "secrets", ...which, "-o", "json"]);
    const { items } = JSON.parse(found) as { items: { data: Record<"tls.crt" | "tls.key", string> }[] };
    const pairs = items.map(({ data }) => ({ certificate: decoded(data["tls.crt"]), key: decoded(data["tls.key"]) }));
    return pairs.find(({ certificate }) => stillGood(certificate, inputs)) ?? selfSign(inputs);
  },
});

const decoded = (base64: string) => Buffer.from(base64, "base64").toString();

/** Pushes with a login of its own, so that the user's stays as it is; returns the reference by digest. */
async function push(image: string, registry: ImageInputs["registry"]): Promise<string> {
  const config = await mkdtemp(join(tmpdir(), "coinflip-docker-"));
  let env = {};
  try {
    if (registry?.username !== undefined) {
      const { server, username, password = "" } = registry;
      // The context that the user's own configuration has chosen is the engine that has the image.
      const host = await run("docker", ["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"]);
      env = { DOCKER_CONFIG: config, DOCKER_HOST: host };
      const login = ["login", "-u", username, "--password-stdin", server];
      await run("docker", login, { input: password, stdin: "pipe", env });
    }
    await run("docker", ["push", "-q", image], { env });
  } finally {
    await rm(config, { recursive: true, force: true });
  }
  const digests = await run("docker", ["image", "inspect", "--format", '{{join .RepoDigests "\\n"}}', image]);
  const [repository = ""] = /^.*(?=:)/.exec(image) ?? [];
  const pushed = digests.split("\n").find((digest) => digest.startsWith(`${repository}@`));
  if (pushed === undefined) throw new Error(`Docker does not tell the digest of ${image}, which it has pushed`);
  return pushed;
}

/**
 * Brings the stack to a cluster without the Pulumi CLI: builds and loads the image, applies what the program declares,
 * prunes what it no longer does, and waits until it runs.
 *
 * @throws Error with what the pods say, if they are not ready within two minutes
 */
export async function deploy(context: string): Promise<Program["outputs"]> {
  const config = await resolvedConfig();
  const namespace = ["--context", context, "--namespace", config["coinflip:namespace"] ?? ""];
  const { manifests, outputs } = await runProgram(config, effectsOn(namespace));
  const apply = async (objects: readonly Manifest[], ...args: string[]) =>
    kubectl([...namespace, "apply", "--server-side", "--force-conflicts", ...args, "-f", "-"], {
      input: toYaml(objects),
      stdin: "pipe",
      env: { KUBECTL_APPLYSET: "true" },
    });
  const isNamespace = ({ kind }: Manifest) => kind === "Namespace";
  await refuseForeign(context, outputs.namespace);
  await apply(manifests.filter(isNamespace));
  // The apply set remembers in the namespace what was applied, so that the next one knows what to prune.
  const rest = manifests.filter((each) => !isNamespace(each));
  for (const each of rest.filter(isAutoscaled)) await handOverReplicas(namespace, each);
  // Before, and not by the pruning after: an autoscaler that is switched off would set once more what is set here.
  if (!rest.some(isAutoscaled)) await kubectl([...namespace, "delete", "horizontalpodautoscalers", OURS]);
  await apply(rest, "--prune", "--applyset=configmaps/coinflip-applyset");
  try {
    for (const { metadata } of rest.filter(({ kind }) => kind === "Deployment")) {
      await kubectl([...namespace, "rollout", "status", `deployment/${metadata.name}`, "--timeout=120s"]);
    }
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${await podTroubles(namespace)}`);
  }
  return outputs;
}

/** Not what users have put beside it. */
const OURS = "--selector=app.kubernetes.io/name=coinflip";
const isAutoscaled = ({ kind, spec }: Manifest) =>
  kind === "Deployment" && (spec as { replicas?: number }).replicas === undefined;

interface Owned {
  readonly spec: { readonly replicas: number };
  readonly metadata: {
    readonly managedFields: readonly {
      readonly manager: string;
      readonly operation: string;
      readonly fieldsV1: { readonly "f:spec"?: Readonly<Record<string, unknown>> };
    }[];
  };
}

/**
 * Gives the replicas of a Deployment another owner until its autoscaler sets them: a field whose only owner applies it
 * no longer falls back to its default, one replica
 * (https://kubernetes.io/docs/reference/using-api/server-side-apply/#transferring-ownership).
 */
async function handOverReplicas(namespace: readonly string[], { apiVersion, kind, metadata }: Manifest) {
  const { name } = metadata;
  const found = await kubectl([
    ...[...namespace, "get", "deployment", name, "--ignore-not-found"],
    ...["--output=json", "--show-managed-fields"],
  ]);
  if (found === "") return;
  const { spec, metadata: live } = JSON.parse(found) as Owned;
  const ours = live.managedFields.some(
    ({ manager, operation, fieldsV1 }) =>
      manager === "kubectl" && operation === "Apply" && fieldsV1["f:spec"]?.["f:replicas"] !== undefined,
  );
  if (!ours) return;
  const replicas = { apiVersion, kind, metadata, spec: { replicas: spec.replicas } };
  const owner = ["--server-side", "--field-manager=coinflip-replicas", "--validate=false", "-f", "-"];
  await kubectl([...namespace, "apply", ...owner], { input: JSON.stringify(replicas), stdin: "pipe" });
}

/** What is in a namespace goes with it, so it must not be somebody else's. */
async function refuseForeign(context: string, namespace: string): Promise<void> {
  const found = await kubectl([
    ...["--context", context, "get", "namespace", namespace, "--ignore-not-found"],
    ...["--output", "jsonpath={.metadata.name} {.metadata.labels.app\\.kubernetes\\.io/name}"],
  ]);
  if (found === "" || found === `${namespace} coinflip`) return;
  throw new Error(
    `the namespace "${namespace}" is there already, and is not this stack's: npm run up -- -c namespace=NAME`,
  );
}

interface Pod {
  readonly metadata: { readonly name: string };
  readonly status: {
    readonly conditions?: readonly { type: string; status: string; message?: string }[];
    readonly containerStatuses?: readonly {
      restartCount: number;
      state: { waiting?: { reason: string; message?: string } };
    }[];
  };
}

/** For each pod that does not run: the reason that the cluster gives, and its last words if it has ended before. */
async function podTroubles(namespace: readonly string[]): Promise<string> {
  const { items } = JSON.parse(await kubectl([...namespace, "get", "pods", "-o", "json"])) as { items: Pod[] };
  const troubles = items.map(async ({ metadata: { name }, status }) => {
    const [container] = status.containerStatuses ?? [];
    const { reason, message } = container?.state.waiting ?? {};
    const unmet = status.conditions?.find((condition) => condition.status === "False" && condition.message);
    const why = reason ? `${reason} ${message ?? ""}` : unmet?.message;
    if (why === undefined) return [];
    const logs = container?.restartCount ? await kubectl([...namespace, "logs", "--previous", "--tail=5", name]) : "";
    return [
      `  ${name}: ${why}`,
      ...logs
        .split("\n")
        .filter(Boolean)
        .map((line) => `    ${line}`),
    ];
  });
  return (await Promise.all(troubles)).flat().join("\n");
}

/** Removes the stack and waits until its namespace is gone. A namespace of somebody else, which `deploy` refused, stays. */
export async function remove(context: string, namespace: string): Promise<void> {
  const where = ["--context", context, "--namespace", namespace];
  // The pods first: a namespace that still has pods waits for half their grace period before it looks again.
  await kubectl([...where, "delete", "deployments", OURS, "--wait=false"]);
  const named = `--field-selector=metadata.name=${namespace}`;
  await kubectl([...where, "delete", "namespaces", OURS, named, "--timeout=120s"]);
}
