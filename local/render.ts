// npm run render -- DIR [--stack NAME]: the manifests, for kubectl or GitOps; no cluster and no Docker needed.
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { toYaml } from "./deploy";
import { runProgram } from "./program";
import { resolvedConfig, root, stackFile } from "./stackConfig";
import { main } from "./steps";

/** A cluster that is only named: the program reads where it would deploy, and nobody goes there. */
const KUBECONFIG = `current-context: kind-render
contexts: [{name: kind-render, context: {cluster: kind-render}}]
clusters: [{name: kind-render, cluster: {server: "https://localhost"}}]
`;

main(async () => {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { stack: { type: "string", default: "dev" } },
  });
  const [dir] = positionals;
  if (dir === undefined) throw new Error("say where the manifests go: npm run render -- DIR [--stack NAME]");
  if (!existsSync(stackFile(values.stack))) throw new Error(`there is no ${stackFile(values.stack)}`);
  const target = resolve(process.env.INIT_CWD ?? ".", dir);
  process.chdir(root);
  const scratch = await mkdtemp(join(tmpdir(), "coinflip-render-"));
  try {
    process.env.KUBECONFIG = join(scratch, "kubeconfig");
    await writeFile(process.env.KUBECONFIG, KUBECONFIG);
    const { manifests, outputs } = await runProgram(
      { ...(await resolvedConfig(values.stack)), "coinflip:context": "" },
      {
        image: async ({ imageName, skipPush }) => (skipPush ? undefined : imageName),
        sideload: async () => undefined,
        pin: async () => "",
        selfSigned: async () => {
          throw new Error(
            "each render would make another certificate; give tls.secret, or tls.certificate and tls.key",
          );
        },
      },
    );
    await mkdir(target, { recursive: true });
    // What an earlier render wrote and this one does not, such as the ConfigMap of an older nginx.conf.
    const earlier = (await readdir(target)).filter((file) => /^\d\d-.+\.yaml$/.test(file));
    await Promise.all(earlier.map((file) => rm(join(target, file))));
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
