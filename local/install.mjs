// Installs the packages of the lockfile, unless they are there. Plain JavaScript for any Node.js: it runs before all else.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";

const stamp = "node_modules/.coinflip-lockfile";
const lockfile = createHash("sha256").update(readFileSync("package-lock.json")).digest("hex");
if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== lockfile) {
  console.log("Installing the npm packages of the lockfile (npm ci) …");
  const { status } = spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], { stdio: "inherit" });
  if (status !== 0) {
    console.error("npm ci failed: its message is above. It needs the npm registry, or a cache of it.");
    process.exit(1);
  }
  writeFileSync(stamp, lockfile);
}
