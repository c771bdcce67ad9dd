import { join } from "node:path";
import type { Cluster } from "../../cluster";
import { loadImage } from "../../worker/sideload";
import { installGo } from "../buildCache";
import { buildTarget, cannotPull, provideCached } from "../images";
import { kubectl } from "../kubectl";
import { run } from "../run";
import type { Say } from "../steps";

const VERSION = "v0.9.0";
const PUBLISHED = `registry.k8s.io/metrics-server/metrics-server:${VERSION}`;
/** As metrics-server.yaml names it. */
const IMAGE = `coinflip.local/metrics-server:${VERSION}`;

/** The folder of metrics-server, built from its Go module unless it is in the cache. */
export const installMetricsServer = (say: Say) =>
  installGo(`sigs.k8s.io/metrics-server/cmd/metrics-server@${VERSION}`, say);

const build = async (say: Say) =>
  buildTarget("program", IMAGE, await installMetricsServer(say), ["--build-arg", "PROGRAM=metrics-server"]);

/** Starts metrics-server on the cluster that `up` has created: an autoscaler reads the workers' load from it. */
export async function startMetricsServer(cluster: Cluster, say: Say): Promise<void> {
  if ((await cannotPull(PUBLISHED)) === undefined) await run("docker", ["tag", PUBLISHED, IMAGE]);
  else await provideCached(IMAGE, VERSION, () => build(say));
  await loadImage(IMAGE, cluster);
  const where = ["--context", cluster.context];
  await kubectl([...where, "apply", "--server-side", "-f", join(__dirname, "metrics-server.yaml")]);
  const rollout = ["rollout", "status", "deployment/metrics-server", "--timeout=90s"];
  await kubectl([...where, "--namespace", "kube-system", ...rollout]);
}
