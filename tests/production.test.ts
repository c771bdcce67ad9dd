import { containerOf, type Deployed, objectOf, podOf, StackCopies } from "./support/stack";

const stack = new StackCopies();
let usual: Deployed;
beforeAll(async () => {
  usual = await stack.run();
}, 30_000);
afterAll(() => stack.remove());
jest.setTimeout(20_000);

const components = ["worker", "nginx"] as const;

describe("autoscaling", () => {
  const hpaOf = (program: Deployed) => objectOf(program, "HorizontalPodAutoscaler").spec as unknown as HpaSpec;
  interface HpaSpec {
    readonly minReplicas: number;
    readonly maxReplicas: number;
    readonly metrics: readonly { readonly resource: { readonly target: { readonly averageValue: string } } }[];
    readonly behavior: { readonly scaleDown: { readonly stabilizationWindowSeconds: number } };
  }

  test("is off by default", () => {
    expect(usual.manifests.map(({ kind }) => kind)).not.toContain("HorizontalPodAutoscaler");
    expect(objectOf(usual, "Deployment", "worker").spec.replicas).toBe(2);
  });

  test("leaves the workers' number to their load, and nginx's alone", async () => {
    const program = await stack.run({ autoscaling: '{"max":7}', workers: "3", workerCpu: "500m" });
    expect(objectOf(program, "Deployment", "worker").spec).not.toHaveProperty("replicas");
    expect(objectOf(program, "Deployment", "nginx").spec.replicas).toBe(2);
    expect(hpaOf(program)).toMatchObject({
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "worker" },
      minReplicas: 3,
      maxReplicas: 7,
      metrics: [
        { type: "Resource", resource: { name: "cpu", target: { type: "AverageValue", averageValue: "350m" } } },
      ],
      behavior: { scaleDown: { stabilizationWindowSeconds: 300 } },
    });
  });

  test("marks the Deployment whose replicas are not its own, so that its end is a change", async () => {
    const annotations = { "coinflip/autoscaled": "true" };
    expect(objectOf(usual, "Deployment", "worker").metadata).not.toMatchObject({ annotations });
    const autoscaled = await stack.run({ autoscaling: '{"max":7}' });
    expect(objectOf(autoscaled, "Deployment", "worker").metadata).toMatchObject({ annotations });
  });

  test("has a minimum of its own, and a share of whole cores", async () => {
    const { minReplicas, metrics } = hpaOf(
      await stack.run({ autoscaling: '{"min":1,"max":7,"cpu":40}', workerCpu: "2" }),
    );
    expect([minReplicas, metrics[0]?.resource.target.averageValue]).toEqual([1, "800m"]);
  });
});

test.each(components)("the %s pods are spread, leave a lost node soon, and never block a drain", (name) => {
  const { labels } = objectOf(usual, "Deployment", name).spec.template.metadata;
  const labelSelector = { matchLabels: labels };
  const pod = podOf(usual, name);
  expect(pod.affinity).toMatchObject({
    podAntiAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        { podAffinityTerm: { labelSelector, topologyKey: "kubernetes.io/hostname" } },
      ],
    },
  });
  expect(pod.topologySpreadConstraints).toMatchObject(
    ["topology.kubernetes.io/zone", "kubernetes.io/hostname"].map((topologyKey) => ({ topologyKey, labelSelector })),
  );
  expect(pod.tolerations).toMatchObject([{ tolerationSeconds: 30 }, { tolerationSeconds: 30 }]);
  const { spec } = objectOf(usual, "PodDisruptionBudget", name);
  expect(spec).toMatchObject({ maxUnavailable: "25%", selector: labelSelector });
});

test("the namespace has room for a rollout of all its pods at once, and not for much more", async () => {
  const quotaOf = (program: Deployed) =>
    (objectOf(program, "ResourceQuota").spec as unknown as { hard: { pods: string } }).hard.pods;
  expect(quotaOf(usual)).toBe("8");
  expect(quotaOf(await stack.run({ autoscaling: '{"max":7}', loadBalancers: "3" }))).toBe("20");
});

describe("the network", () => {
  const policyOf = (name: string, program = usual) => objectOf(program, "NetworkPolicy", name).spec;
  const everything = ["Ingress", "Egress"];
  const podsOf = (name: string, program = usual) => ({
    matchLabels: objectOf(program, "Deployment", name).spec.template.metadata.labels,
  });
  const toDns = {
    ports: [
      { port: 53, protocol: "UDP" },
      { port: 53, protocol: "TCP" },
      { port: 5353, protocol: "UDP" },
      { port: 5353, protocol: "TCP" },
    ],
  };

  test("is closed to every pod, both ways, where no other policy opens it", () => {
    expect(policyOf("default-deny")).toEqual({ podSelector: {}, policyTypes: everything });
    const names = usual.manifests.filter(({ kind }) => kind === "NetworkPolicy").map(({ metadata }) => metadata.name);
    expect(names.sort()).toEqual(["default-deny", "nginx", "worker"]);
  });

  test("lets clients of any address reach nginx, and nginx the workers and cluster DNS", () => {
    expect(policyOf("nginx")).toEqual({
      podSelector: podsOf("nginx"),
      policyTypes: everything,
      ingress: [{ ports: [{ port: "http" }] }],
      egress: [{ to: [{ podSelector: podsOf("worker") }], ports: [{ port: 5000 }] }, toDns],
    });
  });

  test("lets nginx alone reach the workers, which reach nobody", () => {
    expect(policyOf("worker")).toEqual({
      podSelector: podsOf("worker"),
      policyTypes: everything,
      ingress: [{ from: [{ podSelector: podsOf("nginx") }], ports: [{ port: "http" }] }],
      egress: [],
    });
  });

  test("has an opening from Prometheus to the workers' metrics, and from Grafana to Prometheus, with monitoring on", async () => {
    const program = await stack.run({ monitoring: "on" });
    const fromNginx = { from: [{ podSelector: podsOf("nginx", program) }], ports: [{ port: "http" }] };
    const fromPrometheus = { from: [{ podSelector: podsOf("prometheus", program) }], ports: [{ port: "metrics" }] };
    expect(policyOf("worker", program)).toMatchObject({ ingress: [fromNginx, fromPrometheus], egress: [] });
    expect(policyOf("prometheus", program)).toMatchObject({
      ingress: [{ from: [{ podSelector: podsOf("grafana", program) }], ports: [{ port: "http" }] }],
      egress: [{ to: [{ podSelector: podsOf("worker", program) }], ports: [{ port: 9464 }] }, toDns],
    });
    expect(policyOf("grafana", program)).toMatchObject({
      ingress: [],
      egress: [{ to: [{ podSelector: podsOf("prometheus", program) }], ports: [{ port: 9090 }] }, toDns],
    });
  });

  test("has an opening from the operator's Prometheus, in whatever namespace, to the workers' metrics", async () => {
    const podSelector = { matchLabels: { "app.kubernetes.io/name": "prometheus" } };
    const fromOperators = { from: [{ namespaceSelector: {}, podSelector }], ports: [{ port: "metrics" }] };
    expect(policyOf("worker", await stack.run({ monitoring: "operator" }))).toMatchObject({
      ingress: [expect.anything(), fromOperators],
    });
  });

  test.each(components)("opens ports that the %s pods have", (name) => {
    const { ingress } = policyOf(name) as unknown as { ingress: { ports: { port: string }[] }[] };
    const ports = containerOf(usual, name).ports as { name: string }[];
    for (const { port } of ingress.flatMap(({ ports }) => ports)) expect(ports.map(({ name }) => name)).toContain(port);
  });
});
