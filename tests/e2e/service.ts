/** One answer of the service, with the headers that say who gave it. */
export interface Answer {
  readonly status: number;
  readonly worker: string | null;
  readonly requestId: string | null;
  readonly body: unknown;
}

/** The URL of POST /compute, as `npm run up` has printed it. */
export const endpointOf = (output: string) => /^http:\/\/localhost:\d+\/compute$/m.exec(output)?.[0] ?? "no endpoint";

/** Asks for `heads` heads in a row. */
export async function compute(endpoint: string, heads: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(endpoint, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ heads }),
    signal: AbortSignal.timeout(10_000),
  });
  const { status } = response;
  const header = (name: string) => response.headers.get(name);
  return { status, worker: header("x-worker"), requestId: header("x-request-id"), body: await response.json() };
}

/** The workers that answered `count` requests, one after the other. */
export async function workersOf(endpoint: string, count: number): Promise<string[]> {
  const names: string[] = [];
  for (let i = 0; i < count; i++) names.push((await compute(endpoint, 3)).worker ?? "none");
  return names;
}

/** Waits until `check` no longer throws; after `seconds` it throws what `check` threw last. */
export async function eventually(seconds: number, check: () => Promise<void>): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Sends requests without a pause until stopped; tells how many were sent and which were not answered with 200. */
export function steadyRequests(endpoint: string): { readonly stop: () => Promise<{ sent: number; lost: string[] }> } {
  let stopped = false;
  let sent = 0;
  const lost: string[] = [];
  const client = async () => {
    while (!stopped) {
      sent++;
      const outcome = await compute(endpoint, 3).then(
        ({ status }) => String(status),
        (error: Error) => error.message,
      );
      if (outcome !== "200") lost.push(outcome);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const clients = [client(), client()];
  return {
    stop: async () => {
      stopped = true;
      await Promise.all(clients);
      return { sent, lost };
    },
  };
}
