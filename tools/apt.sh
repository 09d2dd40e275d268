#!/usr/bin/env bash
# apt.sh PACKAGE...: installs Debian packages if this user may (root, or sudo without a password); else fails in silence.
# Nothing that is installed gets started: a package may bring a service, and we only want its program.
set -euo pipefail

command -v apt-get >/dev/null || exit 1
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  sudo -n true 2>/dev/null </dev/null || exit 1
  as_root=(sudo -n)
fi

policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap '"${as_root[@]}" rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
fi

apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 "$@" </dev/null >&2; }
printf 'barrio: apt-get install %s\n' "$*" >&2
apt install --yes --no-install-recommends "$@" 2>/dev/null || { apt update && apt install --yes --no-install-recommends "$@"; }
