import * as pulumi from "@pulumi/pulumi";
import { LoadBalancer, type LoadBalancerArgs } from "../nginx/loadBalancer";
import { timingFor } from "../worker/timing";

type Exposure = Partial<Pick<LoadBalancerArgs, "tls" | "ingress" | "gateway">>;
const urlWith = async (
  serviceType: LoadBalancerArgs["serviceType"],
  host: string,
  address?: object,
  more: Exposure = {},
) => {
  const newResource = ({ name, inputs }: pulumi.runtime.MockResourceArgs) => ({
    id: name,
    state: { ...inputs, ...(address && { status: { loadBalancer: { ingress: [address] } } }) },
  });
  await pulumi.runtime.setMocks({ newResource, call: () => ({}) }, "coinflip");
  const { url } = new LoadBalancer("nginx", {
    namespace: "coinflip",
    image: "nginx:1.30.6",
    replicas: 1,
    upstream: { host: "worker.coinflip.svc", anyHost: "worker-any.coinflip.svc", port: 5000, labels: {} },
    balancing: "round-robin",
    cpu: 1,
    rateLimit: 0,
    timing: timingFor(30),
    serviceType,
    nodePort: 30080,
    httpsNodePort: 30443,
    tls: undefined,
    ingress: undefined,
    gateway: undefined,
    ...more,
    host,
    nodeHost: "10.90.0.2",
  });
  const known = await new Promise((resolve) => void url.apply(resolve));
  await pulumi.runtime.disconnect(); // Waits for what is still being registered.
  return known;
};
test.each<[of: string, LoadBalancerArgs["serviceType"], string, object | undefined, string]>([
  ["a NodePort is a node's", "NodePort", "", undefined, "http://10.90.0.2:30080"],
  ["a NodePort takes the host that is set", "NodePort", "localhost", undefined, "http://localhost:30080"],
  ["a load balancer is its address", "LoadBalancer", "", { ip: "203.0.113.7" }, "http://203.0.113.7"],
  ["a load balancer is its name", "LoadBalancer", "", { hostname: "lb.example.com" }, "http://lb.example.com"],
  ["a load balancer on IPv6 is in brackets", "LoadBalancer", "", { ip: "2001:db8::7" }, "http://[2001:db8::7]"],
  [
    "a load balancer takes the host that is set",
    "LoadBalancer",
    "coin.example.com",
    { ip: "203.0.113.7" },
    "http://coin.example.com",
  ],
])("the URL of %s", async (_, serviceType, host, ingress, url) => {
  expect(await urlWith(serviceType, host, ingress)).toBe(url);
});

test.each<[of: string, LoadBalancerArgs["serviceType"], object | undefined, string]>([
  ["a NodePort", "NodePort", undefined, "https://coin.example.com:30443"],
  ["a load balancer", "LoadBalancer", { ip: "203.0.113.7" }, "https://coin.example.com"],
  ["a ClusterIP", "ClusterIP", undefined, "https://coin.example.com"],
])("the URL of %s with TLS has the certificate's host, and the port of https", async (_, serviceType, ingress, url) => {
  expect(await urlWith(serviceType, "coin.example.com", ingress, { tls: { secret: "coinflip-tls" } })).toBe(url);
});

test.each<[of: string, Exposure, string]>([
  ["an Ingress", { ingress: { host: "coin.example.com" } }, "http://coin.example.com"],
  ["an Ingress with TLS", { ingress: { host: "coin.example.com", tls: "its-own" } }, "https://coin.example.com"],
  ["a Gateway", { gateway: { name: "g", hostnames: ["a.example.com", "b.example.com"] } }, "http://a.example.com"],
  [
    "a Gateway that speaks https",
    { gateway: { name: "g", hostnames: ["a.example.com"], scheme: "https" } },
    "https://a.example.com",
  ],
])("the URL of %s has its host, whatever the Service", async (_, exposure, url) => {
  for (const type of ["NodePort", "ClusterIP", "LoadBalancer"] as const)
    expect(await urlWith(type, "", { ip: "203.0.113.7" }, exposure)).toBe(url);
});
