#!/bin/sh
# Installs Debian packages, as root and where there is apt; says nothing unless it fails. Usage: scripts/apt.sh package…
set -eu
[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 || exit 1
export DEBIAN_FRONTEND=noninteractive
said=$({ apt-get update -qq; apt-get install -y -qq --no-install-recommends "$@"; } 2>&1) && exit 0
echo "$said" >&2
exit 1
