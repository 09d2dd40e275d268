"""Queries get what Grafana puts into them."""

import re
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.preview.interpolate import (
    Everything,
    chosen,
    duration_ms,
    formatted,
    interpolate,
    interval_text,
    panel_interval,
    regex_escaped,
    round_interval,
    with_variables,
)
from dashboards.preview.span import Span, moment, panel_span

HOUR, DAY = 3_600_000, 86_400_000
MADRID = ZoneInfo("Europe/Madrid")
NOW = 1_780_000_000_000


@pytest.mark.parametrize(
    ("span_ms", "points", "text"),
    [
        (HOUR, 1000, "5s"),
        (DAY, 300, "5m"),
        (DAY, 1500, "1m"),
        (7 * DAY, 300, "30m"),
        (7 * DAY, 7, "1d"),
        (30 * DAY, 300, "2h"),
        (365 * DAY, 300, "1d"),
        (365 * DAY, 12, "30d"),
        (365 * DAY, 5, "1y"),
    ],
)
def test_an_interval_follows_the_time_shown(span_ms, points, text):
    """The time shown by the number of points, rounded as the browser does."""
    assert interval_text(panel_interval(Span(0, span_ms), points)) == text


@pytest.mark.parametrize(
    ("exact", "rounded"),
    [(42 * DAY, 365 * DAY), (7 * DAY, 7 * DAY), (7 * DAY - 1, DAY), (DAY, DAY), (90_000, 120_000), (10, 10)],
)
def test_the_next_interval_begins_at_its_limit(exact, rounded):
    """At a limit itself, the browser takes the interval after it."""
    assert round_interval(exact) == rounded


def test_a_least_interval_is_kept():
    """A panel's own minimum goes before what the time shown would give."""
    assert panel_interval(Span(0, HOUR), 1000, "1m") == 60_000
    assert panel_interval(Span(0, 30 * DAY), 300, "1m") == 2 * HOUR


@given(st.integers(1, 5 * 365 * DAY), st.integers(1, 5000))
def test_a_longer_time_never_has_a_finer_interval(length, points):
    """Rounding keeps the order, and an interval is within a factor of seven of the exact one."""
    interval = panel_interval(Span(0, length), points)

    assert interval <= panel_interval(Span(0, length + points), points)
    assert interval == 365 * DAY or interval <= 7 * max(1, length / points) <= 7 * 10 * interval


@given(st.integers(1, 2 * 365 * DAY))
def test_an_interval_is_written_in_whole_units(ms):
    """What is written is never longer than what was meant, and less than one unit shorter."""
    text = interval_text(ms)
    unit = re.sub(r"\d", "", text)

    assert 0 <= ms - duration_ms(text) < duration_ms(f"1{unit}")


@given(st.text(min_size=1), st.text())
def test_an_escaped_value_is_found_by_its_expression(value, other):
    """An escaped value matches itself and nothing else."""
    pattern = re.compile(regex_escaped(value), re.DOTALL)

    assert pattern.fullmatch(value)
    assert (pattern.fullmatch(other) is not None) == (value == other)


def test_several_values_are_one_expression():
    """`regex` gives an alternative of escaped values, and a single value without brackets."""
    assert formatted(["lamp.1", "lamp-2"], "regex") == "(lamp\\.1|lamp-2)"
    assert formatted(["lamp.1"], "regex") == formatted("lamp.1", "regex") == "lamp\\.1"
    assert formatted(["a", "b"]) == "{a,b}"
    assert formatted(["a", "b"], "csv") == "a,b"
    assert formatted(["a'c", "b"], "singlequote") == "'a\\'c','b'"


