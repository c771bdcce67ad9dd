import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { requestId } from "hono/request-id";
import type { RandomBits } from "./coinflip";
import { compute } from "./compute";
import { readHeads } from "./heads";
import { Problem } from "./problem";

/** What the app needs of the process that it runs in. */
export interface Surroundings {
  /** The name in X-Worker, in a cluster the pod's. */
  readonly worker: string;
  readonly maxHeads: number;
  /** After this time a computation is given up with 504, in milliseconds. */
  readonly deadlineMs: number;
  readonly fill: RandomBits;
  /** False while the worker drains: it answers what reaches it, and asks for no more. */
  readonly accepting: () => boolean;
  readonly log: (level: "debug" | "info" | "error", line: Record<string, unknown>) => void;
}

type Env = { Variables: { requestId: string; heads?: number; flips?: number } };

const MAX_BODY_BYTES = 1024;
/** nginx's number for a request whose client left before the answer. */
const CLIENT_CLOSED_REQUEST = 499;
const clientLeft = () => new Problem(CLIENT_CLOSED_REQUEST, "the client left before the answer");
const PROBES = new Set(["/healthz", "/readyz"]);

export function createApp(surroundings: Surroundings): Hono<Env> {
  const { worker, maxHeads, deadlineMs, fill, accepting, log } = surroundings;
  const app = new Hono<Env>();

  app.use(requestId(), async (c, next) => {
    const start = performance.now();
    await next();
    c.header("X-Worker", worker);
    // The proxy keeps connections open: closed one by one after an answer, none is cut under a request.
    if (!accepting()) c.header("Connection", "close");
    log(PROBES.has(c.req.path) ? "debug" : "info", {
      requestId: c.var.requestId,
      worker,
      method: c.req.method,
      path: c.req.path,
      heads: c.var.heads,
      flips: c.var.flips,
      ms: Number((performance.now() - start).toFixed(3)),
      status: c.res.status,
    });
  });

  app.get("/", (c) =>
    c.json({
      service: "coinflip",
      worker,
      usage: `POST /compute {"heads": N}, N an integer from 1 to ${maxHeads}: flips a coin until N heads in a row`,
    }),
  );
  app.get("/healthz", (c) => c.json({ status: "ok" }));
  app.get("/readyz", (c) => (accepting() ? c.json({ status: "ready" }) : c.json({ status: "draining" }, 503)));

  const limit = bodyLimit({
    maxSize: MAX_BODY_BYTES,
    onError: () => {
      throw new Problem(413, `the body must be at most ${MAX_BODY_BYTES} bytes`, {
        field: "body",
        value: `more than ${MAX_BODY_BYTES} bytes`,
        allowed: `at most ${MAX_BODY_BYTES} bytes`,
      });
    },
  });
  app.post("/compute", limit, async (c) => {
    const heads = readHeads(c.req.header("content-type"), await c.req.text(), maxHeads);
    c.set("heads", heads);
    const client = c.req.raw.signal;
    const deadline = AbortSignal.timeout(deadlineMs);
    try {
      const flips = await compute(heads, fill, AbortSignal.any([client, deadline]));
      c.set("flips", flips);
      return c.json({ heads_required: heads, total_flips: flips });
    } catch (error) {
      if (client.aborted) throw clientLeft();
      if (deadline.aborted)
        throw new Problem(504, `no row of ${heads} heads came up within ${deadlineMs} ms; try again`);
      throw error;
    }
  });

  for (const [path, allow] of [
    ["/compute", "POST"],
    ["/", "GET, HEAD"],
    ["/healthz", "GET, HEAD"],
    ["/readyz", "GET, HEAD"],
  ] as const) {
    app.all(path, (c) => {
      const fault = { field: "method", value: c.req.method, allowed: allow };
      throw new Problem(405, `${path} answers to ${allow}, not to ${c.req.method}`, fault, { allow });
    });
  }
  app.notFound((c) => {
    const fault = { field: "path", value: c.req.path, allowed: "POST /compute, GET /, GET /healthz, GET /readyz" };
    return new Problem(404, `there is nothing at ${c.req.path}; ask POST /compute`, fault).answer(c);
  });
  app.onError((error, c) => {
    if (error instanceof Problem) return error.answer(c);
    if (c.req.raw.signal.aborted) return clientLeft().answer(c); // In the middle of its body.
    log("error", { requestId: c.var.requestId, worker, error: error.stack });
    return new Problem(500, "the worker failed; its log has the details under this request's id").answer(c);
  });
  return app;
}
