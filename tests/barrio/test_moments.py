"""Ages: days, weeks, months and years of the calendar, hours and what is shorter as lengths of time."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from barrio.errors import AskError
from barrio.history.interval import parse_interval
from barrio.moments import parse_moment, rfc3339

MADRID = ZoneInfo("Europe/Madrid")


def ns(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000_000


def moment(text, now, zone=MADRID):
    return str(rfc3339(parse_moment(text, "from", ns(now), zone)))[:16]


@pytest.mark.parametrize(
    ("text", "now", "found"),
    [
        ("-1y", "2026-11-23T12:00", "2025-11-23T12:00"),
        ("-1y", "2024-02-29T12:00", "2023-02-28T12:00"),
        ("-12mo", "2026-11-23T12:00", "2025-11-23T12:00"),
        ("-1mo", "2026-11-15T12:00", "2026-10-15T11:00"),
        ("-1mo", "2026-03-31T10:00", "2026-02-28T11:00"),
        ("-1d", "2026-03-29T12:00", "2026-03-28T13:00"),
        ("-24h", "2026-03-29T12:00", "2026-03-28T12:00"),
        ("-1w", "2026-10-26T12:00", "2026-10-19T11:00"),
        ("-0mo", "2026-10-26T12:00", "2026-10-26T12:00"),
        (" - 2 y ", "2026-11-23T12:00", "2024-11-23T12:00"),
    ],
)
def test_an_age_of_the_calendar_keeps_the_time_on_the_clock(text, now, found):
    """Also where the clocks changed since; a day that a month does not have is its last one."""
    assert moment(text, now) == found


def test_an_age_is_counted_on_the_clock_of_the_zone():
    """The same now, one zone in which the clocks changed and one in which they did not."""
    now = "2026-03-30T12:00"

    assert moment("-1mo", now) == "2026-02-28T13:00"
    assert moment("-1mo", now, ZoneInfo("America/Mexico_City")) == "2026-02-28T12:00"


@pytest.mark.parametrize(
    ("age", "duration"),
    [("-1y", "P1Y"), ("-5mo", "P5M"), ("-2w", "P2W"), ("-30d", "P30D"), ("-36h", "PT36H")],
)
def test_an_age_is_where_the_interval_of_its_duration_begins(age, duration):
    """One meaning, however it is written."""
    now = ns("2026-11-15T12:00")

    assert parse_moment(age, "from", now, MADRID) == parse_interval(f"{duration}/now", now, MADRID)[0]
    assert parse_interval(f"{age}/now", now, MADRID) == parse_interval(f"{duration}/now", now, MADRID)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("-1.5d", "days, weeks, months and years of an age are whole"),
        ("-0.5mo", "days, weeks, months and years of an age are whole"),
        ("-1M", "an age such as -15m, -1h, -7d, -2w, -1mo or -1y"),
        ("-1mo2d", "an age such as"),
        ("-P1M", "an age such as"),
        ("-57y", "lies outside the years 1970 to 2255"),
        ("-999999y", "lies outside the years 1970 to 2255"),
        ("-999999999999d", "lies outside the years 1970 to 2255"),
    ],
)
def test_an_age_that_cannot_be_says_what_to_write(text, words):
    """By the name of its parameter."""
    with pytest.raises(AskError) as caught:
        moment(text, "2026-11-23T12:00")

    assert caught.value.parameter == "from"
    assert repr(text) in caught.value.words
    assert words in caught.value.words
