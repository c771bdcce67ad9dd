import { once } from "node:events";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { waitFor } from "../local/run";
import { connectTo, type WorkerProcess, WorkerProcesses } from "./support/workerProcess";

const workers = new WorkerProcesses();
let worker: WorkerProcess;
beforeAll(async () => {
  await workers.bundle();
  worker = await workers.listening();
});
afterAll(async () => {
  await workers.end();
  await workers.remove();
});

const head = (first: string, ...headers: string[]) =>
  [`${first} HTTP/1.1`, "host: worker", "content-type: application/json", ...headers, "", ""].join("\r\n");
const post = (body: string) => `${head("POST /compute", `content-length: ${body.length}`)}${body}`;

/** A connection, and what came by it. */
function open() {
  const client: Socket = connectTo(worker);
  let text = "";
  client.on("data", (data) => {
    text += data;
  });
  const statuses = () => [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));
  const answers = async (count: number) => {
    await waitFor(`${count} answers`, 5, async () => {
      if (statuses().length < count) throw new Error(text);
      return true;
    });
    return statuses();
  };
  return { client, answers, text: () => text };
}

test("requests that come in one piece are answered one after the other", async () => {
  const { client, answers, text } = open();
  client.write([1, 2, 3].map((heads) => post(`{"heads":${heads}}`)).join(""));
  expect(await answers(3)).toEqual([200, 200, 200]);
  client.destroy();
  const heads = [...text().matchAll(/"heads_required":(\d)/g)].map(([, count]) => count);
  expect(heads).toEqual(["1", "2", "3"]);
});

test("a request of any method may have a body; the next one begins after it", async () => {
  const { client, answers } = open();
  client.write(`${head("GET /healthz", "content-length: 5")}hello${head("PUT /compute", "content-length: 2")}hi`);
  client.write(`${head("GET /healthz")}${head("POST /compute")}`);
  expect(await answers(4)).toEqual([200, 405, 200, 400]);
  client.destroy();
});

test.each([
  ["in one piece", 3000],
  ["in two", 1500],
])("after a body that is too long and came %s, the connection serves on", async (_, first) => {
  const { client, answers } = open();
  const request = post(" ".repeat(3000));
  const border = request.length - 3000 + first;
  client.write(request.slice(0, border));
  expect(await answers(1)).toEqual([413]);
  client.write(request.slice(border));
  // What is left of it is waited for half a second.
  await sleep(700);
  client.write(post('{"heads":1}'));
  expect(await answers(2)).toEqual([413, 200]);
  client.destroy();
});

test("a connection that rests between its requests is kept", async () => {
  const { client, answers } = open();
  for (const count of [1, 2]) {
    client.write(post('{"heads":1}'));
    expect(await answers(count)).toHaveLength(count);
    // Longer than the half second that is given to a body after its answer.
    await sleep(700);
  }
  expect([await answers(2), client.closed]).toEqual([[200, 200], false]);
  client.destroy();
});

test("a client that leaves while more of a body than is wanted waits behind its slow request ends that one", async () => {
  const slow = await workers.listening({}, 60_000);
  const client = connectTo(slow);
  const long = head("POST /compute", "content-length: 400000") + " ".repeat(300_000);
  client.write(post('{"heads":8}'));
  client.write(long);
  await slow.line(({ status }) => status === 413);
  client.destroy();
  expect(await slow.line(({ status }) => status === 499)).toMatchObject({ heads: 8 });
});

test("who has the answer that a body is too long, and goes on sending it, is cut off", async () => {
  const { client, answers } = open();
  client.on("error", () => undefined);
  const closed = once(client, "close", { signal: AbortSignal.timeout(5_000) });
  client.write(`${head("POST /compute", "content-length: 1000000000")}${" ".repeat(2000)}`);
  expect(await answers(1)).toEqual([413]);
  const more = setInterval(() => client.write(" ".repeat(1000)), 50);
  await closed.finally(() => clearInterval(more));
});

test("whoever asks whether to send a body is told to; another expectation is refused", async () => {
  const { client, answers } = open();
  client.write(head("POST /compute", "content-length: 11", "expect: 100-continue"));
  expect(await answers(1)).toEqual([100]);
  client.write('{"heads":1}');
  expect(await answers(2)).toEqual([100, 200]);
  client.write(`${head("POST /compute", "content-length: 11", "expect: a-miracle")}{"heads":1}${post('{"heads":1}')}`);
  expect(await answers(4)).toEqual([100, 200, 417, 200]);
  client.destroy();
});

test.each([
  ["at once", "content-length: 100000", " ".repeat(1025)],
  ["in chunks", "transfer-encoding: chunked", `800\r\n${" ".repeat(0x800)}\r\n`],
])("a body that is too long and comes %s is refused before it has ended", async (_, length, body) => {
  const worker = await workers.listening();
  const client = connectTo(worker);
  client.write(head("POST /compute", length) + body);
  const [answer] = (await once(client, "data")) as [Buffer];
  client.destroy();
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 413 Payload Too Large\r\n/);
  expect(await worker.line(({ path }) => path === "/compute")).toMatchObject({ status: 413 });
});

test("a request and a body that come byte by byte are answered like any other", async () => {
  const worker = await workers.listening();
  const client = connectTo(worker);
  for (const byte of post('{"heads":8}')) {
    client.write(byte);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const [answer] = (await once(client, "data")) as [Buffer];
  client.destroy();
  expect(answer.toString()).toMatch(/\r\n\r\n\{"heads_required":8,"total_flips":\d+\}$/);
});

test("a client that leaves in the middle of its body is no fault of the worker's", async () => {
  const worker = await workers.listening();
  const client = connectTo(worker);
  client.write(`${head("POST /compute", "content-length: 100")}{"h`);
  await sleep(100);
  client.destroy();
  const { status } = await worker.line(({ path }) => path === "/compute");
  expect([status, worker.lines.filter(({ level }) => level === "error")]).toEqual([499, []]);
});
