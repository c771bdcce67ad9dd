// Run as `node -e TEXT TARGETS`, in a pod, in a node or on the host: tries all targets at once and prints the outcomes as JSON.
// TARGETS is JSON: for the name of each target its host, its port, and whether it is a DNS server to query over UDP.
const { Resolver } = require("node:dns").promises;
const { connect } = require("node:net");

/** A policy drops packets: the client sees no answer and no error. */
const timeout = 3000;

const overTcp = ({ host, port }) =>
  new Promise((resolve) => {
    const socket = connect({ host, port, timeout });
    const end = (outcome) => {
      socket.destroy();
      resolve(outcome);
    };
    socket.once("connect", () => end("yes"));
    socket.once("timeout", () => end("no"));
    socket.once("error", ({ code }) => end(code));
  });

const overDns = async ({ host, port }) => {
  const resolver = new Resolver({ timeout, tries: 1 });
  resolver.setServers([`${host}:${port}`]);
  return resolver.resolve4("kubernetes.default.svc.cluster.local").then(
    () => "yes",
    ({ code }) => (code === "ETIMEOUT" ? "no" : code),
  );
};

const targets = Object.entries(JSON.parse(process.argv[1]));
Promise.all(targets.map(async ([name, target]) => [name, await (target.dns ? overDns(target) : overTcp(target))])).then(
  (outcomes) => console.log(JSON.stringify(Object.fromEntries(outcomes))),
);
