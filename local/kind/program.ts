import { join } from "node:path";
import { installGo } from "../buildCache";
import { run, succeeds } from "../run";

/** The release of kind that we use, and the node image that its release notes name for it. */
export const KIND = {
  version: "0.33.0",
  nodeImage: "kindest/node:v1.37.0@sha256:a1ed56cfb0e7b93589bdf97c8cd566405a265939e3620fc4f5de89adff580ae5",
} as const;

const INSTALL: Partial<Record<NodeJS.Platform, string>> = {
  darwin: "brew install kind",
  linux:
    `curl -fLo kind https://kind.sigs.k8s.io/dl/v${KIND.version}/kind-linux-${process.arch === "arm64" ? "arm64" : "amd64"}` +
    " && sudo install kind /usr/local/bin/kind",
};

/** Whether a version is that of KIND or later. An older kind may not know how to start our node image. */
export function isRecent(version: string): boolean {
  const parts = (text: string) => text.split(/[.-]/).map(Number);
  const [major = 0, minor = 0] = parts(version);
  const [ourMajor = 0, ourMinor = 0] = parts(KIND.version);
  return major > ourMajor || (major === ourMajor && minor >= ourMinor);
}

/**
 * Finds kind on the PATH, or builds it from its Go module.
 *
 * @returns the program to run
 * @throws Error with a command that installs kind, if there is neither a recent kind nor Go
 */
export async function provideKind(onLine: (line: string) => void): Promise<string> {
  const version = await run("kind", ["version", "-q"]).catch(() => undefined);
  if (version !== undefined && isRecent(version)) return "kind";
  if (await succeeds("go", ["version"]))
    return join(await installGo(`sigs.k8s.io/kind@v${KIND.version}`, onLine), "kind");
  const found = version === undefined ? "kind is not installed" : `kind ${version} is too old`;
  const install = INSTALL[process.platform] ?? "see https://kind.sigs.k8s.io/docs/user/quick-start/#installation";
  throw new Error(
    `${found}, and without Go it cannot be built. Install kind ${KIND.version} or later:\n  ${install}\nThen run npm run up again.`,
  );
}
