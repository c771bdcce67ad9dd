import { join } from "node:path";
import execa from "execa";
import { run, succeeds, waitFor } from "../local/run";

const root = join(__dirname, "..");
const shell = (script: string, options = {}) => run("sh", ["-c", script], options);

describe("a program that is run", () => {
  test("resolves with its output, and reports every line as it comes", async () => {
    const lines: string[] = [];
    expect(await shell("echo out; echo err >&2", { onLine: (line: string) => lines.push(line) })).toBe("out");
    expect(lines.sort()).toEqual(["err", "out"]);
  });

  test("rejects with its command, its exit code and its last 15 lines if it fails", async () => {
    const last = Array.from({ length: 15 }, (_, line) => line + 6).join("\n");
    await expect(shell("for i in $(seq 20); do echo $i; done; exit 3")).rejects.toEqual(
      new Error(`sh -c for i in $(seq 20); do echo $i; done; exit 3 failed (exit code 3); its last lines:\n${last}`),
    );
  });

  test("is ended after its timeout, and the error says so", async () => {
    await expect(run("sleep", ["20"], { timeout: 50 })).rejects.toThrow(/^sleep 20 took too long; its last lines:\n/);
  });

  test("rejects at once if it is not installed", async () => {
    await expect(run("no-such-program", [])).rejects.toEqual(new Error("no-such-program is not installed"));
    expect(await succeeds("no-such-program", [])).toBe(false);
  });

  test("does not keep this process alive until the timeout if it is not installed", async () => {
    const script = `require("./local/run").run("no-such-program", []).catch(({ message }) => console.log(message))`;
    const tsx = require.resolve("tsx/cjs");
    const { stdout, timedOut } = await execa(process.execPath, ["--require", tsx, "-e", script], {
      ...{ cwd: root, timeout: 15_000, reject: false },
    });
    expect({ stdout, timedOut }).toEqual({ stdout: "no-such-program is not installed", timedOut: false });
  });
});

describe("a wait", () => {
  test("ends with the first attempt that is true", async () => {
    const outcomes = [false, true, false];
    await waitFor("an answer", 5, async () => outcomes.shift() === true);
    expect(outcomes).toEqual([false]);
  });

  test("that takes too long rejects with what it waited for and what it saw last", async () => {
    const attempt = async () => {
      throw new Error("connection refused");
    };
    await expect(waitFor("an answer", 0.2, attempt)).rejects.toEqual(
      new Error("an answer did not happen within 0.2 s; last seen: connection refused"),
    );
  });
});
