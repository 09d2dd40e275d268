"""The contract of rollups in a store: what is stored comes back, and is what `windows` says of the readings."""

import dataclasses

import numpy as np
import pytest

from tests.contract.store import (
    COLD,
    DIRECTION,
    HOUR,
    MADRID,
    METER,
    MINUTE,
    NASTY,
    SECOND,
    STATES,
    SWITCH,
    T0,
    UNKNOWN,
    WARM,
    WIND,
    WRAPS,
    catalogue,
    ids,
    local,
    rows,
)
from twin.frame import Batch, join
from twin.quality import Reason
from twin.resolution import ROLLUPS, Resolution
from twin.rollups.coarser import coarser
from twin.rollups.points import points_of
from twin.rollups.source import directions, from_readings
from twin.store import windows
from twin.store.port import Aggregate
from twin.store.rollup import COLUMNS

NUMBERS = [Aggregate(name) for name in COLUMNS if name != "good_s"]
HOLD_S = 90.0


def points(district):
    return points_of([(one, HOLD_S) for one in catalogue(district)])


def some_days(start: int, stop: int, step: int = 7 * MINUTE) -> Batch:
    """Readings of every kind of series: resets and wraps, bad ones, silence of hours."""
    random = np.random.default_rng(5)
    parts = []
    for one in (WARM, METER, WRAPS, WIND, SWITCH, NASTY):
        time = np.arange(start, stop, step) + random.integers(0, step, len(range(start, stop, step)))
        value = {
            METER: np.cumsum(random.uniform(0, 3, len(time))) % 300,
            WRAPS: np.cumsum(random.uniform(0, 40, len(time))) % 1000,
            WIND: random.uniform(0, 360, len(time)),
            SWITCH: random.choice(list(STATES), len(time)).astype(float),
        }.get(one, random.normal(20, 5, len(time)))
        bad = random.random(len(time)) < 0.1
        code = np.where(bad, Reason.OUT_OF_RANGE, random.choice([0, 0, Reason.IMPRECISE], len(time)))
        found = Batch(
            np.full(len(time), one, np.int32),
            time,
            time,
            time * 0,
            np.where(bad, np.nan, value),
            code.astype(np.uint8),
        )
        quiet = (time > start + 5 * HOUR) & (time < start + 8 * HOUR)
        parts.append(found.take(~quiet))
    return join(parts)


def agree(found, store, stop=None):
    """Hold rollups to the windows of the readings."""
    expected = store.windows(found.ids, found.edges, [*NUMBERS, Aggregate.STATE_S])
    for at, one in enumerate(found.ids.tolist()):
        columns = expected[one].columns
        kind = next(series.quantity for series in catalogue("d") if series.id == one)
        for name in _has(kind.aggregation):
            np.testing.assert_allclose(
                found.columns[name][at], columns[name], rtol=1e-12, atol=1e-9, err_msg=f"{one} {name}"
            )
        for state, name in STATES.items():
            there = columns.get(f"state_s:{name}")
            if there is not None:
                mine = found.state_seconds(state)[at]
                np.testing.assert_allclose(np.nan_to_num(mine), np.nan_to_num(there), atol=1e-9)


def _has(aggregation):
    return {
        "gauge": ("mean", "min", "max", "last", "count"),
        "counter": ("delta", "last", "count"),
        "state": ("last", "count"),
    }[aggregation]


def same(one, other):
    """Hold two tables of rollups to each other."""
    assert one.ids.tolist() == other.ids.tolist()
    assert one.edges.tolist() == other.edges.tolist()
    for name in COLUMNS:
        np.testing.assert_array_equal(one.columns[name], other.columns[name], err_msg=name)
    for state in STATES:
        np.testing.assert_array_equal(one.state_seconds(state), other.state_seconds(state))


