"""A whole platform in a process of its own, on one core: synthetic links at a fixed pace, and its HTTP surface.

Prints where it answers and with which token, then runs until its standard input ends. What is measured is measured
from outside, over sockets, by `running`'s caller on another core.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from barrio.api.server import address, bind
from barrio.platform import Platform
from barrio.service import keep, run_loop
from barrio.settings import Listen, Settings
from connectors.registry import Connectors
from tests import ROOT
from tests.bench.synthetic import Pace, SyntheticConnector, write_district
from twin.clock import SystemClock
from twin.model.loader import load_district


@dataclass(frozen=True, slots=True)
class Served:
    """Where it answers, with which token, and the process."""

    host: str
    port: int
    token: str
    pid: int

    def cpu_s(self) -> float:
        """CPU seconds of the process so far."""
        threads = Path(f"/proc/{self.pid}/task").iterdir()
        return sum(int((one / "schedstat").read_text("utf-8").split()[0]) for one in threads) / 1e9

    def received(self) -> int:
        """Readings that the platform took in so far, by its own account."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        try:
            connection.request("GET", "/api/v1/status", headers={"Authorization": f"Bearer {self.token}"})
            return int(json.loads(connection.getresponse().read())["readings"]["received"])
        finally:
            connection.close()

    def rss_mb(self) -> float:
        """Resident memory of the process."""
        words = Path(f"/proc/{self.pid}/statm").read_text("utf-8").split()
        return int(words[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def cores() -> tuple[int, int]:
    """Return the core of the server and that of the client; the same one where there is only one."""
    known = sorted(os.sched_getaffinity(0))
    return known[0], known[-1]


@contextmanager
def running(devices: int, points: int, per_second: float) -> Iterator[Served]:
    """Run a server on its core; this process is put on the other one."""
    server, client = cores()
    os.sched_setaffinity(0, {client})
    command = [
        sys.executable,
        "-m",
        "tests.bench.live_server",
        *map(str, (server, devices, points, per_second)),
    ]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            found = json.loads(process.stdout.readline())
            yield Served(found["host"], found["port"], found["token"], process.pid)
        finally:
            process.stdin.close()
            process.wait(30)


async def serve(devices: int, points: int, per_second: float) -> None:
    """Serve until standard input ends."""
    with tempfile.TemporaryDirectory() as folder:
        connectors = Connectors({})
        connectors.add(SyntheticConnector(Pace(per_second=per_second)))
        district = load_district(write_district(Path(folder) / "bench", devices, points), connectors, [])
        listening = bind(Listen("127.0.0.1", 0))
        async with Platform(
            [district], Settings(data=Path(folder) / "data"), connectors, SystemClock()
        ) as platform:
            stop, loop = asyncio.Event(), asyncio.get_running_loop()
            threading.Thread(target=_wait, args=(loop, stop), daemon=True).start()
            loop.call_later(1.0, _tell, platform, address(listening))
            await keep(platform, listening, stop)
        listening.close()


def _wait(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    sys.stdin.read()
    loop.call_soon_threadsafe(stop.set)


def _tell(platform: Platform, url: str) -> None:
    host, _, port = url.rpartition("/")[2].partition(":")
    print(json.dumps({"host": host, "port": int(port), "token": platform.token}), flush=True)


def main() -> None:
    """Serve as the arguments say: core, devices, points of each, readings a second."""
    core, devices, points, per_second = sys.argv[1:]
    os.sched_setaffinity(0, {int(core)})
    run_loop(serve(int(devices), int(points), float(per_second)))


if __name__ == "__main__":
    main()
