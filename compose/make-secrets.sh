#!/usr/bin/env bash
# Makes the secrets that compose.yaml mounts, each once: what is there already is never touched.
#
# The folder is closed to everybody else on this machine (0700); the files in it can be read by whoever gets past it (0444).
# Compose mounts a secret as the file that it is, and the users in the containers (1000, 472, 10001) own no file here: with
# 0600 they could not read it. A container sees only the files that compose.yaml gives it.
set -euo pipefail
cd "$(dirname "$0")"

folder=${1:-secrets}
umask 077
mkdir -p "$folder" "$folder/districts"
chmod 0700 "$folder"
chmod 0755 "$folder/districts"

made=0
for name in influxdb-admin-password influxdb-admin-token grafana-admin-password grafana-secret-key; do
  if [ -e "$folder/$name" ]; then continue; fi
  part="$folder/.$name.$$"
  trap 'rm -f "$part"' EXIT
  # 32 random bytes as 64 hexadecimal digits: no character that a shell, a URL or YAML could take for something else.
  digits=$(od -An -v -N 32 -t x1 /dev/urandom | tr -d ' \n')
  if [ "${#digits}" -ne 64 ]; then
    echo "make-secrets: /dev/urandom gave too little" >&2
    exit 1
  fi
  printf %s "$digits" >"$part"
  chmod 0444 "$part"
  # A link fails where the name is taken meanwhile, so two that run at once make one secret.
  ln "$part" "$folder/$name" 2>/dev/null || true
  rm -f "$part"
  made=$((made + 1))
done
echo "make-secrets: $made made in $(pwd)/$folder"
