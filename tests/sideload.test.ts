import { join } from "node:path";
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
  INSPECT,
  inputsFor,
  KIND,
  KIND_LOAD,
  KIND_NODES,
  kindNodes,
  LISTING,
} from "./support/sideloadCalls";

let tools: FakeTools;
beforeEach(() => {
  tools = new FakeTools();
});
afterEach(() => tools.remove());
/** The calls, with those that are made at the same time in order. */
const calls = () => {
  const all = tools.calls();
  const looks = all.filter((call) => call.includes(" exec "));
  return [
    ...all.filter((call) => call.includes(" ps ")),
    ...looks.sort(),
    ...all.filter((call) => !/ (exec|ps) /.test(call)),
  ];
};

describe("an image is loaded", () => {
  test("only into the node of a kind cluster that does not have it", async () => {
    const nodes = kindNodes({ "flips-control-plane": FOUND, "flips-worker": ABSENT });
    tools.tool("docker", { ...DOCKER, ...nodes }).tool("kind", { "load *": { finds: 3 } });
    await sideload(KIND);
    expect(calls()).toEqual([
      `docker ${KIND_NODES}`,
      `docker ${ask("flips-control-plane")}`,
      `docker ${ask("flips-worker")}`,
      ...FROM_DOCKER,
      `kind ${KIND_LOAD("flips-worker")}`,
    ]);
    expect(tools.leftovers()).toEqual([]);
  });

  test("into every node of a kind cluster that has none of it, in one go", async () => {
    tools
      .tool("docker", { ...DOCKER, ...kindNodes({ a: ABSENT, b: ABSENT }) })
      .tool("kind", { "load *": { finds: 3 } });
    await sideload(KIND);
    expect(calls().at(-1)).toBe(`kind ${KIND_LOAD("a,b")}`);
  });

  test("of the one platform that was built, where Docker can tell them apart", async () => {
    tools.tool("docker", { ...DOCKER_29, ...kindNodes({ a: ABSENT }) }).tool("kind", { "load *": { finds: 3 } });
    await sideload(KIND);
    expect(calls()).toContain(`docker save --platform linux/amd64 -o ARCHIVE ${IMAGE}`);
  });

  test("into a k3d cluster, whose servers and agents alone are asked", async () => {
    const ps = "ps --filter label=k3d.cluster=flips --format {{.Names}}";
    const says = ["server-0", "agent-0", "serverlb", "tools", "registry"].map((node) => `k3d-flips-${node}`).join("\n");
    const nodes = { [ps]: { says }, [ask("k3d-flips-server-0")]: FOUND, [ask("k3d-flips-agent-0")]: ABSENT };
    tools.tool("docker", { ...DOCKER, ...nodes }).tool("k3d", { "image import *": { finds: 3 } });
    await sideload(inputsFor("k3d", "flips"));
    expect(calls()).toEqual([
      `docker ${ps}`,
      `docker ${ask("k3d-flips-agent-0")}`,
      `docker ${ask("k3d-flips-server-0")}`,
      ...FROM_DOCKER,
      "k3d image import ARCHIVE --cluster flips",
    ]);
  });

  test("into minikube, by its profile", async () => {
    const list = { says: "docker.io/library/coinflip-worker:fedcba9876543210\nregistry.k8s.io/pause:3.10" };
    tools.tool("docker", DOCKER).tool("minikube", { "-p flips image ls": list, "-p flips image load *": { finds: 5 } });
    await sideload(inputsFor("minikube", "flips", "flips"));
    expect(calls()).toEqual(["minikube -p flips image ls", ...FROM_DOCKER, "minikube -p flips image load ARCHIVE"]);
  });

  test("into the local cluster's containerd", async () => {
    const ctr = `-a ${join(tools.folder, "coinflip", "local", "containerd.sock")}`;
    tools
      .tool("docker", DOCKER)
      .tool("ctr", { [`${ctr} ${LISTING}`]: ABSENT, [`${ctr} -n k8s.io images import *`]: { finds: 7 } });
    await sideload(inputsFor("coinflip", "local"));
    expect(calls()).toEqual([`ctr ${ctr} ${LISTING}`, ...FROM_DOCKER, `ctr ${ctr} -n k8s.io images import ARCHIVE`]);
  });

  test("after it was built anew, if it was pruned from Docker", async () => {
    const pruned = { ...DOCKER, [INSPECT]: { fails: `Error: No such image: ${IMAGE}` }, [BUILD]: {} };
    tools.tool("docker", { ...pruned, ...kindNodes({ a: ABSENT }) }).tool("kind", { "load *": { finds: 3 } });
    await sideload(KIND);
    const [inspect, ...save] = FROM_DOCKER;
    expect(calls().slice(2)).toEqual([inspect, `docker ${BUILD}`, ...save, `kind ${KIND_LOAD("a")}`]);
  });

  test("into nothing when Docker's own images are the cluster's, but built anew if it was pruned", async () => {
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
    expect(calls().filter((call) => /build|save|load/.test(call))).toEqual([]);
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
    ["docker", "kind", []],
    ["kind", "docker", FROM_DOCKER],
  ])("without %s, and the error says that it is missing", async (missing, present, done) => {
    const replies = { docker: { ...DOCKER, ...kindNodes({ a: ABSENT }) }, kind: { "load *": {} } };
    tools.tool(present, replies[present as keyof typeof replies]);
    await expect(sideload(KIND)).rejects.toEqual(
      new Error(`${missing} is not installed, and this cluster's images are loaded with it`),
    );
    expect(calls().slice(2)).toEqual(done);
    expect(tools.leftovers()).toEqual([]);
  });

  test("when a tool fails, and the error carries the call and its last words", async () => {
    tools
      .tool("docker", { ...DOCKER, ...kindNodes({ a: ABSENT }) })
      .tool("kind", { "load *": { fails: "ERROR: no nodes" } });
    await expect(sideload(KIND)).rejects.toThrow(
      /^kind load image-archive \S+ --name flips --nodes a: ERROR: no nodes$/,
    );
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
    tools.tool("docker", { ...DOCKER, ...kindNodes({ a: ABSENT }) }).tool("kind", { "load *": { finds: 3 } });
    expect(await provider.create(KIND)).toEqual({ id: IMAGE, outs: KIND });
    expect(calls().at(-1)).toBe(`kind ${KIND_LOAD("a")}`);
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
    tools.tool("docker", { ...DOCKER, ...kindNodes({ a: FOUND, b: ABSENT }) }).tool("kind", { "load *": { finds: 3 } });
    expect(await provider.update?.(IMAGE, KIND, KIND)).toEqual({ outs: KIND });
    expect(calls().at(-1)).toBe(`kind ${KIND_LOAD("b")}`);
  });
});
