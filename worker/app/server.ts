import { randomFillSync } from "node:crypto";
import { createServer, type RequestListener, type ServerOptions } from "node:http";
import type { Socket } from "node:net";
import { hostname } from "node:os";
import { createAdaptorServer } from "@hono/node-server";
import { createApp } from "./app";
import { RequestWithBody, withBody } from "./body";
import { Coins } from "./coinflip";
import { Computer } from "./compute";
import find from "./find.wat";
import { Output } from "./log";
import { answerMetrics, Metrics } from "./metrics";
import { TogetherResponse } from "./together";

/** Reads a whole number from the environment; worker.ts sets them all. */
function integer(name: string, fallback: number): number {
  const value = Number(process.env[name] ?? fallback);
  if (!Number.isInteger(value) || value < 0)
    throw new Error(`${name} must be a whole number, not ${process.env[name]}`);
  return value;
}

const port = integer("PORT", 5000);
/** For Prometheus only, beside the service's; 0 is any free one. */
const metricsPort = integer("METRICS_PORT", 9464);
const drainDelayMs = integer("DRAIN_DELAY_MS", 0);
const output = new Output();
const { log } = output;
const exit = (code: number) => output.end(() => process.exit(code));
let draining = false;

const computer = new Computer(new Coins(find, randomFillSync), integer("MAX_CONCURRENT", 64));
const metrics = new Metrics(computer);
metrics.watchProcess();
const app = createApp({
  worker: hostname(),
  maxHeads: integer("MAX_HEADS", 32),
  deadlineMs: integer("DEADLINE_MS", 30_000),
  computer,
  accepting: () => !draining,
  log,
  metrics,
});

const server = createAdaptorServer({
  fetch: app.fetch,
  createServer: ((options: ServerOptions, listener: RequestListener) =>
    createServer(
      { ...(options as object), IncomingMessage: RequestWithBody, ServerResponse: TogetherResponse },
      withBody(listener),
    )) as typeof createServer,
  serverOptions: { keepAliveTimeout: integer("KEEP_ALIVE_MS", 75_000) },
});
// Node.js's own backlog of 511 loses connections when thousands come at once; their clients try again after a second.
server.listen({ port, backlog: 4096 });
server.on("listening", () => log("info", { port, startMs: Math.round(performance.now()), msg: "listening" }));
// It is never closed: a worker that drains is watched until it is gone.
const metricsServer = createServer(answerMetrics(metrics)).listen(metricsPort);
for (const each of [server, metricsServer]) {
  each.on("error", (error) => {
    log("fatal", { error: error.message, msg: "cannot listen" });
    exit(1);
  });
}

const connections = new Set<Socket>();
server.on("connection", (socket: Socket) => {
  connections.add(socket);
  socket.once("close", () => connections.delete(socket));
});

/** Not ready at once; still answering while the news spreads; then no new connections, and an exit with the last answer. */
function drain(signal: NodeJS.Signals): void {
  if (draining) return;
  draining = true;
  log("info", { signal, drainDelayMs, msg: "draining" });
  setTimeout(() => {
    server.close(() => {
      log("info", { msg: "drained" });
      exit(0);
    });
    // Node.js counts a connection as idle only once it has had a request.
    for (const socket of connections) if (socket.bytesRead === 0) socket.destroy();
  }, drainDelayMs);
}
process.on("SIGTERM", drain);
process.on("SIGINT", drain);
