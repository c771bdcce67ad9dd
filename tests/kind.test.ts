import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { parse } from "yaml";
import { checkPorts, configuration, type NewCluster } from "../local/kind/cluster";
import { nodeCount } from "../local/kind/ours";
import { isRecent, KIND, provideKind } from "../local/kind/program";
import { FakeTools } from "./support/fakeTools";

describe("kind's configuration file", () => {
  const IMAGE = "kindest/node:v1.37.0";
  const configured = (cluster: Partial<NewCluster> = {}) =>
    parse(configuration({ name: "flips", image: IMAGE, nodes: 1, ports: [30080, 30443], ...cluster }));

  test("creates one node, whose node ports answer on 127.0.0.1 and nowhere else", () => {
    expect(configured()).toEqual({
      kind: "Cluster",
      apiVersion: "kind.x-k8s.io/v1alpha4",
      networking: { disableDefaultCNI: false },
      nodes: [
        {
          role: "control-plane",
          image: IMAGE,
          extraPortMappings: [
            { containerPort: 30080, hostPort: 30080, listenAddress: "127.0.0.1" },
            { containerPort: 30443, hostPort: 30443, listenAddress: "127.0.0.1" },
          ],
        },
      ],
    });
  });

  test("creates further nodes as workers, which map no port a second time", () => {
    const [controlPlane, ...workers] = configured({ nodes: 3 }).nodes;
    expect(controlPlane).toMatchObject({ role: "control-plane", extraPortMappings: expect.any(Array) });
    expect(workers).toEqual(Array(2).fill({ role: "worker", image: IMAGE }));
  });

  test("leaves the pod network to somebody else, on every node", () => {
    const { networking, nodes } = configured({ nodes: 2, withoutPodNetwork: true });
    expect(networking).toEqual({ disableDefaultCNI: true });
    const masked = { extraMounts: [expect.objectContaining({ hostPath: "/dev/null" })] };
    expect(nodes).toEqual([expect.objectContaining(masked), expect.objectContaining(masked)]);
  });
});

describe("--nodes", () => {
  test.each(["1", "3", "9"])("accepts %s", (text) => {
    expect(nodeCount(text)).toBe(Number(text));
  });

  test.each(["0", "10", "50", "-1", "2.5", "1e0", "three", ""])("refuses %j, and says what is allowed", (text) => {
    expect(() => nodeCount(text)).toThrow(
      new Error(`--nodes is "${text}"; allowed is an integer from 1 to 9:  npm run up -- --nodes 3`),
    );
  });
});

describe("the ports of this machine", () => {
  const servers: Server[] = [];
  async function takePort(port: number, address = "127.0.0.1"): Promise<void> {
    const server = createServer().listen(port, address);
    servers.push(server);
    await once(server, "listening");
  }
  /** As many node ports in a row that are free. */
  async function freePorts(count: number): Promise<[number, number, number]> {
    for (let first = 31000 + (process.pid % 1000); ; first += count) {
      const ports = Array.from({ length: count }, (_, at) => first + at);
      const taken = await checkPorts(Object.fromEntries(ports.map((port) => [port, port]))).catch(() => true);
      if (taken === undefined) return ports as [number, number, number];
    }
  }
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => once(server.close(), "close")));
  });

  test("are accepted while they are free, and free afterwards", async () => {
    const [nodePort, httpsNodePort] = await freePorts(2);
    await checkPorts({ nodePort, httpsNodePort });
    await takePort(nodePort);
    expect(servers.map(({ listening }) => listening)).toEqual([true]);
  });

  test.each(["127.0.0.1", "0.0.0.0"])(
    "are refused where one is in use on %s, with its setting and a free port",
    async (address) => {
      const [nodePort, httpsNodePort, free] = await freePorts(3);
      await takePort(nodePort, address);
      await expect(checkPorts({ nodePort, httpsNodePort })).rejects.toEqual(
        new Error(
          `port ${nodePort} of this machine is in use, and nodePort needs it. Port ${free} is free:  npm run up -- -c nodePort=${free}`,
        ),
      );
    },
  );
});

describe("a version of kind", () => {
  const [major = 0, minor = 0] = KIND.version.split(".").map(Number);

  test.each([
    KIND.version,
    `${major}.${minor}.9`,
    `${major}.${minor + 1}.0-alpha`,
    `${major}.${minor + 90}.0`,
    `${major + 1}.0.0`,
  ])("%s is recent enough", (version) => {
    expect(isRecent(version)).toBe(true);
  });

  test.each([`${major}.${minor - 1}.9`, "0.9.0", "", "unknown"])("%j is not", (version) => {
    expect(isRecent(version)).toBe(false);
  });
});

describe("the program kind", () => {
  let tools: FakeTools;
  beforeEach(() => {
    tools = new FakeTools();
  });
  afterEach(() => tools.remove());
  const provided = () => provideKind(() => undefined);

  test("is the one on the PATH, if it is recent", async () => {
    tools.tool("kind", { "version -q": { says: KIND.version } });
    expect(await provided()).toBe("kind");
  });

  test.each([
    ["may be missing", "kind is not installed", {}],
    ["may be too old", "kind 0.20.0 is too old", { "version -q": { says: "0.20.0" } }],
  ])("%s, and without Go the error has a command that installs it", async (_, found, replies) => {
    if (Object.keys(replies).length > 0) tools.tool("kind", replies);
    const error = await provided().catch(({ message }: Error) => message);
    expect(error).toMatch(`${found}, and without Go it cannot be built. Install kind ${KIND.version} or later:\n  `);
    expect(error).toMatch(
      /(kind-linux-(amd64|arm64) && sudo install|brew install|https:\/\/kind\.).*\nThen run npm run up again\.$/,
    );
  });
});
