import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { timingFor } from "../worker/timing";
import { containerOf, type Deployed, objectOf, podOf, StackCopies } from "./support/stack";

const stack = new StackCopies();
let usual: Deployed;
beforeAll(async () => {
  usual = await stack.run();
}, 30_000);
afterAll(() => stack.remove());
jest.setTimeout(20_000);

test("each setting is found where it takes effect", async () => {
  const names = { namespace: "flips", host: "coin.example.com", context: "k3d-flips" };
  const images = { nginxImage: "nginx:1.31.0", nodeImage: "node:26.0.0" };
  const numbers = { workers: "3", loadBalancers: "4", maxHeads: "20", nodePort: "31000" };
  const bounds = { maxConcurrent: "7", deadlineSeconds: "10", workerCpu: "250m", nginxCpu: "3", rateLimit: "50" };
  const program = await stack.run({ ...names, ...images, ...numbers, ...bounds });
  expect(program.outputs).toMatchObject({ url: "http://coin.example.com:31000", workers: 3, namespace: "flips" });
  expect(new Set(program.manifests.map(({ metadata }) => metadata.namespace))).toEqual(new Set([undefined, "flips"]));
  expect(["worker", "nginx"].map((name) => objectOf(program, "Deployment", name).spec.replicas)).toEqual([3, 4]);
  const env = { MAX_HEADS: "20", MAX_CONCURRENT: "7", DEADLINE_MS: "10000" };
  expect(containerOf(program, "worker").env).toEqual(
    expect.arrayContaining(Object.entries(env).map(([name, value]) => ({ name, value }))),
  );
  const cpuOf = (name: string) => (containerOf(program, name).resources as { limits: { cpu: string } }).limits.cpu;
  expect([cpuOf("worker"), cpuOf("nginx")]).toEqual(["250m", "3"]);
  const config = (objectOf(program, "ConfigMap").data as Record<string, string>)["nginx.conf"];
  expect(config).toContain("worker_processes 3;");
  expect(config).toContain("rate=50r/s;");
  expect(config).toContain(`proxy_read_timeout ${timingFor(10).read}s;`);
  for (const name of ["worker", "nginx"])
    expect(podOf(program, name).terminationGracePeriodSeconds).toBe(timingFor(10).grace);
  expect(containerOf(program, "nginx")).toMatchObject({ image: "nginx:1.31.0" });
  expect(containerOf(program, "nginx").command).toContain("worker.flips.svc");
  expect(objectOf(program, "Service", "nginx-service").spec.ports).toMatchObject([{ nodePort: 31000 }]);
  expect(program.images[0]?.build.args).toEqual({ NODE_IMAGE: "node:26.0.0" });
  expect(program.sideloads[0]?.cluster).toMatchObject({ kind: "k3d", name: "flips" });
});

test("another configuration of nginx has another name, which rolls nginx's pods and no others", async () => {
  const nameOf = (program: Deployed) => objectOf(program, "ConfigMap").metadata.name;
  const other = await stack.run({ balancing: "least-conn" });
  expect(nameOf(other)).not.toBe(nameOf(usual));
  for (const program of [usual, other]) {
    expect(objectOf(program, "ConfigMap").immutable).toBe(true);
    expect(podOf(program, "nginx").volumes).toContainEqual({ name: "config", configMap: { name: nameOf(program) } });
  }
  expect(objectOf(other, "Deployment", "worker")).toEqual(objectOf(usual, "Deployment", "worker"));
});

test.each(["ClusterIP", "LoadBalancer"])(
  "the URL of a %s without an address is the Service's own, and needs no node's port",
  async (serviceType) => {
    const program = await stack.run({ serviceType });
    const { spec } = objectOf(program, "Service", "nginx-service");
    expect([spec.type, spec.ports]).toEqual([serviceType, [{ name: "http", port: 80, targetPort: "http" }]]);
    expect(program.outputs.endpoint).toBe("http://nginx-service.coinflip.svc/compute");
  },
);

