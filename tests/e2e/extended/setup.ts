import { isDebianRoot } from "../../../local/debian";
import { dockerAnswers, startDocker } from "../../../local/docker";
import { TestCluster } from "../testCluster";

/** Before the extended suites: a Docker engine if none answers, and the kind cluster that most of them share. */
export default async function setUp(): Promise<void> {
  if (!(await dockerAnswers())) {
    if (!isDebianRoot()) return; // The suites say that they are skipped.
    await startDocker(() => undefined);
  }
  process.env.COINFLIP_TEST_CLUSTER = (await TestCluster.create("coinflip-tests", { stacks: 8 })).toString();
}
