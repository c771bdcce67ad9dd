// Raw node:http: with "constant" the ceiling of the runtime, else the same JSON work as the worker's, with a plain loop.
import { createServer } from "node:http";

const [port, mode] = process.argv.slice(2);

function flipsUntil(required) {
  let heads = 0;
  let flips = 0;
  while (heads < required) {
    flips++;
    heads = Math.random() < 0.5 ? heads + 1 : 0;
  }
  return flips;
}

const constant = '{"heads_required":3,"total_flips":14}';

function answer(request, response) {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const { heads } = JSON.parse(Buffer.concat(chunks).toString());
    send(response, JSON.stringify({ heads_required: heads, total_flips: flipsUntil(heads) }));
  });
}

function answerConstant(request, response) {
  request.resume();
  send(response, constant);
}

function send(response, body) {
  response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
  response.end(body);
}

createServer(mode === "constant" ? answerConstant : answer).listen(Number(port), "127.0.0.1");
