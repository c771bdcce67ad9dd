// npm run render -- DIR: the manifests, for kubectl or GitOps; no cluster and no Docker needed.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { toYaml } from "./deploy";
import { runProgram } from "./program";
import { resolvedConfig, root } from "./stackConfig";
import { main } from "./steps";

/** A cluster that is only named: the program reads where it would deploy, and nobody goes there. */
const KUBECONFIG = `current-context: kind-render
contexts: [{name: kind-render, context: {cluster: render}}]
clusters: [{name: render, cluster: {server: "https://localhost"}}]
`;

main(async () => {
  const [dir] = process.argv.slice(2);
  if (dir === undefined) throw new Error("say where the manifests go: npm run render -- DIR");
  const target = resolve(process.env.INIT_CWD ?? ".", dir);
  process.chdir(root);
  const scratch = await mkdtemp(join(tmpdir(), "coinflip-render-"));
  try {
    process.env.KUBECONFIG = join(scratch, "kubeconfig");
    await writeFile(process.env.KUBECONFIG, KUBECONFIG);
    const { manifests, outputs } = await runProgram(
      { ...(await resolvedConfig()), "coinflip:context": "" },
      { image: async ({ imageName, skipPush }) => (skipPush ? undefined : imageName), sideload: async () => undefined },
    );
    await mkdir(target, { recursive: true });
    for (const [index, manifest] of manifests.entries()) {
      // Numbered, so that kubectl apply -f DIR makes the namespace first.
      const name = `${String(index).padStart(2, "0")}-${manifest.kind.toLowerCase()}-${manifest.metadata.name}.yaml`;
      await writeFile(join(target, name), toYaml([manifest]));
    }
    console.log(`${manifests.length} manifests are in ${target}; their image is ${outputs.image}`);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
});
