import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, rmdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { stateDir } from "../cluster";
import { KUBECACHEDIR } from "./kubectl";
import { root } from "./stackConfig";

/** What `npm run up` has done, step by step, for `npm run down` to undo. */
export interface UpRecord {
  /** The clone that it was done from. */
  readonly root: string;
  readonly startedDocker?: boolean;
  /** Whether the kind cluster is ours, and whether Docker's network for kind clusters was not there before. */
  readonly createdCluster?: boolean;
  readonly createdNetwork?: boolean;
  /** The kubeconfig's current context before our cluster's took its place. */
  readonly previousContext?: string;
  readonly context?: string;
  /** The cluster that the stack is on. */
  readonly clusterUid?: string | undefined;
  readonly namespace?: string;
  readonly with?: "pulumi" | "kubectl";
  /** The images that were made in a Docker engine that ran before. */
  readonly images?: readonly string[];
  /** Whether `pulumi login --local` was done, since the user was logged in nowhere. */
  readonly loggedIn?: boolean;
}

const file = join(stateDir(), "up.json");

/**
 * @throws Error if another clone's `up` is still to be undone
 */
export async function readRecord(): Promise<UpRecord | undefined> {
  if (!existsSync(file)) return undefined;
  const record = JSON.parse(await readFile(file, "utf8")) as UpRecord;
  if (record.root !== root && existsSync(record.root)) {
    throw new Error(`the clone in ${record.root} is up on this machine; npm run down there comes first`);
  }
  return record;
}

/** Adds to the record; written before the step that it speaks of, so that a step cut short is undone as well. */
export async function note(done: Partial<UpRecord>): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const text = JSON.stringify({ ...(await readRecord()), ...done, root }, null, 2);
  // Not in place: up and down read what an interrupted write would leave.
  await writeFile(`${file}.partial`, text);
  await rename(`${file}.partial`, file);
}

export async function forget(): Promise<void> {
  for (const each of [file, `${file}.partial`]) await rm(each, { force: true });
  await rm(join(stateDir(), "kubectl"), { force: true });
  await rm(KUBECACHEDIR, { recursive: true, force: true });
  await rmdir(dirname(file)).catch(() => undefined); // Unless something else is in there.
}
