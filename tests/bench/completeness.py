"""What was expected and received of a day: 1,000 and 10,000 points that gave a reading a minute, in the embedded store.

Asked as a person asks it, `GET /api/v1/completeness` by device.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

import httpx
import numpy as np

from barrio.api.app import create_app
from barrio.assembly import bind
from barrio.platform import Platform
from barrio.settings import Settings
from connectors.registry import Connectors
from tests.bench.result import RUNS, median_of, print_results
from tests.bench.synthetic import Pace, SyntheticConnector, write_district
from twin.clock import NS, SystemClock
from twin.folder import DataFolder
from twin.frame import Batch
from twin.model.district import District
from twin.model.loader import load_district
from twin.past.models import Models
from twin.series import SeriesRegistry
from twin.store.duckdb import DuckDBStore

POINTS_A_DEVICE = 20
MINUTES = 1_440
AT_ONCE = 4


def prepare(data: Path, district: District, start: int) -> None:
    """Leave a data folder as a platform does after a day."""
    folder = DataFolder(data)
    folder.open()
    registry, models = SeriesRegistry(folder.series), Models(folder.models)
    registry.open()
    catalogue = bind([district], registry)
    models.open()
    models.record([district], start)
    store = DuckDBStore(folder.duckdb)
    store.open(catalogue.series, {})
    ids = np.tile(catalogue.ids, AT_ONCE)
    nothing = np.zeros(len(ids), np.int64)
    values, good = np.full(len(ids), 20.5), np.zeros(len(ids), np.uint8)
    for minute in range(0, MINUTES, AT_ONCE):
        times = start + np.repeat(np.arange(minute, minute + AT_ONCE), len(catalogue.ids)) * 60 * NS
        store.write(Batch(ids, times, times, nothing, values, good))
    for one in (store, models, registry, folder):
        one.close()


async def measure(folder: Path, points: int) -> list[float]:
    """Return the seconds of several questions about the day."""
    connectors = Connectors({})
    connectors.add(SyntheticConnector(Pace()))
    written = write_district(folder / "bench", points // POINTS_A_DEVICE, POINTS_A_DEVICE)
    district = load_district(written, connectors, [])
    prepare(folder / "data", district, time.time_ns() - MINUTES * 60 * NS)
    settings = Settings(data=folder / "data")
    async with Platform([district], settings, connectors, SystemClock(), at_rest=True) as platform:
        transport = httpx.ASGITransport(create_app(platform))
        async with httpx.AsyncClient(transport=transport, base_url="http://bench", timeout=60) as http:
            found = []
            for _ in range(RUNS):
                begun = time.perf_counter()
                answer = await http.get("/api/v1/completeness", params={"by": "device", "from": "-1d"})
                found.append(time.perf_counter() - begun)
                if answer.json().get("total") != points // POINTS_A_DEVICE:
                    raise RuntimeError(answer.text[:200])
    return found


def main() -> None:
    """Run and print."""
    for points in (1_000, 10_000):
        with tempfile.TemporaryDirectory() as folder:
            seconds = asyncio.run(measure(Path(folder), points))
        print_results([median_of(f"completeness_{points}_points", "s", "", seconds)])


if __name__ == "__main__":
    main()
