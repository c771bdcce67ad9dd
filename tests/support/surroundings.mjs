// What a pod's nginx has around it: cluster DNS at 127.0.0.1, and workers that tell who was asked, and how.
// Usage: node surroundings.mjs '{"names": {"worker": ["127.0.0.2"]}, "workers": ["127.0.0.2"]}'
import { createSocket } from "node:dgram";
import { createServer } from "node:http";
import packet from "dns-packet";

const { names, workers } = JSON.parse(process.argv[2]);

const dns = createSocket("udp4");
dns.on("message", (message, { port, address }) => {
  const { id, questions } = packet.decode(message);
  const [{ name, type }] = questions;
  const addresses = type === "A" ? (names[name.split(".")[0]] ?? []) : [];
  const answers = addresses.map((data) => ({ type: "A", name, ttl: 30, data }));
  dns.send(packet.encode({ type: "response", id, questions, answers }), port, address);
});
await new Promise((resolve) => dns.bind(53, "127.0.0.1", resolve));

for (const address of workers) {
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (data) => (body += data));
    request.on("end", () => {
      const { method, url, httpVersion, headers } = request;
      const answer = () => response.end(JSON.stringify({ address, method, url, httpVersion, headers, body }));
      // Held back for as long as the client asks.
      setTimeout(answer, Number(headers["x-hold-ms"] ?? 0));
    });
  });
  await new Promise((resolve) => server.listen(5000, address, resolve));
}
console.log("ready");
