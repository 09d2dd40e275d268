from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.store.windows import MOST_WINDOWS, among, edges

SECOND = 1_000_000_000
ZONES = [
    "Europe/Madrid",
    "America/Mexico_City",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "America/Havana",
    "Pacific/Apia",
    "UTC",
]


def ns(text: str, zone: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * SECOND


def clock(edge: int, zone: str) -> datetime:
    return datetime.fromtimestamp(edge // SECOND, ZoneInfo(zone))


def day_edges(day: str, zone: str, every: str) -> np.ndarray:
    after = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    return edges(ns(day, zone), ns(after, zone), every, ZoneInfo(zone))


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        ("2026-03-29", "Europe/Madrid", 23),
        ("2026-10-25", "Europe/Madrid", 25),
        ("2027-03-28", "Europe/Madrid", 23),
        ("2026-03-28", "Europe/Madrid", 24),
        ("2026-04-05", "America/Mexico_City", 24),
        ("2022-04-03", "America/Mexico_City", 23),
        ("2026-07-01", "Asia/Kolkata", 24),
    ],
)
def test_a_day_has_all_its_hours(day, zone, hours):
    """A day on which the clock changes has 23 or 25 hours, four quarters each, from midnight to midnight."""
    by_hour, by_quarter, whole = (day_edges(day, zone, every) for every in ("1h", "15m", "1d"))

    assert len(by_hour) == hours + 1
    assert len(by_quarter) == hours * 4 + 1
    assert set(np.diff(by_hour)) == {3600 * SECOND}
    assert by_quarter[::4].tolist() == by_hour.tolist()
    assert whole.tolist() == [by_hour[0], by_hour[-1]] == [ns(day, zone), by_quarter[-1]]


