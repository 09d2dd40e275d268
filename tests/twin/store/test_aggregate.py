import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from twin.store import aggregate
from twin.store.port import Aggregate

S = 1_000_000_000
SORTED_TIMES = st.lists(st.integers(0, 1_000), min_size=1, max_size=40, unique=True).map(sorted)


def floats(*values):
    return np.array(values, np.float64)


def times(*values):
    return np.array(values, np.int64)


@given(
    at=SORTED_TIMES, steps=st.lists(st.integers(0, 1_000), min_size=40, max_size=40), cut=st.integers(1, 999)
)
def test_increases_of_windows_add_up(at, steps, cut):
    """However time is cut into windows, the increases add up to what the register grew."""
    register = np.cumsum(np.array(steps[: len(at)], np.float64)) + 10
    edges = times(0, cut, 1_001)
    found = aggregate.delta(times(*at), register, edges, 10.0, None)

    assert np.nansum(found) == register[-1] - 10


@given(at=SORTED_TIMES, steps=st.lists(st.integers(0, 499), min_size=40, max_size=40))
def test_a_wrapping_register_loses_nothing(at, steps):
    """A register that begins again at 1000 gives the same increases as one that does not."""
    total = np.cumsum(np.array(steps[: len(at)], np.float64))
    edges = times(0, 300, 1_001)
    plain = aggregate.delta(times(*at), total, edges, 0.0, None)

    assert np.array_equal(
        plain, aggregate.delta(times(*at), total % 1000, edges, 0.0, 1000.0), equal_nan=True
    )


def test_the_first_reading_ever_is_no_increase():
    """Without a reading before it, the first reading says nothing of an increase."""
    assert np.isnan(aggregate.delta(times(5), floats(7), times(0, 10), None, None)).all()
    assert np.isnan(aggregate.delta(times(), floats(), times(0, 10), 3.0, None)).all()


def test_a_small_fall_is_a_reset_not_a_wrap():
    """A register that falls within its upper half was reset."""
    assert aggregate.delta(times(1, 2), floats(900, 800), times(0, 9), None, 1000.0).tolist() == [800]


def test_a_state_does_not_outlast_the_present():
    """Nobody knows how long the last state will hold."""
    found = aggregate.state_seconds(
        times(0), floats(1), times(0, 10 * S, 20 * S, 30 * S), None, 14 * S, {1: "on"}
    )

    assert np.array_equal(found["state_s:on"], [10, 4, np.nan], equal_nan=True)


def test_no_state_no_columns():
    """Where only bad readings are, there is no state and no column."""
    assert aggregate.state_seconds(times(1), floats(np.nan), times(0, S), np.nan, S, {}) == {}


@given(
    at=SORTED_TIMES,
    codes=st.lists(st.sampled_from([0.0, 1.0, math.nan]), min_size=40, max_size=40),
    cut=st.integers(1, 999),
)
def test_state_seconds_equal_a_count_of_each_second(at, codes, cut):
    """Seconds per state equal a recount, second by second."""
    edges = times(0, cut, 1_100) * S
    found = aggregate.state_seconds(
        times(*at) * S, floats(*codes[: len(at)]), edges, None, 1_050 * S, {0: "a", 1: "b"}
    )
    now_state, counts = math.nan, {(w, c): 0 for w in (0, 1) for c in (0, 1)}
    pending = dict(zip(at, codes, strict=False))
    for second in range(1_050):
        now_state = pending.get(second, now_state)
        if not math.isnan(now_state):
            counts[int(second >= cut), int(now_state)] += 1

    for (window, code), seconds in counts.items():
        column = found.get(f"state_s:{'ab'[code]}", np.zeros(2))
        assert np.nan_to_num(column)[window] == seconds


def test_windows_between_readings_are_empty():
    """An empty window between two full ones takes nothing from either."""
    found = aggregate.reduce(times(1, 21, 22), floats(1, 2, 4), times(0, 10, 20, 30), list(Aggregate))

    assert found["count"].tolist() == [1, 0, 2]
    assert np.array_equal(found["mean"], [1, np.nan, 3], equal_nan=True)
    assert np.array_equal(found["last"], [1, np.nan, 4], equal_nan=True)
    assert set(found) == {"mean", "min", "max", "sum", "first", "last", "count"}


def test_mean_direction():
    """The mean of directions goes the short way round."""
    mean = aggregate.reduce(times(1, 2), floats(350, 30), times(0, 9), [Aggregate.MEAN], 360.0)["mean"]

    assert math.isclose(mean[0], 10)
