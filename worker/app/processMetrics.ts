import type { Registry } from "prom-client";
import eventLoopLag from "prom-client/lib/metrics/eventLoopLag";
import heap from "prom-client/lib/metrics/heapSizeAndUsed";
import heapSpaces from "prom-client/lib/metrics/heapSpacesSizeAndUsed";
import memory from "prom-client/lib/metrics/osMemoryHeap";
import cpu from "prom-client/lib/metrics/processCpuTotal";
import maxFiles from "prom-client/lib/metrics/processMaxFileDescriptors";
import openFiles from "prom-client/lib/metrics/processOpenFileDescriptors";
import startTime from "prom-client/lib/metrics/processStartTime";
import version from "prom-client/lib/metrics/version";

/** How often it is measured how late the event loop is, in milliseconds. */
const LAG_EVERY_MS = 10;

/**
 * Collects prom-client's default metrics, but for those of active handles and requests, since connections are open files,
 * and for the time of garbage collections: Node.js makes an object of a shape of its own for each, and these take 3 KB of
 * the old generation until that is full.
 */
export function collectProcessMetrics(registry: Registry): void {
  eventLoopLag(registry, { eventLoopMonitoringPrecision: LAG_EVERY_MS });
  for (const collect of [cpu, startTime, memory, openFiles, maxFiles, heap, heapSpaces, version]) collect(registry);
}
