"""The contract of history: every aggregate on a store is what a naive model makes of the same readings."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.store import (
    COLD,
    HOUR,
    METER,
    SECOND,
    STATES,
    SWITCH,
    T0,
    WARM,
    WIND,
    WRAPS,
    catalogue,
)
from twin.frame import Batch
from twin.history.engine import Engine, Query
from twin.history.reduce import Keep, Subject
from twin.history.reductions import fits, parse
from twin.quality import FIRST_BAD, FIRST_UNCERTAIN, Reason

HOLD = 70 * SECOND
WINDOW, WINDOWS = 60 * SECOND, 6
NAMES = (
    *("mean", "min", "max", "sum", "first", "last", "count", "twmean", "integral", "delta", "state_s"),
    *("p0", "p50", "p95", "p99.9", "p100"),
)
QUALITIES = (Reason.GOOD, Reason.LATE, Reason.IMPRECISE, Reason.NOT_AVAILABLE)
SERIES = (WARM, COLD, METER, WRAPS, WIND, SWITCH)
VALUES = {
    METER: st.sampled_from([0.0, 1.5, 40.25, 800.0]),
    WRAPS: st.sampled_from([10.0, 400.0, 700.0, 990.0]),
    WIND: st.sampled_from([0.0, 10.0, 170.0, 355.0]),
    SWITCH: st.sampled_from([0.0, 1.0, 2.0]),
}
PAST = -3 * WINDOW


def naive(readings, edges, one, series, keep, now):
    """One aggregate of each window, slowly; `readings` are (time, value, code), ordered, from before as well."""
    below = FIRST_UNCERTAIN if keep is Keep.GOOD else FIRST_BAD
    usable = [(t, v) for t, v, code in readings if code < below]
    found = []
    for start, stop in itertools.pairwise(edges):
        inside = [v for t, v in usable if start <= t < stop]
        stood = list(standing(readings, below, start, min(stop, now), one.name == "state_s"))
        if one.what == "count":
            found.append(sum(start <= t < stop for t, _, _ in readings) if keep is Keep.ALL else len(inside))
        elif one.what in {"twmean", "integral", "state_s"}:
            found.append(OVER_TIME[one.what](stood, series.quantity.period) if stood else math.nan)
        elif one.what == "delta":
            pairs = itertools.pairwise(usable)
            grown = [grow(a, b, series.wraps_at) for (_, a), (t, b) in pairs if start <= t < stop]
            found.append(math.fsum(grown) if grown else math.nan)
        elif one.what == "p" and inside:
            at = (len(inside) - 1) * one.percent / 100
            low, high = (sorted(inside)[number] for number in (math.floor(at), math.ceil(at)))
            found.append(low + (high - low) * (at % 1))
        else:
            found.append(WITHIN[one.what](inside, series.quantity.period) if inside else math.nan)
    return found


def standing(readings, below, start, stop, lasts):
    """Which values stood in a window, and for how long; with `lasts` until the next reading, however long."""
    ends = [t for t, _, _ in readings[1:]] + [math.inf]
    for (t, v, code), end in zip(readings, ends[: len(readings)], strict=True):
        length = min(end, stop, math.inf if lasts else t + HOLD) - max(t, start)
        if code < below and length > 0:
            yield v, length


def grow(a, b, turn):
    """How much a counter grew."""
    if b >= a:
        return b - a
    return b + turn - a if turn is not None and a > turn / 2 and b < turn / 2 else b


def middle(weighted, period):
    """The mean of (value, weight), of directions where there is a period."""
    if period is None:
        return sum(v * n for v, n in weighted) / sum(n for _, n in weighted)
    east, north = (sum(f(2 * math.pi * v / period) * n for v, n in weighted) for f in (math.sin, math.cos))
    return math.atan2(east, north) / (2 * math.pi) * period % period


WITHIN = {
    "mean": lambda values, period: middle([(v, 1) for v in values], period),
    "min": lambda values, _: min(values),
    "max": lambda values, _: max(values),
    "sum": lambda values, _: math.fsum(values),
    "first": lambda values, _: values[0],
    "last": lambda values, _: values[-1],
    "p": lambda *_: math.nan,
}
OVER_TIME = {
    "twmean": middle,
    "integral": lambda stood, _: sum(v * n for v, n in stood) / HOUR,
    "state_s": lambda stood, _: {s: sum(n for v, n in stood if v == s) / SECOND for s in STATES},
}


@st.composite
def readings(draw):
    """Readings of a few series: some before the windows, some bad, times that meet edges."""
    times = st.integers(PAST // SECOND, WINDOWS * WINDOW // SECOND).map(lambda second: second * SECOND)
    found = {}
    for one in SERIES:
        moments = sorted(draw(st.sets(times, max_size=12)))
        value = VALUES.get(one, st.sampled_from([-20.0, 0.0, 1.5, 7.25]))
        found[one] = [(t, draw(value), draw(st.sampled_from(QUALITIES))) for t in moments]
    return found


class HistoryContract:
    """What every store and the engine do together; each `keep` is tried with so many `examples`."""

    examples: int

    @pytest.mark.parametrize("keep", list(Keep))
    def test_every_aggregate_is_that_of_the_model(self, new_store, district, keep):
        """Whatever the readings, each aggregate of each window is what a slow model makes of them."""
        store, series = new_store(), {one.id: one for one in catalogue(district)}
        store.open(list(series.values()), STATES)
        wanted = list(map(parse, NAMES))
        bases = itertools.count(0, -40 * WINDOW)

        @settings(
            max_examples=self.examples, deadline=None, suppress_health_check=list(HealthCheck), database=None
        )
        @given(readings())
        def hold(drawn):
            # Each example lies before the one before it, so that nothing of that is looked back at.
            base = T0 + next(bases)
            mine = {one: [(base + t, v, code) for t, v, code in rows] for one, rows in drawn.items()}
            store.write(batch(mine))
            edges = base + WINDOW * np.arange(WINDOWS + 1)
            now = int(edges[-1]) - 20 * SECOND
            store._clock = Fixed(now)
            for one, rows in mine.items():
                compare(store, series[one], rows, edges, wanted, keep, now)

        hold()


class Fixed:
    """A clock that stands."""

    def __init__(self, now):
        self._now = now

    def now_ns(self):
        return self._now


def batch(found) -> Batch:
    """Return readings as a batch in the order of arrival."""
    flat = [(one, t, v, code) for one, rows in found.items() for t, v, code in rows]
    time = np.array([row[1] for row in flat], np.int64)
    code = np.array([row[3] for row in flat], np.uint8)
    value = np.where(code < FIRST_BAD, np.array([row[2] for row in flat], np.float64), np.nan)
    return Batch(np.array([row[0] for row in flat], np.int32), time, time, time * 0, value, code)


def compare(store, series, rows, edges, wanted, keep, now):
    """Hold what the engine says of one series to the model."""
    some = [one for one in wanted if fits(one, series.quantity)]
    subject = Subject(series.id, series.district, series.quantity, series.wraps_at, HOLD)
    query = Query([subject], edges, {series.quantity.aggregation: some}, now, keep)
    found = Engine(store, STATES, None).answer(query).columns[series.id]
    for one in some:
        expected = naive(rows, edges.tolist(), one, series, keep, now)
        if one.name == "state_s":
            for state, name in STATES.items():
                mine = np.nan_to_num(found.get(f"state_s:{name}", np.zeros(WINDOWS)))
                theirs = [0.0 if isinstance(window, float) else window[state] for window in expected]
                np.testing.assert_allclose(mine, theirs, atol=1e-9, err_msg=f"{series.point} {name}")
        elif series.quantity.period is not None and one.name in {"mean", "twmean"}:
            away = (found[one.name] - np.array(expected) + 180) % 360 - 180
            assert (np.isnan(found[one.name]) == np.isnan(expected)).all()
            np.testing.assert_allclose(np.nan_to_num(away), 0, atol=1e-6)
        else:
            np.testing.assert_allclose(
                found[one.name], expected, rtol=1e-12, atol=1e-9, err_msg=f"{series.point} {one.name} {rows}"
            )
