import { createApp, type Surroundings } from "../../worker/app/app";

export type Line = Record<string, unknown> & { readonly level: string };
/** What a request may have, a body that comes in pieces among it. */
export type Init = RequestInit & { readonly duplex?: "half" };
export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly header: (name: string) => string | null;
}

export const MAX_HEADS = 8;

/** The app, with coins that say tails, five heads, two tails: three heads in a row take four flips. */
export function setUp(surroundings: Partial<Surroundings> = {}) {
  const lines: Line[] = [];
  const app = createApp({
    worker: "worker-7",
    maxHeads: MAX_HEADS,
    deadlineMs: 5_000,
    fill: (block) => void block.fill(0b0011_1110),
    accepting: () => true,
    log: (level, line) => void lines.push({ level, ...line }),
    ...surroundings,
  });
  const ask = async (path: string, init?: Init): Promise<Answer> => {
    const response = await app.request(path, init);
    return { status: response.status, text: await response.text(), header: (name) => response.headers.get(name) };
  };
  const compute = (body: BodyInit | null, init: Init = {}) =>
    ask("/compute", {
      method: "POST",
      body,
      ...init,
      headers: { "content-type": "application/json", ...init.headers },
    });
  return { lines, ask, compute };
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
