import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Settings } from "../settings";

export type Balancing = Settings["balancing"];

/** The directive in the `upstream` block; nginx's own default is round robin. */
const BALANCING: Record<Balancing, string> = {
  "round-robin": "# Round robin, the default.",
  "least-conn": "least_conn;",
  "random-two": "random two least_conn;",
};

/** What one client may ask for each second, and as much at once. A second later there is room again. */
const rateLimitOf = (rateLimit: number) =>
  rateLimit === 0
    ? "# No rate limit."
    : `limit_req_zone $binary_remote_addr zone=rate:4m rate=${rateLimit}r/s;
  limit_req zone=rate burst=${rateLimit} nodelay;
  limit_req_status 429;`;

/** Three quarters of the requests that a process has connections for. */
const REQUESTS_PER_CLIENT = 3072;

/** What nginx.conf leaves open. Times are in seconds. */
export interface NginxParameters {
  readonly balancing: Balancing;
  /** Cores, each with a worker process. */
  readonly cpu: number;
  /** Requests per second and client; 0 sets no limit. */
  readonly rateLimit: number;
  /** The port that plain HTTP is redirected to, as a URL has it (`:30443`, or empty); undefined without TLS. */
  readonly httpsPort?: string | undefined;
  readonly drainSeen: number;
  readonly connect: number;
  readonly read: number;
  readonly retry: number;
  readonly proxyKeepAlive: number;
}

/** The text of nginx.conf with the parameters filled in. */
export function renderNginx(parameters: NginxParameters): string {
  const { balancing, cpu, rateLimit, httpsPort, drainSeen, connect, read, retry, proxyKeepAlive } = parameters;
  const template = (file: string) => readFileSync(join(__dirname, file), "utf8");
  return fill(template("nginx.conf"), {
    balancing: BALANCING[balancing],
    cpu,
    requestsPerClient: REQUESTS_PER_CLIENT * cpu,
    rateLimit: rateLimitOf(rateLimit),
    tls: httpsPort === undefined ? "# No TLS." : fill(template("tls.conf"), { httpsPort }).trimEnd(),
    redirect: httpsPort === undefined ? "# Nor a redirect to it." : "if ($https_url) { return 308 $https_url; }",
    drainSeen,
    connect,
    read,
    retry,
    // `$request_time` is text, with a point before its milliseconds.
    early: `~^[0-${retry - 1}]\\.`,
    proxyKeepAlive,
  });
}

/**
 * Puts each value where the template has its name in double braces.
 *
 * @throws Error if the template names a value that is not given, or leaves a given one out
 */
export function fill(template: string, values: Readonly<Record<string, string | number>>): string {
  const unused = new Set(Object.keys(values));
  const text = template.replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`the template asks for {{${name}}}, which is not given`);
    unused.delete(name);
    return String(value);
  });
  if (unused.size > 0) throw new Error(`the template has no place for ${[...unused].join(", ")}`);
  return text;
}
