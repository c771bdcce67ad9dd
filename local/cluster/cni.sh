# How pods get a network (https://www.cni.dev): the folder of the plugins, and what node.sh calls once the API server is ready.
cni_bin=/usr/lib/cni

connect_pods() {
  # ptp: pods are routed, not bridged, so Services work without the br_netfilter module.
  cat >"$conf/cni/10-ptp.conflist" <<JSON
{"cniVersion": "0.4.0", "name": "ptp", "plugins": [
  {"type": "ptp", "ipMasq": true,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.244.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
JSON
}
