import { createApp, type Surroundings } from "../../worker/app/app";
import type { RequestWithBody } from "../../worker/app/body";
import type { RandomBits } from "../../worker/app/coinflip";
import { Computer } from "../../worker/app/compute";
import { Metrics } from "../../worker/app/metrics";
import { coinsOf } from "./coins";

export type Line = Record<string, unknown> & { readonly level: string };
export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly header: (name: string) => string | null;
}

export const MAX_HEADS = 8;

/** The app, with coins that say tails, five heads, two tails: three heads in a row take four flips. */
export function setUp({
  fill = (block) => block.fill(0b0011_1110),
  maxConcurrent = 4,
  ...surroundings
}: Partial<Surroundings> & { readonly fill?: RandomBits; readonly maxConcurrent?: number } = {}) {
  const computer = new Computer(coinsOf(fill), maxConcurrent);
  const metrics = new Metrics(computer);
  const lines: Line[] = [];
  const app = createApp({
    worker: "worker-7",
    maxHeads: MAX_HEADS,
    deadlineMs: 5_000,
    computer,
    accepting: () => true,
    log: (level, line) => void lines.push({ level, ...line }),
    metrics,
    ...surroundings,
  });
  const ask = async (path: string, init?: RequestInit): Promise<Answer> => {
    // As the server passes it on, with headers and body beside it.
    const request = new Request("http://worker", init);
    const rawBody = Buffer.from(await request.arrayBuffer());
    const incoming = { headers: Object.fromEntries(request.headers), rawBody } as unknown as RequestWithBody;
    const response = await app.request(path, init, { incoming });
    return { status: response.status, text: await response.text(), header: (name) => response.headers.get(name) };
  };
  const compute = (body: BodyInit | null, init: RequestInit = {}) =>
    ask("/compute", {
      method: "POST",
      body,
      ...init,
      headers: { "content-type": "application/json", ...init.headers },
    });
  return { lines, ask, compute, metrics };
}

/** A problem as RFC 9457 writes it. */
export const problem = (status: number, title: string, detail: string, fault: object = {}) => ({
  type: "about:blank",
  title,
  status,
  detail,
  ...fault,
});

/** What a problem says, once its status and media type are as they must be. */
export function problemOf({ status, text, header }: Answer): unknown {
  const body = JSON.parse(text) as { status: number };
  expect({ status, type: header("content-type") }).toEqual({ status: body.status, type: "application/problem+json" });
  return body;
}