def test_a_query_gets_time_interval_and_variables():
    """Everything is put in, and what nobody knows stays."""
    query = (
        'SELECT mean("value") FROM m WHERE $timeFilter AND $__interval < 15m AND "device" =~ /^${device:regex}$/'
        " GROUP BY time($__interval) LIMIT $__interval_ms -- $__range_s ${__from} $other $interval [[device]]"
    )
    text = interpolate(query, Span(1000, 61_000), 10_000, {"device": ["a.b", "c"]})

    assert text == (
        'SELECT mean("value") FROM m WHERE time >= 1000ms and time <= 61000ms AND 10s < 15m AND "device" =~ '
        "/^(a\\.b|c)$/ GROUP BY time(10s) LIMIT 10000 -- 60 1000 $other 10s {a.b,c}"
    )


def test_dates_are_put_in_as_they_are_asked_for():
    """`${__from:date}` is ISO 8601, `:seconds` counts."""
    assert (
        interpolate("${__from:date:iso} ${__to:date:seconds}", Span(0, 5000), 1)
        == "1970-01-01T00:00:00.000Z 5"
    )


def test_all_of_a_variable_is_its_pattern_or_every_value():
    """A pattern for "All" goes in as it is; without one, all options stand there."""
    variable = {
        "name": "device",
        "type": "custom",
        "multi": True,
        "query": "Lamp 1 : l.1,l2",
        "current": {"value": ["$__all"]},
    }
    board = {"templating": {"list": [variable, {**variable, "name": "any", "allValue": ".*"}]}}
    values = chosen(board)

    assert values == {"device": ["l.1", "l2"], "any": ".*"}
    assert isinstance(values["any"], Everything)
    assert with_variables("/^${device:regex}$/ /^${any:regex}$/", values) == "/^(l\\.1|l2)$/ /^.*$/"


def test_a_variable_stands_for_what_is_chosen():
    """One value of a plain variable, a list of one that takes several, the text of a constant."""
    board = {
        "templating": {
            "list": [
                {"name": "one", "current": {"value": "x"}},
                {"name": "many", "multi": True, "current": {"value": ["x"]}},
                {"name": "constant", "type": "constant", "query": "abc"},
            ]
        }
    }

    assert chosen(board) == {"one": "x", "many": ["x"], "constant": "abc"}


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("now-24h", "2026-03-28T12:00:00+00:00"),
        ("now-1d", "2026-03-28T14:00:00+01:00"),
        ("now/d", "2026-03-29T00:00:00+01:00"),
        ("now-1d/d", "2026-03-28T00:00:00+01:00"),
        ("now/w", "2026-03-29T00:00:00+01:00"),
        ("now/M", "2026-03-01T00:00:00+01:00"),
        ("now-1M", "2026-02-28T14:00:00+01:00"),
        ("now-1y/y", "2025-01-01T00:00:00+01:00"),
        ("2026-03-01T00:00:00", "2026-03-01T00:00:00+01:00"),
    ],
)
def test_times_are_of_the_zone(text, iso):
    """Hours go by the world's clock, days and longer by the zone's calendar, also where its clocks change."""
    now = moment("2026-03-29T14:00:00+02:00", 0, MADRID)

    assert moment(text, now, MADRID) == moment(iso, 0, MADRID)


def test_a_range_ends_with_its_day():
    """`/d` where a range ends means the end of the day."""
    now = moment("2026-03-29T14:00:00", 0, MADRID)

    assert moment("now/d", now, MADRID, round_up=True) == moment("2026-03-30T00:00:00", 0, MADRID) - 1


def test_a_panel_may_show_another_time():
    """`timeFrom` replaces the dashboard's time, `timeShift` moves it back."""
    whole = Span(NOW - DAY, NOW)

    assert panel_span({}, whole, NOW, MADRID) == whole
    assert panel_span({"timeFrom": "7d"}, whole, NOW, MADRID) == Span(NOW - 7 * DAY, NOW)
    assert panel_span({"timeShift": "7d"}, whole, NOW, MADRID) == whole.shifted(7 * DAY)


def test_a_time_that_is_none_is_refused():
    """Nonsense is a ValueError."""
    for text in ("yesterday", "now-5x"):
        with pytest.raises(ValueError, match="isoformat"):
            moment(text, NOW, MADRID)
    with pytest.raises(ValueError, match="duration"):
        duration_ms("soon")
