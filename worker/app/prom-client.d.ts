/** One of prom-client's default metrics, or a few that go together. */
declare module "prom-client/lib/metrics/*" {
  const collect: (registry: import("prom-client").Registry, options?: { eventLoopMonitoringPrecision: number }) => void;
  export default collect;
}
