import * as pulumi from "@pulumi/pulumi";
import { type Exposure, exposure, exposureContradictions } from "./nginx/exposure";
import { HOST, image, imageOrNone, integer, type Members, oneOf, Reader, type Rule, text } from "./rules";

/** Where the worker image is pushed, and with which credentials. */
export interface Registry {
  /** Host, and port if it is not the usual one. */
  readonly server: string;
  readonly repository: string;
  readonly username?: string;
  readonly password?: pulumi.Output<string>;
}

/** Of an autoscaler's target, in percent. */
const USUAL_CPU = 70;

/** How many workers there are, by their load. */
export interface Autoscaling {
  /** As many as `workers` if not given. */
  readonly min?: number;
  readonly max: number;
  /** The CPU that the workers take on average when more are added, in percent of `workerCpu`; USUAL_CPU if not given. */
  readonly cpu?: number;
}

/** The stack's configuration, checked. Pulumi.yaml has each one's type, default and description. */
export interface Settings extends Exposure {
  readonly workers: number;
  readonly autoscaling: Autoscaling | undefined;
  readonly maxHeads: number;
  readonly maxConcurrent: number;
  readonly deadlineSeconds: number;
  readonly workerCpu: string;
  readonly loadBalancers: number;
  readonly nginxCpu: number;
  readonly balancing: "round-robin" | "least-conn" | "random-two";
  readonly rateLimit: number;
  readonly serviceType: "NodePort" | "LoadBalancer" | "ClusterIP";
  readonly nodePort: number;
  readonly httpsNodePort: number;
  readonly host: string;
  readonly namespace: string;
  readonly context: string;
  readonly clusterUid: string;
  readonly registry: Registry | undefined;
  readonly nodeImage: string;
  readonly nginxImage: string;
  readonly monitoring: "off" | "on" | "operator";
  readonly prometheusImage: string;
  /** Empty leaves Grafana out. */
  readonly grafanaImage: string;
}

const millicores = (cpu: string) => (cpu.endsWith("m") ? Number.parseInt(cpu, 10) : Number(cpu) * 1000);

/** The CPU in millicores that the workers take on average when more are added. */
export const targetCpu = (workerCpu: string, { cpu = USUAL_CPU }: Autoscaling) => (millicores(workerCpu) * cpu) / 100;

/** The settings that are objects; empty ones are undefined. */
type Objects = Pick<Settings, "autoscaling" | "registry" | keyof Exposure>;
type Values = Omit<Settings, keyof Objects>;

const values: { readonly [K in keyof Values]: Rule<Values[K]> } = {
  workers: integer(1, 1000, 2),
  // 2^41 flips on average take minutes; more would never end within a request's time.
  maxHeads: integer(1, 40, 32),
  maxConcurrent: integer(1, 10_000, 64),
  // A connection that is silent for longer is cut by many a network on the way.
  deadlineSeconds: integer(1, 300, 30),
  // A worker asks for 100m; it may not be promised more than its limit.
  workerCpu: text("100m or more, or whole cores", "500m", /^([1-9]\d{2,4}m|[1-9]\d?)$/),
  loadBalancers: integer(1, 100, 2),
  nginxCpu: integer(1, 64, 1),
  balancing: oneOf("round-robin", "least-conn", "random-two"),
  rateLimit: integer(0, 100_000, 100),
  serviceType: oneOf("NodePort", "LoadBalancer", "ClusterIP"),
  nodePort: integer(30000, 32767, 30080),
  httpsNodePort: integer(30000, 32767, 30443),
  host: text("a host name or an address, or nothing", "localhost", new RegExp(`^(${HOST}|\\[[0-9a-fA-F:.]+\\])?$`)),
  namespace: text(
    "at most 63 of a-z, 0-9 and -, no - at either end, and not one of the cluster's own (default, kube-…)",
    "coinflip",
    /^(?!default$|kube-)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
  ),
  context: text("the name of a kubeconfig context", "kind-kind", /^\S*$/),
  clusterUid: text(
    "the UID of a cluster's kube-system namespace, or nothing",
    "$(kubectl get namespace kube-system -o jsonpath={.metadata.uid})",
    /^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})?$/,
  ),
  nodeImage: image("node:24.21.0-slim"),
  nginxImage: image("nginx:1.30.6-alpine"),
  monitoring: oneOf("off", "on", "operator"),
  prometheusImage: image("prom/prometheus:v3.5.0"),
  grafanaImage: imageOrNone("grafana/grafana:12.2.0"),
};
const hasCredentials = (registry: Readonly<Record<string, unknown>>) =>
  "username" in registry || "password" in registry;
