import { parse } from "yaml";
import { faultsOf } from "./support/faults";
import { declared, read, settingsWith } from "./support/settings";

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
    ["clusterUid", ["", "a5ce2c40-3b6e-4a0e-8d9f-0c5d7b1e2f34"]],
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
    [
      "clusterUid",
      ["kind-kind", "a5ce2c40", "A5CE2C40-3B6E-4A0E-8D9F-0C5D7B1E2F34", "a5ce2c40-3b6e-4a0e-8d9f-0c5d7b1e2f34\n"],
      "the UID of a cluster's kube-system namespace, or nothing",
      "$(kubectl get namespace kube-system -o jsonpath={.metadata.uid})",
    ],
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
