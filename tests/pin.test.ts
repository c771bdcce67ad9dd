import type { Cluster } from "../cluster";
import { ClusterPin, type PinInputs, wrongCluster } from "../pin";
import { providerOf } from "./support/dynamicProvider";
import { FakeTools, type Reply } from "./support/fakeTools";

const FIRST = "11111111-2222-4333-8444-555555555555";
const SECOND = "66666666-7777-4888-9999-000000000000";

describe("a stack", () => {
  const first = { context: "kind-a", uid: FIRST };
  const second = { context: "kind-a", uid: SECOND };

  test("may be deployed to any cluster at first", () => {
    expect(wrongCluster(first, undefined, "")).toBeUndefined();
  });

  test("may be deployed through another context of its cluster", () => {
    expect(wrongCluster({ context: "renamed", uid: FIRST }, first, "")).toBeUndefined();
  });

  test("may not be deployed to another cluster, even under the same name of the context", () => {
    expect(wrongCluster(second, first, "")).toBe(
      `this stack is on the cluster "kind-a" (${FIRST}), but the context "kind-a" leads to another one (${SECOND}). ` +
        "To stay:  pulumi config set context NAME, with a context of the first cluster. " +
        `To move the stack:  pulumi config set clusterUid ${SECOND}, then pulumi up --refresh ` +
        "(with PULUMI_K8S_DELETE_UNREACHABLE=true if the first cluster no longer answers)",
    );
  });

  test("moves to the cluster that clusterUid names", () => {
    expect(wrongCluster(second, first, SECOND)).toBeUndefined();
  });

  test.each([
    ["that it is on", first],
    ["that is its first", undefined],
  ])("may not be deployed to a cluster %s, if clusterUid names another one", (_, pinned) => {
    expect(wrongCluster(first, pinned, SECOND)).toBe(
      `the context "kind-a" leads to the cluster ${FIRST}, and clusterUid allows only ${SECOND}. ` +
        "Choose a context of that cluster:  pulumi config set context NAME. " +
        `Or accept this cluster:  pulumi config set clusterUid ${FIRST}`,
    );
  });

  describe("whose state is older than the UIDs", () => {
    const old = { context: "kind-a" };

    test("stays on the cluster of its context", () => {
      expect(wrongCluster(first, old, "")).toBeUndefined();
    });

    test("may not be deployed through another context", () => {
      expect(wrongCluster({ context: "kind-b", uid: FIRST }, old, "")).toMatch(
        `this stack is on the cluster "kind-a", but the context "kind-b" leads to another one (${FIRST}). `,
      );
    });
  });
});

describe("the stack's memory of its cluster, as the engine runs it,", () => {
  let tools: FakeTools;
  beforeEach(() => {
    tools = new FakeTools();
  });
  afterEach(() => tools.remove());

  /** A kubectl for clusters by their contexts. */
  const clusters = (uids: Readonly<Record<string, string>>, others: Readonly<Record<string, Reply>> = {}) => {
    const calls = Object.entries(uids).map(([context, says]) => [
      `--context ${context} get namespace kube-system --output jsonpath={.metadata.uid}`,
      { says },
    ]);
    tools.tool("kubectl", { ...Object.fromEntries(calls), ...others });
  };
  type State = PinInputs & { readonly uid?: string; readonly refreshedUid?: string };
  const argsFor = (context: string, expectedUid = "") => {
    const cluster: Cluster = { context, kind: "kind", name: "a", host: "localhost" };
    return { cluster, requirements: { namespace: "coinflip", crds: [] }, expectedUid };
  };
  const inputsFor = (context: string, expectedUid = ""): State => ({ ...argsFor(context, expectedUid), context });
  const stateOf = (context: string, uid: string): State => ({ ...inputsFor(context), uid });
  const NONE = {} as State;
  const provider = async () => (await providerOf<State>(() => new ClusterPin("pin", argsFor("kind-a")))).provider;

  test("gets the UID as an input, so that a preview knows it", async () => {
    clusters({ "kind-a": FIRST });
    const { check } = await provider();
    expect(await check?.(NONE, inputsFor("kind-a"))).toEqual({ inputs: stateOf("kind-a", FIRST), failures: [] });
  });

  test("keeps the inputs as its state when it is created and when it is updated", async () => {
    const { create, update } = await provider();
    const [old, now] = [stateOf("kind-a", FIRST), stateOf("renamed", FIRST)];
    expect(await create(old)).toEqual({ id: "kind-a", outs: old });
    expect(await update?.("kind-a", old, now)).toEqual({ outs: now });
  });

  test("is updated if the UID or the context changes, and only then", async () => {
    const { diff } = await provider();
    const changes = async (olds: State) => (await diff?.("kind-a", olds, stateOf("kind-a", FIRST)))?.changes;
    expect(await changes(stateOf("kind-a", FIRST))).toBe(false);
    expect(await changes(stateOf("kind-a", SECOND))).toBe(true);
    expect(await changes(stateOf("renamed", FIRST))).toBe(true);
    expect(await changes(inputsFor("kind-a"))).toBe(true);
  });

  test("stops a preview on another cluster", async () => {
    clusters({ "kind-a": SECOND });
    const { check } = await provider();
    const checked = await check?.(stateOf("kind-a", FIRST), inputsFor("kind-a"));
    expect(checked?.failures).toEqual([{ property: "context", reason: expect.stringContaining(SECOND) }]);
  });

  test("stops a preview on a cluster that lacks what the stack requires", async () => {
    const routes = "httproutes.gateway.networking.k8s.io" as const;
    const look = `--context kind-a get crd ${routes} --ignore-not-found --output name`;
    clusters({ "kind-a": FIRST }, { [look]: { says: "" } });
    const { check } = await provider();
    const requirements = { namespace: "coinflip", crds: [routes] };
    const checked = await check?.(NONE, { ...inputsFor("kind-a"), requirements });
    expect(checked?.failures).toEqual([{ property: "requirements", reason: expect.stringContaining(routes) }]);
  });

  test("fails with the message of kubectl where the cluster does not answer", async () => {
    clusters({});
    const { check } = await provider();
    await expect(check?.(NONE, inputsFor("kind-a"))).rejects.toThrow(
      /^kubectl get failed on the cluster of the context "kind-a": no such call/,
    );
  });

  describe("on a stack that moves to another cluster", () => {
    const old = stateOf("kind-a", FIRST);

    test("demands a refresh if the former context leads to the new cluster, and no second one", async () => {
      clusters({ "kind-a": SECOND });
      const { check, read } = await provider();
      const news = inputsFor("kind-a", SECOND);
      const reason = `the context "kind-a" no longer leads to the cluster ${FIRST}:  pulumi up --refresh`;
      expect((await check?.(old, news))?.failures).toEqual([{ property: "context", reason }]);
      const refreshed = await read?.("kind-a", old);
      expect((await check?.(refreshed?.props as State, news))?.failures).toEqual([]);
    });

    test("demands none if the former context still leads to the first cluster", async () => {
      clusters({ "kind-a": FIRST, "kind-b": SECOND });
      const { check } = await provider();
      expect((await check?.(old, inputsFor("kind-b", SECOND)))?.failures).toEqual([]);
    });

    test("demands none if the first cluster no longer answers", async () => {
      clusters({ "kind-b": SECOND });
      const { check, read } = await provider();
      expect((await check?.(old, inputsFor("kind-b", SECOND)))?.failures).toEqual([]);
      expect((await read?.("kind-a", old))?.props).toEqual(old);
    });
  });
});
