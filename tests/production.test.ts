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
  const policyOf = (name: string) => objectOf(usual, "NetworkPolicy", name).spec;
  const everything = ["Ingress", "Egress"];
  const podsOf = (name: string) => ({ matchLabels: objectOf(usual, "Deployment", name).spec.template.metadata.labels });

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
      egress: [
        { to: [{ podSelector: podsOf("worker") }], ports: [{ port: 5000 }] },
        {
          ports: [
            { port: 53, protocol: "UDP" },
            { port: 53, protocol: "TCP" },
            { port: 5353, protocol: "UDP" },
            { port: 5353, protocol: "TCP" },
          ],
        },
      ],
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

  test.each(components)("opens the ports that the %s pods have, and no other", (name) => {
    const { ingress } = policyOf(name) as unknown as { ingress: { ports: { port: string }[] }[] };
    const opened = ingress.flatMap(({ ports }) => ports.map(({ port }) => port));
    const ports = containerOf(usual, name).ports as { name: string }[];
    expect(ports.map((port) => port.name).sort()).toEqual(opened.sort());
  });
});
