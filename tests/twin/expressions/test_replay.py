"""Expressions over recorded history say what they would have said live."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.twin.expressions.town import IDS, SIZE, START, STATES, Now, S, check, readings, series
from twin.expressions.program import Program
from twin.expressions.replay import replay
from twin.frame import Batch, empty_batch, join
from twin.quality import Reason

TEXTS = (
    "level",
    "level + tank-b/level",
    "volume / max(outlet_flow, 0.001 m3/h)",
    "if(pump = 'on', level, tank-b/level)",
    "mean(level where kind = WaterTank)",
    "count(level > 50 % where kind = WaterTank)",
    "sum(max(level over 2min) where kind = WaterTank)",
    "level > mean(level over 2min) + 0.5 % or pump = 'on'",
    "rate(level over 2min)",
    "known(level) and known(tank-b/level)",
    "otherwise(level, 3 %)",
)
NAMES = ("tank-a/level", "tank-b/level", "tank-a/volume", "tank-a/outlet_flow", "tank-a/pump")
SAID = st.lists(
    st.tuples(
        st.integers(0, 300),
        st.sampled_from(NAMES),
        st.integers(0, 99),
        st.sampled_from([0, 0, 0, int(Reason.IMPRECISE), int(Reason.NOT_AVAILABLE)]),
    ),
    min_size=1,
    max_size=25,
    unique_by=lambda one: one[:2],
).map(sorted)


def batch_of(said) -> Batch:
    rows = []
    for at, name, value, code in said:
        state = float(STATES["on" if value > 50 else "off"])
        rows.append(readings(name, [at], [state if name.endswith("pump") else float(value)], [code]))
    return join(rows)


@settings(max_examples=80, deadline=None)
@given(said=SAID, text=st.sampled_from(TEXTS), require=st.sampled_from([np.nan, 0.5]))
def test_history_says_what_was_said_live(said, text, require):
    """At every moment of the replay, value and quality are those of a program that took readings in as they came."""
    rows, checked = batch_of(said), check(text)
    live = Program([checked], IDS, STATES, SIZE, [require])
    times, values, qualities = replay(checked, IDS, STATES, rows, require)
    now, done = Now(), 0
    for moment, value, quality in zip(times.tolist(), values, qualities, strict=True):
        while done < len(rows) and rows.time[done] <= moment:
            one = rows.take(slice(done, done + 1))
            live.observe(one)
            now.value[one.ids], now.quality[one.ids], now.time[one.ids] = one.value, one.quality, one.time
            done += 1
        now.gap = (moment - now.time >= 90 * S) & (now.time > 0)
        found = live.evaluate(None, now, moment)
        assert found.quality[0] == quality
        assert found.value[0] == pytest.approx(value, rel=1e-9, abs=1e-6, nan_ok=True)


def test_moments_are_those_at_which_something_changes():
    """Readings, and the moment at which a reading stands no longer, are told; nothing in between."""
    rows = join([readings("tank-a/level", [0, 10, 500], [1.0, 2.0, 3.0])])
    times, values, qualities = replay(check("level"), IDS, STATES, rows)

    assert ((times - START) // S).tolist() == [0, 10, 100, 500]
    assert values[[0, 1, 3]].tolist() == [1.0, 2.0, 3.0]
    assert qualities.tolist() == [0, 0, Reason.INPUT_MISSING, 0]


def test_a_clock_adds_its_quarters():
    """An expression that reads the clock is asked at every quarter of an hour between readings."""
    rows = readings("tank-a/level", [60 * n for n in range(181)], [50.0] * 181)
    times, values, _ = replay(check("level > 20 % and hour >= 10"), IDS, STATES, rows)

    # 1_800_000_000 is nine in the morning in Madrid.
    assert int(times[np.argmax(values)] - START) == 3600 * S


def test_no_history_no_moments():
    """Without readings there is nothing to say."""
    times, values, qualities = replay(check("level + volume * 1 % / 1 m3"), IDS, STATES, empty_batch())

    assert (len(times), len(values), len(qualities)) == (0, 0, 0)


def test_a_stretch_of_time_is_told_whole():
    """Within a stretch that is asked for, a clock is followed with or without readings."""
    day = (START, START + 86_400 * S)
    times, values, _ = replay(check("hour >= 22"), IDS, STATES, empty_batch(), between=day)

    assert int(times[np.argmax(values)] - START) == 13 * 3600 * S
    assert (int(times[0]), int(times[-1]) < day[1]) == (day[0], True)


def test_what_was_before_a_stretch_stands_at_its_beginning():
    """The stretch begins with the value that stood then."""
    rows = readings("tank-a/level", [0, 50, 100], [1.0, 2.0, 3.0])
    times, values, _ = replay(check("level"), IDS, STATES, rows, between=(START + 20 * S, START + 100 * S))

    assert (((times - START) // S).tolist(), values.tolist()) == ([20, 50], [1.0, 2.0])


def test_readings_may_come_in_any_order():
    """History is put in order by time; of two readings at one time the later stands."""
    rows = join([readings("tank-a/level", [20, 0], [3.0, 1.0]), readings("tank-a/level", [0], [2.0])])

    assert replay(check("level"), IDS, STATES, rows)[1].tolist() == [2.0, 3.0]


def test_ninety_days_of_minutes_are_quick():
    """Ninety days of one point at a minute, with a window, take well under two seconds."""
    count = 90 * 1440
    stamps = START + np.arange(count, dtype=np.int64) * 60 * S
    value = 50 + 40 * np.sin(np.arange(count) / 200)
    ids = np.full(count, series("tank-a/level"), np.int32)
    rows = Batch(ids, stamps, stamps, np.zeros(count, np.int64), value, np.zeros(count, np.uint8))
    began = time.process_time()
    times, _, _ = replay(
        check("rate(level over 1h) < -5 %/h and level < 30 % or hour = 3"), IDS, STATES, rows
    )

    assert len(times) >= count
    assert time.process_time() - began < 2.0
