// A plain worker: Hono as its documentation shows it, and a loop around Math.random.
import { serve } from "@hono/node-server";
import { Hono } from "hono";

const app = new Hono();

app.post("/compute", async (c) => {
  const { heads: required } = await c.req.json();
  let heads = 0;
  let flips = 0;
  while (heads < required) {
    flips++;
    heads = Math.random() < 0.5 ? heads + 1 : 0;
  }
  return c.json({ heads_required: required, total_flips: flips });
});

serve({ fetch: app.fetch, port: Number(process.argv[2]), hostname: "127.0.0.1" });
