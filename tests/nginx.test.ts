import { type Balancing, fill, renderNginx } from "../nginx/render";
import { timingFor } from "../worker/timing";

const timing = timingFor(30);

const BALANCING: readonly Balancing[] = ["round-robin", "least-conn", "random-two"];
const rendered = (balancing: Balancing = "round-robin", cpu = 3) =>
  renderNginx({ balancing, cpu, rateLimit: 0, ...timing });
/** The directives, without comments and indentation. */
const directives = (text: string) =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));

describe("the template", () => {
  test("gets each value at its name, as often as it is there", () => {
    expect(fill("a {{one}} {{two}}s {{one}};", { one: 1, two: "2$&" })).toBe("a 1 2$&s 1;");
  });

  test("is refused if it asks for what is not given", () => {
    expect(() => fill("{{one}} {{two}}", { one: 1 })).toThrow(
      new Error("the template asks for {{two}}, which is not given"),
    );
  });

  test("is refused if it leaves out what is given", () => {
    expect(() => fill("{{one}}", { one: 1, two: 2, three: 3 })).toThrow(
      new Error("the template has no place for two, three"),
    );
  });
});

describe("nginx.conf", () => {
  test.each(BALANCING)("has no place left to fill in with %s", (balancing) => {
    expect(rendered(balancing)).not.toMatch(/\{\{|\}\}|undefined|NaN/);
  });

  test.each([
    ["round-robin", []],
    ["least-conn", ["least_conn;"]],
    ["random-two", ["random two least_conn;"]],
  ] as const)("picks a worker by %s", (balancing, expected) => {
    const methods = /^(least_conn|random|ip_hash|hash|least_time)\b/;
    expect(directives(rendered(balancing)).filter((line) => methods.test(line))).toEqual(expected);
  });

  test("shares the upstream among nginx's processes, keeps connections, and asks another worker for a lost request", () => {
    expect(directives(rendered())).toEqual(
      expect.arrayContaining([
        "zone workers 256k;",
        "keepalive 4096;",
        "access_log /dev/stdout json buffer=32k flush=1s;",
        'proxy_set_header Connection "";',
        "proxy_next_upstream error timeout non_idempotent;",
        "proxy_ignore_client_abort off;",
      ]),
    );
  });

  test("has a process for each core of the pod", () => {
    expect(directives(rendered())).toContain("worker_processes 3;");
  });

  test("has the times of the timing model", () => {
    expect(directives(rendered())).toEqual(
      expect.arrayContaining([
        `keepalive_timeout ${timing.proxyKeepAlive}s;`,
        `open_file_cache_valid ${timing.drainSeen}s;`,
        `proxy_connect_timeout ${timing.connect}s;`,
        `proxy_read_timeout ${timing.read}s;`,
        `proxy_next_upstream_timeout ${timing.retry}s;`,
      ]),
    );
  });

  test("cuts off a client that does not read its answer", () => {
    expect(directives(rendered())).toEqual(
      expect.arrayContaining(["send_timeout 10s;", "reset_timedout_connection on;"]),
    );
  });

  test.each([1, 4])("leaves one address at most three quarters of the connections of %i processes", (cpu) => {
    const config = rendered("round-robin", cpu);
    const number = (pattern: RegExp) => Number(pattern.exec(config)?.[1]);
    const connections = number(/worker_connections (\d+);/) * number(/worker_processes (\d+);/);
    // A request takes two connections: one to the client, one to the worker.
    expect(2 * number(/limit_conn clients (\d+);/)).toBe(0.75 * connections);
  });
});
