"""A platform with a meter whose readings a test writes, in the zone that it wants; days are settled when it says so."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np

from barrio.platform import Platform
from tests.barrio.scripted import DISTRICT, Stage, staged
from twin.clock import NS
from twin.frame import Batch
from twin.quality import Reason

ENERGY = "little/meter/energy"
DAY, HOUR, QUARTER, MINUTE = 86_400 * NS, 3_600 * NS, 900 * NS, 60 * NS


def write(stage: Stage, path: str, points: Sequence[tuple[int, float]], reason: Reason = Reason.GOOD) -> None:
    """Put readings of a point into the store, as if they had come long ago."""
    item = stage.platform.catalogue.points[path]
    time = np.array([at for at, _ in points], np.int64)
    value = np.array([value for _, value in points], np.float64)
    ids = np.full(len(time), item.id, np.int32)
    quality = np.full(len(time), reason, np.uint8)
    stage.platform.store.write(Batch(ids, time, time, np.zeros(len(time), np.int64), value, quality))
    stage.platform.live.time[item.id] = max(int(time.max()), int(stage.platform.live.time[item.id]))


def come_late(stage: Stage, path: str, points: Sequence[tuple[int, float]]) -> None:
    """Put readings into the store as the writer does with such as come late."""
    item = stage.platform.catalogue.points[path]
    write(stage, path, points, Reason.LATE)
    time = np.array([at for at, _ in points], np.int64)
    nothing = np.zeros(len(time), np.int64)
    batch = Batch(
        np.full(len(time), item.id, np.int32),
        time,
        time,
        nothing,
        np.zeros(len(time)),
        nothing.astype(np.uint8),
    )
    late = stage.platform.intervals.late.among(batch)
    if late is not None:
        stage.platform.intervals.late.mark(late)


def settle(stage: Stage, horizon: int | None = None) -> int:
    """Settle what is due; returns how many days of registers."""
    return settle_all(stage.platform, horizon)


def settle_all(platform: Platform, horizon: int | None = None) -> int:
    """Settle all that is due, and look at all that came late, at once; returns how many days of registers."""
    now, desk = platform.clock.now_ns(), platform.intervals
    desk.declare(now)
    while desk.look(now):
        pass
    found = 0
    for maker in desk.makers.values():
        while (days := maker.settle(platform.live.time.copy(), horizon or now, now)) is not None:
            found += days
    return found


@asynccontextmanager
async def metered(folder: Path, zone: str = "America/Mexico_City", **texts: str) -> AsyncIterator[Stage]:
    """Run the little district in a zone."""
    district = DISTRICT.replace("America/Mexico_City", zone)
    async with staged(folder, district=district, **texts) as stage:
        yield stage


async def rows(stage: Stage, **query: Any) -> dict[str, list[Any]]:
    """Return the columns of one register's intervals."""
    found = await stage.http.get("/api/v1/intervals", params={"point": ENERGY, **query})
    assert found.status_code == 200, found.text
    series: dict[str, list[Any]] = found.json()["series"][0]
    return series
