import { renderNginx } from "../../nginx/render";
import { type Timing, timingFor } from "../../worker/timing";
import { NginxRoot, whyNoNginx } from "./nginxRoot";

export const [FIRST, SECOND, ANY] = ["127.0.0.2", "127.0.0.3", "127.0.0.4"];
const RESOLV_CONF = "search coinflip.svc.cluster.local svc.cluster.local\nnameserver 127.0.0.1\n";

export const rendered = ({ rateLimit = 0, ...times }: { rateLimit?: number } & Partial<Timing> = {}) =>
  renderNginx({ balancing: "round-robin", cpu: 1, rateLimit, ...timingFor(30), ...times });

/** One nginx for the tests of a file, which are skipped with a printed reason where it cannot run. */
export function nginxWithWorkers(title: string) {
  const reason = whyNoNginx();
  if (reason !== undefined) process.stdout.write(`Skipped: ${title}. ${reason}\n`);
  const nginx = new NginxRoot();
  beforeAll(async () => {
    if (reason === undefined) await nginx.make();
  }, 120_000);
  afterEach(() => nginx.end());
  afterAll(() => nginx.remove());
  return {
    nginx,
    testHere: reason === undefined ? test : test.skip,
    /** Starts three workers, a DNS server with the names given, and nginx. */
    serve: async (config = rendered(), names: Record<string, string[]> = { worker: [FIRST, SECOND] }) => {
      await nginx.surround({ "worker-any": [ANY], ...names }, [FIRST, SECOND, ANY]);
      await nginx.serve(config, RESOLV_CONF);
    },
    compute: (headers: Record<string, string> = {}, body = '{"heads":3}') =>
      nginx.ask("/compute", { method: "POST", headers: { "content-type": "application/json", ...headers }, body }),
  };
}
