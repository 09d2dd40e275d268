"""Resident memory of `barrio run` with 10,000 points live: 80 Modbus devices x 125 registers, polled each second.

The whole process counts: HTTP surface, spool, live twin, ledger, embedded DuckDB. It is read when all points have
been heard and the platform has stored for a while.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil

from tests import ROOT
from tests.bench.modbus_server import running
from tests.bench.result import RUNS, median_of, print_results
from tests.bench.synthetic import write_registers
from tests.servers import free_port

LINKS, REGISTERS = 80, 125
SETTLE_S, EVERY_S, START_S = 20.0, 4.0, 60.0


def main() -> None:
    """Run and print."""
    with tempfile.TemporaryDirectory() as folder, running(registers=REGISTERS, addresses=LINKS) as port:
        district = write_registers(Path(folder) / "bench", LINKS, REGISTERS, port, "1s")
        http = f"127.0.0.1:{free_port()}"
        barrio = Path(sys.executable).with_name("barrio")
        command = [str(barrio), "run", str(district), "--data", f"{folder}/data", "--listen", http]
        with subprocess.Popen(command, cwd=ROOT) as process:
            try:
                heard = _until_heard(http, Path(folder) / "data" / "operator.token")
                time.sleep(SETTLE_S)
                sizes = [_size(process.pid) for _ in range(RUNS)]
            finally:
                process.terminate()
                process.wait(30)
    print_results([median_of("memory_10000_points", "MB", "<= 160", sizes, points_heard=heard)])


def _until_heard(http: str, token: Path) -> int:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        time.sleep(0.5)
        try:
            shown = {"Authorization": f"Bearer {token.read_text()}"}
            request = urllib.request.Request(f"http://{http}/api/v1/status", None, shown)
            with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - of this machine
                points = json.load(answer)["points"]
        except OSError:
            continue
        if points["heard"] == points["configured"]:
            return int(points["heard"])
    message = f"not all points were heard within {START_S:.0f} s"
    raise TimeoutError(message)


def _size(pid: int) -> float:
    time.sleep(EVERY_S)
    return float(psutil.Process(pid).memory_info().rss) / 1e6


if __name__ == "__main__":
    main()
