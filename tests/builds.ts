// Builds what the tests of the projects named need from Go modules, in the background: tests/run.ts starts it.
import { isDebianRoot } from "../local/debian";
import { installMetricsServer } from "../local/kind/metricsServer";
import { programs } from "../local/kind/nodeImage";
import { provideKind } from "../local/kind/program";
import { succeeds } from "../local/run";
import { buildCilium } from "./e2e/extended/network/cilium";

const quietly = () => undefined;

async function build(projects: readonly string[]): Promise<void> {
  // Elsewhere images are pulled.
  if (!isDebianRoot() || !(await succeeds("go", ["version"]))) return;
  if (projects.includes("e2e") || projects.includes("extended")) {
    await provideKind(quietly);
    await programs(quietly);
  }
  if (projects.includes("extended")) {
    await installMetricsServer(quietly);
    await buildCilium();
  }
}

build(process.argv.slice(2)).catch((error: Error) => {
  // The suite that needs the build repeats it, and fails with the reason.
  console.error(`A build in the background has failed: ${error.message}`);
});
