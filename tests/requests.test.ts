import fc from "fast-check";
import { problem, problemOf, setUp } from "./support/coinflipApp";

describe("a wrong request is told what is allowed:", () => {
  const heads = (value: unknown) =>
    problem(400, "Bad Request", `heads must be an integer from 1 to 8, not ${JSON.stringify(value)}`, {
      field: "heads",
      value,
      allowed: "an integer from 1 to 8",
    });
  const body = (detail: string, value: string) =>
    problem(400, "Bad Request", detail, { field: "body", value, allowed: '{"heads": N}' });
  const notJson = 'the body is not JSON; send {"heads": 3}';
  const notObject = 'the body must be a JSON object such as {"heads": 3}';

  test.each([
    ["", body(notJson, "")],
    ["heads=3", body(notJson, "heads=3")],
    ['{"heads":3', body(notJson, '{"heads":3')],
    ["[3]", body(notObject, "[3]")],
    ["null", body(notObject, "null")],
    ["3", body(notObject, "3")],
    ["{}", heads(null)],
    ['{"head":3}', heads(null)],
    ['{"heads":null}', heads(null)],
    ['{"heads":"3"}', heads("3")],
    ['{"heads":2.5}', heads(2.5)],
    ['{"heads":0}', heads(0)],
    ['{"heads":-1}', heads(-1)],
    ['{"heads":9}', heads(9)],
    ['{"heads":true}', heads(true)],
    ['{"heads":[3]}', heads([3])],
    ['{"heads":1e300}', heads(1e300)],
  ])("400 for %s", async (text, expected) => {
    const { compute, lines } = setUp();
    expect(problemOf(await compute(text))).toEqual(expected);
    expect(lines).toMatchObject([{ level: "info", status: 400 }]);
  });

  test.each([
    [null, undefined],
    ["text/plain", "text/plain"],
    ["application/x-www-form-urlencoded", "application/x-www-form-urlencoded"],
    ["application/jsonp", "application/jsonp"],
  ])("415 for the media type %s", async (value, type) => {
    const { ask } = setUp();
    const body = new TextEncoder().encode('{"heads":3}');
    const answer = await ask("/compute", { method: "POST", body, headers: type ? { "content-type": type } : {} });
    const detail = "send the body as JSON, with the header content-type: application/json";
    const fault = { field: "content-type", value, allowed: "application/json" };
    expect(problemOf(answer)).toEqual(problem(415, "Unsupported Media Type", detail, fault));
  });

  test("413 for a body of more than 1024 bytes", async () => {
    const { compute } = setUp();
    expect((await compute('{"heads":3}'.padEnd(1024))).status).toBe(200);
    const detail = "the body must be at most 1024 bytes";
    const fault = { field: "body", value: "more than 1024 bytes", allowed: "at most 1024 bytes" };
    expect(problemOf(await compute('{"heads":3}'.padEnd(1025)))).toEqual(
      problem(413, "Payload Too Large", detail, fault),
    );
  });

  test.each([
    ["/compute", "POST", ["GET", "PUT", "DELETE", "OPTIONS", "PATCH"]],
    ["/", "GET, HEAD", ["POST", "PUT", "DELETE"]],
    ["/healthz", "GET, HEAD", ["POST"]],
    ["/readyz", "GET, HEAD", ["POST"]],
  ])("405 at %s for any method but %s, which Allow names", async (path, allow, methods) => {
    for (const method of methods) {
      const { ask } = setUp();
      const answer = await ask(path, { method });
      const fault = { field: "method", value: method, allowed: allow };
      const detail = `${path} answers to ${allow}, not to ${method}`;
      expect(problemOf(answer)).toEqual(problem(405, "Method Not Allowed", detail, fault));
      expect(answer.header("allow")).toBe(allow);
    }
  });

  test.each(["GET", "POST"])("404 for %s at a path that nothing is at", async (method) => {
    const { ask } = setUp();
    const fault = { field: "path", value: "/flip", allowed: "POST /compute, GET /, GET /healthz, GET /readyz" };
    const detail = "there is nothing at /flip; ask POST /compute";
    expect(problemOf(await ask("/flip?heads=3", { method }))).toEqual(problem(404, "Not Found", detail, fault));
  });

  test("never with a server error, whatever is sent", async () => {
    const { ask } = setUp({ fill: (block) => block.fill(0xff) });
    const method = fc.oneof(fc.constantFrom("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "get", "BREW"));
    const path = fc.oneof(
      fc.constantFrom("/compute", "/", "/healthz", "/readyz", "/%", "//", "/compute/"),
      fc.webUrl({ withQueryParameters: true }),
    );
    const type = fc.oneof(
      fc.constantFrom("application/json", "text/plain", "multipart/form-data", ";", ""),
      fc.stringMatching(/^[!-~]{1,30}$/),
    );
    const body = fc.oneof(
      { weight: 3, arbitrary: fc.json() },
      fc.jsonValue().map((heads) => JSON.stringify({ heads })),
      fc.uint8Array({ maxLength: 1500 }),
      fc.string({ unit: "binary" }),
    );
    await fc.assert(
      fc.asyncProperty(method, path, type, body, async (method, path, type, body) => {
        const bodiless = /^(get|head)$/i.test(method);
        const { status, header } = await ask(path, {
          method,
          headers: { "content-type": type },
          ...(!bodiless && { body }),
        });
        expect(status).toBeGreaterThanOrEqual(200);
        expect(status).toBeLessThan(500);
        if (status >= 400) expect(header("content-type")).toBe("application/problem+json");
      }),
      { numRuns: 2000 },
    );
  });
});
