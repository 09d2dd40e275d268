"""What it costs to tell an InfluxDB how 5,000 devices with 100,000 points are: processor time of one look, and rows.

The platform is not run: a stand-in for the database makes the lines and keeps none, so that only our side is measured.
"""

from __future__ import annotations

import asyncio
import gc
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import uvloop

from barrio import logs
from barrio.facts.teller import MOST_A_TICK, Teller
from barrio.platform import Platform
from barrio.settings import Settings
from connectors.registry import Connectors
from tests.bench.result import Result, median_of, print_results
from tests.bench.synthetic import Pace, SyntheticConnector, write_district
from twin.clock import SystemClock
from twin.facts import Fact
from twin.model.loader import load_district
from twin.quality import Reason
from twin.store.lineprotocol import line_of

DEVICES, POINTS = 5_000, 20
RUNS = 3
QUIET_LOOKS = 20
SOME = 50


class DatabaseStandIn:
    """Makes the lines, counts them and forgets them."""

    def __init__(self) -> None:
        self.rows = 0
        self.bytes = 0

    def tell(self, facts: Iterable[Fact]) -> None:
        lines = [line_of(fact) for fact in facts]
        self.rows += len(lines)
        self.bytes += len("\n".join(lines).encode())


async def look(teller: Teller) -> tuple[float, float]:
    """Tell everything that is to be told now; returns ms of processor time, and how long the loop was held up (ms)."""
    held: list[float] = []

    async def watch() -> None:
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(0.001)
            held.append(time.perf_counter() - begun)

    watching = asyncio.create_task(watch())
    used = time.process_time()
    await teller._journals()
    await teller._now()
    used = time.process_time() - used
    await asyncio.sleep(0.01)
    watching.cancel()
    return used * 1000, max(held, default=0.0) * 1000


async def once() -> dict[str, float]:
    """Return the figures of one run."""
    with tempfile.TemporaryDirectory() as folder:
        connectors = Connectors({})
        connectors.add(SyntheticConnector(Pace()))
        district = load_district(write_district(Path(folder) / "bench", DEVICES, POINTS), connectors, [])
        async with Platform(
            [district], Settings(data=Path(folder) / "data"), connectors, SystemClock()
        ) as platform:
            database = DatabaseStandIn()
            teller = Teller(platform, database.tell, {})
            await platform.recorded(60.0)
            found: dict[str, float] = {}
            # As a running barrio does once it has begun.
            gc.freeze()
            await settle(teller, platform, database, found, "first")
            hear(platform)
            await settle(teller, platform, database, found, "heard")
            quiet = [await look(teller) for _ in range(QUIET_LOOKS)]
            found["quiet"] = float(np.median([used for used, _ in quiet]))
            found["quiet_held"] = float(np.median([held for _, held in quiet]))
            ids = platform.catalogue.ids
            fall_silent(platform, ids[: SOME * POINTS])
            await settle(teller, platform, database, found, "some")
            fall_silent(platform, ids)
            await settle(teller, platform, database, found, "outage")
            gc.unfreeze()
    return found


async def settle(
    teller: Teller, platform: Platform, database: DatabaseStandIn, found: dict[str, float], name: str
) -> tuple[float, float]:
    """Look as often as something is to be told, at most so much a tick; note the sum and the rows."""
    await platform.recorded(60.0)
    rows, used, held, looks = database.rows, 0.0, 0.0, 0
    while looks == 0 or teller.state.waiting:
        one, longest = await look(teller)
        used, held, looks = used + one, max(held, longest), looks + 1
    found |= {name: used, f"{name}_rows": database.rows - rows, f"{name}_held": held, f"{name}_looks": looks}
    return used, held


def hear(platform: Platform) -> None:
    """Let every point be heard now."""
    ids, now = platform.catalogue.ids, platform.clock.now_ns()
    platform.live.received[ids] = now
    platform.gaps.end(ids, np.full(len(ids), now, np.int64))


def fall_silent(platform: Platform, ids: np.ndarray) -> None:
    """Let points fall silent."""
    platform.gaps.begin(
        ids, np.full(len(ids), platform.clock.now_ns(), np.int64), Reason.LINK_DOWN, "the connection was cut"
    )


def main() -> None:
    """Run and print."""
    logs.set_up("error", "text")
    runs = [uvloop.run(once()) for _ in range(RUNS)]
    shared = {"devices": DEVICES, "points": DEVICES * POINTS, "most_a_tick": MOST_A_TICK}

    def figure(name: str, key: str, unit: str, asked: str = "") -> Result:
        return median_of(name, unit, asked, [run[key] for run in runs], **shared)

    print_results(
        [
            figure("facts_quiet_look", "quiet", "ms of a processor", "<= 20"),
            figure("facts_quiet_held_up", "quiet_held", "ms that the loop waited", "<= 20"),
            figure("facts_some_look", "some", f"ms of a processor, {SOME} devices fell silent", "<= 100"),
            figure("facts_outage", "outage", "ms of a processor, all devices fell silent", "<= 2000"),
            figure("facts_outage_rows", "outage_rows", "rows", "<= 11000"),
            figure("facts_outage_held_up", "outage_held", "ms that the loop waited at most", "<= 100"),
        ]
    )


if __name__ == "__main__":
    main()
