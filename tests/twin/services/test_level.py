"""The level of a tank as it is followed: bounded memory, believed values, rises."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from twin.services.level import BUCKETS, MOST_RAW, LevelWatch


def watch() -> LevelWatch:
    return LevelWatch(3600.0, 600.0, 60.0, 10.0)


readings = st.lists(st.tuples(st.floats(-50_000, 50_000), st.floats(0, 110)), min_size=1, max_size=300)


@given(readings)
@settings(max_examples=100, deadline=None)
def test_any_readings_leave_order_and_bounds(steps):
    """Whatever comes, with a clock that goes to and fro: samples rise in time, are few, and lie in the window."""
    found, now = watch(), 1e9
    for step, level in steps:
        now += step
        found.add(now, level)
    times, levels = found.samples

    assert (times[1:] > times[:-1]).all()
    assert len(found) <= 2 * BUCKETS + MOST_RAW
    assert len(times) == len(levels)
    assert found.now is not None


def test_a_bucket_is_bounded():
    """A thousand readings a second leave as many as a few."""
    found = watch()
    for number in range(20_000):
        found.add(number / 1000, 50.0)

    assert len(found) <= MOST_RAW + 1


def test_the_level_of_now_is_a_median():
    """Two readings of five that are off change nothing."""
    found = watch()
    for second, level in enumerate((50.0, 50.2, 0.0, 49.8, 110.0)):
        found.add(second, level)

    assert found.now == 50.0


def test_the_same_time_again_is_no_reading():
    """A reading that is heard twice counts once."""
    found = watch()
    found.add(1.0, 50.0)
    found.add(1.0, 60.0)

    assert (found.now, len(found)) == (50.0, 1)


def test_a_rise_has_a_beginning_and_an_end():
    """A refill is told when it has lasted, when it goes on, and when it is over."""
    found, told = watch(), []
    for second in range(0, 4000, 10):
        level = 30.0 if second < 1000 else min(80.0, 30 + (second - 1000) / 20)
        rise = found.add(float(second), level)
        if rise is not None:
            told.append(rise)

    assert [rise.over for rise in told].count(True) == 1
    assert told[-1].over
    assert (told[-1].low, told[-1].high) == (30.0, 80.0)
    assert 900 <= told[-1].began_s <= 1100
    assert 1900 <= told[-1].ended_s <= 2100
    assert told[-1].size == 50.0
