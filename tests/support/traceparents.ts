const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT = "00f067aa0ba902b7";

/** Headers by what they are, with the trace id that is in them; undefined if they are not valid. */
export const TRACEPARENTS: readonly (readonly [what: string, header: string, traceId: string | undefined])[] = [
  ["sampled", `00-${TRACE}-${PARENT}-01`, TRACE],
  ["not sampled", `00-${TRACE}-${PARENT}-00`, TRACE],
  ["of a later version", `cc-${TRACE}-${PARENT}-01`, TRACE],
  ["of a later version that says more", `01-${TRACE}-${PARENT}-01-what-will-be`, TRACE],
  ["of a later version that goes on without a dash", `01-${TRACE}-${PARENT}-01.what`, undefined],
  ["of version 00 that says more", `00-${TRACE}-${PARENT}-01-what`, undefined],
  ["of the version that is none", `ff-${TRACE}-${PARENT}-01`, undefined],
  ["with a trace id of zeros", `00-${"0".repeat(32)}-${PARENT}-01`, undefined],
  ["with a parent id of zeros", `00-${TRACE}-${"0".repeat(16)}-01`, undefined],
  ["in capitals", `00-${TRACE.toUpperCase()}-${PARENT}-01`, undefined],
  ["too short", `00-${TRACE.slice(1)}-${PARENT}-01`, undefined],
  ["that is nothing of the kind", "hello", undefined],
];
