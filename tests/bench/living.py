"""The living twin under load: 10,000 points at 20,000 readings/s, 2,000 derived points, 5,000 alarm rules, one core.

The whole platform runs, pinned to one core, with stand-ins for links that deliver at a fixed pace; what is measured is
the time from the receipt of a reading to the moment at which every rule on it is decided, and the share of the core.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import uvloop

from barrio.platform import Platform
from barrio.settings import Settings
from connectors.registry import Connectors
from tests.bench.result import median_of, print_results
from tests.bench.synthetic import Pace, SyntheticConnector, write_district
from twin.clock import SystemClock
from twin.model.loader import load_district

if TYPE_CHECKING:
    from twin.ingest.settle import Settled

DEVICES, POINTS = 100, 100
PER_SECOND = 20_000
RULES_A_DEVICE, DERIVED_A_DEVICE = 50, 20
WARM_S, MEASURED_S = 10.0, 20.0
RUNS = 3


def write_living(folder: Path) -> Path:
    """Write the district: each device has its rules and derived points, every kind of expression among them."""
    write_district(folder, DEVICES, POINTS)
    equal = {"kind": "Bench"}
    shapes = (
        "mean(p{a}, p{b}) - 1 K",
        "if(p{a} > 30 Cel, p{a}, p{b})",
        "max(p{a}, p{b})",
        "mean(p{a} over 1min)",
        "p{a} + (p{b} - p{c}) * 0.5",
    )
    derived = [
        {
            "for": equal,
            "point": f"d{number}",
            "quantity": "air_temperature",
            "is": shapes[number % len(shapes)].format(a=number, b=number + 20, c=number + 40),
        }
        for number in range(DERIVED_A_DEVICE - 1)
    ]
    derived += [
        {
            "on": f"device-{number}",
            "point": "overall",
            "quantity": "air_temperature",
            "is": f"mean(air_temperature where device = device-{number})",
        }
        for number in range(1, DEVICES + 1)
    ]
    alarms = [
        {
            "id": f"high-{number}",
            "for": equal,
            "point": f"p{number}" if number < 40 else f"d{number - 40}",
            "above": f"{40 + number / 10:g} Cel",
            "hysteresis": "1 K",
            "on_delay": "500ms",
            "priority": "low",
            "text": "{name} is warm",
        }
        for number in range(RULES_A_DEVICE)
    ]
    (folder / "derived.yaml").write_text(json.dumps({"derived": derived}), "utf-8")
    (folder / "alarms.yaml").write_text(json.dumps({"alarms": alarms}), "utf-8")
    return folder


async def once() -> tuple[float, float, float, float]:
    """Return the 99th percentile and the median in ms, the share of the core, and readings a second of one run."""
    with tempfile.TemporaryDirectory() as folder:
        connectors = Connectors({})
        connectors.add(SyntheticConnector(Pace(per_second=PER_SECOND)))
        district = load_district(write_living(Path(folder) / "bench"), connectors, [])
        clock = SystemClock()
        async with Platform([district], Settings(data=Path(folder) / "data"), connectors, clock) as platform:
            waits: list[np.ndarray] = []

            def follow(settled: Settled) -> None:
                received = settled.readings.received
                waits.append(clock.now_ns() - received)

            running = asyncio.create_task(platform.run())
            await asyncio.sleep(WARM_S)
            if running.done():
                running.result()
            platform.intake.followers.append(follow)
            before = platform.intake.tally.received
            begun, used = time.monotonic(), time.process_time()
            await asyncio.sleep(MEASURED_S)
            seconds, cpu = time.monotonic() - begun, time.process_time() - used
            rate = (platform.intake.tally.received - before) / seconds
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        all_waits = np.concatenate(waits) / 1e6
    return float(np.percentile(all_waits, 99)), float(np.median(all_waits)), cpu / seconds, rate


def main() -> None:
    """Run on one core and print."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    runs = [uvloop.run(once()) for _ in range(RUNS)]
    late, middle, share, rate = zip(*runs, strict=True)
    facts = {
        "points": DEVICES * POINTS,
        "derived": DEVICES * DERIVED_A_DEVICE,
        "rules": DEVICES * RULES_A_DEVICE,
        "median_ms": sorted(round(one, 1) for one in middle),
    }
    print_results(
        [
            median_of("living_decided_p99", "ms", "<= 250", late, **facts),
            median_of("living_core", "of a core", "<= 1", share),
            median_of("living_rate", "readings/s, computed ones too", ">= 20000", rate),
        ]
    )


if __name__ == "__main__":
    main()
