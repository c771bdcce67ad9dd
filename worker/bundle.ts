import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { build, type Plugin } from "esbuild";
import loadWabt from "wabt";

/** Compiles WebAssembly's text format. */
export async function compileWat(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const wabt = await loadWabt();
  const module = wabt.parseWat(path, await readFile(path, "utf8"), { simd: true });
  try {
    return Uint8Array.from(module.toBinary({}).buffer);
  } finally {
    module.destroy();
  }
}

const wat: Plugin = {
  name: "wat",
  setup: ({ onLoad }) =>
    onLoad({ filter: /\.wat$/ }, async ({ path }) => ({ contents: await compileWat(path), loader: "binary" })),
};

/** A program and its packages in one file of JavaScript; by default what a worker's container runs. */
export async function bundle(program = join(__dirname, "app", "server.ts")): Promise<Uint8Array> {
  const { outputFiles } = await build({
    entryPoints: [program],
    bundle: true,
    // Names stay, for the stacks in the log; comments with the paths of this machine do not.
    minifyWhitespace: true,
    lineLimit: 120,
    platform: "node",
    target: "node22",
    plugins: [wat],
    write: false,
  });
  return outputFiles[0]?.contents ?? new Uint8Array();
}
