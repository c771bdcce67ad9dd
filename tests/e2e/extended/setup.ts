import { isDebianRoot } from "../../../local/debian";
import { dockerAnswers, startDocker, stopDocker } from "../../../local/docker";
import { TestCluster } from "../testCluster";

/** Before the extended suites: a Docker engine if none answers, and the kind cluster that most of them share. */
export default async function setUp(): Promise<void> {
  if (!(await dockerAnswers())) {
    if (!isDebianRoot()) return; // The suites say that they are skipped.
    await startDocker(() => undefined);
  }
  try {
    process.env.COINFLIP_TEST_CLUSTER = (await TestCluster.create("coinflip-tests", { stacks: 8 })).toString();
  } catch (error) {
    await stopDocker(); // If it is ours. Jest does not tear down after a failed setup.
    throw error;
  }
}
