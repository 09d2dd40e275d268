"""Wire to durable store by OPC UA: 1,000 nodes that change 3,000 times a second, CPU of the whole platform process.

The server is another process and is not counted. CPU time is user and system, of all threads.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from barrio.platform import Platform
from barrio.settings import Settings
from connectors.registry import Connectors
from tests.bench.opcua_server import URI, running
from tests.bench.result import RUNS, median_of, print_results
from tests.bench.synthetic import write_district
from twin.clock import SystemClock
from twin.model.loader import load_district

if TYPE_CHECKING:
    from tests.bench.opcua_server import Counting

VARIABLES, PER_S = 1000, 3000
WARM_UP_S, MEASURE_S = 8.0, 6.0
OPTIONS = {"namespace": URI, "publishing": "500ms", "queue_size": 100, "insecure": "a benchmark"}


def _district(folder: Path, port: int) -> Path:
    return write_district(
        folder,
        1,
        VARIABLES,
        protocol="opcua",
        endpoint=f"opc.tcp://127.0.0.1:{port}",
        point={"node": "s=v{index}", "quantity": "wifi_clients"},
        poll="500ms",
        options=OPTIONS,
    )


async def measure(server: Counting) -> list[tuple[float, float]]:
    """Return CPU microseconds a notification and notifications a second, for each of several stretches of one run."""
    with tempfile.TemporaryDirectory() as folder:
        connectors = Connectors()
        district = load_district(_district(Path(folder) / "bench", server.port), connectors, [])
        settings = Settings(data=Path(folder) / "data")
        async with Platform([district], settings, connectors, SystemClock()) as platform:
            task = asyncio.create_task(platform.run())
            server.begin(WARM_UP_S + RUNS * MEASURE_S + 2)
            await asyncio.sleep(WARM_UP_S)
            runs = [await _stretch(platform, task) for _ in range(RUNS)]
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    return runs


async def _stretch(platform: Platform, task: asyncio.Task[None]) -> tuple[float, float]:
    before, used, begun = platform.spool.books().stored, time.process_time(), time.monotonic()
    await asyncio.sleep(MEASURE_S)
    if task.done():
        task.result()
    stored = platform.spool.books().stored - before
    return (time.process_time() - used) / stored * 1e6, stored / (time.monotonic() - begun)


def main() -> None:
    """Run and print."""
    with running(VARIABLES, PER_S) as server:
        costs, rates = zip(*uvloop.run(measure(server)), strict=True)
    facts = {"nodes": VARIABLES, "changes_per_s": PER_S}
    print_results(
        [
            median_of("opcua_to_store_cpu", "us/notification", "<= 45", costs, **facts),
            median_of("opcua_to_store_rate", "notifications/s", "", rates, **facts),
        ]
    )


if __name__ == "__main__":
    main()
