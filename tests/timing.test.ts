import { readFileSync } from "node:fs";
import { type Timing, timingFor } from "../worker/timing";

describe.each([1, 30, 300])("with a deadline of %i s", (deadline) => {
  const timing = timingFor(deadline);

  test.each<[longer: keyof Timing, shorter: keyof Timing, why: string]>([
    ["read", "deadline", "the worker's own 504 arrives before nginx gives up"],
    ["workerKeepAlive", "proxyKeepAlive", "nginx never sends a request into a connection that the worker closes"],
    ["drainDelay", "dnsValid", "nginx has forgotten a worker before it stops to answer"],
    ["drainDelay", "connect", "a worker that stops is still there for a connection that has begun"],
    ["drainDelay", "drainSeen", "nginx has time to close kept connections after an answer"],
    ["read", "connect", "trying another worker leaves time for an answer"],
    ["read", "retry", "a request is asked again only if its worker was lost, and not if it takes long"],
  ])("%s is longer than %s, so that %s", (longer, shorter) => {
    expect(timing[longer]).toBeGreaterThan(timing[shorter]);
  });

  test("a worker's grace holds the delay, and the longest computation that begins within it", () => {
    expect(timing.grace).toBeGreaterThan(timing.drainDelay + timing.deadline);
  });

  test("nginx's grace holds its delay, and the longest answer that it may still wait for", () => {
    expect(timing.grace).toBeGreaterThan(timing.drainDelay + timing.retry + timing.read);
  });

  test("there is time for each try to find that its worker is gone, and for the Service of all after them", () => {
    const tries = Number(/proxy_next_upstream_tries (\d+);/.exec(readFileSync("nginx/nginx.conf", "utf8"))?.[1]);
    expect(timing.retry).toBeGreaterThan(tries * timing.connect);
    expect(timing.retry).toBeLessThan(10); // nginx.conf compares its one digit.
  });

  test("the grace of an nginx that is asked by its node is longer by its longer delay, which holds three checks of a load balancer outside", () => {
    expect(timing.nodeGrace - timing.nodeDrainDelay).toBe(timing.grace - timing.drainDelay);
    expect(timing.nodeDrainDelay).toBeGreaterThanOrEqual(3 * 10);
  });

  test("nginx asks for the addresses at least twice while a worker drains", () => {
    expect(timing.drainDelay).toBeGreaterThanOrEqual(2 * timing.dnsValid);
  });

  test("every time is a whole number of seconds, as nginx and Kubernetes take them", () => {
    for (const [name, seconds] of Object.entries(timing)) {
      expect([name, Number.isInteger(seconds) && seconds > 0]).toEqual([name, true]);
    }
  });
});
