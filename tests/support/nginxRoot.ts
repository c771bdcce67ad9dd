import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, closeSync, openSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { buildOnce, cacheDir } from "../../local/buildCache";
import { makeRoot } from "../../local/debian";
import { NGINX } from "../../local/images";
import { timingFor } from "../../worker/timing";

/** The files of the packages, kept in the cache. */
const FILES = join(cacheDir, ["files", NGINX.release, ...NGINX.packages].join("-"));
const TOOLS = ["mmdebstrap", "tar", "unshare", "nsenter", "ip", "mount", "chroot"];
const SURROUNDINGS = join(__dirname, "surroundings.mjs");
const START = join(__dirname, "..", "..", "nginx", "start.sh");
/** Like a pod's: a user without rights, a network of its own, and what nginx may write to only in /tmp. */
const IN_POD = `
  [ "$NETWORK" = none ] || ip link set lo up
  mount --bind /proc "$ROOT/proc"
  exec chroot --userspec=10101:10101 "$ROOT" /bin/sh /etc/coinflip/start.sh "$@"`;
/** In nginx's place: tells what it was asked, and lets the real one only read its configuration. */
const TESTING_NGINX = `#!/bin/sh
printf '%s\\n' "$@" >/tmp/arguments
exec /usr/sbin/nginx -t "$@"
`;

/** Why no nginx can be run here as it would be in a pod; undefined if one can. */
export function whyNoNginx(): string | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "They need root on Linux.";
  const missing = TOOLS.filter((tool) => {
    try {
      execFileSync("which", [tool]);
      return false;
    } catch {
      return true;
    }
  });
  return missing.length > 0 ? `Not installed: ${missing.join(", ")}.` : undefined;
}

export interface Outcome {
  readonly code: number | null;
  readonly errors: string;
}

/** The files of the nginx that stands in for the usual image. */
export class NginxRoot {
  private root = "";

  /** @param listen what nginx listens to, each a port with what `listen` takes beside it */
  constructor(private readonly listen: readonly string[] = ["8080"]) {}

  private child: ChildProcess | undefined;
  private surroundings: ChildProcess | undefined;

  async make(): Promise<void> {
    await buildOnce(FILES, (partial) => makeRoot(NGINX.release, NGINX.packages, join(partial, "root.tar")));
    this.root = await mkdtemp(join(tmpdir(), "coinflip-nginx-"));
    chmodSync(this.root, 0o755);
    await promisify(execFile)("tar", ["-xf", join(FILES, "root.tar"), "-C", this.root]);
    await mkdir(join(this.root, "testing"));
    await writeFile(join(this.root, "testing", "nginx"), TESTING_NGINX, { mode: 0o755 });
  }

  /** Begins start.sh as the pod does; `nginx` says which one it becomes. */
  private async start(config: string, resolvConf: string, nginx: "testing" | "real", network: "loopback" | "none") {
    await mkdir(join(this.root, "tmp"), { recursive: true });
    chmodSync(join(this.root, "tmp"), 0o777);
    await mkdir(join(this.root, "etc", "coinflip"), { recursive: true });
    await writeFile(join(this.root, "etc", "coinflip", "nginx.conf"), config);
    await writeFile(join(this.root, "etc", "coinflip", "start.sh"), await readFile(START));
    await writeFile(join(this.root, "etc", "resolv.conf"), resolvConf);
    // A file, for nginx opens its output once more, which its user could not do with a pipe of ours.
    const output = join(this.root, "output");
    await rm(output, { force: true });
    const to = openSync(output, "a");
    chmodSync(output, 0o666);
    const hosts = ["worker.coinflip.svc", "worker-any.coinflip.svc"];
    const args = ["/etc/coinflip/nginx.conf", ...hosts, "5000", String(timingFor(30).dnsValid), ...this.listen];
    const PATH = `${nginx === "testing" ? "/testing:" : ""}/usr/sbin:/usr/bin:/sbin:/bin`;
    const env = { PATH, ROOT: this.root, NETWORK: network };
    const pod = ["--mount", "sh", "-euc", IN_POD, "sh", ...args];
    const joined = ["nsenter", "--net", "--target", String(this.surroundings?.pid), "unshare"];
    const [command = "", ...rest] = this.surroundings ? [...joined, ...pod] : ["unshare", "--net", ...pod];
    const child = spawn(command, rest, {
      env,
      stdio: ["ignore", to, to],
    });
    closeSync(to);
    return child;
  }

