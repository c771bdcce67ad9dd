import { stopDocker } from "../../../local/docker";
import { TestCluster } from "../testCluster";

/** After the extended suites: removes what setup.ts has made. */
export default async function tearDown(): Promise<void> {
  if (process.env.COINFLIP_TEST_CLUSTER !== undefined) await TestCluster.shared().remove();
  await stopDocker(); // If it is ours.
}
