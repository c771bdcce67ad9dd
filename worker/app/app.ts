import { Hono } from "hono";
import { type Answer, answering, type Env, json } from "./answer";
import { MAX_BODY_BYTES, type RequestWithBody } from "./body";
import type { Computer } from "./compute";
import { readHeads } from "./heads";
import type { Log } from "./log";
import type { Metrics } from "./metrics";
import { Busy } from "./places";
import { Problem } from "./problem";

/** What the app needs of the process that it runs in. */
export interface Surroundings {
  /** The name in X-Worker, in a cluster the pod's. */
  readonly worker: string;
  readonly maxHeads: number;
  /** After this time a computation is given up with 504, in milliseconds. */
  readonly deadlineMs: number;
  readonly computer: Computer;
  /** False while the worker drains: it answers what reaches it, and asks for no more. */
  readonly accepting: () => boolean;
  readonly log: Log;
  readonly metrics: Metrics;
}

const ALLOW = new Map([
  ["/compute", "POST"],
  ["/", "GET, HEAD"],
  ["/healthz", "GET, HEAD"],
  ["/readyz", "GET, HEAD"],
]);

/** nginx's number for a request whose client left before the answer. */
const CLIENT_CLOSED_REQUEST = 499;
const clientLeft = () => new Problem(CLIENT_CLOSED_REQUEST, "the client left before the answer");

export function createApp({
  worker,
  maxHeads,
  deadlineMs,
  computer,
  accepting,
  log,
  metrics,
}: Surroundings): Hono<Env> {
  const app = new Hono<Env>();
  const answer = answering(worker, accepting, log, metrics);

  app.post(
    "/compute",
    answer((c, outcome) => {
      const { incoming } = c.env;
      const heads = readHeads(incoming.headers["content-type"], bodyOf(incoming), maxHeads);
      outcome.heads = heads;
      const reply = (flips: number): Answer => {
        outcome.flips = flips;
        // Two numbers need no serializer.
        const body = `{"heads_required":${heads},"total_flips":${flips}}`;
        return { status: 200, type: "application/json", body };
      };
      let deadline: AbortSignal | undefined;
      const flips = computer.compute(heads, () => {
        deadline = AbortSignal.timeout(deadlineMs);
        return AbortSignal.any([c.req.raw.signal, deadline]);
      });
      if (typeof flips === "number") return reply(flips);
      return flips.then(reply, (error: unknown) => {
        if (c.req.raw.signal.aborted) throw clientLeft();
        if (deadline?.aborted)
          throw new Problem(504, `no row of ${heads} heads came up within ${deadlineMs} ms; try again`);
        if (error instanceof Busy)
          throw new Problem(503, `${error.message}; try again in a second`, undefined, { "retry-after": "1" });
        throw error;
      });
    }),
  );

  app.get(
    "/",
    answer(() =>
      json({
        service: "coinflip",
        worker,
        usage: `POST /compute {"heads": N}, N an integer from 1 to ${maxHeads}: flips a coin until N heads in a row`,
      }),
    ),
  );
  app.get(
    "/healthz",
    answer(() => json({ status: "ok" }), "debug"),
  );
  app.get(
    "/readyz",
    answer(() => (accepting() ? json({ status: "ready" }) : json({ status: "draining" }, 503)), "debug"),
  );

  // Not by a handler for all methods: with two of them for a path, Hono answers by promises.
  app.notFound(
    answer((c) => {
      const { path, method } = c.req;
      const allow = ALLOW.get(path);
      if (allow === undefined) {
        const fault = { field: "path", value: path, allowed: "POST /compute, GET /, GET /healthz, GET /readyz" };
        throw new Problem(404, `there is nothing at ${path}; ask POST /compute`, fault);
      }
      const fault = { field: "method", value: method, allowed: allow };
      throw new Problem(405, `${path} answers to ${allow}, not to ${method}`, fault, { allow });
    }),
  );
  return app;
}

/** The request's body as text. */
function bodyOf({ rawBody }: RequestWithBody): string {
  if (rawBody === undefined) throw clientLeft();
  if (rawBody.length > MAX_BODY_BYTES) {
    throw new Problem(413, `the body must be at most ${MAX_BODY_BYTES} bytes`, {
      field: "body",
      value: `more than ${MAX_BODY_BYTES} bytes`,
      allowed: `at most ${MAX_BODY_BYTES} bytes`,
    });
  }
  return rawBody.toString();
}
