import { problem, problemOf, setUp } from "./support/coinflipApp";
import { onlyTails } from "./support/statistics";
import { TRACEPARENTS } from "./support/traceparents";

describe("POST /compute", () => {
  test("answers with the heads asked for and the flips that it took, and nothing else", async () => {
    const { compute } = setUp();
    const { status, text, header } = await compute('{"heads":3}');
    expect(text).toBe('{"heads_required":3,"total_flips":4}');
    expect([status, header("content-type"), header("x-worker")]).toEqual([200, "application/json", "worker-7"]);
    expect(header("connection")).toBeNull();
  });

  test.each(["application/json; charset=utf-8", "Application/JSON", "application/json ;x=y"])(
    "takes the media type %s",
    async (type) => {
      const { compute } = setUp();
      expect((await compute('{"heads":1}', { headers: { "content-type": type } })).status).toBe(200);
    },
  );

  test("keeps a request id that is one", async () => {
    const { compute, lines } = setUp();
    const { header } = await compute('{"heads":1}', { headers: { "x-request-id": "order-66=_" } });
    expect([header("x-request-id"), lines[0]?.requestId]).toEqual(["order-66=_", "order-66=_"]);
  });

  test.each(["spaces are no id", "semi;colon", "x".repeat(256), '"quoted"'])(
    "replaces the request id %j",
    async (id) => {
      const { compute, lines } = setUp();
      const { header } = await compute("{}", { headers: { "x-request-id": id } });
      expect(header("x-request-id")).toMatch(/^[0-9a-f]{16}-\d+$/);
      expect(lines[0]?.requestId).toBe(header("x-request-id"));
    },
  );
});

describe("a traceparent", () => {
  test.each(TRACEPARENTS)("%s is in the log by its trace id, if it is one", async (_, traceparent, traceId) => {
    const { compute, lines } = setUp();
    await compute('{"heads":1}', { headers: { traceparent } });
    expect(lines).toMatchObject([{ traceId }]);
  });
});

describe("a computation that does not end", () => {
  test("is answered with 504 at the deadline", async () => {
    const { compute, lines } = setUp({ fill: onlyTails(), deadlineMs: 40 });
    const start = performance.now();
    expect(problemOf(await compute('{"heads":8}'))).toEqual(
      problem(504, "Gateway Timeout", "no row of 8 heads came up within 40 ms; try again"),
    );
    expect(performance.now() - start).toBeGreaterThan(38);
    expect(performance.now() - start).toBeLessThan(1_000);
    expect(lines).toMatchObject([{ level: "info", heads: 8, status: 504 }]);
  });

  test("ends with its client, and is logged with 499", async () => {
    const client = new AbortController();
    const { compute, lines } = setUp({ fill: onlyTails(), deadlineMs: 2_000 });
    setTimeout(() => client.abort(), 30);
    expect(problemOf(await compute('{"heads":8}', { signal: client.signal }))).toEqual(
      problem(499, "Error", "the client left before the answer"),
    );
    expect(lines).toMatchObject([{ level: "info", heads: 8, status: 499 }]);
    expect(lines[0]?.ms).toBeLessThan(1_000);
  });

  test("lets probes and short requests pass", async () => {
    let long = true;
    const tails = onlyTails();
    const { compute, ask, lines } = setUp({ fill: (block) => (long ? tails(block) : block.fill(0xff)) });
    const waiting = compute('{"heads":8}');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect((await ask("/healthz")).status).toBe(200);
    long = false;
    expect((await compute('{"heads":2}')).text).toBe('{"heads_required":2,"total_flips":2}');
    expect((await waiting).status).toBe(200);
    expect(lines.map(({ path }) => path).at(0)).toBe("/healthz");
  });
});