  /** Runs start.sh, with an nginx that only tests the configuration. */
  async test(config: string, resolvConf: string, network: "loopback" | "none" = "loopback"): Promise<Outcome> {
    const child = await this.start(config, resolvConf, "testing", network);
    const [code] = (await once(child, "close")) as [number | null];
    return { code, errors: await this.read("output") };
  }

  /** Runs start.sh and leaves nginx running once it listens; `end` ends it. */
  async serve(config: string, resolvConf: string): Promise<void> {
    this.child = await this.start(config, resolvConf, "real", "loopback");
    const tables = `/proc/${this.child.pid}/net/tcp`;
    const until = performance.now() + 30_000;
    // As a socket's table has it: any address, port 8080, listening.
    while (!/ 00000000:1F90 00000000:0000 0A /.test(await readFile(tables, "utf8").catch(() => ""))) {
      if (performance.now() > until) throw new Error(`nginx does not listen: ${await this.read("output")}`);
      await sleep(20);
    }
  }

  /**
   * Begins a DNS server and HTTP servers in a network that the next nginx joins: see surroundings.mjs.
   *
   * @param names the addresses of each name of the namespace, such as `worker`
   * @param workers the addresses at which a worker answers
   */
  async surround(names: Readonly<Record<string, readonly string[]>>, workers: readonly string[]): Promise<void> {
    const args = ["-euc", 'ip link set lo up; exec "$@"', "sh", process.execPath, SURROUNDINGS];
    this.surroundings = spawn("unshare", ["--net", "sh", ...args, JSON.stringify({ names, workers })], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(this.surroundings.stdout as Readable, "data");
  }

  /** Runs a JavaScript expression in the network of the nginx that runs; its value comes back by JSON. */
  async fromInside(expression: string): Promise<unknown> {
    const script = `(async () => console.log(JSON.stringify(await (${expression}))))()`;
    const args = ["--net", "--target", String(this.child?.pid), process.execPath, "-e", script];
    const { stdout } = await promisify(execFile)("nsenter", args);
    return JSON.parse(stdout);
  }

  /** Sends a request to the nginx that runs. */
  async ask(path: string, init: { method?: string; headers?: Record<string, string>; body?: string } = {}) {
    const answer = await this.fromInside(`(async () => {
      const response = await fetch(${JSON.stringify(`http://127.0.0.1:8080${path}`)}, ${JSON.stringify(init)});
      return { status: response.status, headers: Object.fromEntries(response.headers), text: await response.text() };
    })()`);
    return answer as { status: number; headers: Record<string, string>; text: string };
  }

  /** Writes each text to one connection, each 200 ms after the last; what came back until it was closed, and when. */
  async write(...texts: readonly string[]) {
    const answer = await this.fromInside(`(async () => {
      const socket = require("node:net").connect(8080, "127.0.0.1");
      let text = "";
      socket.on("data", (data) => (text += data)).on("error", () => undefined);
      const start = performance.now();
      const closed = new Promise((resolve) => socket.on("close", () => resolve((performance.now() - start) / 1000)));
      for (const each of ${JSON.stringify(texts)}) {
        socket.write(each);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      return { seconds: await closed, text };
    })()`);
    return answer as { text: string; seconds: number };
  }

  read = (file: string) => readFile(join(this.root, file), "utf8");

  /** Tells the pod to stop, and waits until nginx has seen it. */
  async drain(): Promise<void> {
    await this.put("tmp/draining");
    await sleep(timingFor(30).drainSeen * 1000 + 100);
  }

  /** Writes a file, empty if no text is given, as a volume would hold it. */
  async put(file: string, text = ""): Promise<void> {
    const path = join(this.root, file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }

  /** Ends nginx, and empties what it could write to. */
  async end(): Promise<void> {
    for (const child of [this.surroundings, this.child]) {
      if (child?.exitCode === null && child.kill("SIGTERM")) await once(child, "close");
    }
    this.surroundings = undefined;
    this.child = undefined;
    if (this.root !== "") await rm(join(this.root, "tmp"), { recursive: true, force: true });
  }

  async remove(): Promise<void> {
    if (this.root !== "") await rm(this.root, { recursive: true });
  }
}
