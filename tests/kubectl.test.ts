import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { clusterUid, kubectl } from "../cluster";
import { FakeTools } from "./support/fakeTools";

let tools: FakeTools;
beforeEach(() => {
  tools = new FakeTools();
});
afterEach(() => tools.remove());

const UID = "--context prod get namespace kube-system --output jsonpath={.metadata.uid}";

test("a cluster is identified by the UID of its namespace kube-system", async () => {
  tools.tool("kubectl", { [UID]: { says: "a5ce2c40-3b6e-4a0e-8d9f-0c5d7b1e2f34" } });
  expect(await clusterUid("prod")).toBe("a5ce2c40-3b6e-4a0e-8d9f-0c5d7b1e2f34");
});

test("without kubectl the error says where to get it", async () => {
  await expect(kubectl("prod", "get", "pods")).rejects.toEqual(
    new Error(
      "kubectl is not installed, and the stack needs it to reach the cluster: https://kubernetes.io/docs/tasks/tools",
    ),
  );
});

describe("the kubectl that npm run up has copied from its cluster", () => {
  const copy = () => {
    tools.tool("copied-kubectl", { [UID]: { says: "from the copy" } });
    mkdirSync(join(tools.folder, "coinflip"));
    symlinkSync(join(tools.folder, "bin", "copied-kubectl"), join(tools.folder, "coinflip", "kubectl"));
  };

  test("is used on a machine that has none", async () => {
    copy();
    expect(await clusterUid("prod")).toBe("from the copy");
  });

  test("is not used where the user has one", async () => {
    copy();
    tools.tool("kubectl", { [UID]: { says: "from the user's own" } });
    expect(await clusterUid("prod")).toBe("from the user's own");
  });
});
