"""Intervals as ISO 8601 writes them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from barrio.errors import AskError
from barrio.history.interval import parse_interval
from twin import clock

NS = 1_000_000_000
MADRID = ZoneInfo("Europe/Madrid")
NOW = int(datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()) * NS


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026-11-01/2026-11-02", "2026-10-31T23:00", "2026-11-01T23:00"),
        ("2026-11-01T00:00Z/2026-11-01T00:00:01.5Z", "2026-11-01T00:00", "2026-11-01T00:00:01.5"),
        ("2026-03-29/P1D", "2026-03-28T23:00", "2026-03-29T22:00"),
        ("2026-03-29/PT24H", "2026-03-28T23:00", "2026-03-29T23:00"),
        ("2026-10-25/P1D", "2026-10-24T22:00", "2026-10-25T23:00"),
        ("2026-01-31/P1M", "2026-01-30T23:00", "2026-02-27T23:00"),
        ("2024-02-29/P1Y", "2024-02-28T23:00", "2025-02-27T23:00"),
        ("P1M/2026-03-31", "2026-02-27T23:00", "2026-03-30T22:00"),
        ("2026-11-02/P1W", "2026-11-01T23:00", "2026-11-08T23:00"),
        ("PT1H30M/now", "2026-11-23T10:30", "2026-11-23T12:00"),
        ("2026-11-01T00:00Z/P1DT0.25S", "2026-11-01T00:00", "2026-11-02T00:00:00.25"),
    ],
)
def test_intervals(text, start, end):
    """Days and months are of the calendar of the zone, hours are lengths of time."""
    found = [clock.rfc3339(moment)[:26] for moment in parse_interval(text, NOW, MADRID)]

    assert found == [
        datetime.fromisoformat(moment).isoformat(timespec="microseconds") for moment in (start, end)
    ]


@pytest.mark.parametrize(
    "text",
    [
        *("", "/", "2026-11-01", "2026-11-01/", "/2026-11-01", "P1D/P1D", "2026-11-01/2026-11-01", "a/b"),
        *("2026-11-02/2026-11-01", "2026-11-01/P", "2026-11-01/PT", "2026-11-01/P1H", "2026-11-01/P-1D"),
        *("2026-11-01/P1D/P1D", "2026-11-01/P1.5D", "2026-11-01/P0D", "2026-11-01/P9999999D", "R5/2026/P1D"),
        *("2026-11-01/P999999Y", "P999999M/2026-11-01", "2026-11-01T24:00/P1D", "0000-01-01/P1D"),
        *("2026-11-01T00:00+99:99/P1D", "10000-01-01/P1D", "2026-11-01/PT1M1H", "2026-11-01/p1d"),
    ],
)
def test_what_is_no_interval(text):
    """Anything else is refused by the name of its parameter."""
    with pytest.raises(AskError) as caught:
        parse_interval(text, NOW, MADRID)

    assert caught.value.parameter == "interval"
