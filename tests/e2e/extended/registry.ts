import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../../local/run";
import { eventually } from "../service";

export const USERNAME = "flipper";
export const PASSWORD = "heads-or-tails";
/** `htpasswd -nbB flipper heads-or-tails` */
const HTPASSWD = "flipper:$2b$05$AUccqQc5OKD9G8kY7/TJQuqLSwpwSTNd07FZ9AGaZU2tIkDH77iyK\n";

/** Debian's docker-registry with a password, on a port of this machine. */
export class Registry {
  private readonly dir = mkdtempSync(join(tmpdir(), "coinflip-registry-"));
  private process: ChildProcess | undefined;
  /** Docker speaks plain HTTP to a registry on the loopback interface only. */
  readonly server: string;

  constructor(private readonly port: number) {
    this.server = `127.0.0.1:${port}`;
  }

  async start(): Promise<void> {
    writeFileSync(join(this.dir, "htpasswd"), HTPASSWD);
    const config = {
      version: 0.1,
      storage: { filesystem: { rootdirectory: join(this.dir, "data") } },
      http: { addr: `:${this.port}` },
      auth: { htpasswd: { realm: "test", path: join(this.dir, "htpasswd") } },
    };
    writeFileSync(join(this.dir, "config.yml"), JSON.stringify(config));
    this.process = spawn("docker-registry", ["serve", join(this.dir, "config.yml")], { stdio: "ignore" });
    await eventually(10, async () => {
      const { status } = await fetch(`http://${this.server}/v2/`);
      if (status !== 401) throw new Error(`the registry answers ${status}`);
    });
  }

  async stop(): Promise<void> {
    const { process } = this;
    this.process = undefined;
    if (process?.kill()) await once(process, "exit");
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** Configures the containerd of a kind cluster's nodes: from there the registry is behind the gateway of their network. */
  async announceTo(nodes: readonly string[]): Promise<void> {
    const script = `
      gateway=$(ip -4 route show default | cut -d" " -f3)
      mkdir -p "/etc/containerd/certs.d/$1"
      echo "[host.\\"http://$gateway:$2\\"]" >"/etc/containerd/certs.d/$1/hosts.toml"`;
    for (const node of nodes)
      await run("docker", ["exec", node, "sh", "-euc", script, "sh", this.server, String(this.port)]);
  }
}
