"""A large export through its job: rows a second, and the resident memory of the whole process at its peak.

10 million readings of 1,000 points lie in a DuckDB file in the order of arrival; the file that is asked for has them by
point and time. A process of its own has the platform, its HTTP surface and the desk of exports, without links: its peak
is what an export takes beside what a platform takes anyway. DuckDB's own `COPY` of the same rows in the same order, on
one thread and with all the memory that it likes, is what it is compared with.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

import barrio.commands  # noqa: F401 - which imports structlog as `barrio run` does
from barrio import memory
from barrio.api.app import create_app
from barrio.api.server import Server, bind
from barrio.assembly import load_all, profiles_folder
from barrio.platform import Platform
from barrio.service import remember, run_loop
from barrio.settings import Settings
from connectors.registry import Connectors
from tests import ROOT
from tests.bench.result import Result, print_results
from tests.bench.synthetic import write_registers
from tests.servers import free_port
from twin.clock import SystemClock
from twin.frame import Batch

ROWS, POINTS = 10_000_000, 1_000
EVERY_NS = 10_000_000_000
START = 1_764_000_000_000_000_000
AT_ONCE = 100
WITHIN_S = 300.0
MB = 1_000_000
COPY = """
COPY (
  SELECT s.path AS point, s.quantity, s.unit, make_timestamp_ns(r.time) AS time, r.value, q.reason AS quality
  FROM readings r JOIN series s ON s.id = r.series LEFT JOIN qualities q ON q.code = r.quality
  ORDER BY r.series, r.time
) TO '{file}' ({options})
"""
OPTIONS = {"parquet": "FORMAT parquet, COMPRESSION zstd", "csv": "FORMAT csv"}


def main() -> None:
    """Run and print."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        port = free_port()
        district = write_registers(Path(folder) / "bench", 8, POINTS // 8, port, "10s")
        run_loop(_filled(district, data))
        results = []
        for form, options in OPTIONS.items():
            job, peak = _exported(district, data, form)
            seconds = _seconds(job["started"], job["finished"])
            copied_s = _copied(data / "twin.duckdb", Path(folder) / f"copied.{form}", options)
            facts = {
                "rows": job["rows"],
                "seconds": round(seconds, 2),
                "mb": round(job["bytes"] / MB, 1),
                "duckdb_copy_s": round(copied_s, 2),
            }
            results += [
                Result(f"export_{form}_memory", round(peak / MB, 1), "MB", "<= 200", facts=facts),
                Result(f"export_{form}_rows", round(job["rows"] / seconds), "rows/s"),
                Result(f"export_{form}_to_duckdb_copy", round(seconds / copied_s, 2), "ratio"),
            ]
    print_results(results)


async def _serve(district: str, data: Path, http: str) -> None:
    """Be the process that exports, until it is terminated."""
    platform = _platform(district, Settings(data=data, listen=http))
    async with platform:
        listening = bind(platform.settings.address)
        server = Server(create_app(platform), listening)
        memory.settle()
        remember(platform, listening)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.run_until_stopped())
            tasks.create_task(platform.exports.run())


def _platform(district: str, settings: Settings) -> Platform:
    connectors = Connectors()
    found = load_all([district], Path(), connectors, profiles_folder())
    return Platform(found, settings, connectors, SystemClock())


async def _filled(district: Path, data: Path) -> None:
    platform = _platform(str(district), Settings(data=data))
    random = np.random.default_rng(1)
    async with platform:
        ids = np.array([one.id for one in platform.catalogue.series][:POINTS], np.int32)
        rounds = ROWS // len(ids)
        for first in range(0, rounds, AT_ONCE):
            at = np.arange(first, min(first + AT_ONCE, rounds))
            time_ns = np.repeat(START + at * EVERY_NS, len(ids))
            series = np.tile(ids, len(at))
            value = np.round(20 + 5 * np.sin(time_ns / 1e13 + series) + random.normal(0, 0.1, len(series)), 2)
            none = np.zeros(len(series), np.int64)
            platform.store.write(
                Batch(series, time_ns, time_ns + 40_000_000, none, value, np.zeros(len(series), np.uint8))
            )


def _exported(district: Path, data: Path, form: str) -> tuple[dict[str, Any], int]:
    """Return the job when it has ended, and the peak of resident memory in bytes."""
    http = f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "tests.bench.exports", str(district), str(data), http]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _until_ready(http)
            token = (data / "operator.token").read_text()
            body = {"under": "bench", "from": "2025-11-01", "to": "2025-12-31", "format": form}
            job = _asked(http, token, "exports", body)
            deadline = time.monotonic() + WITHIN_S
            while job["state"] in {"waiting", "running"}:
                if time.monotonic() > deadline:
                    raise TimeoutError(job)
                time.sleep(0.2)
                job = _asked(http, token, f"exports/{job['id']}")
            if job["state"] != "done" or job["rows"] != ROWS:
                raise ValueError(job)
            return job, _peak(process.pid)
        finally:
            process.terminate()
            process.wait(30)


def _until_ready(http: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"http://{http}/healthz", timeout=5).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


def _asked(http: str, token: str, path: str, body: object = None) -> dict[str, Any]:
    request = urllib.request.Request(
        f"http://{http}/api/v1/{path}",
        None if body is None else json.dumps(body).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - of this machine
        found: dict[str, Any] = json.load(answer)
        return found


def _peak(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text("utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    message = "the kernel does not say"
    raise ValueError(message)


def _seconds(start: str, stop: str) -> float:
    return float((np.datetime64(stop[:-1]) - np.datetime64(start[:-1])) / np.timedelta64(1, "s"))


def _copied(database: Path, file: Path, options: str) -> float:
    with duckdb.connect(str(database), read_only=True, config={"threads": "1"}) as connection:
        begun = time.monotonic()
        connection.execute(COPY.format(file=file, options=options))
        seconds = time.monotonic() - begun
    file.unlink()
    return seconds


if __name__ == "__main__":
    if len(sys.argv) > 1:
        run_loop(_serve(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
    else:
        main()
