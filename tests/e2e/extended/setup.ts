import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Before the extended suites: a Docker engine if none answers, and the kind cluster that most of them share. */
export default async function setUp(): Promise<void> {
  const state = mkdtempSync(join(tmpdir(), "coinflip-tests-"));
  process.env.COINFLIP_TEST_STATE = state;
  // Read when the modules below are loaded: an engine of ours keeps its files there.
  process.env.XDG_STATE_HOME = state;
  const { dockerAnswers, startDocker } = await import("../../../local/docker");
  const { isDebianRoot } = await import("../../../local/debian");
  if (!(await dockerAnswers())) {
    if (!isDebianRoot()) return; // The suites say that they are skipped.
    await startDocker(() => undefined);
  }
  const { TestCluster } = await import("../testCluster");
  const cluster = await TestCluster.create("coinflip-tests", { stacks: 8 });
  process.env.COINFLIP_TEST_CLUSTER = cluster.toString();
}
