import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Manifest } from "../../local/program";
import { BenchCluster, withContainer } from "./cluster";
import type { Bench } from "./context";
import { buildFlaskImage, FLASK_IMAGE } from "./flaskImage";
import { type Result, ratio, rounds } from "./measure";
import { untilIdle } from "./processes";
import { scaling } from "./scaling";
import { load } from "./wrk";

const FLASK = { namespace: "bench-flask", port: 30081 };
const CONSTANT = { namespace: "bench-constant", port: 30082 };
/** It would ask for a worker's route that the peers do not have. */
const startupProbe = { httpGet: { path: "/nginx-healthz", port: "http" }, periodSeconds: 1 };

const withFlask = (manifests: readonly Manifest[]) =>
  withContainer(
    withContainer(manifests, "nginx", (nginx) => ({ ...nginx, startupProbe })),
    "worker",
    (worker) => ({
      ...worker,
      image: FLASK_IMAGE,
      env: undefined,
      livenessProbe: undefined,
      readinessProbe: { tcpSocket: { port: "http" }, periodSeconds: 1 },
    }),
  );

/** nginx as it is, but that it answers by itself. */
async function withConstant(manifests: readonly Manifest[]): Promise<Manifest[]> {
  const constant = await readFile(join(__dirname, "peers", "constant.conf"), "utf8");
  const changed = manifests.map((manifest) => {
    if (manifest.kind !== "ConfigMap") return manifest;
    const data = manifest.data as Record<string, string>;
    const text = data["nginx.conf"] ?? "";
    const edited = text.replace(/^ {4}location ~ .*?^ {4}\}\n/ms, constant);
    if (edited === text) throw new Error("nginx.conf has no location to answer in place of the workers");
    return { ...manifest, data: { ...data, "nginx.conf": edited } };
  });
  return withContainer(changed, "nginx", (nginx) => ({ ...nginx, startupProbe })).filter(
    ({ kind, metadata }) => kind !== "Deployment" || metadata.name !== "worker",
  );
}

/** Requests per second of the whole system, through its NodePort and nginx, beside the same with another end. */
export async function system(bench: Bench): Promise<Result[]> {
  const { say, peer } = bench;
  const cluster = await BenchCluster.start(bench);
  await buildFlaskImage(bench);
  await cluster.loadImage(FLASK_IMAGE);
  say("system, the same with Flask, and with a constant answer");
  const [flaskManifests, constantManifests] = await Promise.all(
    [FLASK, CONSTANT].map(({ namespace, port }) => cluster.render(namespace, { nodePort: String(port) })),
  );
  await cluster.apply(FLASK.namespace, withFlask(flaskManifests ?? []));
  await cluster.apply(CONSTANT.namespace, await withConstant(constantManifests ?? []));
  const flask = await cluster.ready(FLASK.namespace, FLASK.port);
  const constant = await cluster.ready(CONSTANT.namespace, CONSTANT.port);

  const three = (url: string, seconds = 2) => load({ url, seconds, connections: 32 });
  const twenty = async (url: string, seconds: number, connections: number) => {
    // Flask computes on for those who have left.
    await untilIdle();
    return load({ url, heads: 20, seconds, connections, timeoutSeconds: 60 });
  };
  say("system, warming up");
  await three(cluster.url, 12); // Two workers on the cores that nginx and wrk leave.
  for (const url of [flask, constant]) await three(url, 2);
  const values = await rounds(
    5,
    {
      ours: async () => (await three(cluster.url)).rate,
      flask: async () => (await three(flask)).rate,
      nginx: async () => (await three(constant)).rate,
    },
    { onRound: (round) => say(`system, round ${round + 1}`) },
  );
  await twenty(cluster.url, 3, 32);
  // Rows are memoryless: what is under way when the time is over has cost Flask as much as what had just begun.
  const values20 = await rounds(
    5,
    {
      ours: async () => (await twenty(cluster.url, 3, 32)).rate,
      flask: async () => (await twenty(flask, 14, 4)).rate,
    },
    { thereAndBack: false, onRound: (round) => say(`system at 20 heads, round ${round + 1}`) },
  );
  for (const [name, rates] of Object.entries(values)) peer(`system: ${name}`, rates, "requests/s");
  for (const [name, rates] of Object.entries(values20)) peer(`system at 20 heads: ${name}`, rates, "requests/s");
  for (const { namespace } of [FLASK, CONSTANT]) await cluster.idle(namespace);
  return [
    ratio("system/flask", "requests/s", values.ours, values.flask),
    ratio("system20/flask", "requests/s", values20.ours, values20.flask),
    ratio("system/nginx", "requests/s", values.ours, values.nginx),
    ...(await scaling(bench, cluster)),
  ];
}
