import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";

const lines = (text: string) => text.split("\n").filter((line) => line !== "");
const output = (command: string) => execFileSync("sh", ["-c", command]).toString();

/** Those that a network for pods or the kubelet may change, and that are the whole machine's. */
const SETTINGS =
  "^net.(ipv4.(conf.(all|default)|ip_forward)|core)|^kernel.(unprivileged_bpf|timer_mig|panic|keys.root)|^vm.(overcommit|panic)";

/** What a stack could leave on this machine: compared before `up` and after `down`. */
export function hostState() {
  return {
    // Without the counters and the numbers that the kernel gives out anew.
    interfaces: lines(output("ip -o link")).map((line) => line.split(": ")[1]?.split("@")[0] ?? line),
    addresses: lines(output("ip -o -4 address")).map((line) => line.split(/\s+/).slice(1, 4).join(" ")),
    routes: lines(output("ip route")),
    rules: lines(output("command -v iptables-save >/dev/null && iptables-save | grep '^-A' || true")),
    settings: lines(output(`sysctl -a -r '${SETTINGS}' 2>/dev/null || true`)),
    programs: lines(output("command -v bpftool >/dev/null && bpftool prog show | grep -o ' name .*' || true")),
    mounts: lines(readFileSync("/proc/mounts", "utf8")).map((line) => line.split(" ").slice(0, 3).join(" ")),
    files: ["/etc/docker/key.json", "/usr/sbin/policy-rc.d"].filter(existsSync),
    cgroups: lines(output("find /sys/fs/cgroup -maxdepth 2 -type d -name 'coinflip*'")),
    // Without an engine that answers there is nothing in it.
    docker: [
      "container ls --all --filter label=io.x-k8s.kind.cluster=coinflip",
      "volume ls",
      "network ls",
      "image ls --filter reference=coinflip*",
      "image ls --filter reference=coinflip.local/*",
    ].flatMap((what) => lines(output(`docker ${what} --quiet 2>/dev/null || true`))),
  };
}

/** What is in the second state and was not in the first; anything else on the machine may end meanwhile. */
export function added(before: ReturnType<typeof hostState>, after: ReturnType<typeof hostState>): string[] {
  return Object.entries(after).flatMap(([what, lines]) =>
    lines.filter((line) => !before[what as keyof typeof before].includes(line)).map((line) => `${what}: ${line}`),
  );
}

/** The running processes whose command line names the folder. */
export function processesOf(dir: string): string[] {
  return readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      } catch {
        return ""; // It has ended since.
      }
    })
    .filter((command) => command.includes(dir));
}
