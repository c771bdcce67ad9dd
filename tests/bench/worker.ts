import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bundle } from "../../worker/bundle";

/** Makes the worker's bundle; returns what starts it on a port, as its container does. */
export async function workerCommand(
  folder: string,
): Promise<{ command: string[]; env: (port: number) => NodeJS.ProcessEnv }> {
  const server = join(folder, "server.js");
  if (!existsSync(server)) await writeFile(server, await bundle());
  const dockerfile = await readFile(join(__dirname, "..", "..", "worker", "Dockerfile"), "utf8");
  const entry = JSON.parse(/^ENTRYPOINT (\[.*\])$/m.exec(dockerfile)?.[1] ?? "[]") as string[];
  if (entry[0] !== "node" || entry.at(-1) !== "/app/server.js")
    throw new Error("worker/Dockerfile starts something else");
  const settings = [...dockerfile.matchAll(/^ENV (\w+)=(\S+)$/gm)].map(([, name, value]) => [name, value]);
  return {
    command: [process.execPath, ...entry.slice(1, -1), server],
    // Its own defaults are those of the settings.
    env: (port) => ({ ...Object.fromEntries(settings), PORT: String(port), METRICS_PORT: "0" }),
  };
}
