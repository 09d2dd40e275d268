"""A thousand Modbus devices at 1 Hz, 100 registers each, held on one core: how late polls are answered.

The platform runs on one core, the C server on another. A poll is late by the time from its slot, where it was due, to
its answer, decoded and handed over, so that a queue anywhere before shows. Every value changes with every answer.
"""

from __future__ import annotations

import asyncio
import os
import resource
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import uvloop
import yaml

from barrio.platform import Platform
from barrio.settings import Settings
from connectors.modbus.polling import Job
from connectors.registry import Connectors
from tests.bench.modbus_server import MOST_ADDRESSES, running
from tests.bench.result import RUNS, median_of, print_results
from tests.bench.synthetic import write_registers
from twin.clock import SystemClock
from twin.model.loader import load_district

DEVICES, REGISTERS, PERIOD_S = 1_000, 100, 1.0
WARM_UP_S, MEASURE_S = 6.0, 6.0


class Watch:
    """Notes by how much each poll was late, in seconds, in place of `Job.next_slot`."""

    def __init__(self) -> None:
        self.late: list[float] = []
        self._next_slot = Job.next_slot

    def install(self) -> None:
        """Look at every poll from now on."""
        watch = self

        def next_slot(job: Job, due: float, now: float) -> float:
            watch.late.append(now - due)
            return watch._next_slot(job, due, now)

        setattr(Job, "next_slot", next_slot)  # noqa: B010 (mypy does not let a method be replaced)


async def measure(ports: Sequence[int]) -> list[tuple[float, float, float]]:
    """Return late polls (99th percentile, s), polls made of those due, and CPU s a second, for each stretch."""
    watch = Watch()
    with tempfile.TemporaryDirectory() as folder:
        connectors = Connectors()
        path = write_registers(Path(folder) / "bench", DEVICES, REGISTERS, ports[0], f"{PERIOD_S:g}s")
        _spread(path / "devices.yaml", ports)
        district = load_district(path, connectors, [])
        settings = Settings(data=Path(folder) / "data")
        async with Platform([district], settings, connectors, SystemClock()) as platform:
            task = asyncio.create_task(platform.run())
            await asyncio.sleep(WARM_UP_S)
            watch.install()
            runs = [await _stretch(watch, task) for _ in range(RUNS)]
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    return runs


async def _stretch(watch: Watch, task: asyncio.Task[None]) -> tuple[float, float, float]:
    watch.late.clear()
    used, begun = time.process_time(), time.monotonic()
    await asyncio.sleep(MEASURE_S)
    if task.done():
        task.result()
    passed = time.monotonic() - begun
    late = float(np.percentile(watch.late, 99)) if watch.late else float("inf")
    made = len(watch.late) / (DEVICES * passed / PERIOD_S)
    return late, made, (time.process_time() - used) / passed


def _spread(devices: Path, ports: Sequence[int]) -> None:
    """Give each device an address of its own."""
    content: dict[str, Any] = yaml.safe_load(devices.read_text("utf-8"))
    for index, device in enumerate(content["devices"]):
        server, number = divmod(index, MOST_ADDRESSES)
        device["endpoint"] = f"modbus+tcp://127.0.0.{1 + number}:{ports[server]}/1"
    devices.write_text(yaml.safe_dump(content), "utf-8")


def main() -> None:
    """Run and print."""
    own, *others = sorted(os.sched_getaffinity(0))
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 16_384), most))
    if others:
        # The servers are started here and stay where they were started.
        os.sched_setaffinity(0, others)
    with ExitStack() as stack:
        server = partial(running, registers=REGISTERS, addresses=MOST_ADDRESSES)
        ports = [stack.enter_context(server()) for _ in range(0, DEVICES, MOST_ADDRESSES)]
        os.sched_setaffinity(0, {own})
        late, made, cpu = zip(*uvloop.run(measure(ports)), strict=True)
    facts = {"devices": DEVICES, "registers": REGISTERS, "period_s": PERIOD_S, "cores": 1}
    print_results(
        [
            median_of("modbus_devices_late_p99", "ms", "<= 200", [1000 * each for each in late], **facts),
            median_of("modbus_devices_polled", "% of due", ">= 99.5", [100 * each for each in made], **facts),
            median_of("modbus_devices_cpu", "% of a core", "<= 100", [100 * each for each in cpu], **facts),
        ]
    )


if __name__ == "__main__":
    main()
