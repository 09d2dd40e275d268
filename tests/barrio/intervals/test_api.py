"""Intervals over HTTP, from what is stored to what a utility is given."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tests.barrio.intervals.stage import ENERGY, HOUR, MINUTE, QUARTER, come_late, metered, rows, settle, write

MEXICO = ZoneInfo("America/Mexico_City")


def at(text: str, zone: ZoneInfo = MEXICO) -> int:
    """Return ns UTC of a time on a clock."""
    return round(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()) * 10**9


def steady(start: int, stop: int, first: float = 100.0, a_minute: float = 0.02) -> list[tuple[int, float]]:
    """A meter that is read every minute, 17 s past it."""
    times = range(start + 17 * 10**9, stop, MINUTE)
    return [(time, round(first + number * a_minute, 3)) for number, time in enumerate(times)]


@pytest.fixture
async def stage(tmp_path):
    async with metered(tmp_path) as stage:
        yield stage


async def test_a_day_has_its_quarter_hours(stage):
    """A settled day has 96 quarter hours that add up to what the register grew."""
    start, stop = at("2026-11-10"), at("2026-11-11")
    write(stage, ENERGY, steady(start - HOUR, stop + HOUR))
    assert settle(stage) == 2
    found = await rows(stage, **{"from": "2026-11-10", "to": "2026-11-11"})
    totals = await stage.http.get(
        "/api/v1/intervals/totals", params={"point": ENERGY, "from": "2026-11-10", "to": "2026-11-11"}
    )
    total = totals.json()["series"][0]

    assert len(found["delta"]) == 96
    assert found["local"][0] == "2026-11-10T00:00:00-06:00"
    assert set(found["quality"]) == {"valid"}
    assert round(sum(found["delta"]), 3) == total["total"][0] == 28.8
    assert total["register_end"][0] - total["register_start"][0] == pytest.approx(total["total"][0])
