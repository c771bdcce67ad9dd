#!/bin/sh
# Writes the parts of nginx's configuration that only the pod knows, from its own resolv.conf, and becomes nginx.
#
# Usage: start.sh CONFIG HOST PORT LISTEN_PORT DNS_VALID_SECONDS   (HOST is NAME.NAMESPACE.svc)
set -eu
config=$1 host=$2 port=$3 listen=$4 valid=$5

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
echo "listen $listen;" >/tmp/listen.conf
if read -r _ 2>/dev/null </proc/net/if_inet6; then echo "listen [::]:$listen;" >>/tmp/listen.conf; fi
exec nginx -c "$config" -g 'daemon off;'
