import { installPackages } from "../../../local/debian";
import { begin, load } from "../../bench/wrk";
import { Clone } from "../clone";
import { describeOnCluster, withoutPulumi } from "../engine";
import { endpointOf, eventually, workersOf } from "../service";

jest.setTimeout(30 * 60_000);

/** During each rollout at least so many requests are sent. */
const REQUESTS = 20_000;

describeOnCluster("in production", () => {
  let clone: Clone;
  let endpoint: string;
  const lost: string[] = [];
  const coinflip = (...args: string[]) => clone.kubectl("--namespace", "coinflip", ...args);
  const field = (object: string, path: string) => coinflip("get", object, "--output", `jsonpath={${path}}`);
  const pods = async (component: string) => {
    const selector = ["--selector", `app.kubernetes.io/component=${component}`];
    return (await coinflip("get", "pods", ...selector, "--output", "name")).split("\n").sort();
  };
  const deploy = async (settings?: Readonly<Record<string, string>>) => {
    const { exitCode, output } = await withoutPulumi.deploy(clone, settings);
    if (exitCode !== 0) throw new Error(output);
  };
  /** Sends requests until `change` is done, and as long as their number is too small to be sure of. */
  const losesNothing = async (what: string, change: () => Promise<void>) => {
    const steady = { url: endpoint, connections: 48, pauseMs: 10 };
    const { stop, loaded } = begin({ ...steady, seconds: 300 });
    loaded.catch(() => undefined); // Its time comes below.
    const start = performance.now();
    try {
      await change();
    } finally {
      await new Promise((resolve) => setTimeout(resolve, Math.max(2_000, 14_000 - (performance.now() - start))));
      stop();
    }
    const { requests, rate } = await loaded;
    lost.push(`  ${what.padEnd(40)} ${String(requests).padStart(7)} requests, 0 lost, ${Math.round(rate)} a second`);
    expect(requests).toBeGreaterThan(REQUESTS);
  };
  const rolledOut = async (name: string, was: readonly string[], count: number) =>
    eventually(90, async () => {
      const now = await pods(name);
      expect(now.filter((pod) => was.includes(pod))).toEqual([]);
      expect(now).toHaveLength(count);
    });

  beforeAll(async () => {
    await installPackages(() => undefined, ["wrk"]);
    clone = new Clone();
    const up = await clone.succeed("npm", "run", "up", "--", "--without-pulumi");
    endpoint = endpointOf(up.output);
    await load({ url: endpoint, seconds: 5, connections: 32 });
  });
  afterAll(async () => {
    process.stdout.write(`\nRequests during rollouts\n${lost.join("\n")}\n\n`);
    await clone.run("npm", "run", "down");
    clone.remove();
  });

  it("admits no pod that the restricted standard does not allow", async () => {
    const { exitCode, output } = await clone.run(
      ...["kubectl", "--namespace", "coinflip", "run", "intruder", "--image=registry.k8s.io/pause:3.10"],
    );
    expect([exitCode, output]).toEqual([1, expect.stringContaining('violates PodSecurity "restricted:latest"')]);
  });

  it("loses no request when the workers' image changes", () =>
    losesNothing("the workers' image changes", async () => {
      const was = await pods("worker");
      clone.edit("worker/app/app.ts", 'service: "coinflip"', 'service: "coinflip, edited"');
      await deploy();
      await rolledOut("worker", was, 2);
    }));

  it("loses no request when nginx's configuration changes", () =>
    losesNothing("nginx's configuration changes", async () => {
      const was = await pods("nginx");
      await deploy({ balancing: "least-conn" });
      await rolledOut("nginx", was, 2);
    }));

  it("loses no request when workers are added, and when they are removed", async () => {
    await losesNothing("workers 2 to 4", async () => {
      await deploy({ workers: "4" });
      await eventually(30, async () => expect(await pods("worker")).toHaveLength(4));
    });
    await losesNothing("workers 4 to 3", async () => {
      await deploy({ workers: "3" });
      await eventually(90, async () => expect(await pods("worker")).toHaveLength(3));
    });
  });

  it("keeps its workers when autoscaling is switched on", async () => {
    const was = await pods("worker");
    await deploy({ "autoscaling.min": "2", "autoscaling.max": "5", "autoscaling.cpu": "40", workerCpu: "500m" });
    const seen = new Set<string>();
    const until = performance.now() + 5_000;
    while (performance.now() < until) seen.add(await field("deployment/worker", ".spec.replicas"));
    expect([...seen]).toEqual([String(was.length)]);
  });

  it("adds workers under load, which nginx takes up as it is, and loses no request", async () => {
    const nginx = await pods("nginx");
    const busy = begin({ url: endpoint, heads: 24, seconds: 180, connections: 16 });
    busy.loaded.catch(() => undefined); // Its time comes below.
    try {
      await losesNothing("the autoscaler adds workers", () =>
        eventually(120, async () => {
          expect(Number(await field("deployment/worker", ".status.readyReplicas"))).toBeGreaterThan(3);
        }),
      );
    } finally {
      busy.stop();
    }
    await busy.loaded;
    const workers = await pods("worker");
    await eventually(10, async () => {
      expect(new Set((await workersOf(endpoint, 60)).map((name) => `pod/${name}`))).toEqual(new Set(workers));
    });
    expect(await pods("nginx")).toEqual(nginx);
  });

  it("removes workers when the load is gone, and loses no request", async () => {
    // The five minutes that it would wait are Kubernetes' affair.
    const soon = JSON.stringify([
      { op: "replace", path: "/spec/behavior/scaleDown/stabilizationWindowSeconds", value: 0 },
    ]);
    await coinflip("patch", "horizontalpodautoscaler/worker", "--type=json", `--patch=${soon}`);
    await losesNothing("the autoscaler removes workers", () =>
      eventually(180, async () => expect((await pods("worker")).length).toBeLessThan(4)),
    );
  });
});
