/**
 * A valid traceparent of any version (https://www.w3.org/TR/trace-context/#traceparent-header), and in it the trace id:
 * version 00 ends where later ones may go on, ff is none, and ids of zeros are none. nginx.conf has the same.
 */
const TRACEPARENT =
  /^(?=00.{53}$|(?!00|ff)..-.{52}(?:$|-))[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}/;

/** The id of the trace that the client wants the request to be part of; undefined if there is none. */
export const traceIdOf = (traceparent: string | string[] | undefined): string | undefined =>
  typeof traceparent === "string" ? TRACEPARENT.exec(traceparent)?.[1] : undefined;
