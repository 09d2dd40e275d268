"""Readings to rollups, for many series at once, with the rules that the store's windows have.

Each series gets a stretch of time of its own, behind that of the one before it, so that what `twin.store.aggregate`
does for the windows of one series is done for all of them in one go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from twin.frame import join
from twin.quality import FIRST_BAD
from twin.store import aggregate
from twin.store.port import Aggregate
from twin.store.rollup import COLUMNS, Held, Rollups, join_held

if TYPE_CHECKING:
    from twin.frame import Batch, Ids, Times, Values
    from twin.resolution import Resolution
    from twin.rollups.points import Points

_GAUGE = (Aggregate.MEAN, Aggregate.MIN, Aggregate.MAX)
_Positions = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Before:
    """What stood before the first window: the newest reading of each series, and the newest usable one of counters.

    A counter whose newest reading is usable need not be among the latter.
    """

    newest: Batch
    usable: Batch


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Rows in the order of (series, time); `at` is the series' position, `moment` time on the common axis."""

    at: _Positions
    moment: Times
    value: Values

    def take(self, index: npt.NDArray[np.bool_]) -> _Rows:
        return _Rows(self.at[index], self.moment[index], self.value[index])


@dataclass(frozen=True, slots=True, eq=False)
class _Axis:
    """One stretch of time behind the other, for each series."""

    ids: Ids
    edges: Times

    @property
    def span(self) -> int:
        return int(self.edges[-1] - self.edges[0])

    @property
    def all_edges(self) -> Times:
        starts = np.arange(len(self.ids), dtype=np.int64) * self.span
        every = (starts[:, None] + (self.edges[:-1] - self.edges[0])).ravel()
        return np.append(every, len(self.ids) * self.span)

    def place(self, ids: Ids, time: Times) -> tuple[_Positions, Times]:
        at = np.searchsorted(self.ids, ids)
        return at, at * self.span + (time - self.edges[0])

    def rows(self, batch: Batch) -> _Rows:
        """Return the rows of a batch, NaN where there is no usable value."""
        at, moment = self.place(batch.ids, batch.time)
        return _Rows(at, moment, np.where(batch.quality < FIRST_BAD, batch.value, np.nan))

    def begun(self, batch: Batch, rows: _Rows) -> _Rows:
        """Return the rows behind those of before the first window, which stand at its beginning."""
        at = np.searchsorted(self.ids, batch.ids)
        value = np.where(batch.quality < FIRST_BAD, batch.value, np.nan)
        both = _Rows(
            np.concatenate([at, rows.at]),
            np.concatenate([at * self.span, rows.moment]),
            np.concatenate([value, rows.value]),
        )
        order = np.argsort(both.moment, kind="stable")
        return _Rows(both.at[order], both.moment[order], both.value[order])


def reduce(points: Points, rows: Batch, before: Before, edges: Times, resolution: Resolution) -> Rollups:
    """Return the rollups of points whose readings of all windows are `rows`, ordered by (series, time).

    The windows have ended: no state is cut short by the present.
    """
    axis = _Axis(points.ids, edges)
    every, shape = axis.all_edges, (len(points), len(edges) - 1)
    found = axis.rows(rows)
    usable = found.take(~np.isnan(found.value))
    columns = aggregate.reduce(usable.moment, usable.value, every, (*_GAUGE, Aggregate.LAST, Aggregate.COUNT))
    _mean_directions(points, usable, every, columns)
    columns["delta"] = _deltas(points, axis, usable, before)
    held = axis.begun(before.newest, found)
    columns["good_s"] = _good_seconds(points, axis, held, before.newest)
    grid = {name: columns[name].reshape(shape) for name in COLUMNS}
    odd = points.is_state | points.is_counter
    for name in _GAUGE:
        grid[name][odd] = np.nan
    return Rollups(resolution, points.ids, edges, grid, _states(points, axis, held))


