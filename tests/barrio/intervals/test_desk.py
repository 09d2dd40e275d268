"""The platform settles by itself, and hears of what comes late by the way that readings take."""

import asyncio
from functools import partial

import numpy as np
import pytest

from barrio.intervals import desk
from tests.barrio.intervals.stage import DAY, ENERGY, HOUR, MINUTE, metered, rows, write
from tests.barrio.scripted import until
from twin.frame import Frame

CHANGES = """\
meter_changes:
  - {point: meter/energy, at: 2026-11-10T10:30, old_last: 130.2, new_first: 1, who: ana, why: worn out}
"""


@pytest.fixture(autouse=True)
def _hurried(monkeypatch):
    monkeypatch.setattr(desk, "IDLE_S", 0.02)
    monkeypatch.setattr(desk, "MARKS_S", 0.0)


def yesterday(stage) -> int:
    """Return when the last whole day of the district's clock but one began."""
    now: int = stage.platform.clock.now_ns()
    return (now - 2 * DAY + 6 * HOUR) // DAY * DAY + 6 * HOUR - DAY


async def test_days_are_settled_and_made_again_by_themselves(tmp_path):
    """A day is settled while the platform runs; a device's own history fills a gap in it, and a version is late."""
    async with metered(tmp_path) as stage:
        start = yesterday(stage)
        whole = [(start - HOUR + at * MINUTE, 100 + at * 0.01) for at in range(27 * 60)]
        hole = [one for one in whole if start + 5 * HOUR < one[0] < start + 8 * HOUR]
        bent = [(at, value + (4 if at > start + 6 * HOUR else 0)) for at, value in whole]
        write(stage, ENERGY, [one for one in bent if one[0] not in dict(hole)])
        book = stage.platform.intervals.book
        # The day of the gap is settled by itself, once those before it are in the book.
        await until(lambda: book.newest() == 2)
        link = stage.links["meter"]
        times = np.array([at for at, _ in hole], np.int64)
        values = np.array([dict(bent)[at] for at, _ in hole])
        ids = np.full(len(times), link.point("energy").id, np.int32)
        sink = link.sink
        assert sink is not None
        await sink.submit(Frame(ids, values, sink.now_ns(), times, backfilled=True))
        await stage.settled()
        await until(lambda: book.newest() == 3)
        days = await rows(stage, **{"from": "-5d"})
        known = await rows(stage, **{"from": "-5d", "version": 2})

    assert "late" in days["quality"]
    assert "estimated" in known["quality"]
    assert "late" not in known["quality"]
    assert 3 in days["version"]


async def test_changes_of_the_file_are_taken_once(tmp_path):
    """A change that the district's file declares is in the book after the first start, and once after the second."""
    for _ in range(2):
        async with metered(tmp_path, intervals=CHANGES) as stage:
            book, item = stage.platform.intervals.book, stage.platform.catalogue.points[ENERGY]
            await until(partial(book.all_edits, [item.id]))
            await asyncio.sleep(0.1)
            found = book.all_edits([item.id])

            assert [(one.kind.value, one.steps, one.who) for one, _ in found] == [
                ("meter_change", (130_200, 1_000), "ana")
            ]


async def test_what_is_no_register_any_more_holds_up_no_other(tmp_path, monkeypatch):
    """However much came late for points that left the model, or count nothing: registers are looked at all the same."""
    monkeypatch.setattr(desk, "IDLE_S", 3_600.0)
    monkeypatch.setattr(desk, "MOST_MARKS", 1)
    async with metered(tmp_path) as stage:
        intervals, points = stage.platform.intervals, stage.platform.catalogue.points
        energy = points[ENERGY].id
        gone = [one for one in range(energy) if not intervals.has(one)]
        intervals.book.mark(np.array([*gone, energy], np.int32), np.full(len(gone) + 1, HOUR, np.int64))
        await stage.platform.in_thread("intervals", intervals.look, stage.platform.clock.now_ns())

        assert gone
        assert [mark.series for mark in intervals.book.marks()] == gone


async def test_a_district_without_registers_settles_nothing(tmp_path):
    """Nothing to bill, nothing to do."""
    profile = "profile: thing\nprotocol: scripted\nkind: Thing\npoints:\n  t: {quantity: air_temperature, slot: 0}\n"
    async with metered(tmp_path, profile=profile) as stage:
        answer = await stage.http.get("/api/v1/intervals", params={"under": "little"})
        await asyncio.sleep(0.1)

        assert stage.platform.intervals.makers == {}
        assert stage.platform.intervals.snapshot()["registers"] == 0
    assert answer.status_code == 404
    assert "is a register" in answer.json()["detail"]
