import * as pulumi from "@pulumi/pulumi";
import { faultsOf } from "./support/faults";
import { settingsWith } from "./support/settings";

const withRegistry = (registry: unknown) => settingsWith({ registry: JSON.stringify(registry) });

describe("the registry", () => {
  const ours = { server: "ghcr.io", repository: "me/coinflip" };

  test("may ask for no credentials", () => {
    expect(withRegistry(ours).registry).toEqual(ours);
    expect(withRegistry({ server: "localhost:5000", repository: "a/b-c.d/e__f" }).registry?.server).toBe(
      "localhost:5000",
    );
  });

  test("has its password as a secret", async () => {
    const { password, ...rest } = withRegistry({ ...ours, username: "me", password: "hunter2" }).registry ?? {};
    expect(rest).toEqual({ ...ours, username: "me" });
    expect(await pulumi.isSecret(password as pulumi.Output<string>)).toBe(true);
  });

  const command = (name: string, example: string) => `pulumi config set --path registry.${name} ${example}`;
  const server = `a host, with a port if needed:  ${command("server", "ghcr.io")}`;
  const repository = `a lower-case path:  ${command("repository", "me/coinflip")}`;
  const username = `a user name, with a password:  ${command("username", "me")}`;
  const password = "a secret, with a username:  pulumi config set --secret --path registry.password …";
  test.each([
    [{ repository: "a" }, [`registry.server is missing; allowed is ${server}`]],
    [{ ...ours, server: "https://ghcr.io" }, [`registry.server is "https://ghcr.io"; allowed is ${server}`]],
    [{ ...ours, server: 5000 }, [`registry.server is "5000"; allowed is ${server}`]],
    [{ server: "ghcr.io" }, [`registry.repository is missing; allowed is ${repository}`]],
    [{ ...ours, repository: "Me/c:1" }, [`registry.repository is "Me/c:1"; allowed is ${repository}`]],
    [{ ...ours, username: "me" }, [`registry.password is missing; allowed is ${password}`]],
    [{ ...ours, password: "hunter2" }, [`registry.username is missing; allowed is ${username}`]],
    [
      { ...ours, username: "m e", password: 77 },
      [`registry.username is "m e"; allowed is ${username}`, `registry.password is "[secret]"; allowed is ${password}`],
    ],
  ])("is refused as %j, with what is allowed", (registry, expected) => {
    expect(faultsOf(() => withRegistry(registry))).toEqual(expected);
  });

  test("is told a key that it does not have", () => {
    expect(faultsOf(() => withRegistry({ ...ours, user: "me" }))).toEqual([
      "registry.user is no setting:  pulumi config rm --path registry.user",
    ]);
  });

  test.each(['"ghcr.io"', "null", "3", '["ghcr.io"]', "ghcr.io", '{"password":"hunter2"'])(
    "that is no object, such as %s, is one of the faults that are listed, and nothing of it is shown",
    (registry) => {
      const [fault] = faultsOf(() => settingsWith({ registry }));
      expect(fault).toMatch(/^registry[ .]/);
      expect(fault).not.toContain("hunter2");
    },
  );
});

describe("autoscaling", () => {
  const withAutoscaling = (autoscaling: unknown, others = {}) =>
    settingsWith({ autoscaling: JSON.stringify(autoscaling), ...others });

  test("takes numbers, and numbers as text", () => {
    expect(withAutoscaling({ max: 5 }).autoscaling).toEqual({ max: 5 });
    expect(withAutoscaling({ min: "1", max: "1000", cpu: "90" }).autoscaling).toEqual({ min: 1, max: 1000, cpu: 90 });
  });

  const allowed = (range: string) => `allowed is an integer from ${range}:  pulumi config set --path autoscaling`;
  test.each([
    [{ min: 3 }, {}, `autoscaling.max is missing; ${allowed("1 to 1000")}.max 10`],
    [{ max: 5, cpu: 0 }, {}, `autoscaling.cpu is "0"; ${allowed("1 to 90")}.cpu 70`],
    [{ max: 5, cpu: 91 }, {}, `autoscaling.cpu is "91"; ${allowed("1 to 90")}.cpu 70`],
    [
      { max: 5 },
      { workerCpu: "2" },
      "autoscaling.cpu is 70, and no worker ever takes a tenth more than that share of workerCpu, 2, at which others are added (one core is the most that it uses):  pulumi config set --path autoscaling.cpu 45",
    ],
    [
      { max: 5, cpu: 61 },
      { workerCpu: "1500m" },
      "autoscaling.cpu is 61, and no worker ever takes a tenth more than that share of workerCpu, 1500m, at which others are added (one core is the most that it uses):  pulumi config set --path autoscaling.cpu 60",
    ],
    [{ max: 5, min: 2.5 }, {}, `autoscaling.min is "2.5"; ${allowed("1 to 1000")}.min 2`],
    [
      { min: 3, max: 2 },
      {},
      "autoscaling.min is 3, more than autoscaling.max:  pulumi config set --path autoscaling.max 3",
    ],
    [
      { max: 4 },
      { workers: "5" },
      "workers is 5, more than autoscaling.max:  pulumi config set --path autoscaling.max 5",
    ],
  ])("is refused as %j with %j", (autoscaling, others, fault) => {
    expect(faultsOf(() => withAutoscaling(autoscaling, others))).toEqual([fault]);
  });
});
