"""The demo as compose holds it, without docker: what a container takes away is taken away by the kernel's own means."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests import ROOT

# A network with nothing but a loopback, and no IPv6 on it; everything read-only but one folder in memory, which stands
# for the container's /tmp; no capability, and none to be gained. What root has of them goes with the program that is
# run next, since the bounding set is empty.
HELD = """
set -e
ip link set lo up
echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6 || true
mount --make-rprivate /
mount -t tmpfs -o mode=1777,size=256m tmpfs "$TMPDIR"
while read -r place; do
  case "$place" in "$TMPDIR"|/proc*|/sys*|/dev*) ;; *) mount -o remount,bind,ro "$place" 2>/dev/null || true ;; esac
done <<PLACES
$(cut -d' ' -f2 /proc/self/mounts)
PLACES
if touch "$OUTSIDE/written" 2>/dev/null; then echo "$OUTSIDE can be written" >&2; exit 70; fi
exec setpriv --no-new-privs --bounding-set=-all --inh-caps=-all -- "$@"
"""
DEMO = """
import sys
from pathlib import Path
from tests.barrio.processes import demo

words = ("--listen", "0.0.0.0:8080", "--no-story")
done = demo(*words, cwd=Path(sys.argv[1]), until=lambda one: one["devices"]["heard"] == one["devices"]["configured"])
sys.stderr.write(done.stderr)
sys.stdout.write(done.stdout)
raise SystemExit(done.returncode)
"""
TOOLS = ("unshare", "setpriv", "ip", "mount")


def possible():
    """Whether this user may make namespaces here."""
    if os.geteuid() != 0 or not all(shutil.which(one) for one in TOOLS):
        return False
    command = ["unshare", "--net", "--mount", "sh", "-c", "mount --make-rprivate / && ip link set lo up"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not possible(), reason="namespaces need root, util-linux and iproute2")
def test_the_demo_reaches_its_devices_on_a_loopback_of_its_own(tmp_path):
    """Every device is heard and the books balance: no capability, no IPv6, no file but in one folder is asked for."""
    command = ["unshare", "--net", "--mount", "sh", "-c", HELD, "held"]
    command += [sys.executable, "-c", DEMO, str(tmp_path)]
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONDONTWRITEBYTECODE": "1",
        "OUTSIDE": str(ROOT),
        "HOME": "/",
        "TMPDIR": str(tmp_path),
    }
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    body = json.loads(done.stdout.splitlines()[-1])
    assert body["balanced"]
    assert body["devices"]["heard"] == body["devices"]["configured"]
    assert all(seconds is not None for seconds in body["first_stored_s"].values())
