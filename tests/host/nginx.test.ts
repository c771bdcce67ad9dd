import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type Balancing, renderNginx } from "../../nginx/render";
import { timingFor } from "../../worker/timing";
import { NginxRoot, whyNoNginx } from "../support/nginxRoot";
import { TRACEPARENTS } from "../support/traceparents";

const timing = timingFor(30);

const BALANCING: readonly Balancing[] = ["round-robin", "least-conn", "random-two"];
const rendered = (balancing: Balancing = "round-robin") => renderNginx({ balancing, cpu: 3, rateLimit: 0, ...timing });

const reason = whyNoNginx();
if (reason !== undefined) process.stdout.write(`Skipped: nginx, started by start.sh. ${reason}\n`);
const testHere = reason === undefined ? test : test.skip;

describe("nginx, started by start.sh,", () => {
  const nginx = new NginxRoot();
  const pod = (...lines: string[]) => `${lines.join("\n")}\noptions ndots:5\n`;
  const SEARCH = "search coinflip.svc.cluster.local svc.cluster.local cluster.local";
  const USUAL = pod(SEARCH, "nameserver 10.96.0.10");
  beforeAll(async () => {
    if (reason === undefined) await nginx.make();
  }, 120_000);
  afterEach(() => nginx.end());
  afterAll(() => nginx.remove());

  testHere.each(BALANCING)("accepts the configuration with %s", async (balancing) => {
    const { code, errors } = await nginx.test(rendered(balancing), USUAL);
    expect(errors).toContain("test is successful");
    expect(errors).not.toMatch(/\[(warn|error|emerg|crit)\]/);
    expect(code).toBe(0);
    expect(await nginx.read("tmp/arguments")).toBe("-c\n/etc/coinflip/nginx.conf\n-g\ndaemon off;\n");
  });

  testHere("refuses a configuration that is none", async () => {
    const { code, errors } = await nginx.test(rendered("least-conn").replace("least_conn;", "least_con;"), USUAL);
    expect(errors).toContain('unknown directive "least_con"');
    expect(code).not.toBe(0);
  });

  const local = "worker.coinflip.svc.cluster.local";
  testHere.each([
    ["an IPv4 name server", USUAL, "10.96.0.10", local],
    ["an IPv6 name server", pod("nameserver fd00:10:96::a", SEARCH), "[fd00:10:96::a]", local],
    [
      "several name servers",
      pod("nameserver 10.96.0.10", "nameserver fd00:10:96::a", "nameserver 10.96.0.11", SEARCH),
      "10.96.0.10 [fd00:10:96::a] 10.96.0.11",
      local,
    ],
    [
      "the search list the other way round",
      pod("nameserver 10.0.0.1", "search cluster.local svc.cluster.local coinflip.svc.cluster.local"),
      "10.0.0.1",
      local,
    ],
    ["only svc.DOMAIN to search", pod("nameserver 10.0.0.1", "search svc.cluster.local"), "10.0.0.1", local],
    ["comments and tabs", pod("# by kubelet", "nameserver\t10.0.0.1", "search\tsvc.cluster.local"), "10.0.0.1", local],
    [
      "another cluster domain",
      pod("search coinflip.svc.corp.example svc.corp.example corp.example", "nameserver 10.0.0.1"),
      "10.0.0.1",
      "worker.coinflip.svc.corp.example",
    ],
    [
      "a domain of the node's own that begins with svc",
      pod(`${SEARCH} svc.example.com`, "nameserver 10.0.0.1"),
      "10.0.0.1",
      local,
    ],
  ])("finds the workers in a pod with %s", async (_, resolvConf, resolver, host) => {
    const { code } = await nginx.test(rendered(), resolvConf);
    expect(await nginx.read("tmp/resolver.conf")).toBe(`resolver ${resolver} valid=${timing.dnsValid}s;\n`);
    expect(await nginx.read("tmp/upstream.conf")).toBe(`server ${host}:5000 resolve max_fails=3 fail_timeout=5s;\n`);
    expect(await nginx.read("tmp/fallback.conf")).toBe(
      `server ${host.replace("worker", "worker-any")}:5000 resolve;\n`,
    );
    expect(code).toBe(0);
  });

  testHere.each([
    ["no name server", pod(SEARCH)],
    ["nothing to search", pod("nameserver 10.96.0.10")],
    ["only the node's domains to search", pod("nameserver 10.96.0.10", "search example.com corp.example")],
    ["nothing at all", ""],
  ])("does not start in a pod with %s, and says why", async (_, resolvConf) => {
    expect(await nginx.test(rendered(), resolvConf)).toEqual({
      code: 1,
      errors:
        "start.sh: /etc/resolv.conf names no name server or no svc.DOMAIN to search; is this a pod with dnsPolicy ClusterFirst?\n",
    });
  });

  testHere("listens on IPv4, and on IPv6 where the pod has it", async () => {
    const onIPv6 = existsSync("/proc/net/if_inet6");
    expect((await nginx.test(rendered(), USUAL, "none")).code).toBe(0);
    expect(await nginx.read("tmp/listen.conf")).toBe("listen 8080;\n");
    expect((await nginx.test(rendered(), USUAL, "loopback")).code).toBe(0);
    expect(await nginx.read("tmp/listen.conf")).toBe(`listen 8080;\n${onIPv6 ? "listen [::]:8080;\n" : ""}`);
  });

  testHere("logs the trace id of a traceparent that is one", async () => {
    await nginx.serve(rendered(), pod("nameserver 127.0.0.1", SEARCH));
    const headers = TRACEPARENTS.map(([, traceparent], index) => ({ traceparent, "x-request-id": `r${index}` }));
    await nginx.fromInside(`(async () => {
      for (const headers of ${JSON.stringify(headers)}) await fetch("http://127.0.0.1:8080/", { headers });
      return null;
    })()`);
    // nginx writes its log once a second.
    await sleep(1_500);
    const log = (await nginx.read("output")).split("\n").filter((line) => line.startsWith("{"));
    // Each of its processes writes its own lines together.
    const logged = Object.fromEntries(
      log.map((line) => JSON.parse(line)).map(({ requestId, traceId }) => [requestId, traceId]),
    );
    expect(logged).toEqual(Object.fromEntries(TRACEPARENTS.map(([, , traceId = ""], index) => [`r${index}`, traceId])));
  });

  testHere("is ready once it is started again in a pod in which it has been told to stop", async () => {
    await nginx.put("tmp/draining");
    await nginx.serve(rendered(), pod("nameserver 127.0.0.1", SEARCH));
    expect(await nginx.ask("/nginx-readyz")).toMatchObject({ status: 200 });
  });

  testHere("answers probes without a worker, and everything else with a problem that its log finds again", async () => {
    await nginx.serve(rendered(), pod("nameserver 127.0.0.1", SEARCH));
    const ask = (path: string, id: string) => nginx.ask(path, { headers: { "x-request-id": id } });
    expect(await ask("/nginx-healthz", "probe")).toMatchObject({ status: 200, text: '{"status":"ok"}' });
    expect(await ask("/nginx-readyz", "probe")).toMatchObject({ status: 200, text: '{"status":"ready"}' });
    const lost = await ask("/compute", "order-66");
    const type = "application/problem+json";
    const headers = { "content-type": type, "x-request-id": "order-66", connection: "keep-alive" };
    expect(lost).toMatchObject({ status: 502, headers });
    expect(JSON.parse(lost.text)).toEqual({
      type: "about:blank",
      status: 502,
      detail:
        "the load balancer could not pass the request to a worker, or refused it; its log has the details under this request's id",
    });
    const another = { "x-request-id": expect.stringMatching(/^[0-9a-f]{32}$/) };
    expect(await ask("/compute", "no id")).toMatchObject({ status: 502, headers: another });
    await nginx.drain();
    const drained = { "content-type": type, "x-request-id": "draining", connection: "close" };
    expect(await ask("/compute", "draining")).toMatchObject({ status: 502, headers: drained, text: lost.text });
    // nginx writes its log once a second.
    await sleep(1_500);
    const log = (await nginx.read("output")).split("\n").filter((line) => line.startsWith("{"));
    expect(log.map((line) => JSON.parse(line))).toMatchObject([
      { requestId: "order-66", method: "GET", path: "/compute", status: 502 },
      { requestId: expect.stringMatching(/^[0-9a-f]{32}$/), status: 502 },
      { requestId: "draining", status: 502 },
    ]);
    expect(await ask("/nginx-readyz", "probe")).toMatchObject({ status: 503 });
  });
});
