"""Intervals of 100 meters over 30 days, each read once a minute: settled, asked for as quarter hours, and as totals.

Asked as a utility asks: `GET /api/v1/intervals` and `/totals` over HTTP, in process, columns as JSON and as Arrow.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

import httpx
import numpy as np

from barrio.api.app import create_app
from barrio.assembly import load_all
from barrio.platform import Platform
from barrio.settings import Settings
from connectors.registry import Connectors
from tests.barrio.intervals.stage import settle_all
from tests.barrio.scripted import ScriptedConnector
from tests.bench.result import RUNS, Result, median_of, print_results
from twin.clock import NS, SystemClock
from twin.frame import Batch

METERS, DAYS, MINUTES = 100, 30, 1_440
DISTRICT = """\
district: bench
name: Bench
timezone: Europe/Madrid
location: {lat: 40.4, lon: -3.7}
sites: [{id: house, kind: Building}]
"""
DEVICES = """\
devices:
  - {id: "meter-{001..100}", profile: meter, site: house, endpoint: "scripted://10.0.0.1:1"}
"""
PROFILE = """\
profile: meter
protocol: scripted
kind: EnergyMeter
points:
  energy: {quantity: active_energy_import, slot: 1}
"""


def write_district(folder: Path) -> Path:
    """Write a district of meters."""
    (folder / "profiles").mkdir(parents=True)
    (folder / "district.yaml").write_text(DISTRICT)
    (folder / "devices.yaml").write_text(DEVICES)
    (folder / "profiles" / "meter.yaml").write_text(PROFILE)
    return folder


def fill(platform: Platform, now: int) -> int:
    """Store a month of readings; returns how many."""
    ids = platform.catalogue.ids
    start = now - DAYS * MINUTES * 60 * NS
    offsets = np.arange(len(ids), dtype=np.int64) * 310_000_000
    rng, stored = np.random.default_rng(1), 0
    value = np.full(len(ids), 1_000.0)
    for first in range(0, DAYS * MINUTES, 240):
        minutes = np.arange(first, first + 240)
        grown = rng.integers(0, 40, (240, len(ids))) / 1_000
        values = value + np.cumsum(grown, axis=0)
        value = values[-1]
        times = start + minutes[:, None] * 60 * NS + offsets
        number = values.size
        nothing = np.zeros(number, np.int64)
        platform.store.write(
            Batch(
                np.tile(ids, 240),
                times.ravel(),
                times.ravel(),
                nothing,
                np.round(values, 3).ravel(),
                nothing.astype(np.uint8),
            )
        )
        platform.live.time[ids] = times[-1]
        stored += number
    return stored


async def timed(
    http: httpx.AsyncClient, path: str, query: dict[str, str]
) -> tuple[list[float], httpx.Response]:
    """Return the seconds of several answers, and the last of them."""
    found = []
    for _ in range(RUNS):
        begun = time.perf_counter()
        answer = await http.get(path, params=query)
        found.append(time.perf_counter() - begun)
        if answer.status_code != 200:
            raise RuntimeError(answer.text[:300])
    return found, answer


async def measure(folder: Path) -> list[Result]:
    """Return the figures."""
    connectors = Connectors({})
    connectors.add(ScriptedConnector())
    districts = load_all([str(write_district(folder / "bench"))], Path(), connectors, folder)
    async with Platform(districts, Settings(data=folder / "data"), connectors, SystemClock()) as platform:
        now = platform.clock.now_ns()
        stored = fill(platform, now)
        transport = httpx.ASGITransport(create_app(platform))
        async with httpx.AsyncClient(transport=transport, base_url="http://bench", timeout=120) as http:
            query = {"under": "bench", "from": "-29d"}
            begun = time.perf_counter()
            fresh = await http.get("/api/v1/intervals", params=query)
            on_the_fly = time.perf_counter() - begun
            begun = time.perf_counter()
            days = settle_all(platform, now)
            settling = time.perf_counter() - begun
            json_s, answer = await timed(http, "/api/v1/intervals", query)
            arrow_s, _ = await timed(http, "/api/v1/intervals", {**query, "format": "arrow"})
            totals_s, _ = await timed(http, "/api/v1/intervals/totals", query)
            rows = answer.json()["intervals"]
            if fresh.json()["intervals"] != rows:
                raise RuntimeError(fresh.text[:300])
            size = (folder / "data" / "intervals.sqlite").stat().st_size
    facts = {"meters": METERS, "days": DAYS, "intervals": rows, "readings": stored}
    return [
        median_of("intervals_100_meters_30_days_json", "s", "<= 2", json_s, **facts),
        median_of("intervals_100_meters_30_days_arrow", "s", "<= 2", arrow_s, **facts),
        median_of("intervals_100_meters_30_days_totals", "s", "<= 2", totals_s, **facts),
        median_of("intervals_100_meters_30_days_not_settled", "s", "", [on_the_fly], **facts),
        median_of("intervals_settled", "days of registers/s", "", [days / settling], book_bytes=size),
    ]


def main() -> None:
    """Run and print."""
    with tempfile.TemporaryDirectory() as folder:
        print_results(asyncio.run(measure(Path(folder))))


if __name__ == "__main__":
    main()
