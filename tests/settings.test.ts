import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";
import { readSettings, type Settings } from "../settings";
import { faultsOf } from "./support/faults";

interface Project {
  readonly config: Record<keyof Settings, { type: string; default: unknown; description: string }>;
}
const read = (file: string) => readFileSync(join(__dirname, "..", file), "utf8");
const { config: declared } = parse(read("Pulumi.yaml")) as Project;
const defaults = Object.fromEntries(
  Object.entries(declared).map(([name, { default: value }]) => [
    name,
    typeof value === "object" ? JSON.stringify(value) : String(value),
  ]),
);

/** Reads the defaults of Pulumi.yaml with other values over them; undefined takes one away. */
function settingsWith(values: Record<string, string | undefined> = {}): Settings {
  const config: Record<string, string> = {};
  for (const [name, value] of Object.entries({ ...defaults, ...values })) {
    if (value !== undefined) config[name.includes(":") ? name : `coinflip:${name}`] = value;
  }
  pulumi.runtime.setAllConfig(config);
  return readSettings();
}
const withRegistry = (registry: unknown) => settingsWith({ registry: JSON.stringify(registry) });

beforeAll(() => pulumi.runtime.setMocks({ newResource: () => ({ id: "", state: {} }), call: () => ({}) }, "coinflip"));

describe("settings", () => {
  test("are, by default, those of Pulumi.yaml", () => {
    expect(settingsWith()).toEqual({
      workers: 2,
      autoscaling: undefined,
      maxHeads: 32,
      maxConcurrent: 64,
      deadlineSeconds: 30,
      workerCpu: "1",
      loadBalancers: 2,
      nginxCpu: 1,
      balancing: "round-robin",
      rateLimit: 0,
      serviceType: "NodePort",
      nodePort: 30080,
      httpsNodePort: 30443,
      host: "",
      tls: undefined,
      ingress: undefined,
      gateway: undefined,
      namespace: "coinflip",
      context: "",
      clusterUid: "",
      registry: undefined,
      nodeImage: "node:24.21.0-slim",
      nginxImage: "nginx:1.30.6-alpine",
      monitoring: "off",
      prometheusImage: "prom/prometheus:v3.5.0",
      grafanaImage: "grafana/grafana:12.2.0",
    });
  });

  test.each([
    ["workers", ["1", "1000"]],
    ["maxHeads", ["1", "40"]],
    ["maxConcurrent", ["1", "10000"]],
    ["deadlineSeconds", ["1", "300"]],
    ["workerCpu", ["100m", "1500m", "16000m", "1", "64"]],
    ["loadBalancers", ["1", "100"]],
    ["nginxCpu", ["1", "64"]],
    ["balancing", ["round-robin", "least-conn", "random-two"]],
    ["rateLimit", ["0", "100000"]],
    ["serviceType", ["NodePort", "LoadBalancer", "ClusterIP"]],
    ["nodePort", ["30000", "32767"]],
    ["httpsNodePort", ["30000", "32767"]],
    ["host", ["", "localhost", "coin.example.com", "10.90.0.2", "[fd00::1]", "A"]],
    ["namespace", ["a", "0", "my-flips", "defaults", "a".repeat(63)]],
    ["context", ["", "kind-kind", "arn:aws:eks:eu-west-1:1:cluster/flips", "me@host"]],
    ["nodeImage", ["node:24", "localhost:5000/node:24-slim", `node@sha256:${"0a".repeat(32)}`, "ghcr.io/a/b_c:1.2.3"]],
    ["nginxImage", ["nginx:1.27.3", "coinflip.local/nginx:forky"]],
    ["monitoring", ["off", "on", "operator"]],
    ["prometheusImage", ["prom/prometheus:v3.5.0"]],
    ["grafanaImage", ["", "grafana/grafana:12.2.0"]],
  ] as const)("%s takes %j", (name, values) => {
    for (const value of values) expect(String(settingsWith({ [name]: value })[name])).toBe(value);
  });

  const whole = (range: string, example: number) => [`an integer from ${range}`, String(example)] as const;
  const image = "an image with a version, by tag (not latest) or by digest";
  test.each([
    ["workers", ["0", "1001", "-1", "2.5", "3abc", "1e2", "two", "", " 2", "0x2"], ...whole("1 to 1000", 2)],
    ["maxHeads", ["0", "41", "32.0"], ...whole("1 to 40", 32)],
    ["maxConcurrent", ["0", "10001", "64.5"], ...whole("1 to 10000", 64)],
    ["deadlineSeconds", ["0", "301", "30s"], ...whole("1 to 300", 30)],
    ["workerCpu", ["99m", "0", "0.5", "1 core", "100", "050m", ""], "100m or more, or whole cores", "500m"],
    ["loadBalancers", ["0", "101", "NaN"], ...whole("1 to 100", 2)],
    ["nginxCpu", ["0", "65", "500m"], ...whole("1 to 64", 1)],
    ["balancing", ["random", "", "Round-Robin"], "round-robin or least-conn or random-two", "round-robin"],
    ["rateLimit", ["-1", "100001", "10r/s"], ...whole("0 to 100000", 100)],
    ["serviceType", ["nodeport", "Ingress"], "NodePort or LoadBalancer or ClusterIP", "NodePort"],
    ["nodePort", ["80", "29999", "32768", ""], ...whole("30000 to 32767", 30080)],
    ["httpsNodePort", ["443", "32768"], ...whole("30000 to 32767", 30443)],
    [
      "host",
      ["http://localhost", "localhost:80", "-a", "a-", "fd00::1", "a b"],
      "a host name or an address, or nothing",
      "localhost",
    ],
    [
      "namespace",
      ["", "Coin", "-a", "a-", "a_b", "a".repeat(64), "a.b", "default", "kube-system"],
      "at most 63 of a-z, 0-9 and -, no - at either end, and not one of the cluster's own (default, kube-…)",
      "coinflip",
    ],
    ["context", ["two words", "a\n"], "the name of a kubeconfig context", "kind-kind"],
    ["nodeImage", ["node", "node:latest", "", "localhost:5000/node", "node@sha256:0a"], image, "node:24.21.0-slim"],
    ["nginxImage", ["nginx", "ghcr.io/nginx:latest", "nginx:"], image, "nginx:1.30.6-alpine"],
    ["monitoring", ["", "true", "prometheus"], "off or on or operator", "off"],
    ["prometheusImage", ["", "prom/prometheus"], image, "prom/prometheus:v3.5.0"],
    ["grafanaImage", ["grafana", "grafana/grafana:latest"], `${image}, or nothing`, "grafana/grafana:12.2.0"],
  ] as const)("%s refuses %j, and says what is allowed and how to set it", (name, values, allowed, example) => {
    for (const value of values) {
      expect(faultsOf(() => settingsWith({ [name]: value }))).toEqual([
        `${name} is ${JSON.stringify(value)}; allowed is ${allowed}:  pulumi config set ${name} ${example}`,
      ]);
    }
  });

  test("are refused all at once, with the missing and the unknown among them", () => {
    const wrong = { workers: "0", nodePort: undefined, wokers: "3", "nginx:image": "not ours", balancing: "best" };
    expect(faultsOf(() => settingsWith({ ...wrong, registry: '{"server":"ghcr.io"}' }))).toEqual([
      'workers is "0"; allowed is an integer from 1 to 1000:  pulumi config set workers 2',
      'balancing is "best"; allowed is round-robin or least-conn or random-two:  pulumi config set balancing round-robin',
      "nodePort is missing; allowed is an integer from 30000 to 32767:  pulumi config set nodePort 30080",
      "registry.repository is missing; allowed is a lower-case path:  pulumi config set --path registry.repository me/coinflip",
      "wokers is no setting:  pulumi config rm wokers",
    ]);
  });
});

