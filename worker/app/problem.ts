import { STATUS_CODES } from "node:http";
import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";

/** What is wrong with one value of a request, in fields that a program can read. */
export interface Fault {
  readonly field: string;
  readonly value: unknown;
  readonly allowed: string;
}

/** An answer that is an error, as RFC 9457 (Problem Details for HTTP APIs) writes it. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly detail: string,
    readonly fault?: Fault,
    readonly headers?: Readonly<Record<string, string>>,
  ) {
    super(detail);
  }

  answer(c: Context): Response {
    const { status, detail, fault } = this;
    const body = { type: "about:blank", title: STATUS_CODES[status] ?? "Error", status, detail, ...fault };
    return c.body(JSON.stringify(body), status as ContentfulStatusCode, {
      ...this.headers,
      "content-type": "application/problem+json",
    });
  }
}
