import { setTimeout as sleep } from "node:timers/promises";
import { setUp } from "../support/coinflipApp";
import { nginxWithWorkers, rendered } from "../support/nginxWithWorkers";

const { nginx, testHere, serve, compute } = nginxWithWorkers("the limits of nginx");

/** Sends as many at once, each held by the worker for 1.5 s; those that were answered, and those that were not. */
async function atOnce(count: number) {
  const answers = await nginx.fromInside(`(async () => {
    const start = performance.now();
    const all = await Promise.all(Array.from({ length: ${count} }, async () => {
      const response = await fetch("http://127.0.0.1:8080/compute", { headers: { "x-hold-ms": "1500" } });
      return { status: response.status, retryAfter: response.headers.get("retry-after"), body: await response.json() };
    }));
    return { all, seconds: (performance.now() - start) / 1000 };
  })()`);
  const { all, seconds } = answers as {
    all: { status: number; retryAfter: string | null; body: object }[];
    seconds: number;
  };
  const passed = all.filter(({ status }) => status === 200);
  return { passed, refused: all.filter((each) => !passed.includes(each)), seconds };
}
const TOO_MANY = {
  status: 429,
  retryAfter: "1",
  body: {
    type: "about:blank",
    title: "Too Many Requests",
    status: 429,
    detail: "this address asks more than it may; ask again after the seconds of Retry-After",
  },
};

describe("paths", () => {
  testHere("that the worker does not have are refused by nginx, in the worker's own words", async () => {
    await serve();
    const worker = setUp();
    for (const path of ["/nothing", "/compute/", "/healthz/x", "/problem", "/api;v=1?heads=3", "/readyzz", "/$host"]) {
      const { status, headers, text } = await nginx.ask(path);
      const itself = await worker.ask(path);
      expect([path, status, headers["content-type"], JSON.parse(text)]).toEqual([
        ...[path, 404, itself.header("content-type"), JSON.parse(itself.text)],
      ]);
    }
    // As it was sent: the worker decodes it.
    expect(JSON.parse((await nginx.ask("/a%20b")).text)).toMatchObject({ status: 404, value: "/a%20b" });
    const { text } = await nginx.write('GET /a"b\\ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    expect(JSON.parse(text.split("\r\n\r\n")[1] ?? "")).toMatchObject({ status: 404, value: "this path" });
  });

  testHere("that the worker has are its own, by whatever method", async () => {
    await serve();
    const asked = [
      ["POST", "/compute"],
      ["GET", "/compute?heads=3"],
      ["DELETE", "/compute"],
      ["GET", "/"],
      ["GET", "/healthz"],
      ["GET", "/readyz"],
    ] as const;
    for (const [method, url] of asked) {
      const { status, text } = await nginx.ask(url, { method });
      expect([status, JSON.parse(text)]).toEqual([200, expect.objectContaining({ method, url })]);
    }
  });
});

describe("a request that is too big", () => {
  testHere("is refused with what is too big about it", async () => {
    await serve();
    const long = (bytes: number) => "x".repeat(bytes);
    const of = async (asked: Promise<{ status: number; text: string }>) => {
      const { status, text } = await asked;
      const problem = JSON.parse(text) as { status: number; title: string };
      expect(problem.status).toBe(status);
      return `${status} ${problem.title}`;
    };
    expect(await of(compute({ a: long(5_000) }))).toBe("431 Request Header Fields Too Large");
    const three = { a: long(3_500), b: long(3_500), c: long(3_500) };
    expect((await compute(three)).status).toBe(200);
    expect(await of(compute({ ...three, d: long(3_500) }))).toBe("431 Request Header Fields Too Large");
    expect(await of(nginx.ask(`/compute?${long(5_000)}`))).toBe("414 URI Too Long");
    expect(await of(compute({}, long(9_000)))).toBe("413 Payload Too Large");
    const { text } = await nginx.write("NONSENSE\r\n\r\n");
    expect(text).toMatch(/"title":"Bad Request","status":400/);
  });
});

describe("a slow client", () => {
  /** The configuration, with its waits for clients shortened. */
  const hasty = (seconds: Record<string, [from: number, to: number]>) =>
    Object.entries(seconds).reduce((config, [name, [from, to]]) => {
      expect(config).toContain(` ${name} ${from}s;`);
      return config.replace(` ${name} ${from}s;`, ` ${name} ${to}s;`);
    }, rendered());

  testHere("is cut off, in its headers, in its body, and between requests", async () => {
    const waits = { client_header_timeout: [10, 1], client_body_timeout: [10, 2], keepalive_timeout: [75, 3] } as const;
    await serve(hasty(waits as unknown as Record<string, [number, number]>));
    const head = "POST /compute HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 11\r\n";
    const cutAfter = async (wait: number, ...texts: string[]) => {
      const { text, seconds } = await nginx.write(...texts);
      expect(seconds).toBeGreaterThanOrEqual(wait);
      expect(seconds).toBeLessThan(wait + 2);
      return text.split("\r\n")[0];
    };
    // The header is bounded as a whole, however often a piece of it comes.
    expect(await cutAfter(1, head, ...Array<string>(20).fill("A: b\r\n"))).toBe("");
    expect(await cutAfter(2, `${head}\r\n`, '{"heads"')).toBe("");
    expect(await cutAfter(3, `${head}\r\n`, '{"heads":3}')).toBe("HTTP/1.1 200 OK");
  });
});

describe("the requests of one address", () => {
  testHere("are refused beyond limit_conn, until others are done", async () => {
    await serve(rendered().replace(/limit_conn clients \d+;/, "limit_conn clients 3;"));
    const { passed, refused } = await atOnce(5);
    expect([passed.length, refused]).toEqual([3, [TOO_MANY, TOO_MANY]]);
    expect((await compute()).status).toBe(200);
  });

  testHere("are as many as it likes without rateLimit, and as many each second as it says with it", async () => {
    await serve();
    expect((await atOnce(40)).passed).toHaveLength(40);
    await nginx.end();
    await serve(rendered({ rateLimit: 5 }));
    const { passed, refused, seconds } = await atOnce(200);
    // One at once, five that the next second would have had, and what comes free meanwhile.
    expect(passed.length).toBeGreaterThanOrEqual(6);
    expect(passed.length).toBeLessThanOrEqual(6 + 5 * seconds);
    expect(refused).toEqual(Array(200 - passed.length).fill(TOO_MANY));
    expect(refused.length).toBeGreaterThan(100);
    expect((await nginx.ask("/nginx-healthz")).status).toBe(200);
    await sleep(1_100);
    expect((await atOnce(5)).passed).toHaveLength(5);
  });
});
