import { type IncomingMessage, ServerResponse } from "node:http";

/** Answered in this turn of the event loop, and written at its end. */
let answered: TogetherResponse[] = [];

function writeAll(): void {
  const all = answered;
  answered = [];
  for (const response of all) response.writeNow();
}

/**
 * Responses that are written one right after the other, once all requests that have come in are answered. Who waits for
 * them is on another core: written one by one, each would wake it up anew, which costs more than the request. (Netty's
 * FlushConsolidationHandler does the same.)
 */
export class TogetherResponse<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> {
  private last: unknown[] | undefined;

  override end(...last: unknown[]): this {
    this.last = last;
    if (answered.length === 0) setImmediate(writeAll);
    answered.push(this);
    return this;
  }

  writeNow(): void {
    super.end(...(this.last as Parameters<ServerResponse["end"]>));
  }
}
