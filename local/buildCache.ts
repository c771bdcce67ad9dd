import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, statfs } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import { lock } from "proper-lockfile";
import { run } from "./run";

/** Where builds are kept from one `up` to the next. */
export const cacheDir = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "coinflip");

/**
 * Checks the free disk space before something large is made.
 *
 * @throws Error with what is free and what is needed
 */
export async function checkSpace(folder: string, bytes: number, what: string): Promise<void> {
  let existing = folder;
  while (!existsSync(existing)) existing = dirname(existing);
  const { bavail, bsize } = await statfs(existing);
  if (bavail * bsize >= bytes) return;
  const gigabytes = (count: number) => `${(count / 1e9).toFixed(1)} GB`;
  throw new Error(
    `${existing} has ${gigabytes(bavail * bsize)} free, and ${what} needs ${gigabytes(bytes)}: free some disk space first`,
  );
}

/** The folder of the cache for what is built from these files. */
export async function cachedBuild(name: string, sources: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const source of sources) hash.update(await readFile(source));
  return join(cacheDir, `${name}-${hash.digest("hex").slice(0, 16)}`);
}

/**
 * Fills a folder of the cache, unless it is there. A second process waits for the first one. A failed build leaves no folder.
 *
 * @param build fills the folder that it is given
 */
export async function buildOnce(dir: string, build: (partial: string) => Promise<void>): Promise<void> {
  if (existsSync(dir)) return;
  await mkdir(dirname(dir), { recursive: true });
  const release = await lock(dir, { realpath: false, retries: { forever: true, maxTimeout: 1000 } });
  const partial = `${dir}.partial`;
  try {
    if (existsSync(dir)) return;
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial);
    await build(partial);
    await rename(partial, dir);
  } finally {
    await rm(partial, { recursive: true, force: true });
    await release();
  }
}

/**
 * Builds a program from its Go module, unless it is in the cache; returns its folder.
 *
 * @param program as `go install` takes it, with a version: example.com/module/cmd/program@v1.2.3
 */
export async function installGo(program: string, onLine?: (line: string) => void): Promise<string> {
  const dir = join(cacheDir, basename(program));
  await buildOnce(dir, async (partial) => {
    await run("go", ["install", "-v", "-trimpath", "-ldflags", "-s -w", program], {
      env: { CGO_ENABLED: "0", GOBIN: partial },
      timeout: 30 * 60_000,
      ...(onLine && { onLine }),
    });
  });
  return dir;
}
