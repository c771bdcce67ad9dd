import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import execa from "execa";
import type { Settings, TestCluster } from "./testCluster";

const root = join(__dirname, "..", "..");

export interface Outcome {
  readonly exitCode: number;
  /** Both streams, as a user sees them. */
  readonly output: string;
  readonly seconds: number;
}

/** A clone of the work tree in a folder of its own, with a state, a kubeconfig and a Pulumi backend of its own. */
export class Clone {
  readonly dir = mkdtempSync(join(tmpdir(), "coinflip-e2e-"));
  readonly tree = join(this.dir, "tree");
  readonly env: Readonly<Record<string, string>> = {
    // Pulumi's Kubernetes provider leaves a kubeconfig in it at every start.
    TMPDIR: join(this.dir, "tmp"),
    XDG_STATE_HOME: join(this.dir, "state"),
    KUBECONFIG: join(this.dir, "kubeconfig"),
    KUBECACHEDIR: join(this.dir, "kubectl-cache"),
    PULUMI_BACKEND_URL: `file://${join(this.dir, "backend")}`,
    PULUMI_CONFIG_PASSPHRASE: "",
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PATH: `${join(root, "node_modules", ".bin")}:${process.env.PATH}`,
  };
  constructor() {
    for (const folder of ["backend", "tmp"]) mkdirSync(join(this.dir, folder));
    const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { cwd: root });
    for (const file of files.toString().split("\n")) {
      if (file === "" || !existsSync(join(root, file))) continue;
      mkdirSync(dirname(join(this.tree, file)), { recursive: true });
      cpSync(join(root, file), join(this.tree, file));
    }
    symlinkSync(join(root, "node_modules"), join(this.tree, "node_modules"));
  }

  /** Runs a command in the tree; never throws for its exit code. */
  async run(command: string, ...args: string[]): Promise<Outcome> {
    const start = performance.now();
    const { exitCode, all = "" } = await execa(command, args, {
      cwd: this.tree,
      env: this.env,
      all: true,
      reject: false,
      timeout: 25 * 60_000,
    });
    return { exitCode, output: all, seconds: (performance.now() - start) / 1000 };
  }

  /** As `run`, for commands that have to succeed. */
  async succeed(command: string, ...args: string[]): Promise<Outcome> {
    const outcome = await this.run(command, ...args);
    if (outcome.exitCode !== 0) throw new Error(`${command} ${args.join(" ")} failed:\n${outcome.output}`);
    return outcome;
  }

  /** `npm run up` on a cluster for tests: the first one with the stack's own settings, later ones with what changes.
   * Returns what it prints. */
  async up(cluster: TestCluster, settings: Settings, ...flags: string[]): Promise<string> {
    if (!existsSync(this.env.KUBECONFIG ?? "")) copyFileSync(cluster.kubeconfig, this.env.KUBECONFIG ?? "");
    const values = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const context = ["--context", cluster.cluster.context];
    return (await this.succeed("npm", "run", "up", "--", ...context, ...flags, ...values)).output;
  }

  /** The user's kubectl; without one, the one that `up` has copied from its cluster. */
  private get kubectlProgram(): string {
    const onPath = (process.env.PATH ?? "").split(delimiter).some((folder) => existsSync(join(folder, "kubectl")));
    return onPath ? "kubectl" : join(this.dir, "state", "coinflip", "kubectl");
  }

  async kubectl(...args: string[]): Promise<string> {
    return (await this.succeed(this.kubectlProgram, ...args)).output.trim();
  }

  /** Replaces a text in a file of the tree. */
  edit(file: string, from: string, to: string): void {
    const path = join(this.tree, file);
    const text = readFileSync(path, "utf8");
    if (!text.includes(from)) throw new Error(`${file} has no ${from}`);
    writeFileSync(path, text.replace(from, to));
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}
