import { randomFillSync } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { hostname } from "node:os";
import { serve } from "@hono/node-server";
import pino from "pino";
import { createApp } from "./app";

/** Reads a whole number from the environment; worker.ts sets them all. */
function integer(name: string, fallback: number): number {
  const value = Number(process.env[name] ?? fallback);
  if (!Number.isInteger(value) || value < 0)
    throw new Error(`${name} must be a whole number, not ${process.env[name]}`);
  return value;
}

const port = integer("PORT", 5000);
const drainDelayMs = integer("DRAIN_DELAY_MS", 0);
const logger = pino({
  base: null,
  timestamp: pino.stdTimeFunctions.isoTime,
  formatters: { level: (level) => ({ level }) },
});
let draining = false;

const app = createApp({
  worker: hostname(),
  maxHeads: integer("MAX_HEADS", 32),
  deadlineMs: integer("DEADLINE_MS", 30_000),
  fill: randomFillSync,
  accepting: () => !draining,
  log: (level, line) => logger[level](line),
});

const server = serve({ fetch: app.fetch, port, serverOptions: { keepAliveTimeout: integer("KEEP_ALIVE_MS", 75_000) } });
server.on("listening", () => logger.info({ port, startMs: Math.round(performance.now()) }, "listening"));
server.on("error", (error) => {
  logger.fatal({ error: error.message }, "cannot listen");
  process.exit(1);
});

// Node.js counts a connection as idle only once it has had a request.
const unused = new Set<Socket>();
server.on("connection", (socket: Socket) => {
  unused.add(socket);
  socket.once("close", () => unused.delete(socket));
});
server.on("request", ({ socket }: IncomingMessage) => unused.delete(socket));

/** Not ready at once; still answering while the news spreads; then no new connections, and an exit with the last answer. */
function drain(signal: NodeJS.Signals): void {
  if (draining) return;
  draining = true;
  logger.info({ signal, drainDelayMs }, "draining");
  setTimeout(() => {
    server.close(() => {
      logger.info("drained");
      process.exit(0);
    });
    for (const socket of unused) socket.destroy();
  }, drainDelayMs);
}
process.on("SIGTERM", drain);
process.on("SIGINT", drain);
