import { once } from "node:events";
import { createServer, type RequestListener, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { TogetherResponse } from "../worker/app/together";

let server: Server;
let url: string;
async function serve(listener: RequestListener) {
  server = createServer({ ServerResponse: TogetherResponse }, listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

test("responses of one turn of the event loop are written at its end, each to its own client", async () => {
  const waiting: ServerResponse[] = [];
  const written: boolean[][] = [];
  await serve(async (request, response) => {
    response.setHeader("x-path", request.url ?? "");
    waiting.push(response);
    if (waiting.length < 3) return;
    for (const each of waiting) each.end(`answer to ${each.getHeader("x-path")}`);
    written.push(waiting.map(({ headersSent }) => headersSent));
    await turn();
    written.push(waiting.map(({ headersSent }) => headersSent));
  });
  const paths = ["/one", "/two", "/three"];
  const texts = await Promise.all(paths.map(async (path) => (await fetch(`${url}${path}`)).text()));
  expect(texts).toEqual(paths.map((path) => `answer to ${path}`));
  expect(written).toEqual([
    [false, false, false],
    [true, true, true],
  ]);
});

test("one without a body is written, and one on the same connection after it", async () => {
  await serve((_, response) => void response.writeHead(204).end());
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(2));
  let text = "";
  socket.on("data", (data) => {
    text += data;
  });
  while (text.split("HTTP/1.1 204").length < 3) await turn();
  socket.destroy();
});

test("one whose client has left before the turn's end is written nowhere, and harms nobody", async () => {
  await serve((request, response) => {
    response.end("answer");
    if (request.url === "/left") request.socket.destroy();
  });
  await expect(fetch(`${url}/left`)).rejects.toThrow("fetch failed");
  expect(await (await fetch(url)).text()).toBe("answer");
});
