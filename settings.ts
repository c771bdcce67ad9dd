import * as pulumi from "@pulumi/pulumi";

/** Where the worker image is pushed, and with which credentials. */
export interface Registry {
  /** Host, and port if it is not the usual one. */
  readonly server: string;
  readonly repository: string;
  readonly username?: string;
  readonly password?: pulumi.Output<string>;
}

/** The stack's configuration, checked. Pulumi.yaml has each one's type, default and description. */
export interface Settings {
  readonly workers: number;
  readonly maxHeads: number;
  readonly maxConcurrent: number;
  readonly deadlineSeconds: number;
  readonly workerCpu: string;
  readonly loadBalancers: number;
  readonly nginxCpu: number;
  readonly balancing: "round-robin" | "least-conn" | "random-two";
  readonly serviceType: "NodePort" | "LoadBalancer" | "ClusterIP";
  readonly nodePort: number;
  readonly host: string;
  readonly namespace: string;
  readonly context: string;
  readonly registry: Registry | undefined;
  readonly nodeImage: string;
  readonly nginxImage: string;
}

interface Rule {
  /** Completes the sentence "allowed is …". */
  readonly allowed: string;
  readonly example: string;
  readonly accepts: (value: string) => boolean;
}

const integer = (min: number, max: number, example: number): Rule => ({
  allowed: `an integer from ${min} to ${max}`,
  example: String(example),
  accepts: (value) => /^-?\d+$/.test(value) && Number(value) >= min && Number(value) <= max,
});
const oneOf = (...values: string[]): Rule => ({
  allowed: values.join(" or "),
  example: values[0] as string,
  accepts: (value) => values.includes(value),
});
const text = (allowed: string, example: string, pattern: RegExp): Rule => ({
  allowed,
  example,
  accepts: (value) => pattern.test(value),
});
const image = (example: string) =>
  text(
    "an image with a version, by tag (not latest) or by digest",
    example,
    /^[a-z0-9][\w.:/-]*(:(?!latest$)\w[\w.-]*|@sha256:[0-9a-f]{64})$/,
  );
const HOST = "[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?";

const rules: Record<Exclude<keyof Settings, "registry">, Rule> = {
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
  serviceType: oneOf("NodePort", "LoadBalancer", "ClusterIP"),
  nodePort: integer(30000, 32767, 30080),
  host: text("a host name or an address, or nothing", "localhost", new RegExp(`^(${HOST}|\\[[0-9a-fA-F:.]+\\])?$`)),
  namespace: text(
    "at most 63 of a-z, 0-9 and -, no - at either end, and not one of the cluster's own (default, kube-…)",
    "coinflip",
    /^(?!default$|kube-)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
  ),
  context: text("the name of a kubeconfig context", "kind-kind", /^\S*$/),
  nodeImage: image("node:24.21.0-slim"),
  nginxImage: image("nginx:1.30.6-alpine"),
};
const registryRules: Record<keyof Registry, Rule> = {
  server: text("a host, with a port if needed", "ghcr.io", new RegExp(`^${HOST}(:\\d+)?$`)),
  repository: text("a lower-case path", "me/coinflip", /^[a-z0-9]+([._/-]+[a-z0-9]+)*$/),
  username: text("a user name, with a password", "me", /^\S+$/),
  password: text("a secret, with a username", "…", /./),
};

/**
 * Reads the stack's configuration, the only place that does.
 *
 * @throws pulumi.RunError that names every wrong setting, its value, what is allowed, and the command that mends it
 */
export function readSettings(config = new pulumi.Config()): Settings {
  const faults: string[] = [];
  const fault = (name: string, value: string | undefined, rule: Rule, flags = "") =>
    faults.push(
      `${name} is ${value === undefined ? "missing" : JSON.stringify(value)}; allowed is ${rule.allowed}:` +
        `  pulumi config set ${flags}${name} ${rule.example}`,
    );

  const values: Record<string, string> = {};
  for (const [name, rule] of Object.entries(rules)) {
    const value = config.get(name);
    if (value === undefined || !rule.accepts(value)) fault(name, value, rule);
    else values[name] = value;
  }

  const registry = readRegistry(config.get("registry") ?? "{}", fault, faults);
  for (const key of Object.keys(pulumi.runtime.allConfig())) {
    const [namespace, name = ""] = key.split(":");
    if (namespace === config.name && !(name in rules) && name !== "registry") {
      faults.push(`${name} is no setting:  pulumi config rm ${name}`);
    }
  }
  if (faults.length > 0) {
    const count = faults.length === 1 ? "one setting is" : `${faults.length} settings are`;
    throw new pulumi.RunError(`${count} wrong, and nothing was changed:\n${faults.map((f) => `  ${f}`).join("\n")}`);
  }
  const number = (name: keyof typeof rules) => Number(values[name]);
  return {
    ...(values as unknown as Settings),
    workers: number("workers"),
    maxHeads: number("maxHeads"),
    maxConcurrent: number("maxConcurrent"),
    deadlineSeconds: number("deadlineSeconds"),
    loadBalancers: number("loadBalancers"),
    nginxCpu: number("nginxCpu"),
    nodePort: number("nodePort"),
    registry,
  };
}

/** Reads the registry from JSON; what is wrong with it goes to the faults, without what may be secret. */
function readRegistry(
  json: string,
  fault: (name: string, value: string | undefined, rule: Rule, flags: string) => void,
  faults: string[],
): Registry | undefined {
  const given = parseObject(json);
  if (given === undefined) {
    faults.push(
      "registry is not an object with server and repository:  pulumi config rm registry, and set each by --path",
    );
    return undefined;
  }
  if (Object.keys(given).length === 0) return undefined;
  for (const name of Object.keys(given).filter((name) => !(name in registryRules))) {
    faults.push(`registry.${name} is no setting:  pulumi config rm --path registry.${name}`);
  }
  const withCredentials = "username" in given || "password" in given;
  for (const [name, rule] of Object.entries(registryRules) as [keyof Registry, Rule][]) {
    const value = given[name];
    if (value === undefined && (name === "username" || name === "password") && !withCredentials) continue;
    if (typeof value === "string" && rule.accepts(value)) continue;
    const shown = value === undefined ? undefined : name === "password" ? "[secret]" : String(value);
    fault(`registry.${name}`, shown, rule, name === "password" ? "--secret --path " : "--path ");
  }
  const { server, repository, username, password } = given as Record<keyof Registry, string>;
  return { server, repository, ...(withCredentials && { username, password: pulumi.secret(password) }) };
}

function parseObject(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {}
  return undefined;
}