describe("the registry", () => {
  const ours = { server: "ghcr.io", repository: "me/coinflip" };

  test("may ask for no credentials", () => {
    expect(withRegistry(ours).registry).toEqual(ours);
    expect(withRegistry({ server: "localhost:5000", repository: "a/b-c.d/e__f" }).registry?.server).toBe(
      "localhost:5000",
    );
  });

  test("has its password as a secret", async () => {
    const { password, ...rest } = withRegistry({ ...ours, username: "me", password: "hunter2" }).registry ?? {};
    expect(rest).toEqual({ ...ours, username: "me" });
    expect(await pulumi.isSecret(password as pulumi.Output<string>)).toBe(true);
  });

  const command = (name: string, example: string) => `pulumi config set --path registry.${name} ${example}`;
  const server = `a host, with a port if needed:  ${command("server", "ghcr.io")}`;
  const repository = `a lower-case path:  ${command("repository", "me/coinflip")}`;
  const username = `a user name, with a password:  ${command("username", "me")}`;
  const password = "a secret, with a username:  pulumi config set --secret --path registry.password …";
  test.each([
    [{ repository: "a" }, [`registry.server is missing; allowed is ${server}`]],
    [{ ...ours, server: "https://ghcr.io" }, [`registry.server is "https://ghcr.io"; allowed is ${server}`]],
    [{ ...ours, server: 5000 }, [`registry.server is "5000"; allowed is ${server}`]],
    [{ server: "ghcr.io" }, [`registry.repository is missing; allowed is ${repository}`]],
    [{ ...ours, repository: "Me/c:1" }, [`registry.repository is "Me/c:1"; allowed is ${repository}`]],
    [{ ...ours, username: "me" }, [`registry.password is missing; allowed is ${password}`]],
    [{ ...ours, password: "hunter2" }, [`registry.username is missing; allowed is ${username}`]],
    [
      { ...ours, username: "m e", password: 77 },
      [`registry.username is "m e"; allowed is ${username}`, `registry.password is "[secret]"; allowed is ${password}`],
    ],
  ])("is refused as %j, with what is allowed", (registry, expected) => {
    expect(faultsOf(() => withRegistry(registry))).toEqual(expected);
  });

  test("is told a key that it does not have", () => {
    expect(faultsOf(() => withRegistry({ ...ours, user: "me" }))).toEqual([
      "registry.user is no setting:  pulumi config rm --path registry.user",
    ]);
  });

  test.each(['"ghcr.io"', "null", "3", '["ghcr.io"]', "ghcr.io", '{"password":"hunter2"'])(
    "that is no object, such as %s, is one of the faults that are listed, and nothing of it is shown",
    (registry) => {
      const [fault] = faultsOf(() => settingsWith({ registry }));
      expect(fault).toMatch(/^registry[ .]/);
      expect(fault).not.toContain("hunter2");
    },
  );
});

