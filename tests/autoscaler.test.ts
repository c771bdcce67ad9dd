import type { Cluster } from "../cluster";
import { Autoscaled, type AutoscaledInputs } from "../worker/autoscaler";
import { providerOf } from "./support/dynamicProvider";
import { FakeTools } from "./support/fakeTools";

const cluster: Cluster = { context: "prod", kind: "remote", name: "prod", host: "prod.example.com" };
const END = "--context prod --namespace flips delete hpa worker --ignore-not-found";
const tools = new FakeTools();
afterAll(() => tools.remove());

test("an autoscaler that is switched off goes before the Deployment gets replicas of its own, and no other time", async () => {
  tools.tool("kubectl", { [END]: { says: "" } });
  const inputs = { cluster, namespace: "flips", name: "worker", autoscaled: true };
  const { provider, inputs: on } = await providerOf<AutoscaledInputs>(() => new Autoscaled("worker", inputs, {}));
  const off = { ...on, autoscaled: false };
  const changes = async (olds: AutoscaledInputs, news: AutoscaledInputs) =>
    (await provider.diff?.("id", olds, news))?.changes;
  expect([await changes(on, on), await changes(off, off), await changes(on, off), await changes(off, on)]).toEqual([
    ...[false, false, true, true],
  ]);
  expect(await provider.update?.("id", off, on)).toEqual({ outs: on });
  expect(tools.calls()).toEqual([]);
  expect(await provider.update?.("id", on, off)).toEqual({ outs: off });
  expect(tools.calls()).toEqual([`kubectl ${END}`]);
});
