import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { cacheDir } from "../../local/buildCache";
import { Clone } from "./clone";
import { readiness } from "./clusterTimes";
import { describeOnCluster, describeWithPulumi, type Engine, withoutPulumi, withPulumi } from "./engine";
import { added, hostState, processesOf } from "./host";
import { ordinaryProgram } from "./ordinaryProgram";
import { measured, printReport } from "./report";
import { compute, endpointOf, eventually, steadyRequests, workersOf } from "./service";

jest.setTimeout(30 * 60_000);

/** The stack's life on a real cluster, from a fresh clone to nothing left. The steps build on each other. */
function lifeOfAStack(engine: Engine): void {
  let clone: Clone;
  let before: ReturnType<typeof hostState>;
  let endpoint: string;
  const pods = async (component: string) => {
    const names = await clone.kubectl(
      ...["--namespace", "coinflip", "get", "pods", "--selector", `app.kubernetes.io/component=${component}`],
      ...["--field-selector", "status.phase=Running", "--output", "jsonpath={.items[*].metadata.name}"],
    );
    return names.split(" ").sort();
  };
  const versions = () =>
    clone.kubectl(
      ...["--namespace", "coinflip", "get", "deployments,services,configmaps,serviceaccounts"],
      ...[
        "--output",
        "jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.generation} {.metadata.uid}\n{end}",
      ],
    );
  const deploy = async (settings?: Readonly<Record<string, string>>) => {
    const outcome = await engine.deploy(clone, settings);
    if (outcome.exitCode !== 0) throw new Error(outcome.output);
    return outcome;
  };

  beforeAll(() => {
    before = hostState();
    clone = new Clone();
  });
  afterAll(async () => {
    await clone.run("npm", "run", "down");
    clone.remove();
    printReport(engine.title);
  });

  it("goes from a fresh clone to an answer by npm run up", async () => {
    const built = existsSync(cacheDir);
    const up = await clone.succeed("npm", "run", "up", "--", ...engine.flags, "-c", "loadBalancers=1");
    if (built) measured("npm run up, warm caches, no cluster running (s)", up.seconds, 60);
    else measured("npm run up, empty caches (s)", up.seconds, 9 * 60);
    const times = await readiness(clone, "coinflip");
    measured("node container created to node Ready (s)", times.node, 20);
    measured("node container created to CoreDNS ready (s)", times.dns, 25);
    endpoint = endpointOf(up.output);
    expect(up.output).toMatch(/\$ curl http.*\n\{"heads_required":3,"total_flips":\d+\}/);
    // The README's line, as it is printed there.
    const [line = ""] = /^curl http.*$/m.exec(readFileSync(join(clone.tree, "README.md"), "utf8")) ?? [];
    expect((await clone.succeed("sh", "-c", line)).output).toMatch(/\{"heads_required":3,"total_flips":\d+\}/);
    const { status, body } = await compute(endpoint, 3);
    expect(status).toBe(200);
    expect(body).toEqual({ heads_required: 3, total_flips: expect.any(Number) });
  });

  it("alternates exactly between two workers", async () => {
    await eventually(10, async () => {
      const names = await workersOf(endpoint, 20);
      expect(new Set(names)).toEqual(new Set(await pods("worker")));
      expect(names.every((name, i) => i < 2 || name === names[i - 2])).toBe(true);
      expect(names[0]).not.toBe(names[1]);
    });
  });

  it("carries one request id and one trace id from the client through both logs, the former to the answer", async () => {
    const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
    const traceparent = `00-${traceId}-00f067aa0ba902b7-01`;
    const { requestId } = await compute(endpoint, 4, { "x-request-id": "e2e-request-1", traceparent });
    expect(requestId).toBe("e2e-request-1");
    const logs = (component: string) =>
      clone.kubectl(
        ...["--namespace", "coinflip", "logs", "--prefix=false", "--tail=-1"],
        ...["--selector", `app.kubernetes.io/component=${component}`],
      );
    const line = (text: string) =>
      JSON.parse(text.split("\n").find((each) => each.includes("e2e-request-1")) ?? "null");
    // nginx writes its log once a second.
    await eventually(5, async () => {
      expect(line(await logs("worker"))).toMatchObject({
        traceId,
        heads: 4,
        status: 200,
        flips: expect.any(Number),
      });
      expect(line(await logs("nginx"))).toMatchObject({
        traceId,
        status: 200,
        upstream: expect.stringContaining(":5000"),
      });
    });
  });

  it("answers bad requests with problem details, from the worker and from nginx alike", async () => {
    expect(await compute(endpoint, 99)).toMatchObject({
      status: 400,
      body: { status: 400, field: "heads", value: 99 },
    });
    expect(await compute(endpoint, "x".repeat(10_000))).toMatchObject({ status: 413, body: { status: 413 } });
  });

  it("replaces workers that are deleted, and has them ready soon after their container started", async () => {
    const seen = new Set(await pods("worker"));
    let [deleted = ""] = seen;
    const times: number[] = [];
    for (let i = 0; i < 5; i++) {
      await clone.kubectl("--namespace", "coinflip", "delete", "pod", deleted, "--wait=false");
      await eventually(30, async () => {
        const ready = await clone.kubectl(
          ...["--namespace", "coinflip", "get", "pods", "--selector", "app.kubernetes.io/component=worker", "--output"],
          'jsonpath={range .items[?(@.status.containerStatuses[0].ready==true)]}{.metadata.name}{"\\n"}{end}',
        );
        deleted = ready.split("\n").find((name) => name !== "" && !seen.has(name)) ?? "";
        expect(deleted).not.toBe("");
      });
      const readyAt = Date.now();
      seen.add(deleted);
      const [first = ""] = (await clone.kubectl("--namespace", "coinflip", "logs", deleted)).split("\n");
      const { time, startMs } = JSON.parse(first) as { time: string; startMs: number };
      times.push((readyAt - Date.parse(time) + startMs) / 1000);
    }
    const [, , median = Number.NaN] = times.sort((a, b) => a - b);
    measured("worker container start to ready, median of 5 (s)", median, 1);
  });

  it("adds one small file to the base image", async () => {
    const size = async (image: string) =>
      Number((await clone.succeed("docker", "image", "inspect", "--format", "{{.Size}}", image)).output);
    const where = ["--namespace", "coinflip", "get", "deployment", "worker", "--output"];
    const image = await clone.kubectl(...where, "jsonpath={.spec.template.spec.containers[0].image}");
    const { config } = parse(readFileSync(join(clone.tree, "Pulumi.local.yaml"), "utf8"));
    const added = (await size(image)) - (await size(config["coinflip:nodeImage"] ?? "node:24.21.0-slim"));
    measured("worker image over its base image (MB)", added / 1e6, 1);
    expect(added).toBeGreaterThan(0);
  });

  it("changes nothing when nothing has changed", async () => {
    const was = await versions();
    await deploy();
    expect(await versions()).toBe(was);
  });

  it("goes from 2 to 3 workers without losing a request, and nginx takes the third up", async () => {
    const requests = steadyRequests(endpoint);
    await deploy({ workers: "3" });
    await eventually(10, async () => {
      expect(new Set(await workersOf(endpoint, 12))).toEqual(new Set(await pods("worker")));
    });
    const { sent, lost } = await requests.stop();
    expect(sent).toBeGreaterThan(100);
    expect(lost).toEqual([]);
    expect(await pods("worker")).toHaveLength(3);
  });

  it("rolls the workers, and only them, when their source has changed, and loses no request", async () => {
    const [workers, nginx] = [await pods("worker"), await pods("nginx")];
    clone.edit("worker/app/app.ts", 'service: "coinflip"', 'service: "coinflip, edited"');
    const requests = steadyRequests(endpoint);
    await deploy();
    await eventually(30, async () => {
      const now = await pods("worker");
      expect(now).toHaveLength(3);
      expect(now.filter((name) => workers.includes(name))).toEqual([]);
      for (let i = 0; i < 6; i++) {
        const described = await (await fetch(endpoint.replace("/compute", "/"))).json();
        expect(described).toMatchObject({ service: "coinflip, edited" });
      }
    });
    const { lost } = await requests.stop();
    expect(lost).toEqual([]);
    expect(await pods("nginx")).toEqual(nginx);
  });

  it("rolls nginx, and only it, when a setting of nginx has changed", async () => {
    const [workers, nginx] = [await pods("worker"), await pods("nginx")];
    await deploy({ balancing: "least-conn" });
    await eventually(30, async () => {
      const now = await pods("nginx");
      expect(now).toHaveLength(1);
      expect(now).not.toEqual(nginx);
    });
    expect(await pods("worker")).toEqual(workers);
    expect((await compute(endpoint, 3)).status).toBe(200);
  });

  it("refuses wrong settings, names each, and touches nothing", async () => {
    const was = await versions();
    const { exitCode, output } = await engine.deploy(clone, { workers: "0", nodePort: "80" });
    expect(exitCode).not.toBe(0);
    expect(output).toContain('workers is "0"; allowed is an integer from 1 to 1000:  pulumi config set workers 2');
    expect(output).toContain('nodePort is "80"; allowed is an integer from 30000 to 32767:');
    expect(await versions()).toBe(was);
    await deploy({ workers: "2", nodePort: "30080" });
  });

  it("loads the image again onto a node that has lost it", async () => {
    const where = ["--namespace", "coinflip", "get", "deployment", "worker", "--output"];
    const image = await clone.kubectl(...where, "jsonpath={.spec.template.spec.containers[0].image}");
    const ctr = (...args: string[]) =>
      clone.succeed("docker", "exec", "coinflip-control-plane", "ctr", "-n", "k8s.io", "images", ...args);
    await ctr("rm", `docker.io/library/${image}`);
    await deploy();
    expect((await ctr("ls", "-q")).output).toContain(image);
  });

  if (engine === withPulumi) ordinaryProgram(() => clone);

  it("leaves nothing on this machine after npm run down", async () => {
    const down = await clone.succeed("npm", "run", "down");
    measured("npm run down (s)", down.seconds, 8);
    expect(processesOf(clone.dir)).toEqual([]);
    expect(added(before, hostState())).toEqual([]);
    expect(existsSync(join(clone.dir, "state", "coinflip"))).toBe(false);
    expect(existsSync(join(clone.tree, "Pulumi.local.yaml"))).toBe(false);
    expect(readFileSync(clone.env.KUBECONFIG ?? "", "utf8")).not.toContain("coinflip");
  });
}

describeOnCluster(withoutPulumi.title, () => lifeOfAStack(withoutPulumi));
describeWithPulumi(withPulumi.title, () => lifeOfAStack(withPulumi));
