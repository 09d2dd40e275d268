#!/usr/bin/env bash
# Makes .venv with a Python of 3.11 or newer, unless a working one is there. Prints one line if it cannot.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'barrio: %s\n' "$*" >&2; }

works() { .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' && .venv/bin/python -m pip --version; }
if works >/dev/null 2>&1; then exit 0; fi

python=
for candidate in "${PYTHON:-python3.11}" python3 python3.12 python3.13 /usr/bin/python3; do
  # Run it: a name on the PATH may be a shim without a Python behind it.
  if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
    python=$candidate
    break
  fi
done
if [ -z "$python" ]; then
  say "needs Python 3.11 or newer (on Debian 12: apt-get install python3 python3-venv)"
  exit 1
fi

# Debian keeps ensurepip in a package of its own.
if ! "$python" -c 'import ensurepip' >/dev/null 2>&1; then
  tools/apt.sh python3-venv || true
  if ! "$python" -c 'import ensurepip' >/dev/null 2>&1; then
    say "this Python cannot make a virtual environment; as root: apt-get install python3-venv"
    exit 1
  fi
fi
say "making .venv with $("$python" --version)"
"$python" -m venv --clear .venv
