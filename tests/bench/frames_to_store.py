"""Frames to the durable store: settled, spooled with a sync, shown by the live twin, committed by DuckDB.

A thousand points on ten links deliver as fast as the platform takes frames; the clock stops when all is in the store.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

import uvloop

from barrio.platform import Platform
from barrio.settings import Settings
from connectors.registry import Connectors
from tests.bench.result import RUNS, median_of, print_results
from tests.bench.synthetic import Pace, SyntheticConnector, write_district
from twin.clock import SystemClock
from twin.model.loader import load_district

READINGS = 2_000_000
DEVICES, POINTS = 10, 100


async def once() -> tuple[float, float]:
    """Return readings a second and CPU microseconds a reading of one run."""
    with tempfile.TemporaryDirectory() as folder:
        pace = Pace(limit=READINGS)
        connectors = Connectors({})
        connectors.add(SyntheticConnector(pace))
        district = load_district(write_district(Path(folder) / "bench", DEVICES, POINTS), connectors, [])
        settings = Settings(data=Path(folder) / "data")
        async with Platform([district], settings, connectors, SystemClock()) as platform:
            begun, used = time.monotonic(), time.process_time()
            running = asyncio.create_task(platform.run())
            while platform.spool.books().stored < READINGS:
                await asyncio.sleep(0.005)
                if running.done():
                    running.result()
            seconds, cpu = time.monotonic() - begun, time.process_time() - used
            stored = platform.spool.books().stored
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    return stored / seconds, cpu / stored * 1e6


def main() -> None:
    """Run and print."""
    runs = [uvloop.run(once()) for _ in range(RUNS + 1)][1:]
    rates, costs = zip(*runs, strict=True)
    facts = {"points": DEVICES * POINTS, "readings": READINGS}
    print_results(
        [
            median_of("frames_to_store_rate", "readings/s", ">= 400000", rates, **facts),
            median_of("frames_to_store_cpu", "us/reading", "", costs, **facts),
        ]
    )


if __name__ == "__main__":
    main()
