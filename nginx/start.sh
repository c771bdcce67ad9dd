#!/bin/sh
# Writes the parts of nginx's configuration that only the pod knows, from its own resolv.conf, and becomes nginx.
#
# Usage: start.sh CONFIG HOST FALLBACK_HOST PORT DNS_VALID_SECONDS LISTEN…
# Hosts are NAME.NAMESPACE.svc; each LISTEN is a port, and what nginx's `listen` takes beside it.
set -eu
config=$1 host=$2 fallback=$3 port=$4 valid=$5
shift 5

# Left by the container that this one stands in for: where the kubelet restarts it, /tmp stays.
rm -f /tmp/draining

resolvers='' domain=''
while read -r key value rest; do
  case "$key" in
    nameserver)
      case "$value" in *:*) value="[$value]" ;; esac
      resolvers="$resolvers $value"
      ;;
    search)
      # A pod's search list has svc.DOMAIN in it, whatever the cluster's domain is, and after it what the node searches.
      for suffix in $value $rest; do
        case "$suffix" in svc.*) domain=${domain:-${suffix#svc.}} ;; esac
      done
      ;;
  esac
done </etc/resolv.conf
if [ -z "$resolvers" ] || [ -z "$domain" ]; then
  echo "start.sh: /etc/resolv.conf names no name server or no svc.DOMAIN to search; is this a pod with dnsPolicy ClusterFirst?" >&2
  exit 1
fi

echo "resolver$resolvers valid=${valid}s;" >/tmp/resolver.conf
echo "server $host.$domain:$port resolve max_fails=3 fail_timeout=5s;" >/tmp/upstream.conf
echo "server $fallback.$domain:$port resolve;" >/tmp/fallback.conf
ipv6=''
if read -r _ 2>/dev/null </proc/net/if_inet6; then ipv6=1; fi
for listen; do
  echo "listen $listen;"
  if [ -n "$ipv6" ]; then echo "listen [::]:$listen;"; fi
done >/tmp/listen.conf
exec nginx -c "$config" -g 'daemon off;'
