import { readFileSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters, styleText } from "node:util";
import execa from "execa";
import { parse } from "yaml";
import { dashboard } from "../../../monitoring/dashboard";
import { ruleGroups } from "../../../monitoring/rules";
import { Clone } from "../clone";
import { describeOnCluster, withoutPulumi } from "../engine";
import { compute, endpointOf, eventually, steadyRequests } from "../service";

jest.setTimeout(30 * 60_000);

/** Where the operator's CRDs are, which are taken as they are published. */
const OPERATOR = "github.com/prometheus-operator/prometheus-operator@v0.89.0";

interface Result {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

describeOnCluster("monitoring", () => {
  let clone: Clone;
  let endpoint: string;
  const up = (...args: string[]) => clone.succeed("npm", "run", "up", "--", "--without-pulumi", ...args);
  /** Prometheus' answer, through the API server. */
  const api = async (path: string) => {
    const service = "/api/v1/namespaces/coinflip/services/prometheus:9090/proxy/api/v1";
    return JSON.parse(await clone.kubectl("get", "--raw", `${service}/${path}`)).data;
  };
  const query = async (expr: string): Promise<Result[]> =>
    (await api(`query?query=${encodeURIComponent(expr)}`)).result;
  const objects = async (kinds: string) =>
    (await clone.kubectl("--namespace", "coinflip", "get", kinds, "--output", "name")).split("\n").sort();

  beforeAll(async () => {
    clone = new Clone();
    const { output } = await up("-c", "monitoring=on", "-c", "loadBalancers=1");
    endpoint = endpointOf(output);
  });
  afterAll(async () => {
    await clone.run("npm", "run", "down");
    clone.remove();
  });

  it("gives data to every query of the dashboard and of the rules, while the stack is under load", async () => {
    const requests = steadyRequests(endpoint);
    try {
      const queries = [
        ...(dashboard("coinflip").panels ?? []).flatMap(
          (panel) => (panel as unknown as { targets: { expr: string }[] }).targets,
        ),
        // What an alert compares; its comparison is without a result as long as all is well.
        ...ruleGroups("coinflip")
          .flatMap(({ rules }) => rules)
          .map(({ expr }) => ({ expr: expr.replace(/^absent\((.*)\)$/, "$1").replace(/ (>|==) [\d.]+$/, "") })),
      ].map(({ expr }) => expr);
      expect(queries.length).toBeGreaterThan(25);
      await eventually(60, async () => {
        const empty: string[] = [];
        for (const expr of new Set(queries)) {
          const values = (await query(expr)).map(({ value }) => value[1]);
          if (!values.some((value) => value !== "NaN")) empty.push(expr);
        }
        expect(empty).toEqual([]);
      });
    } finally {
      await requests.stop();
    }
    const [rate] = await query("sum(rate(coinflip_requests_total[1m]))");
    expect(Number(rate?.value[1])).toBeGreaterThan(1);
  });

  it("watches each worker, and finds every rule in order and no alert", async () => {
    const { activeTargets } = await api("targets");
    const healths = (activeTargets as { health: string; labels: object }[]).map(({ health, labels }) => ({
      health,
      labels,
    }));
    const labels = { job: "worker", namespace: "coinflip", instance: expect.stringMatching(/^[\d.]+:9464$/) };
    expect(healths).toEqual([
      { health: "up", labels },
      { health: "up", labels },
    ]);
    const { groups } = (await api("rules")) as { groups: { rules: { name: string; health: string }[] }[] };
    const rules = groups.flatMap((group) => group.rules);
    expect(rules).toHaveLength(ruleGroups("coinflip").flatMap((group) => group.rules).length);
    expect(rules.filter(({ health }) => health !== "ok")).toEqual([]);
    expect((await api("alerts")).alerts).toEqual([]);
  });

  it("says that Grafana is left out where its image cannot be had, and runs it where it can", async () => {
    const { config } = parse(readFileSync(join(clone.tree, "Pulumi.local.yaml"), "utf8"));
    const grafana = (await objects("deployments")).filter((name) => name.endsWith("/grafana"));
    expect(grafana).toHaveLength(config["coinflip:grafanaImage"] === "" ? 0 : 1);
  });

  /** Runs `npm run logs` until Ctrl-C; on a terminal of its own, or into a pipe. */
  const followLogs = (terminal: boolean) => {
    const command = ["npm", "run", "--silent", "logs"];
    const [program = "", ...args] = terminal
      ? ["script", "--quiet", "--command", command.join(" "), "/dev/null"]
      : command;
    const env: NodeJS.ProcessEnv = { ...process.env, ...clone.env, ...(terminal && { TERM: "xterm-256color" }) };
    // Any of these, which CI has, says that its terminal has no colours.
    if (terminal) for (const name of ["CI", "NO_COLOR", "NODE_DISABLE_COLORS", "FORCE_COLOR"]) delete env[name];
    // A group of its own, as a shell gives it, of which Ctrl-C ends all.
    const child = execa(program, args, { cwd: clone.tree, env, extendEnv: false, detached: true, reject: false });
    let output = "";
    child.stdout?.on("data", (text) => {
      output += text;
    });
    const group = -(child.pid ?? 0);
    const interrupt = async () => {
      process.kill(group, "SIGINT");
      await child;
    };
    return { lines: () => output.split("\n").filter(Boolean), interrupt, group };
  };

  it("follows both tiers by npm run logs, also the pods that come later, until Ctrl-C", async () => {
    const { lines, interrupt, group } = followLogs(false);
    try {
      const linesOf = (id: string | null) =>
        lines()
          .map((line) => JSON.parse(line))
          .filter(({ requestId }) => requestId === id);
      /** Asks once, and waits for nginx's line and the worker's; returns the worker. */
      const followed = async () => {
        const { requestId, worker } = await compute(endpoint, 3);
        await eventually(20, async () => {
          const tiers = linesOf(requestId).map((line) => line.worker ?? "nginx");
          expect(tiers.sort()).toEqual(["nginx", worker]);
        });
        return worker;
      };
      await eventually(20, async () => expect(lines().length).toBeGreaterThan(0));
      const before = await objects("pods");
      expect(before).toContain(`pod/${await followed()}`);
      const deleted = before.find((pod) => pod.startsWith("pod/worker-")) ?? "no worker";
      await clone.kubectl("--namespace", "coinflip", "delete", deleted, "--wait=false");
      await eventually(30, async () => expect(before).not.toContain(`pod/${await followed()}`));
    } finally {
      await interrupt();
    }
    await eventually(5, async () => expect(() => process.kill(group, 0)).toThrow("ESRCH"));
  });

  it("shows the logs in colours on a terminal", async () => {
    const { lines, interrupt } = followLogs(true);
    try {
      await eventually(20, async () => {
        await compute(endpoint, 3);
        const shown = lines().filter((line) =>
          /nginx .* 200 POST \/compute +[\d.]+ ms/.test(stripVTControlCharacters(line)),
        );
        expect(shown.length).toBeGreaterThan(0);
        for (const line of shown) expect(line).toContain(styleText("green", "200", { validateStream: false }));
      });
    } finally {
      await interrupt();
    }
  });

  it("gives the cluster's operator what its API server accepts, in place of a Prometheus", async () => {
    const module = JSON.parse((await clone.succeed("go", "mod", "download", "-json", OPERATOR)).output) as {
      Dir: string;
    };
    const crds = ["podmonitors", "prometheusrules"].map((name) =>
      join(module.Dir, "example", "prometheus-operator-crd", `monitoring.coreos.com_${name}.yaml`),
    );
    const { exitCode, output } = await withoutPulumi.deploy(clone, { monitoring: "operator" });
    expect(output).toContain("the cluster has no podmonitors.monitoring.coreos.com");
    expect(exitCode).toBe(1);
    await clone.kubectl("apply", "--server-side", ...crds.flatMap((file) => ["-f", file]));
    // Not by kubectl wait, which fails on a definition that has no conditions yet.
    await eventually(30, async () => {
      await clone.kubectl("get", "podmonitors,prometheusrules", "--all-namespaces");
    });
    await up("-c", "monitoring=operator");
    expect(await objects("podmonitors,prometheusrules,deployments")).toEqual([
      ...["deployment.apps/nginx", "deployment.apps/worker"],
      ...["podmonitor.monitoring.coreos.com/coinflip", "prometheusrule.monitoring.coreos.com/coinflip"],
    ]);
  });
});