def test_long_windows_follow_the_clock():
    """Windows of six hours begin at 0, 6, 12 and 18 on the clock, also on a day of 23 or 25 hours."""
    for day, lengths in (("2026-03-29", [5, 6, 6, 6]), ("2026-10-25", [7, 6, 6, 6])):
        found = day_edges(day, "Europe/Madrid", "6h")

        assert [clock(edge, "Europe/Madrid").hour for edge in found] == [0, 6, 12, 18, 0]
        assert (np.diff(found) // (3600 * SECOND)).tolist() == lengths


def test_half_hour_zones():
    """Hours begin at full hours on a clock that is half an hour off, also when it shifts by half an hour."""
    for day in ("2026-04-05", "2026-10-04", "2026-06-01"):
        assert {
            clock(edge, "Australia/Lord_Howe").minute for edge in day_edges(day, "Australia/Lord_Howe", "1h")
        } == {0}
    assert {
        clock(edge, "Asia/Kathmandu").minute for edge in day_edges("2026-06-01", "Asia/Kathmandu", "1h")
    } == {0}


@pytest.mark.parametrize(
    ("every", "first", "last"),
    [
        ("1w", "2026-02-23", "2026-04-06"),
        ("1mo", "2026-03-01", "2026-05-01"),
        ("3mo", "2026-01-01", "2026-07-01"),
        ("1y", "2026-01-01", "2027-01-01"),
    ],
)
def test_parts_of_the_calendar(every, first, last):
    """Weeks begin on Monday, months on their first, years in January; the windows at both ends are whole."""
    found = edges(
        ns("2026-03-01T12:00", "Europe/Madrid"),
        ns("2026-04-01T12:00", "Europe/Madrid"),
        every,
        ZoneInfo("Europe/Madrid"),
    )

    assert (found[0], found[-1]) == (ns(first, "Europe/Madrid"), ns(last, "Europe/Madrid"))


def test_a_midnight_that_does_not_exist():
    """Where the clock skips midnight the day begins at the skip; a day that was skipped has no window."""
    havana = edges(
        ns("2026-03-07", "America/Havana"),
        ns("2026-03-10", "America/Havana"),
        "1d",
        ZoneInfo("America/Havana"),
    )
    apia = edges(
        ns("2011-12-29", "Pacific/Apia"), ns("2012-01-01", "Pacific/Apia"), "1d", ZoneInfo("Pacific/Apia")
    )

    assert (np.diff(havana) // (3600 * SECOND)).tolist() == [24, 23, 24]
    assert (np.diff(apia) // (3600 * SECOND)).tolist() == [24, 24]


@settings(max_examples=70, deadline=None)
@given(
    start=st.integers(
        int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()), int(datetime(2035, 1, 1, tzinfo=UTC).timestamp())
    ),
    length=st.integers(1, 40 * 86_400),
    every=st.sampled_from(["15m", "30m", "1h", "2h", "6h", "12h", "1d", "1w", "1mo", "1y"]),
    zone=st.sampled_from(ZONES),
)
def test_windows_tile_the_interval(start, length, every, zone):
    """Edges rise, cover the interval with no window to spare, and lie where the clock says."""
    low, high = start * SECOND + 1, (start + length) * SECOND
    found = edges(low, high, every, ZoneInfo(zone))
    first, last = found[:2].tolist(), found[-2:].tolist()

    assert (np.diff(found) > 0).all()
    assert first[0] <= low < first[1]
    assert last[0] < high <= last[1]
    moments = [clock(edge, zone) for edge in found.tolist()]
    if every in ("15m", "30m", "1h"):
        assert all(
            (m.hour * 60 + m.minute) * 60 % {"15m": 900, "30m": 1800, "1h": 3600}[every] == 0 for m in moments
        )
    if every == "1w" and zone != "Pacific/Apia":
        assert {m.weekday() for m in moments} == {0}
    if every in ("1mo", "1y"):
        assert {m.day for m in moments} == {1}


@settings(max_examples=30, deadline=None)
@given(
    start=st.integers(1_500_000_000, 2_000_000_000),
    cut=st.integers(1, 20 * 86_400),
    more=st.integers(1, 20 * 86_400),
    every=st.sampled_from(["15m", "1h", "4h", "1d", "1w"]),
    zone=st.sampled_from(ZONES),
)
def test_windows_do_not_depend_on_what_is_asked(start, cut, more, every, zone):
    """Two pages of windows are the same as one long answer: nothing is aligned to the question."""
    a, b, c = (start * SECOND, (start + cut) * SECOND, (start + cut + more) * SECOND)
    pages = np.concatenate([edges(a, b, every, ZoneInfo(zone)), edges(b, c, every, ZoneInfo(zone))])

    assert np.unique(pages).tolist() == edges(a, c, every, ZoneInfo(zone)).tolist()


@pytest.mark.parametrize(
    "every",
    ["", "h", "1", "0s", "7m", "25h", "2d", "5mo", "2y", "-1h", "1.5h", "1 day", "1H", "\u0661h", "1h;"],
)
def test_another_length_is_refused_with_what_was_meant(every):
    """What is no length of a window, or would not begin at the same time each day, is refused in words."""
    with pytest.raises(ValueError, match="meant is one of 15s"):
        edges(0, SECOND, every, ZoneInfo("UTC"))


def test_limits():
    """An empty interval, too many windows and years out of range are refused."""
    with pytest.raises(ValueError, match="its end must be after"):
        edges(5, 5, "1h", ZoneInfo("UTC"))
    with pytest.raises(ValueError, match=f"the most is {MOST_WINDOWS:,}"):
        edges(0, (MOST_WINDOWS + 2) * SECOND, "1s", ZoneInfo("UTC"))
    with pytest.raises(ValueError, match="years 1 to 9999"):
        edges(253_402_300_000 * SECOND, 253_402_300_001 * SECOND, "1y", ZoneInfo("Asia/Tokyo"))


def test_moments_that_are_edges():
    """Moments far apart are told to be edges or not, also where the clock was put forward between them."""
    zone = ZoneInfo("Europe/Madrid")
    months = edges(0, 2_000_000_000 * SECOND, "1mo", zone)
    askew = months + 900 * SECOND

    assert among(months, "15m", zone).all()
    assert among(months, "1d", zone).all()
    assert among(askew, "15m", zone).all()
    assert not among(askew, "1h", zone).any()
    assert not among(months + 1, "15m", zone).any()
    assert among(months[:0], "1h", zone).tolist() == []
