import { IncomingMessage, type RequestListener, type ServerResponse } from "node:http";

export const MAX_BODY_BYTES = 1024;
const EMPTY = Buffer.alloc(0);

/**
 * A request that is passed on once its body is here, so that what can be answered at once is answered without a promise.
 * It takes the body from Node.js's parser part by part: a stream's events would be a fifth of a short request's time.
 */
export class RequestWithBody extends IncomingMessage {
  /** The body, or the beginning of one that is too long; without, if the client left in the middle of it. */
  rawBody: Buffer | undefined;
  private received: Buffer | undefined;
  // Not in a closure for each request: V8 promotes those, and what they hold is garbage that stays for long.
  private listener: RequestListener | undefined;
  private response: ServerResponse | undefined;

  passTo(listener: RequestListener, response: ServerResponse): void {
    this.listener = listener;
    this.response = response;
  }

  override push(part: Buffer | null): boolean {
    // What Node.js refuses by itself is its own to read.
    if (this.response === undefined) return super.push(part);
    // The rest of a body that is too long is thrown away, but for its end, for which node-server waits half a second.
    if (this.rawBody !== undefined) return part === null ? super.push(null) : true;
    if (part === null) {
      this._read(0); // Or Node.js would, once there is an answer, read a body that nobody wanted.
      this.pass(this.received ?? EMPTY);
      return false;
    }
    this.received = this.received === undefined ? part : Buffer.concat([this.received, part]);
    if (this.received.length > MAX_BODY_BYTES) this.pass(this.received);
    return true;
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (this.rawBody === undefined) this.pass(undefined);
    super._destroy(error, done);
  }

  private pass(body: Buffer | undefined): void {
    const { listener, response } = this;
    this.rawBody = body;
    if (listener !== undefined && response !== undefined) listener(this, response);
  }
}

// For node-server, which cuts connections on which more is to come. TypeScript lets no accessor override a property.
Object.defineProperty(RequestWithBody.prototype, "readableEnded", {
  get(this: IncomingMessage) {
    return this.complete;
  },
});

export const withBody =
  (listener: RequestListener) =>
  (request: RequestWithBody, response: ServerResponse): void =>
    request.passTo(listener, response);
