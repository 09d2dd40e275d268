"""Commands for many at once: 400 lamps dimmed by one order, 5,000 lamps dimmed by a programme; each on record.

Devices answer at once, so what is measured is ours: the gate, the audit log and the journal with their syncs, sending.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.bench.result import RUNS, median_of, print_results
from tests.twin.commands.stage import NS, ROLES, Moved, staged
from twin.commands.command import Asked, State

ORDERED, PROGRAMMED = 400, 5_000
RULE = "commands:\n  - {id: dim, for: {kind: Streetlight}, point: dimming}\n"
PROGRAMME = """\
schedules:
  - {id: lights, for: {kind: Streetlight}, point: dimming, at: [{from: "20:00", until: "05:00", value: 60 %}]}
"""
DISTRICT = """\
district: riverside
name: R
timezone: Europe/Madrid
location: {lat: 41.6, lon: -0.9}
sites: [{id: roof}]
"""


def lamps(count: int) -> str:
    """Return the file of so many lamps behind one address."""
    ids = f"lamp-{{0001..{count:04d}}}"
    return (
        "devices:\n"
        f"  - {{id: '{ids}', profile: lamp, site: roof, endpoint: 'pigeon://10.0.0.1/{{1..{count}}}'}}\n"
    )


async def ordered(folder: Path) -> float:
    """Return the seconds from an order for all lamps to the last answer."""
    async with staged(folder, RULE, devices=lamps(ORDERED), district=DISTRICT) as stage:
        asked = [
            Asked(f"riverside/lamp-{number:04d}/dimming", 40, "ana", ROLES)
            for number in range(1, ORDERED + 1)
        ]
        begun = time.perf_counter()
        found = await stage.desk.ask_all(asked)
        await stage.settled()
        seconds = time.perf_counter() - begun
        if {one.state for one in found} != {State.CONFIRMED}:
            raise RuntimeError(found[0].words)
    return seconds


async def programmed(folder: Path) -> float:
    """Return the seconds from the hour of a programme until the last lamp was set."""
    clock = Moved(round(datetime(2026, 3, 10, 22, tzinfo=ZoneInfo("Europe/Madrid")).timestamp()) * NS)
    lights = RULE + PROGRAMME
    async with staged(folder, lights, clock=clock, devices=lamps(PROGRAMMED), district=DISTRICT) as stage:
        begun = time.perf_counter()
        while len(stage.field.writes) < PROGRAMMED:
            stage.desk.tick(clock.now)
            await asyncio.sleep(0.01)
        await stage.settled()
        return time.perf_counter() - begun


async def runs_of(measure, times: int) -> list[float]:
    """Return what several runs took, each in a folder of its own."""
    found = []
    for _ in range(times):
        with tempfile.TemporaryDirectory() as folder:
            found.append(await measure(Path(folder)))
    return found


def main() -> None:
    """Run and print."""
    print_results(
        [
            median_of(f"commands_{ORDERED}_at_once", "s", "", asyncio.run(runs_of(ordered, RUNS))),
            median_of(f"commands_programme_of_{PROGRAMMED}", "s", "", asyncio.run(runs_of(programmed, 3))),
        ]
    )


if __name__ == "__main__":
    main()