describe("autoscaling", () => {
  const withAutoscaling = (autoscaling: unknown, others = {}) =>
    settingsWith({ autoscaling: JSON.stringify(autoscaling), ...others });

  test("takes numbers, and numbers as text", () => {
    expect(withAutoscaling({ max: 5 }).autoscaling).toEqual({ max: 5 });
    expect(withAutoscaling({ min: "1", max: "1000", cpu: "90" }).autoscaling).toEqual({ min: 1, max: 1000, cpu: 90 });
  });

  const allowed = (range: string) => `allowed is an integer from ${range}:  pulumi config set --path autoscaling`;
  test.each([
    [{ min: 3 }, {}, `autoscaling.max is missing; ${allowed("1 to 1000")}.max 10`],
    [{ max: 5, cpu: 0 }, {}, `autoscaling.cpu is "0"; ${allowed("1 to 90")}.cpu 70`],
    [{ max: 5, cpu: 91 }, {}, `autoscaling.cpu is "91"; ${allowed("1 to 90")}.cpu 70`],
    [
      { max: 5 },
      { workerCpu: "2" },
      "autoscaling.cpu is 70, and no worker ever takes a tenth more than that share of workerCpu, 2, at which others are added (one core is the most that it uses):  pulumi config set --path autoscaling.cpu 45",
    ],
    [
      { max: 5, cpu: 61 },
      { workerCpu: "1500m" },
      "autoscaling.cpu is 61, and no worker ever takes a tenth more than that share of workerCpu, 1500m, at which others are added (one core is the most that it uses):  pulumi config set --path autoscaling.cpu 60",
    ],
    [{ max: 5, min: 2.5 }, {}, `autoscaling.min is "2.5"; ${allowed("1 to 1000")}.min 2`],
    [
      { min: 3, max: 2 },
      {},
      "autoscaling.min is 3, more than autoscaling.max:  pulumi config set --path autoscaling.max 3",
    ],
    [
      { max: 4 },
      { workers: "5" },
      "workers is 5, more than autoscaling.max:  pulumi config set --path autoscaling.max 5",
    ],
  ])("is refused as %j with %j", (autoscaling, others, fault) => {
    expect(faultsOf(() => withAutoscaling(autoscaling, others))).toEqual([fault]);
  });
});

describe("Pulumi.yaml", () => {
  test("has a type, a default and a description of every setting, and no other", () => {
    expect(Object.keys(declared).sort()).toEqual(Object.keys(settingsWith()).sort());
    for (const each of Object.values(declared)) {
      expect(each).toEqual({
        type: expect.any(String),
        default: expect.anything(),
        description: expect.stringMatching(/^\S.*\.$/),
      });
      const type = typeof each.default === "number" ? "integer" : typeof each.default;
      expect(each.type).toBe(type);
    }
  });

  test("has no secret in the stacks beside it, and only settings that there are", () => {
    const { config, ...rest } = parse(read("Pulumi.dev.yaml")) as { config: Record<string, unknown> };
    expect(rest).toEqual({});
    expect(JSON.stringify(config)).not.toMatch(/secure|password/);
    const known = Object.keys(declared).map((name) => `coinflip:${name}`);
    expect(known).toEqual(expect.arrayContaining(Object.keys(config)));
  });
});
