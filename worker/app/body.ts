import type { IncomingMessage, RequestListener } from "node:http";

export const MAX_BODY_BYTES = 1024;

/** A request with its body, or with the beginning of one that is too long; without, if the client left in the middle of it. */
export interface WithBody extends IncomingMessage {
  rawBody?: Buffer;
}

/**
 * Passes a request on once its body is here, so that what can be answered at once is answered without a promise:
 * those would be a quarter of a short request's time.
 */
export const withBody =
  (listener: RequestListener): RequestListener =>
  (request: WithBody, response) => {
    let body: Buffer | undefined;
    let passed = false;
    const pass = () => {
      if (passed) return;
      passed = true;
      listener(request, response);
    };
    const end = () => {
      request.rawBody = body ?? Buffer.alloc(0);
      pass();
    };
    request.on("data", (part: Buffer) => {
      if (passed) return;
      body = body === undefined ? part : Buffer.concat([body, part]);
      if (body.length > MAX_BODY_BYTES) end();
    });
    request.on("end", end);
    request.on("close", pass);
  };
