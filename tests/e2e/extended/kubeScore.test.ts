import { join } from "node:path";
import execa from "execa";
import { installGo } from "../../../local/buildCache";
import { toYaml } from "../../../local/deploy";
import { StackCopies } from "../../support/stack";

jest.setTimeout(30 * 60_000);

/** A second replica would have data of its own, and show other numbers or none. */
const ONE_OF_EACH = ["grafana", "prometheus"].map(
  (name) => `[WARNING] ${name}/coinflip apps/v1/Deployment: Deployment few replicas`,
);

const hasGo = execa.sync("go", ["version"], { reject: false }).exitCode === 0;
if (!hasGo) process.stdout.write("Skipped: kube-score. It is built with Go, which is not installed.\n");

(hasGo ? describe : describe.skip)("kube-score", () => {
  const stack = new StackCopies();
  let program: string;
  beforeAll(async () => {
    program = join(await installGo("github.com/zegl/kube-score/cmd/kube-score@v1.20.0"), "kube-score");
  });
  afterAll(() => stack.remove());

  test.each([
    ["the stack as it is", {}],
    ["autoscaling", { autoscaling: '{"max":5}' }],
    ["TLS", { tls: '{"secret":"coinflip-tls"}', host: "coin.example.com" }],
    ["an Ingress", { ingress: '{"host":"coin.example.com"}', serviceType: "ClusterIP" }],
    ["monitoring", { monitoring: "on" }, ONE_OF_EACH],
  ])("finds nothing to say of %s", async (_, config, known: readonly string[] = []) => {
    const { manifests } = await stack.run(config);
    const args = ["score", "--output-format", "ci", "-"];
    const { stdout } = await execa(program, args, { input: toYaml(manifests), reject: false });
    const lines = stdout.split("\n");
    expect(lines.filter((line) => /^\[(CRITICAL|WARNING)\]/.test(line))).toEqual(known);
    expect(lines.filter((line) => line.startsWith("[OK]")).length).toBeGreaterThan(50);
  });
});
