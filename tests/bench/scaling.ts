import type { BenchCluster } from "./cluster";
import type { Bench } from "./context";
import { type Result, ratio, rounds } from "./measure";
import { load } from "./wrk";

/** Of each worker, a tenth of a core: four are far below the least of machines, and nginx and wrk have what they need. */
const CPU = "100m";
/** Rows of so many heads are the workers' work, and hardly nginx's or wrk's. */
const HEADS = 22;
/** For each worker: enough to last while its share of a tenth of a second is used up. */
const CONNECTIONS = 64;

/** Whether workers add up: stacks of 1, 2 and 4 of them, so small that the machine is never full. */
export async function scaling({ say, peer }: Bench, cluster: BenchCluster): Promise<Result[]> {
  const stacks = [1, 2, 4].map((workers, index) => ({
    workers,
    namespace: `bench-scaling-${workers}`,
    port: 30083 + index,
  }));
  say(`scaling, stacks of 1, 2 and 4 workers with ${CPU} each`);
  const urls = new Map<number, string>();
  const rendered = await Promise.all(
    stacks.map(({ namespace, workers, port }) =>
      cluster.render(namespace, {
        workers: String(workers),
        nodePort: String(port),
        loadBalancers: "1",
        maxConcurrent: "1000",
        workerCpu: CPU,
      }),
    ),
  );
  for (const [index, { namespace }] of stacks.entries()) {
    await cluster.apply(namespace, rendered[index] ?? []);
  }
  for (const { namespace, workers, port } of stacks) urls.set(workers, await cluster.ready(namespace, port));
  const ask = async (workers: number, seconds: number) => {
    const url = urls.get(workers) ?? "";
    return (await load({ url, heads: HEADS, seconds, connections: CONNECTIONS * workers, timeoutSeconds: 60 })).rate;
  };
  say("scaling, warming up");
  await Promise.all(stacks.map(({ workers }) => ask(workers, 20)));
  const values = await rounds(
    5,
    { one: () => ask(1, 3), two: () => ask(2, 3), four: () => ask(4, 3) },
    { onRound: (round) => say(`scaling, round ${round + 1}`) },
  );
  for (const [workers, rates] of Object.entries(values)) peer(`scaling: ${workers}, ${CPU} each`, rates, "requests/s");
  return [
    ratio("scaling/2", "requests/s", values.two, values.one, 2),
    ratio("scaling/4", "requests/s", values.four, values.one, 4),
  ];
}
