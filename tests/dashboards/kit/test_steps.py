"""Exactly one resolution answers, and it reads no more rows than it may."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.kit.steps import BUDGET, MAX_POINTS, duration, on_grid, steps
from dashboards.preview.interpolate import round_interval
from twin.resolution import Resolution

SPEEDS = st.floats(1, 3600)
SERIES = st.integers(1, 20_000)
RANGES_S = st.integers(60, 5 * 366 * 86_400)


def answering(found, interval_s):
    return [
        one
        for one in found
        if (one.low_s is None or interval_s >= one.low_s) and (one.high_s is None or interval_s < one.high_s)
    ]


@given(series=SERIES, every_s=SPEEDS, range_s=RANGES_S)
def test_one_resolution_answers_whatever_the_range(series, every_s, range_s):
    """For every interval that Grafana may put in there is one query, neither none nor two."""
    interval_s = max(round_interval(range_s * 1000 / MAX_POINTS), 10_000) / 1000

    assert len(answering(steps(series, every_s), interval_s)) == 1


@given(series=SERIES, every_s=SPEEDS, range_s=RANGES_S)
def test_rows_stay_within_the_budget_where_there_is_anything_coarser(series, every_s, range_s):
    """Only days, the coarsest, may have to read more; an interval is rounded by up to a half."""
    interval_s = max(round_interval(range_s * 1000 / MAX_POINTS), 10_000) / 1000
    [one] = answering(steps(series, every_s), interval_s)
    rows = series * interval_s * MAX_POINTS / (one.resolution.seconds or every_s)

    assert one.resolution is Resolution.DAY or rows <= BUDGET


def test_few_series_are_read_as_readings_and_then_by_the_windows():
    """The guards of one slow series are those of the windows themselves."""
    found = [(one.resolution.value, *one.guard) for one in steps(1, 60.0)]

    assert found == [
        ("raw", "$__interval < 15m"),
        ("15m", "$__interval >= 15m", "$__interval < 1h"),
        ("1h", "$__interval >= 1h", "$__interval < 1d"),
        ("1d", "$__interval >= 1d"),
    ]


def test_many_lamps_begin_with_rollups():
    """Five thousand lamps at 5 s are never read as readings: a panel of them has no query for that."""

    assert Resolution.RAW not in [one.resolution for one in steps(5_000, 5.0, floor_s=60.0)]


@pytest.mark.parametrize(
    ("seconds", "text"), [(10, "10s"), (90, "90s"), (900, "15m"), (7200, "2h"), (86_400, "1d")]
)
def test_durations_are_written_exactly(seconds, text):
    """The largest unit that is exact."""

    assert duration(seconds) == text


@given(st.floats(1, 86_400))
def test_a_panels_shortest_interval_is_one_that_grafana_writes_exactly(seconds):
    """Grafana's server cuts 90 s to `1m`, which would be shorter than what was asked for."""
    from dashboards.preview.interpolate import duration_ms, interval_text

    found = on_grid(seconds)

    assert duration_ms(interval_text(found * 1000)) == found * 1000 >= seconds * 1000
