#!/usr/bin/env bash
# The real peers that tests run against. Installs the missing ones where it may; else says which tests will be left out.
# Starts nothing: the tests start and stop their own servers, on loopback and free ports.
set -euo pipefail
cd "$(dirname "$0")/.."

# package | what finds it | what needs it: the same table as tests/servers.py.
missing() {
  command -v influxd >/dev/null || echo "influxdb|the InfluxDB store"
  command -v victoria-metrics >/dev/null || echo "victoria-metrics|line protocol on a second store"
  command -v coap-client-openssl coap-client-notls coap-client >/dev/null || echo "libcoap3-bin|CoAP with another implementation"
  command -v mosquitto /usr/sbin/mosquitto >/dev/null || echo "mosquitto|MQTT with a real broker"
  [ -e /usr/include/modbus/modbus.h ] || echo "libmodbus-dev|Modbus with another implementation"
  command -v cc gcc >/dev/null || echo "gcc libc6-dev|Modbus with another implementation"
  command -v chromium chromium-browser google-chrome >/dev/null || echo "chromium|the console in a real browser"
  python3 -c 'import ensurepip' >/dev/null 2>&1 || echo "python3-venv|SensorThings with the clients of others"
  command -v node >/dev/null && command -v npm >/dev/null || echo "nodejs npm|OPC UA with another implementation"
  command -v curl >/dev/null || echo "curl|the examples of the page for utilities"
  command -v Rscript >/dev/null && [ -e /usr/lib/R/site-library/jsonlite/DESCRIPTION ] ||
    echo "r-base-core r-cran-jsonlite|the examples of the page for utilities in R"
}

# What npm brings stands in a folder that git ignores: exactly what the lock names, without running its scripts.
npm_peer() {
  local installed=$1/node_modules/.barrio-installed
  command -v node >/dev/null && command -v npm >/dev/null || return 0
  cmp -s "$1/package-lock.json" "$installed" && return 0
  if (cd "$1" && npm ci --ignore-scripts --omit=dev --no-audit --no-fund >&2); then
    cp "$1/package-lock.json" "$installed"
  else
    printf 'barrio: tests left out: %s (npm ci in %s failed)\n' "$2" "$1" >&2
  fi
}

# What pip brings with pins of its own stands in an environment of its own: exactly what the lock names.
pip_peer() {
  local installed=$1/.venv/.barrio-installed
  cmp -s "$1/requirements.lock" "$installed" && return 0
  if "${PYTHON:-.venv/bin/python}" -m venv --clear "$1/.venv" >&2 &&
    "$1/.venv/bin/python" -m pip --no-input --disable-pip-version-check install --quiet --require-hashes -r "$1/requirements.lock" >&2; then
    cp "$1/requirements.lock" "$installed"
  else
    printf 'barrio: tests left out: %s (pip install in %s failed)\n' "$2" "$1" >&2
  fi
}

lines=$(missing)
if [ -n "$lines" ]; then
  # shellcheck disable=SC2046 -- one word a package
  tools/apt.sh $(cut -d'|' -f1 <<<"$lines") || true
  lines=$(missing)
fi
npm_peer tests/peers/node-opcua "OPC UA with another implementation"
npm_peer tests/peers/powerquery "the query for Excel of the page for utilities"
pip_peer tests/peers/sta-clients "SensorThings with the clients of others"
pip_peer tests/peers/openapi-client "a client that is made of the OpenAPI file"
[ -n "$lines" ] || exit 0
while IFS='|' read -r packages tests; do
  printf 'barrio: tests left out: %s (as root: apt-get install %s)\n' "$tests" "$packages" >&2
done <<<"$lines"
