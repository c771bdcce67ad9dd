import { randomBytes } from "node:crypto";
import type { Context } from "hono";
import type { RequestWithBody } from "./body";
import type { Level, Log } from "./log";
import type { Metrics } from "./metrics";
import { Problem } from "./problem";
import { traceIdOf } from "./trace";

/** What node-server tells of a request besides Hono. */
export type Env = { Bindings: { readonly incoming: RequestWithBody } };

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** What the log says of a computation, besides what it says of every request. */
export interface Outcome {
  heads?: number;
  flips?: number;
}

export const json = (value: unknown, status = 200): Answer => ({
  status,
  type: "application/json",
  body: JSON.stringify(value),
});

const REQUEST_ID = /^[\w=-]{1,128}$/;
/** Tells this process from any other; its own requests are counted. */
const PROCESS_ID = randomBytes(8).toString("hex");
let requests = 0;

/** The client's or nginx's id where it is one, else a new one. */
function requestIdOf(given: string | string[] | undefined): string {
  if (typeof given === "string" && REQUEST_ID.test(given)) return given;
  requests += 1;
  return `${PROCESS_ID}-${requests}`;
}

/**
 * Makes Hono's handlers: gives each answer its headers, turns what is thrown into one, logs a line, and counts.
 * Not as a middleware, for Hono makes promises of those, and response headers that are set one by one cost even more.
 */
export const answering =
  (worker: string, accepting: () => boolean, log: Log, metrics: Metrics) =>
  (handle: (c: Context<Env>, outcome: Outcome) => Answer | Promise<Answer>, level: Level = "info") =>
  (c: Context<Env>): Response | Promise<Response> => {
    const start = performance.now();
    const counts = level !== "debug";
    if (counts) metrics.began();
    const { headers: given } = c.env.incoming;
    const requestId = requestIdOf(given["x-request-id"]);
    const traceId = traceIdOf(given.traceparent);
    const outcome: Outcome = {};
    const finish = ({ status, type, body, headers: more }: Answer) => {
      const { method, path } = c.req;
      const { heads, flips } = outcome;
      const ms = Math.round((performance.now() - start) * 1000) / 1000;
      if (counts) metrics.ended(status, heads, ms / 1000);
      log(level, { requestId, traceId, worker, method, path, heads, flips, ms, status });
      const headers: Record<string, string> = { "content-type": type, "x-request-id": requestId, "x-worker": worker };
      // The proxy keeps connections open: closed one by one after an answer, none is cut under a request.
      if (!accepting()) headers.connection = "close";
      return new Response(body, { status, headers: more ? { ...headers, ...more } : headers });
    };
    const fail = (error: unknown) => {
      if (error instanceof Problem) return finish(error.answer());
      log("error", { requestId, traceId, worker, error: error instanceof Error ? error.stack : String(error) });
      return finish(new Problem(500, "the worker failed; its log has the details under this request's id").answer());
    };
    try {
      const answer = handle(c, outcome);
      return answer instanceof Promise ? answer.then(finish, fail) : finish(answer);
    } catch (error) {
      return fail(error);
    }
  };
