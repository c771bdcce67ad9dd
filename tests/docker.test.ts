import { checkDocker } from "../local/docker";
import { FakeTools } from "./support/fakeTools";

let tools: FakeTools;
beforeEach(() => {
  tools = new FakeTools();
  // With it npm run up starts no engine of its own.
  process.env.DOCKER_HOST = "unix:///nowhere/docker.sock";
});
afterEach(() => {
  delete process.env.DOCKER_HOST;
  tools.remove();
});

const VERSION = "version --format {{.Server.APIVersion}} {{.Server.Version}}";

describe("npm run up", () => {
  test.each(["1.41 20.10.24", "1.55 29.4.0"])("accepts Docker of the API and version %s", async (says) => {
    tools.tool("docker", { [VERSION]: { says } });
    await expect(checkDocker()).resolves.toBeUndefined();
  });

  test("refuses a Docker that is too old for kind, and names the oldest version that works", async () => {
    tools.tool("docker", { [VERSION]: { says: "1.40 19.03.15" } });
    await expect(checkDocker()).rejects.toEqual(
      new Error("Docker 19.03.15 is too old: install 20.10 or later, then run npm run up again"),
    );
  });

  const howTo = "install it (https://docs.docker.com/get-docker) or start it, then run npm run up again";

  test("says how to get Docker where it is not installed", async () => {
    await expect(checkDocker()).rejects.toEqual(
      new Error(`Docker does not answer (docker is not installed): ${howTo}`),
    );
  });

  test("quotes Docker where its engine does not run", async () => {
    const fails = "Cannot connect to the Docker daemon. Is the docker daemon running?";
    tools.tool("docker", { [VERSION]: { fails } });
    await expect(checkDocker()).rejects.toEqual(new Error(`Docker does not answer (${fails}): ${howTo}`));
  });
});
