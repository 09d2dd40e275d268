"""2,000 observed CoAP resources on one core: what a notification costs, and when a lost observation is noticed.

A hundred devices of twenty resources each, in another process, notify each resource once in two seconds. Measured is
the CPU time of the process that observes them, up to the frame. Then the devices forget their observers without a word,
and the time from the last notification until each resource is asked again is taken by the devices.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import uvloop

from connectors.coap import connector
from connectors.conformance.recording import RecordingSink, bind_all, device
from connectors.home import Home
from tests import ROOT
from tests.bench.result import RUNS, Result, median_of, print_results
from tests.servers import LOOPBACK, free_port_range

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from twin.frame import Frame

DEVICES, RESOURCES = 100, 20
PERIOD_S, MAX_AGE_S = 2.0, 5
MEASURE_S = 4.0
NOTICED_WITHIN_S = 10.0


class Counting(RecordingSink):
    """Counts frames and keeps none."""

    count = 0

    async def submit(self, frame: Frame) -> None:
        """Count."""
        self.offer(frame)

    def offer(self, frame: Frame) -> bool:
        """Count."""
        self.count += len(frame.ids)
        return True


@asynccontextmanager
async def devices_at(port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the devices in a process of their own."""
    arguments = (str(port), str(DEVICES), str(PERIOD_S), str(MAX_AGE_S))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.coap_server", *arguments,
        cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        await process.stdout.readline()
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def measure() -> tuple[list[tuple[float, float, float]], list[float]]:
    """Return (us a notification, percent of a core, notifications a second) of each stretch, and the lapses in s."""
    port = free_port_range(DEVICES)
    points = {f"p{number}": {"resource": f"/r/{number}"} for number in range(RESOURCES)}
    made = [device(connector, f"coap://{LOOPBACK}:{port + n}", points, name=f"d{n}") for n in range(DEVICES)]
    sink = Counting()
    async with devices_at(port) as process:
        links = connector.links(bind_all(made), Home())
        tasks = [asyncio.create_task(link.run(sink)) for link in links]
        async with asyncio.timeout(120):
            while sink.count < 2 * DEVICES * RESOURCES:
                await asyncio.sleep(0.1)
        runs = [await _stretch(sink) for _ in range(RUNS)]
        lapses = await _lapses(process)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return runs, lapses


async def _stretch(sink: Counting) -> tuple[float, float, float]:
    before, used, begun = sink.count, time.process_time(), time.monotonic()
    await asyncio.sleep(MEASURE_S)
    cpu, passed = time.process_time() - used, time.monotonic() - begun
    count = sink.count - before
    return cpu / count * 1e6, 100 * cpu / passed, count / passed


async def _lapses(process: asyncio.subprocess.Process) -> list[float]:
    os.kill(process.pid, signal.SIGUSR1)
    await asyncio.sleep(MAX_AGE_S + NOTICED_WITHIN_S + 5)
    said, _ = await process.communicate(b"")
    found: list[float] = json.loads(said)
    return found


def main() -> None:
    """Run and print."""
    runs, lapses = uvloop.run(measure())
    costs, shares, rates = zip(*runs, strict=True)
    facts = {"devices": DEVICES, "resources": DEVICES * RESOURCES, "period_s": PERIOD_S}
    missing = DEVICES * RESOURCES - len(lapses)
    longest = max(lapses) - MAX_AGE_S if lapses else float("inf")
    print_results(
        [
            median_of("coap_notification_cpu", "us/notification", "", costs, **facts),
            median_of("coap_observed_core", "% of a core", "<= 100", shares, **facts),
            median_of("coap_observed_rate", "notifications/s", "", rates, **facts),
            Result("coap_lapse_unnoticed", missing, "observations", "<= 0", facts=facts),
            Result(
                "coap_lapse_after_max_age", round(longest, 2), "s", f"<= {NOTICED_WITHIN_S:g}", facts=facts
            ),
        ]
    )


if __name__ == "__main__":
    main()
