import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { type Cluster, classify, currentContext, findCluster, localClusterDir } from "../cluster";
import { ClusterPin, type PinInputs } from "../pin";
import { providerOf } from "./support/dynamicProvider";

const folder = mkdtempSync(join(tmpdir(), "coinflip-kubeconfig-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Writes a kubeconfig with a cluster of its own for each context. */
function kubeconfig(file: string, current: string | undefined, ...contexts: [name: string, server: string][]): string {
  const path = join(folder, file);
  const content = {
    apiVersion: "v1",
    ...(current !== undefined && { "current-context": current }),
    contexts: contexts.map(([name]) => ({ name, context: { cluster: `${name}'s`, user: "me" } })),
    clusters: contexts.map(([name, server]) => ({ name: `${name}'s`, cluster: { server } })),
  };
  writeFileSync(path, JSON.stringify(content));
  return path;
}
const use = (...files: string[]) => {
  process.env.KUBECONFIG = files.join(delimiter);
};
const HELP = "npm run up starts a local cluster; pulumi config set context NAME takes one of yours";

describe("a context is known for a cluster of", () => {
  const server = "https://10.90.0.2:6443";
  test.each([
    ["coinflip-local", "coinflip", "local", "10.90.0.2"],
    ["kind-kind", "kind", "kind", "localhost"],
    ["kind-my-kind-2", "kind", "my-kind-2", "localhost"],
    ["k3d-flips", "k3d", "flips", "localhost"],
    ["minikube", "minikube", "minikube", "10.90.0.2"],
    ["docker-desktop", "docker", "docker-desktop", "localhost"],
    ["docker-for-desktop", "docker", "docker-for-desktop", "localhost"],
    ["rancher-desktop", "docker", "rancher-desktop", "localhost"],
    ["orbstack", "docker", "orbstack", "localhost"],
    ["colima", "docker", "colima", "localhost"],
    ["colima-x", "docker", "colima-x", "localhost"],
    ["kind-", "remote", "kind-", "10.90.0.2"],
    ["my-kind-kind", "remote", "my-kind-kind", "10.90.0.2"],
    ["colimax", "remote", "colimax", "10.90.0.2"],
    ["minikube-prod", "remote", "minikube-prod", "10.90.0.2"],
    ["gke_flips_europe_prod", "remote", "gke_flips_europe_prod", "10.90.0.2"],
  ])("%s: %s", (context, kind, name, host) => {
    expect(classify(context, { server })).toEqual({ context, kind, name, host });
  });

  test("minikube by the place of its CA, whatever the profile is called", () => {
    const ca = { "certificate-authority": "/home/me/.minikube/ca.crt" };
    const minikube = { context: "flips", kind: "minikube", name: "flips", host: "192.168.49.2" };
    expect(classify("flips", { server: "https://192.168.49.2:8443", ...ca })).toEqual(minikube);
    const other = { "certificate-authority": "/etc/minikube/ca.crt" };
    expect(classify("flips", { server: "https://192.168.49.2:8443", ...other }).kind).toBe("remote");
  });
});

describe("the cluster", () => {
  test("is the current context's, if none is named", () => {
    use(kubeconfig("one", "kind-a", ["k3d-b", "https://0.0.0.0:1"], ["kind-a", "https://127.0.0.1:2"]));
    expect(currentContext()).toBe("kind-a");
    expect(findCluster("")).toEqual({ context: "kind-a", kind: "kind", name: "a", host: "localhost" });
    expect(findCluster("k3d-b")).toMatchObject({ context: "k3d-b", kind: "k3d" });
  });

  test("is what the first of several files says, and the later ones fill in", () => {
    const first = kubeconfig("first", undefined, ["coinflip-local", "https://10.0.0.1"]);
    const second = kubeconfig("second", "k3d-b", ["coinflip-local", "https://10.0.0.2"], ["k3d-b", "https://0.0.0.0"]);
    const third = kubeconfig("third", "coinflip-local", ["minikube", "https://10.0.0.3"]);
    use(join(folder, "missing"), first, second, third);
    expect(findCluster("").context).toBe("k3d-b");
    expect(findCluster("coinflip-local").host).toBe("10.0.0.1");
    expect(findCluster("minikube").host).toBe("10.0.0.3");
    use(second, first);
    expect(findCluster("coinflip-local").host).toBe("10.0.0.2");
  });

  test.each([
    [
      "no file",
      [join(folder, "missing")],
      "",
      `there is no current kubeconfig context to deploy to (there is none). ${HELP}`,
    ],
    [
      "no file but a name",
      [join(folder, "missing")],
      "kind-a",
      `there is no kubeconfig context "kind-a" to deploy to (there is none). ${HELP}`,
    ],
  ])("is asked for when there is %s", (_, files, name, message) => {
    use(...files);
    expect(() => findCluster(name)).toThrow(new Error(message));
  });

  test("is asked for, with the contexts that there are, when the one named or current is not among them", () => {
    const have = "(the kubeconfig has kind-a, k3d-b)";
    const contexts: [string, string][] = [
      ["kind-a", "https://localhost"],
      ["k3d-b", "https://localhost"],
    ];
    use(kubeconfig("stale", "kind-gone", ...contexts));
    expect(() => findCluster("")).toThrow(
      new Error(`there is no kubeconfig context "kind-gone" to deploy to ${have}. ${HELP}`),
    );
    expect(() => findCluster("k3d-c")).toThrow(
      new Error(`there is no kubeconfig context "k3d-c" to deploy to ${have}. ${HELP}`),
    );
    use(kubeconfig("none", undefined, ...contexts));
    expect(() => findCluster("")).toThrow(
      new Error(`there is no current kubeconfig context to deploy to ${have}. ${HELP}`),
    );
  });

  test("is asked for when a kubeconfig is an empty file", () => {
    const empty = join(folder, "empty");
    writeFileSync(empty, "");
    use(empty);
    expect(() => findCluster("")).toThrow(
      new Error(`there is no current kubeconfig context to deploy to (there is none). ${HELP}`),
    );
  });

  test("is no remote one unless somebody named it", () => {
    use(kubeconfig("remote", "prod", ["prod", "https://api.example.com"]));
    const message =
      'the current context "prod" is no local cluster, and nobody deploys there by accident: pulumi config set context prod';
    expect(() => findCluster("")).toThrow(new Error(message));
    expect(findCluster("prod")).toEqual({ context: "prod", kind: "remote", name: "prod", host: "api.example.com" });
  });

  test("refuses without a stack trace", () => {
    use(join(folder, "missing"));
    let refusal: unknown;
    try {
      findCluster("");
    } catch (error) {
      refusal = error;
    }
    expect(pulumi.RunError.isInstance(refusal)).toBe(true);
  });

  test("of our own is kept below XDG_STATE_HOME", () => {
    process.env.XDG_STATE_HOME = folder;
    expect(localClusterDir("local")).toBe(join(folder, "coinflip", "local"));
  });
});

describe("a stack's memory of its cluster", () => {
  const inputsOf = (context: string): PinInputs => {
    const cluster: Cluster = { context, kind: "kind", name: "", host: "" };
    return { context, cluster, requirements: { namespace: "coinflip" } };
  };
  const pin = (context: string) => {
    const { cluster, requirements } = inputsOf(context);
    return providerOf<PinInputs>(() => new ClusterPin("pin", cluster, requirements));
  };

  test("takes the first cluster, and the same again", async () => {
    const { provider, inputs } = await pin("kind-a");
    expect(inputs).toMatchObject({ context: "kind-a" });
    const { check, create, diff } = provider;
    const a = inputsOf("kind-a");
    expect(await check?.({} as never, a)).toEqual({ inputs: a, failures: [] });
    expect(await create(a)).toEqual({ id: "kind-a", outs: a });
    expect((await check?.(a, a))?.failures).toEqual([]);
    expect(await diff?.("kind-a", a, a)).toEqual({ changes: false });
  });

  test("refuses another one, and says how to stay and how to leave", async () => {
    const { provider } = await pin("kind-b");
    const checked = await provider.check?.(inputsOf("kind-a"), inputsOf("kind-b"));
    const reason =
      'this stack is on the cluster "kind-a", and would leave it behind for "kind-b": ' +
      "pulumi config set context kind-a stays there; pulumi destroy, before the switch, leaves it";
    expect(checked?.failures).toEqual([{ property: "context", reason }]);
  });
});
