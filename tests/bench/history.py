"""History over real HTTP: what the API costs over the bare columns, and over the store's own answer.

- `history_json_10000` is the requests/s of 10,000 points as JSON over those of a bare ASGI handler, on the same
  uvicorn, that serialises the same numpy columns with orjson; the store's answer is kept in memory, since the bare
  handler asks no store. `history_json_10000_stored` is the same with the store asked each time. The runs of the two
  alternate, so that what else the machine does falls on both. `history_naive_10000` is a pydantic model a row.
- `history_day_by_minutes` is the time of one point, one day, 1-minute means, over that of the store's own query;
  `history_hundred_points` that of 100 points, 30 days, hourly.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import numpy as np

from barrio.api.app import create_app
from barrio.moments import rfc3339
from barrio.platform import Platform
from barrio.settings import Settings
from connectors.registry import Connectors
from tests import ROOT
from tests.bench.history_server import EVERY_S, READINGS, district_in, prepare
from tests.bench.result import RUNS, Result, median_of, print_results
from tests.bench.synthetic import Pace, SyntheticConnector, write_district
from twin.clock import NS, SystemClock
from twin.folder import DataFolder
from twin.frame import Batch
from twin.model.district import District
from twin.model.loader import load_district
from twin.store.duckdb import DuckDBStore
from twin.store.port import Aggregate
from twin.store.windows import edges

if TYPE_CHECKING:
    from starlette.types import ASGIApp

CLIENTS = 2
SECONDS = 1.5
START = 1_780_000_000 * NS // (86_400 * NS) * (86_400 * NS)
ASKS = 15
DAYS = 30


@contextlib.contextmanager
def served(folder: Path) -> Iterator[int]:
    """Run the server; yields its port."""
    command = [sys.executable, "-m", "tests.bench.history_server", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def requests_per_second(port: int, target: str, accept: str = "*/*") -> float:
    """Return how many requests two clients that stay connected get answered in a second."""
    counts = [0] * CLIENTS
    until = time.monotonic() + SECONDS

    def run(number: int) -> None:
        with socket.create_connection(("127.0.0.1", port)) as peer:
            while time.monotonic() < until:
                _exchange(peer, target, accept)
                counts[number] += 1

    threads = [threading.Thread(target=run, args=(number,)) for number in range(CLIENTS)]
    begun = time.monotonic()
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return sum(counts) / (time.monotonic() - begun)


def _exchange(peer: socket.socket, target: str, accept: str) -> None:
    peer.sendall(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: {accept}\r\n\r\n".encode())
    head = b""
    while b"\r\n\r\n" not in head:
        head += peer.recv(65_536)
    head, _, body = head.partition(b"\r\n\r\n")
    if b" 200 " not in head:
        raise RuntimeError(head + body)
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    left = int(length.split(b":")[1]) - len(body)
    buffer = bytearray(1 << 20)
    while left > 0:
        left -= peer.recv_into(buffer, min(left, len(buffer)))


def over_http(folder: Path) -> None:
    """Measure requests per second."""
    district, _ = district_in(folder)
    path = prepare(folder / "data", district, START)[0]
    stop = START + READINGS * EVERY_S * NS
    query = urlencode({"point": path, "from": rfc3339(START), "to": rfc3339(stop)})
    targets = {
        "bare": "/bare/json",
        "held": f"/held/api/v1/history?{query}",
        "stored": f"/api/v1/history?{query}",
        "naive": "/naive",
        "bare_arrow": "/bare/arrow",
        "held_arrow": f"/held/api/v1/history?{query}&format=arrow",
    }
    runs: dict[str, list[float]] = {name: [] for name in targets}
    with served(folder) as port:
        for number in range(RUNS + 1):
            for name, target in targets.items():
                found = requests_per_second(port, target)
                if number:
                    runs[name].append(found)
    rates = {f"{name}_per_s": round(float(np.median(some))) for name, some in runs.items()}
    print_results(
        [
            _ratio("history_json_10000", ">= 0.5", runs["held"], runs["bare"], **rates),
            _ratio("history_json_10000_stored", "", runs["stored"], runs["bare"]),
            _ratio("history_naive_10000", "", runs["naive"], runs["bare"]),
            _ratio("history_arrow_10000", ">= 0.5", runs["held_arrow"], runs["bare_arrow"]),
        ]
    )


def _ratio(name: str, asked: str, ours: Sequence[float], theirs: Sequence[float], **facts: object) -> Result:
    return median_of(name, "x", asked, [a / b for a, b in zip(ours, theirs, strict=True)], **facts)


async def over_store(folder: Path) -> None:
    """Measure questions against the store's own answer to the same one."""
    connectors = Connectors({})
    connectors.add(SyntheticConnector(Pace()))
    district = load_district(write_district(folder / "bench", 10, 10), connectors, [])
    settings = Settings(data=folder / "data")
    _fill(folder / "data", district)
    async with Platform([district], settings, connectors, SystemClock(), at_rest=True) as platform:
        app = create_app(platform)
        day = await _compare(platform, app, 1, 1, "1m")
        hundred = await _compare(platform, app, 100, DAYS, "1h")
    print_results(
        [
            _ratio("history_day_by_minutes", "<= 1.5", *day, ms=round(1e3 * float(np.median(day[0])), 2)),
            _ratio(
                "history_hundred_points", "<= 1.3", *hundred, ms=round(1e3 * float(np.median(hundred[0])), 1)
            ),
        ]
    )


