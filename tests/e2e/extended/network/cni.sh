# Cilium in the place of local/cluster/cni.sh: it enforces NetworkPolicies. CILIUM is the folder of what cilium.ts has built.
# Its operator is not needed on one node; kube-proxy stays.
cni_bin=$CILIUM

connect_pods() {
  kubectl --kubeconfig "$conf/super-admin.conf" apply --server-side -f "$CILIUM/crds" >"$log/crds.log"
  # Cilium would set these for the whole machine, not for this node alone.
  for setting in unprivileged_bpf_disabled timer_migration; do
    mount --bind "/proc/sys/kernel/$setting" "/proc/sys/kernel/$setting"
    mount -o remount,bind,ro "/proc/sys/kernel/$setting"
  done
  mkdir -p /run/cilium/bpf /run/cilium/cgroupv2
  mount -t bpf bpf /run/cilium/bpf
  PATH="$CILIUM:$PATH" start cilium daemon --k8s-kubeconfig-path="$conf/super-admin.conf" --lib-dir="$CILIUM" \
    --bpf-root=/run/cilium/bpf --cgroup-root=/run/cilium/cgroupv2 --ipam=kubernetes --identity-allocation-mode=crd \
    --routing-mode=native --ipv4-native-routing-cidr=10.244.0.0/24 --enable-ipv6=false --enable-l7-proxy=false \
    --enable-hubble=false --enable-health-checking=false --enable-endpoint-health-checking=false
  # The plugin waits for the agent.
  echo '{"cniVersion": "0.4.0", "name": "cilium", "plugins": [{"type": "cilium-cni"}]}' >"$conf/cni/cilium.conflist"
}
