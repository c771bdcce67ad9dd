import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { buildOnce, cachedBuild, checkSpace } from "../local/buildCache";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "coinflip-cache-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe("a build of the cache", () => {
  const program = () => join(folder, "deeper", "program");
  /** A build that takes some time, and counts how often it began. */
  const building = () => {
    const build = {
      count: 0,
      run: async (partial: string) => {
        build.count++;
        await sleep(50);
        writeFileSync(join(partial, "binary"), `build ${build.count}`);
      },
    };
    return build;
  };
  const binary = () => readFileSync(join(program(), "binary"), "utf8");
  const siblings = () => readdirSync(join(folder, "deeper"));

  test("is made once for two that need it at the same time", async () => {
    const build = building();
    await Promise.all([buildOnce(program(), build.run), buildOnce(program(), build.run)]);
    expect([build.count, binary()]).toEqual([1, "build 1"]);
  });

  test("is not made again while it is there", async () => {
    const build = building();
    await buildOnce(program(), build.run);
    await buildOnce(program(), build.run);
    expect(build.count).toBe(1);
  });

  test("appears under its name only when it is complete, and nothing else stays", async () => {
    const seen: boolean[] = [];
    await buildOnce(program(), async (partial) => {
      writeFileSync(join(partial, "half"), "");
      seen.push(existsSync(program()));
    });
    expect(seen).toEqual([false]);
    expect(siblings()).toEqual(["program"]);
  });

  test("that fails rejects with its error, leaves nothing, and is made anew the next time", async () => {
    const failing = async (partial: string) => {
      writeFileSync(join(partial, "half"), "");
      throw new Error("no space left on device");
    };
    await expect(buildOnce(program(), failing)).rejects.toEqual(new Error("no space left on device"));
    expect(siblings()).toEqual([]);
    await buildOnce(program(), building().run);
    expect(readdirSync(program())).toEqual(["binary"]);
  });

  test("that fails is made by the process that waited for it", async () => {
    const build = building();
    let begun = () => {};
    const begins = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const failing = async () => {
      begun();
      await sleep(50);
      throw new Error("interrupted");
    };
    const first = buildOnce(program(), failing).catch(({ message }: Error) => message);
    await begins;
    await buildOnce(program(), build.run);
    expect([await first, build.count]).toEqual(["interrupted", 1]);
  });

  test("starts from an empty folder after one that was killed", async () => {
    const build = building();
    mkdirSync(`${program()}.partial`, { recursive: true });
    writeFileSync(join(`${program()}.partial`, "half"), "");
    await buildOnce(program(), build.run);
    expect(readdirSync(program())).toEqual(["binary"]);
  });

  test("has another folder when one of its sources changes", async () => {
    const sources = ["go.mod", "main.go"].map((name) => join(folder, name));
    for (const source of sources) writeFileSync(source, "one");
    const before = await cachedBuild("kubernetes", sources);
    expect(await cachedBuild("kubernetes", sources)).toBe(before);
    writeFileSync(join(folder, "main.go"), "two");
    expect(await cachedBuild("kubernetes", sources)).not.toBe(before);
  });
});

describe("the free disk space", () => {
  test("is checked where the folder will be, although it is not there yet", async () => {
    const later = join(folder, "not", "there", "yet");
    await checkSpace(later, 1, "a build");
    await expect(checkSpace(later, 1e18, "a build")).rejects.toThrow(
      new RegExp(`^${folder} has \\d+\\.\\d GB free, and a build needs 1000000000\\.0 GB: free some disk space first$`),
    );
  });
});