describe("computations beyond maxConcurrent and as many that wait", () => {
  test("are answered with 503, and when to ask again; short ones are answered all the same", async () => {
    let long = true;
    const tails = onlyTails();
    const { compute, lines } = setUp({ maxConcurrent: 1, fill: (block) => (long ? tails(block) : block.fill(0xff)) });
    const [one, two] = [compute('{"heads":8}'), compute('{"heads":8}')];
    const refused = await compute('{"heads":8}');
    expect(problemOf(refused)).toEqual(
      problem(
        503,
        "Service Unavailable",
        "the limit of 1 under way, and as many waiting, is reached; try again in a second",
      ),
    );
    expect(refused.header("retry-after")).toBe("1");
    long = false;
    expect((await compute('{"heads":2}')).status).toBe(200);
    expect([(await one).status, (await two).status]).toEqual([200, 200]);
    expect(lines.map(({ status }) => status)).toEqual([503, 200, 200, 200]);
  });
});

describe("a fault of the worker's own", () => {
  test("is answered with 500 and without its stack, which the log has under the request's id", async () => {
    const { compute, lines } = setUp({
      fill: () => {
        throw new Error("the kernel has no entropy");
      },
    });
    const answer = await compute('{"heads":3}', { headers: { "x-request-id": "abc" } });
    expect(problemOf(answer)).toEqual(
      problem(500, "Internal Server Error", "the worker failed; its log has the details under this request's id"),
    );
    expect(lines).toEqual([
      {
        level: "error",
        requestId: "abc",
        worker: "worker-7",
        error: expect.stringMatching(/^Error: the kernel has no entropy\n +at /),
      },
      expect.objectContaining({ level: "info", requestId: "abc", heads: 3, status: 500 }),
    ]);
  });
});

describe("the log", () => {
  test("has one line for a request, with who asked for what, and what it took", async () => {
    const { compute, lines } = setUp();
    const { header } = await compute('{"heads":3}');
    expect(lines).toEqual([
      {
        level: "info",
        requestId: header("x-request-id"),
        worker: "worker-7",
        method: "POST",
        path: "/compute",
        heads: 3,
        flips: 4,
        ms: expect.any(Number),
        status: 200,
      },
    ]);
    expect(lines[0]?.ms).toBeGreaterThanOrEqual(0);
    expect(lines[0]?.ms).toBeLessThan(1_000);
  });

  test("has neither heads nor flips where there are none", async () => {
    const { compute, ask, lines } = setUp();
    await compute("{}");
    await ask("/nowhere");
    expect(lines).toMatchObject([
      { level: "info", path: "/compute", heads: undefined, flips: undefined, status: 400 },
      { level: "info", path: "/nowhere", heads: undefined, flips: undefined, status: 404 },
    ]);
  });

  test("tells probes only to those who want every detail", async () => {
    const { ask, lines } = setUp();
    await ask("/healthz");
    await ask("/readyz");
    expect(lines.map(({ level, path, status }) => [level, path, status])).toEqual([
      ["debug", "/healthz", 200],
      ["debug", "/readyz", 200],
    ]);
  });
});

describe("the worker says", () => {
  test("at / who it is and what to ask", async () => {
    const { text, status } = await setUp().ask("/");
    expect([status, JSON.parse(text)]).toEqual([
      200,
      {
        service: "coinflip",
        worker: "worker-7",
        usage: 'POST /compute {"heads": N}, N an integer from 1 to 8: flips a coin until N heads in a row',
      },
    ]);
  });

  test("that it lives and is ready", async () => {
    const { ask } = setUp();
    expect((await ask("/healthz")).text).toBe('{"status":"ok"}');
    const ready = await ask("/readyz");
    expect([ready.status, ready.text, ready.header("connection")]).toEqual([200, '{"status":"ready"}', null]);
  });

  test("that it is not ready while it drains, yet lives, answers, and closes each connection after the answer", async () => {
    const { ask, compute } = setUp({ accepting: () => false });
    const answers = [await ask("/readyz"), await ask("/healthz"), await compute('{"heads":3}'), await compute("{}")];
    expect(answers.map(({ status, header }) => [status, header("connection")])).toEqual([
      [503, "close"],
      [200, "close"],
      [200, "close"],
      [400, "close"],
    ]);
    expect(answers[0]?.text).toBe('{"status":"draining"}');
  });

  test("nothing but headers to HEAD", async () => {
    const { status, text, header } = await setUp().ask("/", { method: "HEAD" });
    expect([status, text, header("x-worker")]).toEqual([200, "", "worker-7"]);
  });
});
