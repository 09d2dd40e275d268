"""Histories as text, and times as people write them."""

import csv
import io
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from barrio.errors import AskError
from barrio.history.text import render, sparkline
from barrio.moments import local, parse_moment, rfc3339

NS = 1_000_000_000
ZONE = ZoneInfo("America/Mexico_City")
NOW = int(datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()) * NS
BODY = {
    "from": "2026-11-23T10:00:00.000000Z",
    "to": "2026-11-23T10:45:00.000000Z",
    "every": "15m",
    "tz": "America/Mexico_City",
    "series": [
        {
            "point": "little/probe/temperature",
            "quantity": "air_temperature",
            "unit": "Cel",
            "start": [f"2026-11-23T10:{minute:02}:00.000000Z" for minute in (0, 15, 30)],
            "mean": [20.0, None, 21.25],
            "count": [4, 0, 2],
        }
    ],
}


def moment(text: str) -> int:
    """The time that a text names at noon UTC in Mexico."""
    return parse_moment(text, "from", NOW, ZONE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", "2026-11-23T12:00:00Z"),
        ("-1h", "2026-11-23T11:00:00Z"),
        ("-90s", "2026-11-23T11:58:30Z"),
        ("-2w", "2026-11-09T12:00:00Z"),
        ("2026-11-23", "2026-11-23T06:00:00Z"),
        ("2026-11-23T01:30", "2026-11-23T07:30:00Z"),
        ("2026-11-23T01:30Z", "2026-11-23T01:30:00Z"),
        ("2026-11-23T01:30+02:00", "2026-11-22T23:30:00Z"),
        ("2026-11-23T01:30:00 02:00", "2026-11-22T23:30:00Z"),
    ],
)
def test_times_as_people_write_them(text, expected):
    """ISO 8601 with or without offset, now, and ages; without an offset the district's clock is meant."""
    assert rfc3339(moment(text)) == expected.replace("Z", ".000000Z")


@pytest.mark.parametrize(
    "text", ["", "soon", "-1", "-", "-5x", "2026-13-01", "24:00", "0001-01-01", "9999-01-01", "1e9"]
)
def test_what_is_no_time(text):
    """Anything else is refused by the name of its parameter."""
    with pytest.raises(AskError) as caught:
        moment(text)

    assert caught.value.parameter == "from"
    assert repr(text) in caught.value.words


def test_microseconds_survive():
    """A time is shown to the microsecond, without the error of a float."""
    assert rfc3339(NOW + 123_456_789) == "2026-11-23T12:00:00.123456Z"
    assert rfc3339(0) is None


def test_local_time_across_a_change_of_clocks():
    """An hour that happens twice can be told apart by its offset."""
    madrid = ZoneInfo("Europe/Madrid")
    first = int(datetime(2026, 10, 25, 0, 30, tzinfo=UTC).timestamp()) * NS
    shown = [local(at, madrid, seconds=False) for at in (first, first + 3600 * NS)]

    assert shown == ["2026-10-25 02:30 +0200", "2026-10-25 02:30 +0100"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], ""),
        ([1.0, 1.0], "▁▁"),
        ([None, None], "··"),
        ([0.0, None, 7.0], "▁·█"),
        ([0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█"),
    ],
)
def test_sparklines(values, expected):
    """The lowest is the lowest bar, the highest the highest; nothing is a dot, not a zero."""
    assert sparkline(values) == expected


def test_a_long_sparkline_is_condensed():
    """Neighbours share a character, and none is lost at the ends."""
    line = sparkline([float(value) for value in range(1000)], 10)

    assert len(line) == 10
    assert (line[0], line[-1]) == ("▁", "█")


def test_a_table():
    """A table begins with a sparkline, shows local time, and a dash where nothing is known."""
    lines = render(BODY, "table").splitlines()

    assert lines[0] == "little/probe/temperature  air_temperature in Cel, every 15m"
    assert lines[1] == "▁·█  mean 20 to 21.25"
    assert lines[2].split() == ["time", "(America/Mexico_City)", "mean", "count"]
    assert lines[3].split() == ["2026-11-23", "04:00", "-0600", "20", "4"]
    assert lines[4].split() == ["2026-11-23", "04:15", "-0600", "–", "0"]


def test_only_a_sparkline():
    """Without the table the head and the line remain."""
    assert len(render(BODY, "spark").splitlines()) == 2


def test_csv():
    """CSV is RFC 4180: one header, CRLF, times with offset, nothing where nothing is known."""
    text = render(BODY, "csv")
    rows = list(csv.reader(io.StringIO(text, newline="")))

    assert text.count("\r\n") == 3
    assert rows[0] == ["time", "point", "unit", "mean", "count"]
    assert rows[1] == ["2026-11-23T04:00:00.000-06:00", "little/probe/temperature", "Cel", "20.0", "4"]
    assert rows[2][3] == ""


def test_a_history_without_readings():
    """No readings is said in words."""
    empty = {
        "point": "a/b/c",
        "quantity": "air_temperature",
        "unit": "Cel",
        "time": [],
        "value": [],
        "quality": [],
    }

    assert "no readings in this time" in render(BODY | {"every": None, "series": [empty]}, "table")
