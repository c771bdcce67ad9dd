import { nodesWithout, Sideload, type SideloadInputs, sideload } from "../worker/sideload";
import { providerOf } from "./support/dynamicProvider";
import { FakeTools, type Reply } from "./support/fakeTools";
import {
  ABSENT,
  ask,
  BUILD,
  DOCKER,
  DOCKER_29,
  FOUND,
  FROM_DOCKER,
  IMAGE,
  IMPORTS,
  INSPECT,
  importInto,
  inputsFor,
  KIND,
  KIND_NODES,
  kindNodes,
} from "./support/sideloadCalls";

let tools: FakeTools;
beforeEach(() => {
  tools = new FakeTools();
});
afterEach(() => tools.remove());
/** The calls. Those to several nodes run at the same time, and are sorted. */
const calls = () => {
  const all = tools.calls();
  const isLook = (call: string) => call.startsWith("docker exec ") && !isImport(call);
  const isImport = (call: string) => call.startsWith("docker exec -i ");
  return [
    ...all.filter((call) => call.includes(" ps ")),
    ...all.filter(isLook).sort(),
    ...all.filter((call) => !/ (exec|ps) /.test(call)),
    ...all.filter(isImport).sort(),
  ];
};
/** A Docker with the image and a cluster of these nodes. */
const dockerWith = (nodes: Record<string, Reply>, others: Record<string, Reply> = {}) =>
  tools.tool("docker", { ...DOCKER, ...IMPORTS, ...kindNodes(nodes), ...others });

describe("an image is loaded", () => {
  test("only into the node of a kind cluster that does not have it", async () => {
    dockerWith({ "flips-control-plane": FOUND, "flips-worker": ABSENT });
    await sideload(KIND);
    expect(calls()).toEqual([
      `docker ${KIND_NODES}`,
      `docker ${ask("flips-control-plane")}`,
      `docker ${ask("flips-worker")}`,
      ...FROM_DOCKER,
      `docker ${importInto("flips-worker")}`,
    ]);
    expect(tools.leftovers()).toEqual([]);
  });

  test("into every node that does not have it, from one archive", async () => {
    dockerWith({ a: ABSENT, b: ABSENT });
    await sideload(KIND);
    expect(calls().slice(3)).toEqual([...FROM_DOCKER, `docker ${importInto("a")}`, `docker ${importInto("b")}`]);
  });

  test("for the platform that was built, where Docker stores several platforms of an image", async () => {
    tools.tool("docker", { ...DOCKER_29, ...IMPORTS, ...kindNodes({ a: ABSENT }) });
    await sideload(KIND);
    expect(calls()).toContain(`docker save --platform linux/amd64 -o ARCHIVE ${IMAGE}`);
  });

  test("into the servers and agents of a k3d cluster, and not into its other containers", async () => {
    const ps = "ps --filter label=k3d.cluster=flips --format {{.Names}}";
    const says = ["server-0", "agent-0", "serverlb", "tools", "registry"].map((node) => `k3d-flips-${node}`).join("\n");
    const nodes = { [ps]: { says }, [ask("k3d-flips-server-0")]: FOUND, [ask("k3d-flips-agent-0")]: ABSENT };
    tools.tool("docker", { ...DOCKER, ...IMPORTS, ...nodes });
    await sideload(inputsFor("k3d", "flips"));
    expect(calls()).toEqual([
      `docker ${ps}`,
      `docker ${ask("k3d-flips-agent-0")}`,
      `docker ${ask("k3d-flips-server-0")}`,
      ...FROM_DOCKER,
      `docker ${importInto("k3d-flips-agent-0")}`,
    ]);
  });

  test("into minikube, by its profile", async () => {
    const list = { says: "docker.io/library/coinflip-worker:fedcba9876543210\nregistry.k8s.io/pause:3.10" };
    tools.tool("docker", DOCKER).tool("minikube", { "-p flips image ls": list, "-p flips image load *": { finds: 5 } });
    await sideload(inputsFor("minikube", "flips", "flips"));
    expect(calls()).toEqual(["minikube -p flips image ls", ...FROM_DOCKER, "minikube -p flips image load ARCHIVE"]);
  });

  test("after a new build, if Docker no longer has it", async () => {
    dockerWith({ a: ABSENT }, { [INSPECT]: { fails: `Error: No such image: ${IMAGE}` }, [BUILD]: {} });
    await sideload(KIND);
    const [inspect, ...save] = FROM_DOCKER;
    expect(calls().slice(2)).toEqual([inspect, `docker ${BUILD}`, ...save, `docker ${importInto("a")}`]);
  });

  test("nowhere if the cluster uses the images of Docker, which only builds it again if it is missing", async () => {
    tools.tool("docker", { ...DOCKER, [INSPECT]: { fails: `Error: No such image: ${IMAGE}` }, [BUILD]: {} });
    await sideload(inputsFor("docker", "docker-desktop", "docker-desktop"));
    expect(calls().at(-1)).toBe(`docker ${BUILD}`);
  });
});

