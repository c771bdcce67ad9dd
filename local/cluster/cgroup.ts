import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { waitFor } from "../run";

const ROOT = "/sys/fs/cgroup";

/** The hierarchies: one in version 2, one for each controller, and links to them, in version 1 (cgroups(7)). */
async function hierarchies(): Promise<string[]> {
  if (existsSync(join(ROOT, "cgroup.controllers"))) return [ROOT];
  const entries = await readdir(ROOT, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(ROOT, name));
}

/** Makes a cgroup in every hierarchy, for kubelet to put pods under. */
export async function makeCgroup(path: string): Promise<void> {
  for (const hierarchy of await hierarchies()) {
    // A version 2 cgroup has the controllers that its parent hands down; one that is handed down stays so.
    const controllers = await readFile(join(hierarchy, "cgroup.controllers"), "utf8").catch(() => "");
    const handDown = controllers.split(/\s+/).filter(Boolean);
    if (handDown.length > 0) {
      await writeFile(join(hierarchy, "cgroup.subtree_control"), handDown.map((each) => `+${each}`).join(" "));
    }
    const group = join(hierarchy, path);
    await mkdir(group, { recursive: true });
    // A version 1 cpuset admits no process until it has cores and memory nodes.
    for (const file of ["cpuset.cpus", "cpuset.mems"]) {
      const value = await readFile(join(hierarchy, file), "utf8").catch(() => "");
      if (hierarchy.endsWith("/cpuset") && value.trim() !== "") await writeFile(join(group, file), value);
    }
  }
}

/** Removes the cgroup and those under it, once their processes are gone. */
export async function removeCgroup(path: string): Promise<void> {
  await waitFor(`the removal of cgroup ${path}`, 10, async () => {
    for (const hierarchy of await hierarchies()) await removeTree(join(hierarchy, path));
    return true;
  });
}

async function removeTree(group: string): Promise<void> {
  if (!existsSync(group)) return;
  for (const entry of await readdir(group, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeTree(join(group, entry.name));
  }
  await rmdir(group);
}
