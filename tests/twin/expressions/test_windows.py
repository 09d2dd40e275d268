"""Moving windows: what they say equals a recount of the raw readings, and their memory is bounded."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.twin.expressions.town import IDS, START, STATES, Now, S, check, program, readings, series
from twin.expressions import core
from twin.expressions.recorded import Moving, Track
from twin.expressions.rings import CELLS
from twin.frame import join
from twin.quality import Reason

HOLD_S = 90.0  # a tank's heartbeat of 60 s and its silence of 30 s
SPAN_S = 120.0
FUNCTIONS = ("delta", "rate", "integral", "mean", "min", "max", "count")

CODES = st.sampled_from([0, 0, 0, 0, 0, int(Reason.IMPRECISE), int(Reason.NOT_AVAILABLE)])
SAID = st.lists(
    st.tuples(st.integers(0, 400), st.integers(0, 999), CODES),
    min_size=1,
    max_size=25,
    unique_by=lambda one: one[0],
).map(sorted)


def standing_at(times, values, second):
    """Return the value that stands at a second, NaN when none does."""
    before = [(at, value) for at, value in zip(times, values, strict=True) if at <= second]
    return before[-1][1] if before and second - before[-1][0] < HOLD_S else math.nan


def grown(times, values, moment: int, wraps_at: float | None) -> float:
    """Return how much a point grew within a window, step by step."""
    known = [
        (at, value) for at, value in zip(times, values, strict=True) if at <= moment and not math.isnan(value)
    ]
    found = 0.0
    for (_, old), (at, new) in pairwise(known):
        step = new - old
        if wraps_at is not None and step < 0:
            step = new + (wraps_at - old) if old > wraps_at / 2 > new else new
        found += step if at > moment - SPAN_S else 0.0
    return found


def recount(function: str, times, values, moment: int, wraps_at: float | None = None) -> tuple[float, float]:
    """Return value and covered share of a window that ends at a moment, second by second from the raw readings."""
    begin = moment - int(SPAN_S)
    seconds = [standing_at(times, values, second) for second in range(begin, moment)]
    standing = [value for value in seconds if not math.isnan(value)]
    inside = [
        value
        for at, value in zip(times, values, strict=True)
        if begin < at <= moment and not math.isnan(value)
    ]
    lasted = SPAN_S if times[0] <= begin else moment - times[0]
    growth = grown(times, values, moment, wraps_at)
    seen = [*standing, *inside]
    found = {
        "integral": math.fsum(standing),
        "mean": math.fsum(standing) / len(standing) if standing else math.nan,
        "count": float(len(inside)),
        "min": min(seen, default=math.nan),
        "max": max(seen, default=math.nan),
        "delta": growth,
        "rate": growth / lasted if lasted else math.nan,
    }
    return found[function], len(standing) / SPAN_S


@settings(max_examples=60, deadline=None)
@given(said=SAID, data=st.data())
def test_windows_equal_a_recount_of_the_raw_readings(said, data):
    """However readings come in, what each window says at any moment is what counting them again says."""
    texts = [f"{function}(level over 2min)" for function in FUNCTIONS] + ["delta(drawn over 2min)"]
    some = program(*texts, require=0.001)
    now = Now().set("tank-a/level", 1.0).set("tank-a/drawn", 1.0)
    times, values, codes = ([one[part] for one in said] for part in range(3))
    raw = [math.nan if code >= 128 else float(value) for value, code in zip(values, codes, strict=True)]
    done, moment = 0, 0
    while done < len(times):
        upto = data.draw(st.integers(done + 1, len(times)))
        for name in ("tank-a/level", "tank-a/drawn"):
            some.observe(readings(name, times[done:upto], values[done:upto], codes[done:upto]))
        done = upto
        moment = max(moment, times[done - 1]) + data.draw(st.integers(0, 40))
        found = some.evaluate(None, now, START + moment * S).value
        for text, value in zip(texts, found, strict=True):
            wraps = 1000.0 if "drawn" in text else None
            expected, share = recount(text.partition("(")[0], times[:done], raw[:done], moment, wraps)
            assert value == pytest.approx(expected, rel=1e-9, abs=1e-6) or share <= 0.001, text


def track_of(rows, hold_s=HOLD_S):
    return Track(rows, hold_s)


def window_of(text: str) -> core.Window:
    (window,) = check(text).windows
    return window


@settings(max_examples=40, deadline=None)
@given(said=SAID)
def test_history_says_what_windows_said_live(said):
    """What is computed from recorded readings is what was computed while they came in."""
    rows = readings("tank-a/level", *([one[part] for one in said] for part in range(3)))
    for function in FUNCTIONS:
        text = f"{function}(level over 2min)"
        live, past = program(text, require=1e-6), Moving(track_of(rows), window_of(text), STATES)
        for position in range(len(rows)):
            live.observe(rows.take(slice(position, position + 1)))
            moment = int(rows.time[position]) + 7 * S
            if position + 1 < len(rows) and rows.time[position + 1] <= moment:
                continue
            value, share, _ = past.at(np.array([moment]))
            found = live.evaluate(None, Now().set("tank-a/level", 1.0), moment)
            if share[0] > 1e-6:
                assert found.value[0] == pytest.approx(value[0], rel=1e-9, abs=1e-6), text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mean(level over 100s)", 49.5),
        ("integral(level over 100s)", 4950.0),
        ("delta(level over 100s)", 100.0),
        ("rate(level over 100s)", 1.0),
        ("min(level over 100s)", 0.0),
        ("max(level over 100s)", 100.0),
        ("count(level over 100s)", 100.0),
        ("mean(level > 50 % over 100s)", 0.49),
        ("integral(level > 50 % over 100s)", 49.0),
        ("count(level > 50 % over 100s)", 1.0),
        ("max(level > 99 % over 100s)", 1.0),
        ("min(level > 99 % over 100s)", 0.0),
        ("mean(level * 2 over 100s)", 99.0),
        ("max(clamp(level, 10 %, 20 %) over 100s)", 20.0),
    ],
)
def test_values_over_a_ramp(text, expected):
    """A level that is 0 to 100 % at seconds 0 to 100, each standing until the next: known sums."""
    some = program(text)
    some.observe(readings("tank-a/level", list(range(101)), [float(v) for v in range(101)]))

    found = some.evaluate(None, Now().set("tank-a/level", 100.0), START + 100 * S)
    assert found.value[0] == pytest.approx(expected)


def test_a_direction_has_a_mean_direction():
    """The mean of 350 and 10 degrees is north, not south."""
    some = program("mean(met/wind over 60s)")
    some.observe(readings("met/wind", [0, 30, 60], [350.0, 10.0, 10.0]))

    assert some.evaluate(None, Now().set("met/wind", 10.0), START + 60 * S).value[0] == pytest.approx(
        0.0, abs=1e-6
    )


def test_starts_of_a_pump_are_counted():
    """A condition is counted when it becomes true, not while it is."""
    some = program("count(pump = 'on' over 1h)", "integral(pump = 'on' over 1h)", require=0.01)
    states = ["off", "on", "on", "off", "on"]
    some.observe(readings("tank-a/pump", [0, 10, 20, 30, 40], [float(STATES[one]) for one in states]))
    found = some.evaluate(None, Now().set("tank-a/pump", "on"), START + 50 * S)

    assert found.value.tolist() == [2.0, 30.0]


@pytest.mark.parametrize(
    ("values", "grown"),
    [([10, 30], 20), ([990, 10], 20), ([900, 800], 800), ([10, math.nan, 30], 20), ([500, 3, 5], 5)],
)
def test_wraps_and_resets_of_counters(values, grown):
    """A counter that falls from its upper to its lower half has wrapped, any other fall is a reset."""
    some = program("delta(drawn over 1h)", require=0.001)
    codes = [Reason.NOT_AVAILABLE if math.isnan(value) else 0 for value in values]
    some.observe(readings("tank-a/drawn", [10 * n for n in range(len(values))], values, codes))

    now = Now().set("tank-a/drawn", 1.0)
    assert some.evaluate(None, now, START + 30 * S).value[0] == grown


def test_what_is_covered_decides():
    """A window of which too little is known has no value, one of which some is missing says so."""
    some = program("mean(level over 100s)")
    now, seen = Now().set("tank-a/level", 5.0), {}
    some.observe(readings("tank-a/level", [0], [5.0]))
    for second in (1, 89):
        seen[second] = int(some.evaluate(None, now, START + second * S).quality[0])
    some.observe(readings("tank-a/level", [80], [5.0]))
    for second in (95, 100, 178, 182):
        seen[second] = int(some.evaluate(None, now, START + second * S).quality[0])

    missing, incomplete = int(Reason.INPUT_MISSING), int(Reason.INCOMPLETE)
    assert seen == {1: missing, 89: missing, 95: incomplete, 100: 0, 178: incomplete, 182: missing}


def test_an_old_reading_changes_no_window():
    """A reading that is older than the newest one was overtaken: a window leaves it out."""
    some = program("max(level over 1h)", require=0.001)
    some.observe(readings("tank-a/level", [10], [5.0]))
    some.observe(readings("tank-a/level", [5], [90.0]))

    assert some.evaluate(None, Now().set("tank-a/level", 5.0), START + 20 * S).value[0] == 5.0


@pytest.mark.parametrize("apart", [True, False], ids=["as they come", "as history"])
def test_memory_is_bounded_and_the_value_stays_close(apart):
    """A reading a second for two hours fill no more cells than allowed, and the value is right within a cell."""
    texts = ["mean(level over 1h)", "delta(drawn over 1h)", "max(level over 1h)", "count(level over 1h)"]
    some = program(*texts)
    steps = np.arange(0, 7_200)
    time = START + steps * S
    for first in range(0, len(steps), 20 if apart else len(steps)):
        part = slice(first, first + 20 if apart else None)
        level = readings("tank-a/level", [0] * len(steps[part]), (steps[part] / 72).tolist())
        drawn = readings("tank-a/drawn", [0] * len(steps[part]), (steps[part] / 10 % 1000).tolist())
        rows = join([level, drawn])
        rows.time[:] = np.tile(time[part], 2)
        some.observe(rows)
    now = Now().set("tank-a/level", 1.0).set("tank-a/drawn", 1.0)
    found = some.evaluate(None, now, int(time[-1]))

    cells = {family.rings._cells for family in some._windows._families}
    assert max(cells) <= CELLS + 2
    assert found.value == pytest.approx([75.0, 360.0, 100.0, 3_600.0], rel=1 / CELLS)


@settings(max_examples=60, deadline=None)
@given(
    said=st.lists(st.tuples(st.integers(0, 999), CODES), min_size=40, max_size=90), every=st.integers(1, 40)
)
def test_history_at_once_is_history_one_by_one(said, every):
    """A long history that is taken in at once leaves windows as if its readings had come one by one."""
    times = [every * n for n in range(len(said))]
    rows = readings("tank-a/level", times, [value for value, _ in said], [code for _, code in said])
    texts = [f"{function}(level over 2min)" for function in FUNCTIONS]
    once, single = program(*texts, require=1e-6), program(*texts, require=1e-6)
    once.warm(rows)
    for position in range(len(rows)):
        single.observe(rows.take(slice(position, position + 1)))
    more = readings("tank-a/level", [every * len(said) + n for n in (3, 9)], [5.0, 7.0])
    now = Now().set("tank-a/level", 1.0)
    for one in (once, single):
        one.observe(more)
    for later in (10, 60, 100, 500):
        moment = int(rows.time[-1]) + later * S
        found, expected = (one.evaluate(None, now, moment).value for one in (once, single))
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True)


def test_a_window_that_nobody_feeds_is_missing():
    """Before the first reading a window has no value."""
    found = program("rate(level over 1h)").evaluate(None, Now().set("tank-a/level", 1.0), START)

    assert found.quality[0] == Reason.INPUT_MISSING


def test_one_ring_serves_equal_windows():
    """Windows that are alike are kept once, however many expressions read them."""
    some = program(*[f"mean(level over 1h) + {number} %" for number in range(20)], "rate(level over 1h)")

    assert some._windows.count == 2
    assert some._windows.series.tolist() == [series("tank-a/level")] * 2
    assert IDS["riverside/tank-a/level"] == series("tank-a/level")
