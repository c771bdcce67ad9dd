import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { type AlertingRule, ruleFile, ruleGroups } from "../../monitoring/rules";
import { ALERT_CASES, HEALTHY, type Series } from "../support/alertCases";
import { setUp } from "../support/coinflipApp";
import { promtool, providePromtool, whyNoPromtool } from "../support/promtool";

// promtool is unpacked from Debian's package the first time.
jest.setTimeout(5 * 60_000);

const NAMESPACE = "coinflip";
const rules = ruleGroups(NAMESPACE).flatMap((group) => group.rules);
const alerts = rules.filter((rule): rule is AlertingRule => "alert" in rule);

const reason = whyNoPromtool();
if (reason !== undefined) process.stdout.write(`Skipped: the alerting rules. ${reason}\n`);

(reason === undefined ? describe : describe.skip)("promtool", () => {
  let folder: string;
  beforeAll(async () => {
    await providePromtool();
    folder = await mkdtemp(join(tmpdir(), "coinflip-rules-"));
    await writeFile(join(folder, "rules.yml"), ruleFile(NAMESPACE));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test("finds nothing to mend in the rules", async () => {
    const { exitCode, output } = await promtool([
      "check",
      "rules",
      "--lint=all",
      "--lint-fatal",
      join(folder, "rules.yml"),
    ]);
    expect([exitCode, output]).toEqual([0, expect.stringMatching(`SUCCESS: ${rules.length} rules found`)]);
  });

  test("finds nothing to mend in what a worker tells", async () => {
    const { metrics } = setUp();
    const { exitCode, output } = await promtool(["check", "metrics"], await metrics.text());
    expect([exitCode, output]).toEqual([0, ""]);
  });

  /** Whether the alerts fire by promtool's reckoning; with the summary that is expected, or none for silence. */
  const check = async (name: string, series: Series, at: number, summary?: string) => {
    const alert = alerts.find((each) => each.alert === name);
    const exp_alerts = summary !== undefined && [
      {
        exp_labels: { ...alert?.labels, ...ALERT_CASES[name]?.labels },
        exp_annotations: { ...alert?.annotations, summary },
      },
    ];
    const test = {
      interval: "15s",
      input_series: Object.entries(series).map(([series, values]) => ({ series, values })),
      alert_rule_test: [{ eval_time: `${at}m`, alertname: name, exp_alerts: exp_alerts || [] }],
    };
    const file = join(folder, "test.yml");
    await writeFile(file, stringify({ rule_files: ["rules.yml"], evaluation_interval: "15s", tests: [test] }));
    expect(await promtool(["test", "rules", file])).toMatchObject({ exitCode: 0 });
  };

  test("has a case for each alert", () => {
    expect(Object.keys(ALERT_CASES)).toEqual(alerts.map(({ alert }) => alert));
  });

  describe.each(Object.entries(ALERT_CASES))("%s", (name, { at, fires, summary, quiet }) => {
    test("fires, and says what is wrong", () => check(name, fires, at, summary));
    test("is quiet where all is well", () => check(name, HEALTHY, at));
    test.each(Object.entries(quiet))("is quiet where %s", (_, series) => check(name, series, at));
  });
});
