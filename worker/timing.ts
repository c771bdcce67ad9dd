/** How long everything waits when pods come and go, in whole seconds. */
export type Timing = ReturnType<typeof timingFor>;

/**
 * All waits in one place, because each bounds another; tests/timing.test.ts asserts the inequalities.
 *
 * @param deadline after so many seconds a computation is given up
 */
export function timingFor(deadline: number) {
  /** A worker that is told to stop answers new requests for this long: nginx and kube-proxy hear of it only then. */
  const drainDelay = 3;
  /** So does an nginx that a load balancer outside asks by its node: that one hears of it by its own checks, some 10 s apart. */
  const nodeDrainDelay = 30;
  /** nginx waits for a worker's answer: longer than the deadline, so that the worker's own 504 arrives. */
  const read = deadline + 5;
  /** A request whose worker is lost is asked of another one, but not after this: then the client has waited enough. */
  const retry = 5;
  /** The longest wait for an answer, the last try's, and what is left to write. */
  const finish = retry + read + 2;
  return {
    deadline,
    drainDelay,
    nodeDrainDelay,
    /** nginx finds within this that its pod drains: it looks that seldom, not for each request. */
    drainSeen: 1,
    read,
    retry,
    /** nginx asks for the workers' addresses again after this, whatever the record's own lifetime (`resolver … valid=`). */
    dnsValid: 1,
    /** An address that does not accept a connection by then belongs to no worker any more; nginx asks another one. */
    connect: 1,
    /** nginx closes an idle connection to a worker after this … */
    proxyKeepAlive: 60,
    /** … and the worker later, so that nginx never sends a request into a connection that is being closed. */
    workerKeepAlive: 75,
    /** The whole stop: the delay, and what is under way when it is over. */
    grace: drainDelay + finish,
    nodeGrace: nodeDrainDelay + finish,
  };
}
