# One image that stands in for all that kubeadm starts as pods: the control plane, etcd, kube-proxy, CoreDNS and pause.
# The build context holds bin/, the programs built from their Go modules, and root.tar, Debian's iptables and conntrack.
FROM scratch
ADD root.tar /
COPY bin/ /usr/local/bin/
RUN cd /usr/local/bin \
 && for name in kube-apiserver kube-controller-manager kube-scheduler kube-proxy; do ln -s kube $name; done \
  # Debian's packages leave these links to their scripts, which have not run.
 && cd /usr/sbin \
 && for name in iptables ip6tables; do for end in "" -save -restore; do ln -s xtables-nft-multi $name$end; done; done
# The manifests of CoreDNS and of pause name no command: CoreDNS has arguments, pause has none.
ENTRYPOINT ["/bin/sh", "-c", "if [ $# = 0 ]; then exec pause; else exec coredns \"$@\"; fi", "sh"]