const objects: { readonly [K in keyof Objects]: Members<NonNullable<Objects[K]>> } = {
  autoscaling: {
    min: { ...integer(1, 1000, 2), optional: () => true },
    max: integer(1, 1000, 10),
    // More than that, and the tenth beyond it at which others are added would be more than the limit.
    cpu: { ...integer(1, 90, USUAL_CPU), optional: () => true },
  },
  ...exposure,
  registry: {
    server: text("a host, with a port if needed", "ghcr.io", new RegExp(`^${HOST}(:\\d+)?$`)),
    repository: text("a lower-case path", "me/coinflip", /^[a-z0-9]+([._/-]+[a-z0-9]+)*$/),
    username: {
      ...text("a user name, with a password", "me", /^\S+$/),
      optional: (registry) => !hasCredentials(registry),
    },
    password: {
      allowed: "a secret, with a username",
      example: "…",
      parse: (value) => (typeof value === "string" && value !== "" ? pulumi.secret(value) : undefined),
      optional: (registry) => !hasCredentials(registry),
      secret: true,
    },
  },
};

/**
 * Reads the stack's configuration, the only place that does.
 *
 * @throws pulumi.RunError that names every wrong setting, its value, what is allowed, and the command that mends it
 */
export function readSettings(config = new pulumi.Config()): Settings {
  const reader = new Reader();
  const settings = Object.fromEntries([
    ...Object.entries(values).map(([name, rule]) => [name, reader.value<unknown>(name, config.get(name), rule)]),
    ...Object.entries(objects).map(([name, members]) => [
      name,
      reader.object<unknown>(name, config.get(name) ?? "{}", members),
    ]),
  ]) as Settings;
  const { faults } = reader;
  for (const key of Object.keys(pulumi.runtime.allConfig())) {
    const [namespace, name = ""] = key.split(":");
    if (namespace === config.name && !(name in settings))
      faults.push(`${name} is no setting:  pulumi config rm ${name}`);
  }
  if (faults.length === 0) faults.push(...contradictions(settings));
  if (faults.length > 0) {
    const count = faults.length === 1 ? "one setting is" : `${faults.length} settings are`;
    throw new pulumi.RunError(`${count} wrong, and nothing was changed:\n${faults.map((f) => `  ${f}`).join("\n")}`);
  }
  return settings;
}

/** A worker computes on one, in millicores. */
const ONE_CORE = 1000;
/** Of the autoscaler's target: below that it leaves things as they are (its flag horizontal-pod-autoscaler-tolerance). */
const TOLERANCE = 1.1;

/** What is wrong with settings that are right each by itself. */
function contradictions(settings: Settings): string[] {
  const { workers, autoscaling, workerCpu } = settings;
  const faults: string[] = [];
  const { min = workers, max = min } = autoscaling ?? {};
  if (min > max) {
    const name = autoscaling?.min === undefined ? "workers" : "autoscaling.min";
    faults.push(`${name} is ${min}, more than autoscaling.max:  pulumi config set --path autoscaling.max ${min}`);
  }
  const most = Math.min(millicores(workerCpu), ONE_CORE);
  if (autoscaling && targetCpu(workerCpu, autoscaling) * TOLERANCE > most) {
    const cpu = Math.floor((100 * most) / TOLERANCE / millicores(workerCpu));
    faults.push(
      `autoscaling.cpu is ${autoscaling.cpu ?? USUAL_CPU}, and no worker ever takes a tenth more than that share of workerCpu, ${workerCpu},` +
        ` at which others are added (one core is the most that it uses):  pulumi config set --path autoscaling.cpu ${cpu}`,
    );
  }
  faults.push(...exposureContradictions(settings));
  return faults;
}
