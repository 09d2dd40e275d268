"""Start with a million readings waiting in the spool: how soon new ones are durable, how fast the old ones go.

New readings come in at `LIVE` a second all the while. The drain is measured until nothing waits but what just came.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

import numpy as np
import uvloop

from barrio.assembly import bind
from barrio.platform import Platform
from barrio.settings import Settings
from connectors.registry import Connectors
from tests.bench.result import RUNS, median_of, print_results
from tests.bench.synthetic import Pace, SyntheticConnector, write_district
from twin.clock import SystemClock
from twin.folder import DataFolder
from twin.frame import Batch
from twin.ingest.spool import Spool
from twin.model.district import District
from twin.model.loader import load_district
from twin.series import SeriesRegistry

WAITING, BATCH = 1_000_000, 5_000
LIVE = 50_000
DEVICES, POINTS = 10, 100


def fill(data: Path, district: District) -> None:
    """Leave a data folder as a platform does whose store was away."""
    folder = DataFolder(data)
    folder.open()
    registry = SeriesRegistry(folder.series)
    registry.open()
    ids = bind([district], registry).ids
    registry.close()
    spool = Spool(folder.spool)
    spool.open()
    begun = time.time_ns() - 3600 * 10**9
    for number in range(WAITING // BATCH):
        moments = np.repeat(begun + (number * 5 + np.arange(BATCH // len(ids))) * 10**9, len(ids)).astype(
            np.int64
        )
        values = np.round(np.linspace(0, 50, BATCH) + number / 10, 1)
        nothing = np.zeros(BATCH, np.int64)
        columns = np.tile(ids, BATCH // len(ids))
        spool.append(Batch(columns, moments, moments, nothing, values, np.zeros(BATCH, np.uint8)))
    spool.close()
    folder.close()


async def once() -> tuple[float, float]:
    """Return seconds until a new reading is durable, and the drain's rate as a multiple of the live rate."""
    with tempfile.TemporaryDirectory() as folder:
        connectors = Connectors({})
        connectors.add(SyntheticConnector(Pace(per_second=LIVE)))
        district = load_district(write_district(Path(folder) / "bench", DEVICES, POINTS), connectors, [])
        fill(Path(folder) / "data", district)
        begun = time.monotonic()
        settings = Settings(data=Path(folder) / "data")
        async with Platform([district], settings, connectors, SystemClock()) as platform:
            before = platform.spool.books()
            task = asyncio.create_task(platform.run())
            while platform.spool.books().accepted == before.accepted:
                await asyncio.sleep(0.002)
            taken_s = time.monotonic() - begun
            drain = time.monotonic()
            while platform.spool.books().waiting > LIVE // 2:
                await asyncio.sleep(0.01)
            stored = platform.spool.books().stored - before.stored
            rate = stored / (time.monotonic() - drain)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    return taken_s, rate / LIVE


def main() -> None:
    """Run and print."""
    taken, rates = zip(*(uvloop.run(once()) for _ in range(RUNS)), strict=True)
    facts = {"waiting": WAITING, "live_readings_s": LIVE}
    print_results(
        [
            median_of("spool_start_takes_new", "s", "<= 3", taken, **facts),
            median_of("spool_drain_ratio", "x live rate", ">= 3", rates, **facts),
        ]
    )


if __name__ == "__main__":
    main()
