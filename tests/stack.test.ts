import { readFileSync } from "node:fs";
import { timingFor } from "../worker/timing";
import { containerOf, type Deployed, objectOf, podOf, StackCopies } from "./support/stack";

const timing = timingFor(30);

const stack = new StackCopies();
let usual: Deployed;
beforeAll(async () => {
  usual = await stack.run();
}, 30_000);
afterAll(() => stack.remove());

const labelsOf = (component: string) => ({
  "app.kubernetes.io/name": "coinflip",
  "app.kubernetes.io/component": component,
});

describe("the stack", () => {
  test("is a namespace with its bounds, and in it two Deployments, each with its Services and an account, and nginx's configuration", () => {
    const names = usual.manifests.map(({ kind, metadata: { name, namespace } }) => `${namespace}/${kind}/${name}`);
    expect(names.sort()).toEqual([
      expect.stringMatching(/^coinflip\/ConfigMap\/nginx-[0-9a-f]+$/),
      "coinflip/Deployment/nginx",
      "coinflip/Deployment/worker",
      "coinflip/LimitRange/coinflip",
      "coinflip/NetworkPolicy/default-deny",
      "coinflip/NetworkPolicy/nginx",
      "coinflip/NetworkPolicy/worker",
      "coinflip/PodDisruptionBudget/nginx",
      "coinflip/PodDisruptionBudget/worker",
      "coinflip/ResourceQuota/coinflip",
      "coinflip/Service/nginx-service",
      "coinflip/Service/worker",
      "coinflip/Service/worker-any",
      "coinflip/ServiceAccount/nginx",
      "coinflip/ServiceAccount/worker",
      "undefined/Namespace/coinflip",
    ]);
    expect(objectOf(usual, "Namespace").metadata).toMatchObject({
      labels: Object.fromEntries(
        ["enforce", "audit", "warn"].map((mode) => [`pod-security.kubernetes.io/${mode}`, "restricted"]),
      ),
    });
  });

  test("exports where it answers, which image runs, on how many workers, and in which namespace", () => {
    expect(usual.outputs).toEqual({
      url: "http://localhost:30080",
      endpoint: "http://localhost:30080/compute",
      image: usual.images[0]?.imageName,
      workers: 2,
      namespace: "coinflip",
    });
    expect(usual.outputs.image).toMatch(/^coinflip-worker:[0-9a-f]{16}$/);
  });

  test("builds the image from the bundle and the base image, pushes it nowhere, and loads it into the cluster", () => {
    const build = {
      context: "worker/dist",
      dockerfile: "worker/Dockerfile",
      args: { NODE_IMAGE: "node:24.21.0-slim" },
      platform: `linux/${process.arch === "arm64" ? "arm64" : "amd64"}`,
    };
    const image = usual.outputs.image;
    expect(usual.images).toEqual([expect.objectContaining({ imageName: image, build, skipPush: true })]);
    expect(usual.images[0]).not.toHaveProperty("registry");
    const cluster = { context: "kind-flips", kind: "kind", name: "flips", host: "localhost" };
    expect(usual.sideloads).toEqual([expect.objectContaining({ image, build, cluster })]);
    // A long line may be broken in the middle of a text.
    const bundle = readFileSync("worker/dist/server.js", "utf8").replaceAll("\\\n", "");
    expect(bundle).toContain("heads_required");
  });

  test.each([
    ["worker", "worker"],
    ["nginx", "nginx-service"],
  ])("has two replicas of %s, whose Service %s finds them by their labels", (name, service) => {
    const { spec } = objectOf(usual, "Deployment", name);
    const labels = labelsOf(name);
    expect([spec.replicas, spec.selector, spec.template.metadata.labels]).toEqual([2, { matchLabels: labels }, labels]);
    expect(objectOf(usual, "Service", service).spec.selector).toEqual(labels);
    expect(podOf(usual, name).serviceAccountName).toBe(objectOf(usual, "ServiceAccount", name).metadata.name);
  });

  test.each(["worker", "nginx"])("runs %s under the restricted Pod Security Standard, and without a token", (name) => {
    const pod = podOf(usual, name);
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
    });
    const { runAsUser, runAsGroup } = pod.securityContext as Record<string, number>;
    expect(Math.min(runAsUser ?? 0, runAsGroup ?? 0)).toBeGreaterThanOrEqual(10_000);
    expect(pod.containers.map(({ securityContext }) => securityContext)).toEqual([
      { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
    ]);
    expect(objectOf(usual, "ServiceAccount", name).automountServiceAccountToken).toBe(false);
    for (const field of ["hostNetwork", "hostPID", "hostIPC"]) expect(pod).not.toHaveProperty(field);
  });

  test("runs the worker as the user that its Dockerfile names", () => {
    const user = /^USER (\d+):(\d+)$/m.exec(readFileSync("worker/Dockerfile", "utf8"));
    expect(podOf(usual, "worker").securityContext).toMatchObject({
      runAsUser: Number(user?.[1]),
      runAsGroup: Number(user?.[2]),
    });
  });

  test("tells the worker its port, its bounds and its times", () => {
    const { env, image, ports, imagePullPolicy } = containerOf(usual, "worker");
    expect(Object.fromEntries((env ?? []).map(({ name, value }) => [name, value]))).toEqual({
      PORT: "5000",
      METRICS_PORT: "9464",
      MAX_HEADS: "32",
      MAX_CONCURRENT: "64",
      DEADLINE_MS: String(timing.deadline * 1000),
      DRAIN_DELAY_MS: String(timing.drainDelay * 1000),
      KEEP_ALIVE_MS: String(timing.workerKeepAlive * 1000),
    });
    expect([image, imagePullPolicy]).toEqual([usual.outputs.image, "IfNotPresent"]);
    expect(ports).toEqual([
      { name: "http", containerPort: 5000 },
      { name: "metrics", containerPort: 9464 },
    ]);
    expect(podOf(usual, "worker")).not.toHaveProperty("imagePullSecrets");
  });

  test("probes what the worker and nginx themselves can answer for", () => {
    const paths = (name: string) =>
      ["startupProbe", "readinessProbe", "livenessProbe"].map(
        (probe) => (containerOf(usual, name)[probe] as { httpGet: { path: string } } | undefined)?.httpGet,
      );
    const http = (path: string) => ({ path, port: "http" });
    expect(paths("worker")).toEqual([undefined, http("/readyz"), http("/healthz")]);
    expect(paths("nginx")).toEqual([http("/readyz"), http("/nginx-readyz"), http("/nginx-healthz")]);
  });

  test.each(["worker", "nginx"])("asks for what %s needs, bounds what it takes, and gives it time to drain", (name) => {
    const memory = expect.stringMatching(/^\d+Mi$/);
    expect(containerOf(usual, name).resources).toEqual({
      requests: { cpu: expect.stringMatching(/^\d+m$/), memory, "ephemeral-storage": memory },
      limits: { cpu: "1", memory, "ephemeral-storage": "1Gi" },
    });
    expect(podOf(usual, name).terminationGracePeriodSeconds).toBe(timing.grace);
    expect(objectOf(usual, "Deployment", name).spec).toMatchObject({
      strategy: { rollingUpdate: { maxSurge: "25%", maxUnavailable: 0 } },
    });
  });

  test("shows nginx the workers one by one, by a headless Service on the worker's port, and all of them by one with an address", () => {
    expect(objectOf(usual, "Service", "worker").spec).toMatchObject({
      clusterIP: "None",
      ports: [{ port: 5000, targetPort: "http" }],
    });
    const { clusterIP, selector } = objectOf(usual, "Service", "worker-any").spec;
    expect([clusterIP, selector]).toEqual([undefined, labelsOf("worker")]);
    const { command, image, lifecycle, volumeMounts } = containerOf(usual, "nginx");
    const config = "/etc/coinflip";
    const args = ["worker.coinflip.svc", "worker-any.coinflip.svc", "5000", String(timing.dnsValid), "8080"];
    expect(command).toEqual(["/bin/sh", `${config}/start.sh`, `${config}/nginx.conf`, ...args]);
    expect(image).toBe("nginx:1.30.6-alpine");
    const drain = ["/bin/sh", "-c", `: >/tmp/draining; exec sleep ${timing.drainDelay}`];
    expect(lifecycle).toEqual({ preStop: { exec: { command: drain } } });
    expect(volumeMounts).toContainEqual({ name: "config", mountPath: config, readOnly: true });
  });

  test("has one NodePort, 30080", () => {
    const ports = [{ name: "http", port: 80, targetPort: "http", nodePort: 30080 }];
    expect(objectOf(usual, "Service", "nginx-service").spec).toMatchObject({ type: "NodePort", ports });
  });
});
