import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cacheDir } from "../../local/buildCache";
import { installPackages } from "../../local/debian";
import { run, succeeds } from "../../local/run";

const REQUIREMENTS = join(__dirname, "peers", "requirements.txt");
/** Debian's own, where there is one: the image for the cluster is made of the same. */
const systemPython = () => (existsSync("/usr/bin/python3") ? "/usr/bin/python3" : "python3");

async function missingTools(): Promise<string[]> {
  const missing: string[] = [];
  if (!(await succeeds("sh", ["-c", "command -v wrk"]))) missing.push("wrk");
  if (!(await succeeds(systemPython(), ["-c", "import ensurepip, venv"]))) missing.push("python3-venv");
  return missing;
}

/** Installs wrk and Python where they are missing and Debian's packages can be had. */
export async function provideTools(say: (line: string) => void): Promise<void> {
  const missing = await missingTools();
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0 || !existsSync("/etc/debian_version"))
    throw new Error(`install ${missing.join(" and ")} first; only on Debian as root that is done for you`);
  await installPackages(say, missing);
}

/** A virtual environment with the peers' packages, kept for the next time; returns its Python. */
export async function provideVenv(): Promise<string> {
  const hash = createHash("sha256")
    .update(await readFile(REQUIREMENTS))
    .digest("hex")
    .slice(0, 16);
  const venv = join(cacheDir, `bench-venv-${hash}`);
  const python = join(venv, "bin", "python");
  const complete = join(venv, "complete");
  if (existsSync(complete)) return python;
  // Not made elsewhere and moved: its programs have the folder's name in them.
  await rm(venv, { recursive: true, force: true });
  await run(systemPython(), ["-m", "venv", venv]);
  await run(python, ["-m", "pip", "install", "--quiet", "--requirement", REQUIREMENTS]);
  await writeFile(complete, "");
  return python;
}
