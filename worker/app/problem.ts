import { STATUS_CODES } from "node:http";
import type { Answer } from "./answer";

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

  answer(): Answer {
    const { status, detail, fault, headers } = this;
    const body = { type: "about:blank", title: STATUS_CODES[status] ?? "Error", status, detail, ...fault };
    return { status, type: "application/problem+json", body: JSON.stringify(body), headers };
  }
}
