"""The twin at a moment: 10,000 points out of a month of their history, in the embedded store.

Each point gives a reading every ten minutes, but some are quiet: a hundred for eighteen days around the middle, a
hundred from the second day to the last one, a hundred from the tenth day on, a hundred never said anything before the
last hour. Moments lie near the beginning, in the middle of the quiet, anywhere, and at the end. `asof_10000_points` is
the store's answer, `twin_10000_points` the whole of it as `GET /api/v1/twin` gives it: the model of then, the store,
the ledger, each point with its quality and gap, JSON.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import numpy as np
import numpy.typing as npt

from barrio.api.app import create_app
from barrio.assembly import bind
from barrio.moments import rfc3339
from barrio.platform import Platform
from barrio.settings import Settings
from connectors.registry import Connectors
from tests.bench.result import median_of, print_results
from tests.bench.synthetic import Pace, SyntheticConnector, write_district
from twin.clock import SystemClock
from twin.folder import DataFolder
from twin.frame import Batch, Ids
from twin.ledger import Ledger
from twin.model.district import District
from twin.model.loader import load_district
from twin.past.models import Models
from twin.quality import Reason
from twin.series import SeriesRegistry
from twin.store.duckdb import DuckDBStore

DEVICES, POINTS = 500, 20
DAYS, EVERY_S = 30, 600
NS = 10**9
DAY = 86_400 * NS
A_BATCH = 20_000
GAPS_A_DAY = 500
RANDOM = np.random.default_rng(7)
MOMENTS = 21


def quiet(ids: Ids, day: float) -> npt.NDArray[np.bool_]:
    """Which points say nothing on a day of the month."""
    kind = ids % 100
    found: npt.NDArray[np.bool_] = (kind == 17) & (6 <= day < 24)
    found |= (kind == 31) & (1 <= day < DAYS - 1)
    found |= (kind == 47) & (day >= 10)
    found |= (kind == 73) & (day < DAYS - 1 / 24)
    return found


def fill(store: DuckDBStore, ids: Ids, start: int) -> int:
    """Store a month, in the order in which a platform would; returns how many readings."""
    offset = np.sort(RANDOM.integers(0, EVERY_S * NS, len(ids)))
    value = 20 + RANDOM.normal(0, 3, len(ids))
    rounds, total = DAYS * 86_400 // EVERY_S, 0
    waiting: list[tuple[np.ndarray, ...]] = []
    for number in range(rounds):
        value += RANDOM.normal(0, 0.2, len(ids))
        speaks = ~quiet(ids, number * EVERY_S / 86_400)
        moments = start + number * EVERY_S * NS + offset
        waiting.append((ids[speaks], moments[speaks], np.round(value[speaks], 1)))
        if len(waiting) * len(ids) >= A_BATCH:
            some, times, values = (np.concatenate(part) for part in zip(*waiting, strict=True))
            nothing = np.zeros(len(some), np.int64)
            store.write(Batch(some, times, times + NS // 10, nothing, values, np.zeros(len(some), np.uint8)))
            total += len(some)
            waiting.clear()
    return total


def prepare(data: Path, district: District, start: int) -> int:
    """Leave a data folder as a platform does after a month; returns the number of readings."""
    folder = DataFolder(data)
    folder.open()
    registry = SeriesRegistry(folder.series)
    registry.open()
    catalogue = bind([district], registry)
    models, ledger = Models(folder.models), Ledger(folder.ledger)
    models.open()
    models.record([district], start)
    ledger.open()
    for day in range(DAYS):
        some = RANDOM.choice(catalogue.ids, GAPS_A_DAY, replace=False)
        ledger.open_gaps(some, start + day * DAY, Reason.NO_ANSWER, "no answer within 2 s")
        ledger.close_gaps(some, start + day * DAY + DAY // 24)
    store = DuckDBStore(folder.duckdb)
    store.open(catalogue.series, {})
    total = fill(store, catalogue.ids, start)
    for one in (store, ledger, models, registry, folder):
        one.close()
    return total


def moments(start: int) -> list[int]:
    """Moments of which the twin is asked for."""
    fixed = [start + DAY // 2, start + DAYS * DAY // 2, start + (DAYS - 2) * DAY, start + DAYS * DAY - 1]
    return [*fixed, *(start + RANDOM.integers(0, DAYS * DAY, MOMENTS - len(fixed))).tolist()]


async def measure(platform: Platform, at: Sequence[int]) -> tuple[list[float], list[float]]:
    """Return seconds of the store's answer and of the whole one, for each moment."""
    ids = platform.catalogue.ids
    store, whole = [], []
    transport = httpx.ASGITransport(create_app(platform))
    async with httpx.AsyncClient(transport=transport, base_url="http://bench") as http:
        for moment in at:
            begun = time.perf_counter()
            await platform.in_thread("reads", platform.store.asof, ids, moment)
            store.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            answer = await http.get("/api/v1/twin", params={"at": str(rfc3339(moment)), "limit": 10_000})
            whole.append(time.perf_counter() - begun)
            if answer.json()["total"] != len(ids):
                raise RuntimeError(answer.text[:200])
    return store, whole


async def once(folder: Path) -> None:
    """Build the month, ask, print."""
    connectors = Connectors({})
    connectors.add(SyntheticConnector(Pace()))
    district = load_district(write_district(folder / "bench", DEVICES, POINTS), connectors, [])
    start = (time.time_ns() - DAYS * DAY) // NS * NS
    begun = time.perf_counter()
    rows = prepare(folder / "data", district, start)
    facts = {
        "points": DEVICES * POINTS,
        "rows": rows,
        "file_mb": round((folder / "data" / "twin.duckdb").stat().st_size / 1e6),
        "built_in_s": round(time.perf_counter() - begun, 1),
    }
    settings = Settings(data=folder / "data")
    async with Platform([district], settings, connectors, SystemClock(), at_rest=True) as platform:
        store, whole = await measure(platform, moments(start))
    print_results(
        [
            median_of("asof_10000_points", "s", "<= 1", store, worst=round(max(store), 4), **facts),
            median_of("asof_10000_points_worst", "s", "<= 1", [max(store)]),
            median_of(
                "twin_10000_points_worst", "s", "<= 1", [max(whole)], median=round(float(np.median(whole)), 4)
            ),
        ]
    )


def main() -> None:
    """Run and print."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(once(Path(folder)))


if __name__ == "__main__":
    main()