async def _compare(
    platform: Platform, app: ASGIApp, points: int, days: int, every: str
) -> tuple[list[float], list[float]]:
    """Return seconds of the API and of the store."""
    chosen = list(platform.catalogue.points.values())[:points]
    ids, zone = np.array([item.id for item in chosen], np.int32), platform.catalogue.zone(chosen[0])
    start = START + (DAYS - days) * 86_400 * NS
    stop = START + DAYS * 86_400 * NS
    windows = edges(start, stop, every, zone)
    query: dict[str, Any] = {"from": rfc3339(start), "to": rfc3339(stop), "every": every, "aggregate": "mean"}
    query |= {"point": [item.point.path for item in chosen]}
    ours, theirs = [], []
    for _ in range(ASKS):
        begun = time.perf_counter()
        await platform.in_thread("reads", platform.store.windows, ids, windows, [Aggregate.MEAN])
        theirs.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        status = await _asked(app, urlencode(query, doseq=True))
        ours.append(time.perf_counter() - begun)
        if status != 200:
            raise RuntimeError(str(status))
    return ours[2:], theirs[2:]


async def _asked(app: ASGIApp, query: str) -> int:
    """Ask the application without a network, and without the cost of a client; returns the status."""
    found: list[Any] = []

    async def receive() -> Any:
        if found:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        found.append(message)

    path = "/api/v1/history"
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
    }
    scope |= {"path": path, "raw_path": path.encode(), "query_string": query.encode(), "root_path": ""}
    scope |= {"headers": [(b"host", b"bench")], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2)}
    await app(scope, receive, send)
    return int(found[0]["status"])


def _fill(data: Path, district: District) -> None:
    """Store 30 days of 100 points by minutes."""
    from barrio.assembly import bind as bind_points
    from twin.series import SeriesRegistry

    folder = DataFolder(data)
    folder.open()
    registry = SeriesRegistry(folder.series)
    registry.open()
    catalogue = bind_points([district], registry)
    store = DuckDBStore(folder.duckdb)
    store.open(catalogue.series, {})
    ids = np.array([item.id for item in catalogue.points.values()], np.int32)
    random = np.random.default_rng(3)
    for hour in range(DAYS * 24):
        time_ = START + hour * 3600 * NS + np.repeat(np.arange(60, dtype=np.int64), len(ids)) * 60 * NS
        value = np.round(20 + random.normal(0, 3, len(time_)), 1)
        store.write(Batch(np.tile(ids, 60), time_, time_, time_ * 0, value, np.zeros(len(time_), np.uint8)))
    for part in (store, registry, folder):
        part.close()


def main() -> None:
    """Run and print."""
    with tempfile.TemporaryDirectory() as folder:
        over_http(Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(over_store(Path(folder)))


if __name__ == "__main__":
    main()