def mean_directions(points: Points, rows: Batch, edges: Times) -> Values:
    """Return the mean directions of points that have a period, float64[s, w]; NaN for the others."""
    axis = _Axis(points.ids, edges)
    found = axis.rows(rows)
    columns = {"mean": np.full(len(points) * (len(edges) - 1), np.nan)}
    _mean_directions(points, found.take(~np.isnan(found.value)), axis.all_edges, columns)
    return columns["mean"].reshape(len(points), -1)


def _mean_directions(points: Points, usable: _Rows, every: Times, columns: dict[str, Values]) -> None:
    """Put the mean directions of points that have a period in the place of other means."""
    for period in np.unique(points.period[~np.isnan(points.period)]).tolist():
        mine = points.period == period
        some = usable.take(mine[usable.at])
        found = aggregate.reduce(some.moment, some.value, every, (Aggregate.MEAN,), period)[Aggregate.MEAN]
        windows = np.repeat(mine, (len(every) - 1) // len(points))
        columns["mean"][windows] = found[windows]


def _deltas(points: Points, axis: _Axis, usable: _Rows, before: Before) -> Values:
    """Return how much counters grew in each window; NaN for the others."""
    number = len(points) * (len(axis.edges) - 1)
    if not points.is_counter.any():
        return np.full(number, np.nan)
    mine = axis.begun(_last_counts(points, before), usable.take(points.is_counter[usable.at]))
    again = mine.at[1:] == mine.at[:-1]
    grown = aggregate.growth(mine.value[:-1], mine.value[1:], points.wraps_at[mine.at[1:]])
    moment = mine.moment[1:][again]
    return aggregate.reduce(moment, grown[again], axis.all_edges, (Aggregate.SUM,))[Aggregate.SUM]


def _last_counts(points: Points, before: Before) -> Batch:
    """Return the newest usable reading of each counter, one each."""
    newest = before.newest.take(before.newest.quality < FIRST_BAD)
    older = before.usable.take(~np.isin(before.usable.ids, newest.ids))
    both = join([newest, older])
    return both.take(points.is_counter[np.searchsorted(points.ids, both.ids)])


def _good_seconds(points: Points, axis: _Axis, held: _Rows, newest: Batch) -> Values:
    """Return for how long a usable value stood in each window: until the next reading, not longer than it holds."""
    end = np.minimum(_ends(axis, held), held.moment + points.hold[held.at])
    first, _ = axis.place(newest.ids, newest.time)
    # What stood before the first window holds from its own time on, not from the beginning of the window.
    begun = np.full(len(points), -1, np.int64)
    begun[first] = np.searchsorted(held.moment, first * axis.span)
    rows = begun[first]
    end[rows] = np.minimum(end[rows], first * axis.span + newest.time + points.hold[first] - axis.edges[0])
    good = ~np.isnan(held.value) & (end > held.moment)
    return aggregate.seconds_held(held.moment[good], end[good], axis.all_edges)


def _states(points: Points, axis: _Axis, held: _Rows) -> Held:
    """Return the seconds spent in states."""
    end = _ends(axis, held)
    mine = points.is_state[held.at] & ~np.isnan(held.value) & (end > held.moment)
    begin, end, state = held.moment[mine], end[mine], held.value[mine]
    number, parts = len(axis.edges) - 1, []
    for code in np.unique(state).tolist():
        same = state == code
        seconds = aggregate.seconds_held(begin[same], end[same], axis.all_edges)
        where = np.flatnonzero(seconds > 0)
        codes = np.full(len(where), int(code), np.int32)
        at, window = (where // number).astype(np.int32), (where % number).astype(np.int32)
        parts.append(Held(at, window, codes, seconds[where]))
    return join_held(parts)


def _ends(axis: _Axis, rows: _Rows) -> Times:
    """Return when the next reading of the same series comes, or its last window ends."""
    stop = (rows.at + 1) * axis.span
    found: Times = np.minimum(np.append(rows.moment[1:], np.iinfo(np.int64).max), stop)
    return found