class RollupContract:
    """What every store does with rollups."""

    @pytest.fixture
    def rollup_store(self, new_store, district):
        store = new_store()
        store.open(catalogue(district), STATES)
        return store

    @pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25", "2026-06-01"])
    def test_equal_to_the_windows_of_readings(self, rollup_store, district, day):
        """Quarter hours, hours and days are what the windows of the readings are, also where the clocks change."""
        store, begin = rollup_store, local(day)
        stop = int(windows.edges(begin, begin + 1, "1d", MADRID)[-1])
        store.write(some_days(begin - 3 * HOUR, stop + HOUR))
        quarters = from_readings(
            store, points(district), windows.edges(begin, stop, "15m", MADRID), Resolution.QUARTER
        )
        agree(quarters, store)
        store.write_rollups(quarters)
        for fine, resolution in ((Resolution.QUARTER, Resolution.HOUR), (Resolution.HOUR, Resolution.DAY)):
            edges = windows.edges(begin, stop, resolution.value, MADRID)
            kept = store.rollups(fine, points(district).ids, windows.edges(begin, stop, fine.value, MADRID))
            found = coarser(kept, edges, resolution)
            some, means = directions(store, points(district), edges)
            found.columns["mean"][np.searchsorted(found.ids, some)] = means
            agree(found, store)
            store.write_rollups(found)

    def test_what_is_stored_comes_back(self, rollup_store, district):
        """Every number and every state comes back as it was stored, in each resolution, and nothing else."""
        store = rollup_store
        store.write(some_days(T0, T0 + 4 * HOUR))
        edges = windows.edges(T0, T0 + 4 * HOUR, "15m", MADRID)
        for resolution in ROLLUPS:
            found = from_readings(store, points(district), edges, resolution)
            store.write_rollups(found)
            same(store.rollups(resolution, found.ids, edges), found)
        one = store.rollups(Resolution.HOUR, ids(WARM, UNKNOWN), edges + HOUR)

        assert (
            one.columns["count"][:, -4:].tolist() == [[None] * 4] * 2
            or np.isnan(one.columns["count"][:, -4:]).all()
        )
        assert np.isnan(one.columns["count"][1]).all()

    def test_a_silent_window_has_a_row(self, rollup_store, district):
        """A window in which nothing came says so: its count is zero; what was never rolled up has no row."""
        store = rollup_store
        store.write(rows(WARM, (T0, 1)))
        edges = T0 + 15 * MINUTE * np.arange(4)
        store.write_rollups(from_readings(store, points(district), edges, Resolution.QUARTER))
        found = store.rollups(Resolution.QUARTER, ids(WARM, COLD), np.append(edges, edges[-1] + 15 * MINUTE))

        np.testing.assert_array_equal(found.columns["count"], [[1, 0, 0, np.nan], [0, 0, 0, np.nan]])
        np.testing.assert_array_equal(found.columns["mean"][0], [1, np.nan, np.nan, np.nan])
        np.testing.assert_array_equal(found.columns["good_s"][0], [HOLD_S, 0, 0, np.nan])

    def test_written_again(self, rollup_store, district):
        """Rollups that are stored again replace what was there: also a state that did not occur after all."""
        store = rollup_store
        edges = T0 + 15 * MINUTE * np.arange(3)
        store.write(rows(SWITCH, (T0, 1), (T0 + MINUTE, 2)))
        store.write_rollups(from_readings(store, points(district), edges, Resolution.QUARTER))
        store.write(rows(SWITCH, (T0 + 1, 0), (T0 + MINUTE, 0), (T0, 7)))
        again = from_readings(store, points(district), edges, Resolution.QUARTER)
        store.write_rollups(again)
        found = store.rollups(Resolution.QUARTER, again.ids, edges)

        same(found, again)
        assert np.nan_to_num(found.state_seconds(1)).sum() == 0
        assert found.state_seconds(0)[found.ids.tolist().index(SWITCH)].tolist() == [900 - 1e-9, 900]

    def test_good_seconds(self, rollup_store, district):
        """A value stands until the next one, a bad one ends it, and no longer than it holds, from before as well."""
        store = rollup_store
        store.write(
            rows(
                WARM,
                (T0 - 60 * SECOND, 1),
                (T0 + 100 * SECOND, 2),
                (T0 + 110 * SECOND, np.nan),
                (T0 + 200 * SECOND, 3),
                (T0 + 250 * SECOND, 4),
                (T0 + 880 * SECOND, 5),
            )
        )
        store.write(rows(COLD, (T0 - 10 * HOUR, 1), (T0 + 5 * SECOND, 2)))
        edges = T0 + 15 * MINUTE * np.arange(3)
        found = from_readings(store, points(district), edges, Resolution.QUARTER)
        good = found.columns["good_s"]

        assert good[found.ids.tolist().index(WARM)].tolist() == [30 + 10 + 50 + 90 + 20, 70]
        assert good[found.ids.tolist().index(COLD)].tolist() == [90, 0]

    def test_forgets_rollups(self, rollup_store, district):
        """Rollups of one resolution from before a time go, the others stay."""
        store = rollup_store
        store.write(some_days(T0, T0 + HOUR))
        edges = T0 + 15 * MINUTE * np.arange(5)
        found = from_readings(store, points(district), edges, Resolution.QUARTER)
        store.write_rollups(found)
        store.write_rollups(dataclasses.replace(found, resolution=Resolution.HOUR))
        store.forget_rollups(Resolution.QUARTER, district, int(edges[2]))

        kept = store.rollups(Resolution.QUARTER, found.ids, edges)
        assert np.isnan(kept.columns["count"][:, :2]).all()
        assert (kept.columns["count"][:, 2:] == found.columns["count"][:, 2:]).all()
        same(
            store.rollups(Resolution.HOUR, found.ids, edges),
            dataclasses.replace(found, resolution=Resolution.HOUR),
        )

    def test_first_readings(self, rollup_store):
        """The first usable reading of each series from a time on, however far away; series without one are left out."""
        store = rollup_store
        far = T0 + 400 * 24 * HOUR
        store.write(join([rows(WARM, (T0, np.nan), (T0 + 5, 1), (far, 2)), rows(SWITCH, (T0 + 1, 7))]))
        store.write(rows(COLD, (far + 1, 3)))

        def first(since, *series):
            found, time = store.first(ids(*series), since)
            return dict(zip(found.tolist(), time.tolist(), strict=True))

        assert first(0, WARM, COLD, METER, SWITCH, UNKNOWN) == {WARM: T0 + 5, SWITCH: T0 + 1, COLD: far + 1}
        assert first(T0 + 6, WARM, SWITCH) == {WARM: far}
        assert first(far + 2, WARM, COLD) == {}

    def test_portions_are_whole_series(self, rollup_store):
        """Readings come in portions that hold whole series, in order."""
        store = rollup_store
        store.write(some_days(T0, T0 + 2 * HOUR))
        parts = list(store.chunks(ids(WARM, METER, NASTY), T0, T0 + HOUR))

        assert join(parts).ids.tolist() == sorted(join(parts).ids.tolist())
        assert set(join(parts).ids.tolist()) == {WARM, METER, NASTY}
        assert DIRECTION.period == 360
        assert WIND not in join(parts).ids
