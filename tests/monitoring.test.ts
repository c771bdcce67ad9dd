import { parse } from "yaml";
import { dashboard } from "../monitoring/dashboard";
import { ruleFile, ruleGroups } from "../monitoring/rules";
import { setUp } from "./support/coinflipApp";
import { containerOf, type Deployed, objectOf, podOf, StackCopies } from "./support/stack";

const NAMESPACE = "coinflip";
const rules = ruleGroups(NAMESPACE).flatMap((group) => group.rules);

describe("the stack's manifests", () => {
  const stack = new StackCopies();
  afterAll(() => stack.remove());
  const named = ({ manifests }: Deployed) => manifests.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
  const quotaOf = (program: Deployed) =>
    (objectOf(program, "ResourceQuota").spec as unknown as { hard: { pods: string } }).hard.pods;
  const configOf = (program: Deployed, name: string) =>
    program.manifests.find(({ kind, metadata }) => kind === "ConfigMap" && metadata.name.startsWith(`${name}-`))
      ?.data as Record<string, string>;

  test("have nothing of it by default", async () => {
    expect(named(await stack.run()).filter((name) => /prometheus|grafana|metrics|Monitor|Rule/.test(name))).toEqual([]);
  });

  test("have a Prometheus and a Grafana with monitoring on, and room for both", async () => {
    const program = await stack.run({ monitoring: "on" });
    expect(named(program)).toEqual(
      expect.arrayContaining([
        ...["Deployment/prometheus", "Service/prometheus", "Service/worker-metrics"],
        ...["Deployment/grafana", "Service/grafana"],
      ]),
    );
    expect(quotaOf(program)).toBe("12");
    for (const name of ["prometheus", "grafana"]) {
      expect(objectOf(program, "Deployment", name).spec.replicas).toBe(1);
      const { runAsUser } = podOf(program, name).securityContext as { runAsUser: number };
      expect(runAsUser).toBeGreaterThanOrEqual(10_000);
      const { limits } = containerOf(program, name).resources as { limits: object };
      expect(Object.keys(limits).sort()).toEqual(["cpu", "ephemeral-storage", "memory"]);
      for (const { emptyDir } of podOf(program, name).volumes as { emptyDir?: { sizeLimit?: string } }[])
        if (emptyDir) expect(emptyDir.sizeLimit).toMatch(/^\d+[MG]i$/);
    }
    // Also those that are not ready, or about to go.
    expect(objectOf(program, "Service", "worker-metrics").spec).toMatchObject({
      clusterIP: "None",
      publishNotReadyAddresses: true,
      selector: objectOf(program, "Deployment", "worker").spec.template.metadata.labels,
      ports: [{ port: 9464, targetPort: "metrics" }],
    });
    const { "prometheus.yml": text = "", "rules.yml": rulesText } = configOf(program, "prometheus");
    expect(parse(text)).toMatchObject({
      rule_files: ["/etc/coinflip/rules.yml"],
      scrape_configs: [
        {
          job_name: "worker",
          dns_sd_configs: [
            { names: ["worker-metrics.coinflip.svc"], type: "A", port: 9464 },
            { names: ["worker-metrics.coinflip.svc"], type: "AAAA", port: 9464 },
          ],
        },
      ],
    });
    expect(rulesText).toBe(ruleFile(NAMESPACE));
    const grafana = configOf(program, "grafana");
    expect(parse(grafana["datasources.yaml"] ?? "")).toMatchObject({
      datasources: [{ type: "prometheus", url: "http://prometheus.coinflip.svc:9090" }],
    });
    expect(JSON.parse(grafana["coinflip.json"] ?? "")).toEqual(JSON.parse(JSON.stringify(dashboard(NAMESPACE))));
  });

  test("have no Grafana without an image for it", async () => {
    const program = await stack.run({ monitoring: "on", grafanaImage: "" });
    expect(named(program).filter((name) => name.includes("grafana"))).toEqual([]);
    expect(quotaOf(program)).toBe("10");
  });

  test("have objects for the cluster's own operator, and no pods more", async () => {
    const program = await stack.run({ monitoring: "operator", namespace: "flips" });
    expect(objectOf(program, "PodMonitor").spec).toMatchObject({
      selector: { matchLabels: objectOf(program, "Deployment", "worker").spec.template.metadata.labels },
      podMetricsEndpoints: [{ port: "metrics" }],
    });
    expect(objectOf(program, "PrometheusRule").spec).toEqual({ groups: ruleGroups("flips") });
    expect(program.pins).toMatchObject([
      { requirements: { crds: ["podmonitors.monitoring.coreos.com", "prometheusrules.monitoring.coreos.com"] } },
    ]);
    expect(objectOf(program, "ConfigMap", "coinflip-dashboard").metadata).toMatchObject({
      labels: { grafana_dashboard: "1" },
    });
    expect(named(program).filter((name) => /prometheus|grafana/.test(name))).toEqual([]);
    expect(quotaOf(program)).toBe("8");
  });
});

describe("the dashboard", () => {
  const panels = (dashboard(NAMESPACE).panels ?? []) as unknown as {
    title: string;
    gridPos: unknown;
    targets: { expr: string }[];
  }[];

  test("has panels with a title and queries each, at places of their own", () => {
    expect(panels.length).toBeGreaterThan(10);
    for (const { title, targets } of panels) {
      expect(title).not.toBe("");
      for (const { expr } of targets) expect(expr).toMatch(/namespace="coinflip"/);
    }
    expect(new Set(panels.map(({ gridPos }) => JSON.stringify(gridPos))).size).toBe(panels.length);
  });

  test("asks only for metrics that a worker has, or that the rules record", async () => {
    const { metrics } = setUp();
    metrics.watchProcess();
    const text = await metrics.text();
    const known = [
      ...[...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name),
      ...rules.map((rule) => ("record" in rule ? rule.record : "ALERTS")),
      "up",
    ];
    const asked = [...panels.flatMap(({ targets }) => targets), ...rules].flatMap(({ expr }) =>
      [...expr.matchAll(/([a-zA-Z_:]\w*(?::\w+)*)\{/g)].map(([, name = ""]) =>
        name.replace(/_(bucket|sum|count)$/, ""),
      ),
    );
    expect(asked.length).toBeGreaterThan(20);
    expect([...new Set(asked)].filter((name) => !known.includes(name))).toEqual([]);
  });
});
