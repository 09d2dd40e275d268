"""Wire to durable store by Modbus: 100 links x 125 registers against a C server, CPU of the whole platform process.

Each link polls ten times a second, so 125,000 readings a second come in; every value changes with every answer. The
server is another process and is not counted. CPU time is user and system, of all threads.
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
from tests.bench.modbus_server import running
from tests.bench.result import RUNS, median_of, print_results
from tests.bench.synthetic import write_registers
from twin.clock import SystemClock
from twin.model.loader import load_district

LINKS, REGISTERS = 100, 125
WARM_UP_S, MEASURE_S = 3.0, 6.0


async def measure() -> list[tuple[float, float]]:
    """Return CPU microseconds a reading and readings a second, for each of several stretches of one run."""
    with tempfile.TemporaryDirectory() as folder, running(registers=REGISTERS, addresses=LINKS) as port:
        connectors = Connectors()
        path = write_registers(Path(folder) / "bench", LINKS, REGISTERS, port, "100ms")
        district = load_district(path, connectors, [])
        settings = Settings(data=Path(folder) / "data")
        async with Platform([district], settings, connectors, SystemClock()) as platform:
            task = asyncio.create_task(platform.run())
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
    costs, rates = zip(*uvloop.run(measure()), strict=True)
    facts = {"links": LINKS, "registers": REGISTERS}
    print_results(
        [
            median_of("modbus_to_store_cpu", "us/reading", "<= 2.5", costs, **facts),
            median_of("modbus_to_store_rate", "readings/s", "", rates, **facts),
        ]
    )


if __name__ == "__main__":
    main()
