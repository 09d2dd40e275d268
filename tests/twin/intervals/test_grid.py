"""Quarter hours on the clocks of the world, on days on which these change."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from twin.clock import NS
from twin.intervals.grid import LENGTHS, NotQuarters, day_starts, places, quarters, slots
from twin.store import windows

CASES = [
    ("America/Mexico_City", "2026-04-05", 96, 24),
    ("America/Mexico_City", "2022-04-03", 92, 23),
    ("America/Mexico_City", "2022-10-30", 100, 25),
    ("Europe/Madrid", "2026-03-29", 92, 23),
    ("Europe/Madrid", "2026-10-25", 100, 25),
    ("Australia/Lord_Howe", "2026-10-04", 94, 23),
    ("Australia/Lord_Howe", "2026-04-05", 98, 24),
    ("Asia/Kathmandu", "2026-10-25", 96, 24),
    ("Pacific/Chatham", "2026-09-27", 92, 23),
    ("Pacific/Chatham", "2026-04-05", 100, 25),
    ("Africa/Cairo", "2026-04-24", 92, 23),
    ("Pacific/Apia", "2011-12-31", 96, 24),
]


def day(zone: str, text: str) -> tuple[int, int]:
    """Return the instants at which a day begins and ends."""
    begin = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    end = (datetime.fromisoformat(text) + timedelta(days=1)).replace(tzinfo=ZoneInfo(zone))
    return round(begin.timestamp()) * NS, round(end.timestamp()) * NS


@pytest.mark.parametrize(("zone", "text", "number", "hours"), CASES)
def test_a_day_has_the_quarter_hours_of_its_clock(zone, text, number, hours):
    """96 quarter hours, 92 or 100 where the clock changes by an hour, 94 or 98 where by half of one."""
    start, stop = day(zone, text)
    found = quarters(start, stop, ZoneInfo(zone))
    hourly = windows.edges(start, stop, "1h", ZoneInfo(zone))

    assert (found[0], found[-1]) == (start, stop)
    assert len(found) - 1 == number
    assert set(np.diff(found).tolist()) == {900 * NS}
    assert len(hourly) - 1 == hours


@pytest.mark.parametrize(("zone", "text", "_number", "_hours"), CASES)
@pytest.mark.parametrize("length", LENGTHS)
def test_longer_intervals_are_made_of_quarter_hours(zone, text, _number, _hours, length):
    """Every half and whole hour of a zone begins on one of its quarter hours, on these days too."""
    start, stop = day(zone, text)
    found = quarters(start, stop, ZoneInfo(zone))
    longer = windows.edges(start, stop, length, ZoneInfo(zone))

    assert found[places(found, longer)].tolist() == longer.tolist()


def test_hours_that_begin_on_no_quarter_hour_are_refused():
    """Boundaries that are none are never moved to one that is."""
    found = np.array([0, 900, 1_800], np.int64) * NS
    with pytest.raises(NotQuarters):
        places(found, np.array([0, 1_700], np.int64) * NS)


def test_slots_are_those_of_the_clock():
    """The hour that happens twice has its quarter hours twice, with the same numbers."""
    start, stop = day("Europe/Madrid", "2026-10-25")
    slot, dates = slots(quarters(start, stop, ZoneInfo("Europe/Madrid")), ZoneInfo("Europe/Madrid"))

    assert np.bincount(slot).tolist() == [2 if 8 <= one < 12 else 1 for one in range(96)]
    assert {str(one) for one in dates} == {"2026-10-25"}


def test_the_days_of_a_stretch():
    """Days begin when the clock shows midnight, or the first instant after it that there is."""
    zone = ZoneInfo("Africa/Cairo")
    start, _ = day("Africa/Cairo", "2026-04-23")

    assert np.diff(day_starts(start, start + 3 * 86_400 * NS, zone))[:2].tolist() == [
        86_400 * NS,
        82_800 * NS,
    ]
