import { styleText } from "node:util";

/** How a status looks: what is well, what the client is to blame for, what the service is. */
const colourOf = (status: number) => (status < 400 ? "green" : status < 500 ? "yellow" : "red");
const COLOURS = { worker: "cyan", nginx: "magenta" } as const;
export type Tier = keyof typeof COLOURS;

/** The fields of both tiers' logs that a person reads; nginx counts in seconds, and the worker in milliseconds. */
interface Fields {
  readonly time?: string;
  readonly status?: number;
  readonly method?: string;
  readonly path?: string;
  readonly ms?: number;
  readonly seconds?: number;
  readonly requestId?: string;
  readonly level?: string;
  readonly worker?: string;
  readonly msg?: string;
  readonly error?: string;
}

/** What a line of a log says; undefined if it is no object of JSON. */
export function parseLine(line: string): Fields | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line) as Fields;
  } catch {
    return undefined;
  }
}

/** A line of a pod's log for a terminal: time, tier, pod, status, method, path, milliseconds, request id; or what else it says. */
export function pretty(tier: Tier, pod: string, line: string): string {
  const fields = parseLine(line);
  // The Deployment's name is the tier's: the rest tells the pods apart.
  const from = `${styleText(COLOURS[tier], tier.padEnd(6))} ${styleText("dim", pod.replace(`${tier}-`, ""))}`;
  if (fields === undefined) return `${" ".repeat(8)} ${from} ${line}`;
  const { time = "", status, method = "", path = "", ms, seconds, requestId = "", level, ...others } = fields;
  const clock = new Date(time);
  const start = `${Number.isNaN(clock.getTime()) ? " ".repeat(8) : clock.toTimeString().slice(0, 8)} ${from}`;
  if (status === undefined) {
    const { error, msg, worker: _, ...rest } = others;
    const more = Object.entries(rest).map(([name, value]) => `${name}=${value}`);
    const said = [msg, ...more, requestId && styleText("dim", requestId), error].filter(Boolean).join(" ");
    return `${start} ${level === "info" ? said : styleText("red", said)}`;
  }
  const took = `${(ms ?? (seconds ?? 0) * 1000).toFixed(1).padStart(8)} ms`;
  return `${start} ${styleText(colourOf(status), String(status))} ${method.padEnd(4)} ${path} ${took} ${styleText("dim", requestId)}`;
}
