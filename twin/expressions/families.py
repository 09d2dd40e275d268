"""Rings by family of functions: what each keeps of the readings beside the covered time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from twin.expressions.rings import Rings, growth

if TYPE_CHECKING:
    import numpy.typing as npt

    from twin.expressions.evaluate import Rows
    from twin.frame import Times, Values


class AreaRings(Rings):
    """For mean and integral: value times seconds."""

    def _held(self, value: Values, seconds: Values) -> Values:
        return np.stack((seconds, np.nan_to_num(value) * seconds))


class DirectionRings(Rings):
    """For the mean direction: sine and cosine times seconds; values are angles in radians."""

    sums = 2

    def _held(self, value: Values, seconds: Values) -> Values:
        angle = np.nan_to_num(value)
        return np.stack((seconds, np.sin(angle) * seconds, np.cos(angle) * seconds))


class StepRings(Rings):
    """For what readings add at once: whole steps, told apart unless they share a cell."""

    def _part(self, share: Values, joined: npt.NDArray[np.bool_]) -> Values:
        return np.stack((share, np.where(joined, share, 0.0)))


class CountRings(StepRings):
    """For count: readings, or how often a condition became true."""

    def __init__(self, span: Times, hold: Times, truth: npt.NDArray[np.bool_]) -> None:
        super().__init__(span, hold)
        self._truth = truth

    def _stepped(self, rows: Rows, before: Values, value: Values) -> Values:
        rose = (value == 1) & (before == 0)
        return np.where(self._truth[rows], rose, ~np.isnan(value)).astype(np.float64)[None, :]


class GrowthRings(StepRings):
    """For delta and rate. A counter that falls has wrapped, or was reset and counts from zero (`aggregate.delta`)."""

    def __init__(self, span: Times, hold: Times, counter: npt.NDArray[np.bool_], wraps_at: Values) -> None:
        super().__init__(span, hold)
        self._counter = counter
        self._wraps_at = wraps_at

    def _stepped(self, rows: Rows, before: Values, value: Values) -> Values:
        return growth(before, value, self._counter[rows], self._wraps_at[rows])[None, :]


class ExtremeRings(Rings):
    """For min and max: the smallest and the largest value of each cell."""

    sums = 0

    def _allocate(self, cells: int) -> None:
        super()._allocate(cells)
        self._low = np.full((len(self.span), cells), np.inf)
        self._high = np.full((len(self.span), cells), -np.inf)

    def _columns(self) -> tuple[str, ...]:
        return (*super()._columns(), "_low", "_high")

    def _see(self, rows: Rows, value: Values, fresh: npt.NDArray[np.bool_]) -> None:
        at = self._at(rows)
        low, high = self._low[rows, at], self._high[rows, at]
        self._low[rows, at] = np.fmin(np.where(fresh, np.inf, low), value)
        self._high[rows, at] = np.fmax(np.where(fresh, -np.inf, high), value)

    def _see_cells(self, row: int, at: Rows, values: list[Values]) -> None:
        self._low[row, at] = [np.fmin.reduce(one, initial=np.inf) for one in values]
        self._high[row, at] = [np.fmax.reduce(one, initial=-np.inf) for one in values]

    def extremes(self, rows: Rows, now: int) -> tuple[Values, Values]:
        """Return the smallest and the largest value of windows whose `value` was just asked for."""
        first, head = self._first[rows], self._head[rows]
        width = int((head - first).max(initial=0)) + 1
        index = first[:, None] + np.arange(width)
        at = index % self._cells
        inside = index <= head[:, None]
        end = np.maximum(now, self.last_time[rows])
        held = np.minimum(end - self.last_time[rows], self.hold[rows])
        begin = first % self._cells
        until = np.where(first >= head, self.last_time[rows] + held, self._until[rows, begin])
        start = end - self.span[rows]
        inside[:, 0] &= (until > start) | (self._time[rows, begin] > start)
        low = np.where(inside, self._low[rows[:, None], at], np.inf).min(axis=1)
        high = np.where(inside, self._high[rows[:, None], at], -np.inf).max(axis=1)
        return low, high