test("a limit by the client's address asks a load balancer for the address, and gives it time to hear of a stop", async () => {
  const { drainDelay, grace, nodeDrainDelay, nodeGrace } = timingFor(30);
  const stopOf = async (config: Record<string, string>) => {
    const program = await stack.run(config);
    const { lifecycle, readinessProbe } = containerOf(program, "nginx");
    const sleep = lifecycle?.preStop.exec.command.at(-1)?.replace(/.* /, "");
    const { periodSeconds, failureThreshold } = readinessProbe;
    expect(periodSeconds * (failureThreshold - 1)).toBeGreaterThan(Number(sleep));
    const { terminationGracePeriodSeconds } = podOf(program, "nginx");
    return [
      objectOf(program, "Service", "nginx-service").spec.externalTrafficPolicy,
      ...[Number(sleep), terminationGracePeriodSeconds],
    ];
  };
  const soon = [undefined, drainDelay, grace];
  expect(await stopOf({ serviceType: "LoadBalancer" })).toEqual(soon);
  expect(await stopOf({ rateLimit: "10" })).toEqual(soon);
  expect(await stopOf({ serviceType: "LoadBalancer", rateLimit: "10" })).toEqual(["Local", nodeDrainDelay, nodeGrace]);
});

describe("with a registry", () => {
  const ours = { server: "ghcr.io", repository: "me/coinflip" };
  const digest = `ghcr.io/me/coinflip@sha256:${"0a".repeat(32)}`;

  test("the image is pushed with the credentials, side-loaded nowhere, and pulled by its digest", async () => {
    const registry = JSON.stringify({ ...ours, username: "me", password: "hunter2" });
    const program = await stack.run({ registry, context: "prod" });
    expect(program.images).toEqual([
      expect.objectContaining({
        imageName: expect.stringMatching(/^ghcr\.io\/me\/coinflip:[0-9a-f]{16}$/),
        skipPush: false,
        registry: { server: "ghcr.io", username: "me", password: "hunter2" },
      }),
    ]);
    expect(program.sideloads).toEqual([]);
    expect([containerOf(program, "worker").image, program.outputs.image]).toEqual([digest, digest]);
    const secret = objectOf(program, "Secret");
    expect(secret).toMatchObject({ type: "kubernetes.io/dockerconfigjson", metadata: { namespace: "coinflip" } });
    const { ".dockerconfigjson": config } = secret.stringData as Record<string, string>;
    expect(JSON.parse(config ?? "")).toEqual({ auths: { "ghcr.io": { username: "me", password: "hunter2" } } });
    expect(podOf(program, "worker").imagePullSecrets).toEqual([{ name: secret.metadata.name }]);
    const others = program.manifests.filter(({ kind }) => kind !== "Secret");
    expect(JSON.stringify([others, program.outputs])).not.toContain("hunter2");
  });

  test("that asks for no credentials there is no secret", async () => {
    const program = await stack.run({ registry: JSON.stringify(ours) });
    expect(program.images[0]).toMatchObject({ skipPush: false, registry: { server: "ghcr.io" } });
    expect(program.manifests.map(({ kind }) => kind)).not.toContain("Secret");
    expect(podOf(program, "worker")).not.toHaveProperty("imagePullSecrets");
    expect(containerOf(program, "worker").image).toBe(digest);
  });
});

describe("the image's tag", () => {
  test("is the same for the same content in another clone", async () => {
    expect((await stack.run({ workers: "5", balancing: "random-two" })).outputs.image).toBe(usual.outputs.image);
  });

  test.each<[string, Record<string, string>, (copy: string) => void]>([
    ["the worker's source", {}, (copy) => appendFileSync(join(copy, "worker/app/server.ts"), 'console.log("more");\n')],
    ["the Dockerfile", {}, (copy) => appendFileSync(join(copy, "worker/Dockerfile"), "LABEL more=1\n")],
    ["the base image", { nodeImage: "node:24.22.0-slim" }, () => undefined],
  ])("is another one when %s changes", async (_, config, edit) => {
    const program = await stack.run(config, edit);
    expect(program.outputs.image).toMatch(/^coinflip-worker:[0-9a-f]{16}$/);
    expect(program.outputs.image).not.toBe(usual.outputs.image);
  });
});

test("a wrong setting stops the stack before anything is built", async () => {
  await expect(stack.run({ workers: "none" })).rejects.toThrow(
    /^one setting is wrong, and nothing was changed:\n {2}workers is "none"/,
  );
});

test("a remote cluster that nobody named is left alone", async () => {
  stack.current = "prod";
  await expect(stack.run()).rejects.toThrow(/^the current context "prod" is not a local cluster/);
});

test("without any cluster nothing is built", async () => {
  process.env.KUBECONFIG = join(__dirname, "no such file");
  await expect(stack.run()).rejects.toThrow("there is no current kubeconfig context to deploy to");
});