describe("nothing is loaded", () => {
  test.each<[string, SideloadInputs, Record<string, Record<string, Reply>>]>([
    ["kind", KIND, { docker: kindNodes({ a: FOUND, b: FOUND }) }],
    [
      "minikube",
      inputsFor("minikube", "m", "m"),
      { minikube: { "-p m image ls": { says: `docker.io/library/${IMAGE}` } } },
    ],
    ["docker", inputsFor("docker", "orbstack", "orbstack"), { docker: { [INSPECT]: { says: "[]" } } }],
  ])("where every node of %s has the image", async (_, inputs, known) => {
    for (const [name, replies] of Object.entries(known)) tools.tool(name, replies);
    await sideload(inputs);
    expect(calls().filter((call) => /build|save|load|import/.test(call))).toEqual([]);
  });

  test("into a remote cluster, and the refusal says what to do", async () => {
    const refusal = new Error(
      'no image can be side-loaded into "prod", which is no local cluster; push it to a registry instead: ' +
        "pulumi config set --path registry.server HOST, and registry.repository",
    );
    await expect(sideload(inputsFor("remote", "prod", "prod"))).rejects.toEqual(refusal);
    await expect(nodesWithout(inputsFor("remote", "prod", "prod"))).rejects.toEqual(refusal);
  });

  test.each([
    ["docker", KIND],
    ["docker", inputsFor("k3d", "flips")],
    ["minikube", inputsFor("minikube", "flips", "flips")],
  ])("without %s, and the error says that it is not installed", async (program, inputs) => {
    await expect(sideload(inputs)).rejects.toEqual(
      new Error(`${program} is not installed, and this cluster's images are loaded with it`),
    );
  });

  test("if containerd refuses the archive, and the error carries the command and its message", async () => {
    dockerWith({ a: ABSENT }, { [importInto("*")]: { fails: "ctr: no space left on device" } });
    await expect(sideload(KIND)).rejects.toEqual(new Error(`docker ${importInto("a")}: ctr: no space left on device`));
    expect(tools.leftovers()).toEqual([]);
  });

  test("into a kind cluster that does not run, and the error names it", async () => {
    tools.tool("docker", { ...DOCKER, [KIND_NODES]: {} });
    await expect(sideload(KIND)).rejects.toThrow("flips");
  });

  test("into the load balancer that kind puts before several control planes", async () => {
    tools.tool(
      "docker",
      kindNodes({
        "flips-control-plane": FOUND,
        "flips-control-plane2": FOUND,
        "flips-external-load-balancer": { fails: "exec: ctr: not found" },
      }),
    );
    expect(await nodesWithout(KIND)).toEqual([]);
  });
});

describe("the stack's resource, as the engine runs it,", () => {
  const registered = () => providerOf<SideloadInputs>(() => new Sideload("worker", { ...KIND }));

  test("loads when it is made, and is known by the image", async () => {
    const { provider, inputs } = await registered();
    expect(inputs).toEqual(KIND);
    dockerWith({ a: ABSENT });
    expect(await provider.create(KIND)).toEqual({ id: IMAGE, outs: KIND });
    expect(calls().at(-1)).toBe(`docker ${importInto("a")}`);
  });

  test("changes with the image, with the cluster, and with a node that is new, and not otherwise", async () => {
    const { provider } = await registered();
    tools.tool("docker", kindNodes({ a: FOUND }));
    const changes = async (olds: SideloadInputs) => (await provider.diff?.(IMAGE, olds, KIND))?.changes;
    expect(await changes(KIND)).toBe(false);
    expect(await changes({ ...KIND, image: "coinflip-worker:fedcba9876543210" })).toBe(true);
    expect(await changes(inputsFor("kind", "other"))).toBe(true);
    tools.tool("docker", kindNodes({ a: FOUND, b: ABSENT }));
    expect(await changes(KIND)).toBe(true);
  });

  test("loads into the new node alone when it is updated", async () => {
    const { provider } = await registered();
    dockerWith({ a: FOUND, b: ABSENT });
    expect(await provider.update?.(IMAGE, KIND, KIND)).toEqual({ outs: KIND });
    expect(calls().at(-1)).toBe(`docker ${importInto("b")}`);
  });
});
