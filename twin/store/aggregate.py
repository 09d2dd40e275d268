"""Readings reduced to windows, in numpy: what both stores share, so that a number is the same on either.

All functions take rows of one series in the order of time, and edges int64[n+1] of n windows `[edges[i], edges[i+1])`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import numpy.typing as npt

from twin.frame import Times, Values
from twin.store.port import Aggregate

# A counter that falls from above the first share of its range to below the second one has wrapped, else it was reset.
_WRAPS_FROM = 0.5
_WRAPS_TO = 0.5

_SECOND = 1e9
_Index = npt.NDArray[np.intp]


def reduce(
    time: Times, value: Values, edges: Times, aggregates: Collection[Aggregate], period: float | None = None
) -> dict[str, Values]:
    """Return mean, min, max, sum, first, last and count of each window, those that are asked for, float64[n] each.

    `value` holds usable readings only. With a `period` (a direction: 360) the mean is the mean direction.
    """
    bounds = np.searchsorted(time, edges)
    count = np.diff(bounds)
    full = np.flatnonzero(count)
    inside, first, last = value[: bounds[-1]], bounds[full], bounds[full + 1] - 1
    columns: dict[str, Values] = {}
    for aggregate in aggregates:
        if aggregate is Aggregate.COUNT:
            columns[aggregate] = count.astype(np.float64)
        elif aggregate in _REDUCERS:
            column = np.full(len(count), np.nan)
            if len(full):
                column[full] = _reduce_full(aggregate, inside, first, last, period)
            columns[aggregate] = column
    return columns


_REDUCERS = frozenset(
    {Aggregate.MEAN, Aggregate.SUM, Aggregate.MIN, Aggregate.MAX, Aggregate.FIRST, Aggregate.LAST}
)


def _reduce_full(
    aggregate: Aggregate, value: Values, first: _Index, last: _Index, period: float | None
) -> Values:
    """Reduce the windows that hold readings; together they hold all of `value` from the first one on."""
    if aggregate in {Aggregate.FIRST, Aggregate.LAST}:
        return value[first if aggregate is Aggregate.FIRST else last]
    if aggregate is Aggregate.MIN:
        return np.minimum.reduceat(value, first)
    if aggregate is Aggregate.MAX:
        return np.maximum.reduceat(value, first)
    if aggregate is Aggregate.SUM:
        return np.add.reduceat(value, first)
    if period is not None:
        return _mean_direction(value, first, period)
    mean: Values = np.add.reduceat(value, first) / (last - first + 1)
    return mean


def _mean_direction(value: Values, first: _Index, period: float) -> Values:
    angle = value * (2 * np.pi / period)
    mean = np.arctan2(np.add.reduceat(np.sin(angle), first), np.add.reduceat(np.cos(angle), first))
    direction: Values = mean * (period / (2 * np.pi)) % period
    return direction


def delta(time: Times, value: Values, edges: Times, previous: float | None, wraps_at: float | None) -> Values:
    """Return how much a counter grew in each window, float64[n].

    `value` holds usable readings only, `previous` the last one before the first window. An increase belongs to the
    window in which the later reading falls, so windows add up to what the register grew. A decrease is a wrap
    where the register `wraps_at` a value and fell from its upper to its lower half; else the counter was reset and
    counts from zero. NaN where no reading falls in the window, or only the first one ever.
    """
    known = value if previous is None else np.concatenate(([previous], value))
    grown = growth(known[:-1], known[1:], np.nan if wraps_at is None else wraps_at)
    return reduce(time[len(value) - len(grown) :], grown, edges, (Aggregate.SUM,))[Aggregate.SUM]


def growth(before: Values, after: Values, wraps_at: Values | float) -> Values:
    """Return how much a counter grew from each reading to the next one; `wraps_at` is NaN where it does not wrap."""
    grown = after - before
    fell = np.flatnonzero(grown < 0)
    if len(fell):
        high, low = before[fell], after[fell]
        turn = np.broadcast_to(wraps_at, grown.shape)[fell]
        wrapped = (high > _WRAPS_FROM * turn) & (low < _WRAPS_TO * turn)
        grown[fell] = np.where(wrapped, low + (turn - high), low)
    return grown


def state_seconds(
    time: Times, state: Values, edges: Times, previous: float | None, now: int, names: Mapping[int, str]
) -> dict[str, Values]:
    """Return the seconds spent in each state, one column `state_s:<name>` per state that occurs.

    `state` holds state ids, NaN for a bad reading, which ends the state before it; `previous` is the reading before
    the first window. A state holds until the next reading, and never beyond `now`. NaN where the window knows of no
    state at all.
    """
    if previous is not None:
        time, state = np.concatenate((edges[:1], time)), np.concatenate(([previous], state))
    end = np.minimum(np.append(time[1:], edges[-1]), now)
    held = ~np.isnan(state) & (end > time)
    begin, end, state = time[held], end[held], state[held]
    columns = {}
    for code in np.unique(state).tolist():
        mine = state == code
        name = names.get(int(code), str(int(code)))
        columns[f"{Aggregate.STATE_S}:{name}"] = seconds_held(begin[mine], end[mine], edges)
    if columns:
        silent = np.sum(list(columns.values()), axis=0) == 0
        for column in columns.values():
            column[silent] = np.nan
    return columns


def seconds_held(begin: Times, end: Times, edges: Times) -> Values:
    """Return the seconds of each window that the intervals `[begin, end)` cover; they are ordered and apart."""
    lengths = np.concatenate(([0], np.cumsum(end - begin)))
    at = np.searchsorted(begin, edges, "right")
    covered = lengths[at]
    inside = at > 0
    covered[inside] -= np.maximum(end[at[inside] - 1] - edges[inside], 0)
    return np.diff(covered) / _SECOND
