/**
 * How long everything waits when pods come and go, in seconds, in one place because each bounds another;
 * tests/timing.test.ts asserts the inequalities.
 */
export const timing = {
  /** nginx asks for the workers' addresses again after this, whatever the record's own lifetime (`resolver … valid=`). */
  dnsValid: 1,
  /** A worker that is told to stop answers new requests for this long: nginx and kube-proxy hear of it only then. */
  drainDelay: 3,
  /** A computation is given up after this. */
  deadline: 30,
  /** An address that does not accept a connection by then belongs to no worker any more; nginx asks another one. */
  connect: 1,
  /** nginx waits for a worker's answer: longer than the deadline, so that the worker's own 504 arrives. */
  read: 35,
  /** nginx closes an idle connection to a worker after this … */
  proxyKeepAlive: 60,
  /** … and the worker later, so that nginx never sends a request into a connection that is being closed. */
  workerKeepAlive: 75,
  /** The whole stop: the delay, the longest computation, and what is left to write. */
  grace: 40,
} as const;
