import type { Cluster, ClusterKind } from "../../cluster";
import type { SideloadInputs } from "../../worker/sideload";
import type { Reply } from "./fakeTools";

export const IMAGE = "coinflip-worker:0123456789abcdef";
export const FOUND = { says: `docker.io/library/${IMAGE}` };
export const ABSENT = {};
const LISTING = `-n k8s.io images ls -q name==docker.io/library/${IMAGE}`;
const build = {
  context: "worker/dist",
  dockerfile: "worker/Dockerfile",
  args: { NODE_IMAGE: "node:24" },
  platform: "linux/amd64",
};
export const BUILD = `build --platform linux/amd64 -t ${IMAGE} -f worker/Dockerfile --build-arg NODE_IMAGE=node:24 worker/dist`;
export const INSPECT = `image inspect ${IMAGE}`;
const API = "version --format {{.Server.APIVersion}}";
export const DOCKER: Record<string, Reply> = {
  [INSPECT]: { says: "[]" },
  [API]: { says: "1.47" },
  [`save -o * ${IMAGE}`]: { makes: 3 },
};
export const FROM_DOCKER = [`docker ${INSPECT}`, `docker ${API}`, `docker save -o ARCHIVE ${IMAGE}`];
/** A Docker that keeps the platforms of an image apart. */
export const DOCKER_29: Record<string, Reply> = {
  [INSPECT]: { says: "[]" },
  [API]: { says: "1.52" },
  [`save --platform linux/amd64 -o * ${IMAGE}`]: { makes: 5 },
};

export const inputsFor = (kind: ClusterKind, name: string, context = `${kind}-${name}`): SideloadInputs => {
  const cluster: Cluster = { context, kind, name, host: "localhost" };
  return { image: IMAGE, build, cluster };
};
export const KIND = inputsFor("kind", "flips");
export const KIND_NODES = "ps --filter label=io.x-k8s.kind.cluster=flips --format {{.Names}}";
export const ask = (node: string) => `exec ${node} ctr ${LISTING}`;
export const importInto = (node: string) => `exec -i ${node} ctr -n k8s.io images import --all-platforms -`;
/** Nodes that get the archive on standard input. */
export const IMPORTS: Record<string, Reply> = { [importInto("*")]: { readsMade: true } };
export const kindNodes = (replies: Record<string, Reply>) => ({
  [KIND_NODES]: { says: Object.keys(replies).join("\n") },
  ...Object.fromEntries(Object.entries(replies).map(([node, reply]) => [ask(node), reply])),
});
