#!/usr/bin/env bash
# The one node of a local cluster. cluster.ts starts it as the first process of its own PID, mount, network, UTS and IPC
# namespaces, so that all it makes (processes, mounts, interfaces, iptables rules) ends with it.
#
# Usage: node.sh STATE_DIR BIN_DIR NAME NODE_IP GATEWAY_IP CGROUP
set -euo pipefail
# The programs of the node talk to each other alone.
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
state=$1 bin=$2 name=$3 ip=$4 gateway=$5 cgroup=$6
export PATH="$bin:$PATH"
source "$(dirname "$0")/cni.sh"
pki=$state/pki log=$state/log conf=$state/conf
mkdir -p "$log" "$conf/cni" "$state/etcd" "$state/overlay"

# Whatever the node writes outside its own folder lands in a layer of that folder.
mount --make-rprivate /
for dir in /etc /var/lib; do
  layer=$state/overlay$dir
  mkdir -p "$layer/upper" "$layer/work"
  mount -t overlay -o "lowerdir=$dir,upperdir=$layer/upper,workdir=$layer/work" overlay "$dir"
done
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/log
hostname "$name"
printf '127.0.0.1 localhost\n%s %s\n' "$ip" "$name" >/etc/hosts
# Empty: the host's name server is out of reach in here, and kubelet would wait for it.
: >/etc/resolv.conf

ip link set lo up
until ip link show eth0 >/dev/null 2>&1; do sleep 0.02; done
ip address add "$ip/30" dev eth0
ip link set eth0 up
ip route add default via "$gateway"
echo 1 >/proc/sys/net/ipv4/ip_forward

cat >"$conf/containerd.toml" <<TOML
version = 2
root = "$state/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.grpc.v1.cri.v1.images.zfs"]
[grpc]
  address = "$state/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "coinflip.local/pause:1"
  # Without CAP_SYS_RESOURCE a process may not lower its oom_score_adj.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$cni_bin"
    conf_dir = "$conf/cni"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "$state/certs.d"
TOML

cat >"$conf/kubeadm.yaml" <<YAML
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: $(kubectl version --client -o json | sed -n 's/.*"gitVersion": "\(.*\)".*/\1/p')
clusterName: $name
certificatesDir: $pki
encryptionAlgorithm: ECDSA-P256
networking: {serviceSubnet: 10.96.0.0/16, podSubnet: 10.244.0.0/24, dnsDomain: cluster.local}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: $ip, bindPort: 6443}
nodeRegistration: {name: $name, criSocket: "unix://$state/containerd.sock"}
YAML

cat >"$conf/kubelet.yaml" <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $pki/ca.crt}}
authorization: {mode: Webhook}
containerRuntimeEndpoint: unix://$state/containerd.sock
cgroupDriver: cgroupfs
cgroupRoot: $cgroup
failCgroupV1: false
failSwapOn: false
clusterDNS: [10.96.0.10]
clusterDomain: cluster.local
volumePluginDir: $state/kubelet/plugins
# The disk is the machine's: no eviction and no image garbage collection because others have filled it.
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%}
imageGCHighThresholdPercent: 100
YAML

cat >"$conf/proxy.yaml" <<YAML
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: {kubeconfig: $conf/proxy.conf}
clusterCIDR: 10.244.0.0/24
# Zeros leave the kernel's connection tracking, which is shared with the host, as it is.
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
YAML

start() { # start NAME COMMAND…: in the background, with a log of its own
  local program=$1
  shift
  "$@" >"$log/$program.log" 2>&1 &
  echo "$! $program" >>"$state/programs"
}

start containerd containerd --config "$conf/containerd.toml"
# No fsync: a local cluster starts from an empty folder each time.
start etcd etcd --data-dir "$state/etcd" --unsafe-no-fsync --listen-peer-urls http://127.0.0.1:2380
kubeadm init phase certs all --config "$conf/kubeadm.yaml" >"$log/kubeadm.log" 2>&1
start kube-apiserver kube-apiserver --advertise-address="$ip" --bind-address="$ip" --etcd-servers=http://127.0.0.1:2379 \
  --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" --client-ca-file="$pki/ca.crt" \
  --kubelet-client-certificate="$pki/apiserver-kubelet-client.crt" --kubelet-client-key="$pki/apiserver-kubelet-client.key" \
  --kubelet-preferred-address-types=InternalIP --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
  --service-cluster-ip-range=10.96.0.0/16 --service-account-issuer=https://kubernetes.default.svc.cluster.local \
  --service-account-key-file="$pki/sa.pub" --service-account-signing-key-file="$pki/sa.key" \
  --proxy-client-cert-file="$pki/front-proxy-client.crt" --proxy-client-key-file="$pki/front-proxy-client.key" \
  --requestheader-client-ca-file="$pki/front-proxy-ca.crt" --requestheader-allowed-names=front-proxy-client \
  --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group \
  --requestheader-extra-headers-prefix=X-Remote-Extra-
kubeadm init phase kubeconfig all --config "$conf/kubeadm.yaml" --kubeconfig-dir "$conf" >>"$log/kubeadm.log" 2>&1
kubeadm kubeconfig user --config "$conf/kubeadm.yaml" --client-name system:kube-proxy >"$conf/proxy.conf" 2>>"$log/kubeadm.log"
until kubectl --kubeconfig "$conf/super-admin.conf" get --raw /readyz >/dev/null 2>&1; do sleep 0.1; done
# Before kubelet looks whether there is a network, for it looks again only after 5 s.
connect_pods

start kube-controller-manager kube-controller-manager --kubeconfig="$conf/controller-manager.conf" --bind-address=127.0.0.1 \
  --root-ca-file="$pki/ca.crt" --service-account-private-key-file="$pki/sa.key" --use-service-account-credentials --leader-elect=false \
  --allocate-node-cidrs --cluster-cidr=10.244.0.0/24
start kube-scheduler kube-scheduler --kubeconfig="$conf/scheduler.conf" --bind-address=127.0.0.1 --leader-elect=false
# The kubelet would set these, which are the whole machine's. It finds what it wants, and leaves them alone.
for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
  kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
  file=$conf/${setting//\//-}
  echo "${setting#*=}" >"$file"
  mount --bind "$file" "/proc/sys/${setting%=*}"
done
start kubelet kubelet --config="$conf/kubelet.yaml" --kubeconfig="$conf/kubelet.conf" --root-dir="$state/kubelet" \
  --cert-dir="$state/kubelet/pki" --hostname-override="$name" --node-ip="$ip"
start kube-proxy kube-proxy --config="$conf/proxy.yaml" --hostname-override="$name"

# A node of which a part is missing is worse than none: say which one ended, and end.
wait -n -p ended || true
echo "$(sed -n "s/^$ended //p" "$state/programs") has ended; the node ends with it" >&2
