import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { classify, currentContext, findCluster, stateDir } from "../cluster";

const folder = mkdtempSync(join(tmpdir(), "coinflip-kubeconfig-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Writes a kubeconfig. The name of a cluster entry is that of the context, unless the context was renamed. */
function kubeconfig(
  file: string,
  current: string | undefined,
  ...contexts: [name: string, server: string, entry?: string][]
): string {
  const path = join(folder, file);
  const content = {
    apiVersion: "v1",
    ...(current !== undefined && { "current-context": current }),
    contexts: contexts.map(([name, , entry = name]) => ({ name, context: { cluster: entry, user: "me" } })),
    clusters: contexts.map(([name, server, entry = name]) => ({ name: entry, cluster: { server } })),
  };
  writeFileSync(path, JSON.stringify(content));
  return path;
}
const use = (...files: string[]) => {
  process.env.KUBECONFIG = files.join(delimiter);
};
const HELP =
  "npm run up creates a local cluster; pulumi config set context NAME takes one of yours; PULUMI_K8S_DELETE_UNREACHABLE=true pulumi destroy clears a stack whose cluster is gone for good";

describe("the type of a cluster is inferred from the name of its kubeconfig entry:", () => {
  const server = "https://10.90.0.2:6443";
  test.each([
    ["kind-kind", "kind", "kind", "localhost"],
    ["kind-coinflip", "kind", "coinflip", "localhost"],
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
  ])("%s is of the type %s", (entry, kind, name, host) => {
    expect(classify("mine", { entry, server })).toEqual({ context: "mine", kind, name, host });
  });

  test("a minikube profile of any name is recognized by the path of its CA", () => {
    const flips = { entry: "flips", server: "https://192.168.49.2:8443" };
    const ca = (path: string) => ({ ...flips, "certificate-authority": path });
    const minikube = { context: "flips", kind: "minikube", name: "flips", host: "192.168.49.2" };
    expect(classify("flips", ca("/home/me/.minikube/ca.crt"))).toEqual(minikube);
    expect(classify("flips", ca("/etc/minikube/ca.crt")).kind).toBe("remote");
  });

  test("a context that only looks like one of kind's is remote", () => {
    use(kubeconfig("lookalike", undefined, ["kind-prod", "https://api.example.com", "gke_flips"]));
    expect(findCluster("kind-prod")).toMatchObject({ kind: "remote", name: "gke_flips", host: "api.example.com" });
  });

  test("a kind cluster is still one after its context was renamed", () => {
    use(kubeconfig("renamed", "flips", ["flips", "https://127.0.0.1:6443", "kind-coinflip"]));
    expect(findCluster("")).toEqual({ context: "flips", kind: "kind", name: "coinflip", host: "localhost" });
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
    const first = kubeconfig("first", undefined, ["minikube-a", "https://10.0.0.1"]);
    const second = kubeconfig("second", "k3d-b", ["minikube-a", "https://10.0.0.2"], ["k3d-b", "https://0.0.0.0"]);
    const third = kubeconfig("third", "minikube-a", ["minikube", "https://10.0.0.3"]);
    use(join(folder, "missing"), first, second, third);
    expect(findCluster("").context).toBe("k3d-b");
    expect(findCluster("minikube-a").host).toBe("10.0.0.1");
    expect(findCluster("minikube").host).toBe("10.0.0.3");
    use(second, first);
    expect(findCluster("minikube-a").host).toBe("10.0.0.2");
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
      'the current context "prod" is not a local cluster. To deploy there, name it:  pulumi config set context prod';
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

  test("that npm run up creates has its state below XDG_STATE_HOME", () => {
    process.env.XDG_STATE_HOME = folder;
    expect(stateDir()).toBe(join(folder, "coinflip"));
  });

  test("is not looked for in a kubeconfig that is not YAML, and the error names the file", () => {
    const broken = join(folder, "broken");
    writeFileSync(broken, "contexts: [");
    use(broken);
    expect(() => findCluster("")).toThrow(/^\S+\/broken cannot be read as a kubeconfig \(.*; fix KUBECONFIG$/s);
  });
});
