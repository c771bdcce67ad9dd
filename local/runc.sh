#!/bin/sh
# The OCI runtime of the Docker engine that `up` starts on a host without CAP_SYS_RESOURCE: runc, but without that capability.
# Otherwise `docker run --privileged`, which asks for all capabilities, fails with "unable to apply caps".
specification= previous=
for argument; do
  case $previous in
  --bundle | -b) specification=$argument/config.json ;;
  --process | -p) specification=$argument ;;
  esac
  previous=$argument
done
[ -z "$specification" ] || sed -i -e 's/,"CAP_SYS_RESOURCE"//g' -e 's/"CAP_SYS_RESOURCE",//g' "$specification"
exec runc "$@"
