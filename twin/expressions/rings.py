"""Windows as rings: what many points said lately, in columns, each reading taken in once and none looked at again.

A reading stands until the next one, and no longer than its point's `hold` (when the device should have been heard
again). So a window knows at every moment which share of its time is *covered*. Kept are not readings but sums that only
grow (covered seconds, area, growth, count): the value of a window is the sum at its end less the sum at its beginning.

- A ring has at most `CELLS` + 2 cells. Readings that follow a cell's first one within a `CELLS`th part of the window
  join it. Where no readings join, a window is exact; where some do, its beginning is interpolated inside one cell.
- A reading that is older than one that was taken already is left out.
- A bad reading ends what stood before it and stands for nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from twin.expressions.evaluate import Rows
    from twin.frame import Times, Values

CELLS = 240
"""Cells of a full ring; shorter stretches than this part of a window are not told apart."""
_FIRST_CELLS = 8
_SECOND = 1e9
_NEVER = np.iinfo(np.int64).min // 2
_LONGEST_NS = np.iinfo(np.int64).max // 4
_COVERED = 0


def ns(seconds: float) -> int:
    """Return nanoseconds, bounded so that sums of them fit into 64 bits."""
    return round(min(seconds * _SECOND, _LONGEST_NS))


class Rings:
    """The rings of one family of functions; a row a window. `sums` is the number of sums beside the covered time."""

    sums = 1

    def __init__(self, span: Times, hold: Times) -> None:
        count = len(span)
        self.span, self.hold = span, hold
        self.last_time = np.full(count, _NEVER, np.int64)
        self.last_value = np.full(count, np.nan)
        self.last_usable = np.full(count, np.nan)
        self.total = np.zeros((1 + self.sums, count))
        self._gap = span // CELLS
        self._first = np.zeros(count, np.intp)
        self._head = np.full(count, -1, np.intp)
        self._allocate(_FIRST_CELLS)

    def _allocate(self, cells: int) -> None:
        count = len(self.span)
        self._cells = cells
        self._time = np.zeros((count, cells), np.int64)
        self._until = np.zeros((count, cells), np.int64)
        self._joined = np.zeros((count, cells), np.bool_)
        self._sum = np.zeros((1 + self.sums, count, cells))

    # --- readings in --------------------------------------------------------------------------------------------

    def take(self, rows: Rows, time: Times, value: Values) -> None:
        """Take in a reading for each of some distinct rows; NaN for a bad one."""
        newer = time >= self.last_time[rows]
        if not newer.all():
            rows, time, value = rows[newer], time[newer], value[newer]
        if not len(rows):
            return
        held = np.minimum(time - self.last_time[rows], self.hold[rows])
        held[self._head[rows] < 0] = 0
        standing = ~np.isnan(self.last_value[rows])
        self.total[:, rows] += self._held(rows, np.where(standing, held, 0) / _SECOND)
        self.total[1:, rows] += self._stepped(rows, value)
        fresh = (self._head[rows] < 0) | (time - self._time[rows, self._at(rows)] >= self._gap[rows])
        self._begin(rows[fresh], time[fresh], self.last_time[rows[fresh]] + held[fresh])
        joining = rows[~fresh]
        self._joined[joining, self._at(joining)] = True
        self._see(rows, value, fresh)
        self.last_time[rows] = time
        self.last_value[rows] = value
        usable = ~np.isnan(value)
        self.last_usable[rows[usable]] = value[usable]

    def _held(self, rows: Rows, seconds: Values) -> Values:
        """Return what the standing values add to the sums within some seconds, float64[sums, rows]."""
        return np.vstack((seconds, np.zeros((self.sums, len(rows)))))

    def _stepped(self, rows: Rows, value: Values) -> Values:
        """Return what the readings themselves add to the sums but the covered time."""
        return np.zeros((self.sums, min(len(rows), len(value))))

    def _see(self, rows: Rows, value: Values, fresh: npt.NDArray[np.bool_]) -> None:
        """Take note of the values themselves."""

    def _at(self, rows: Rows) -> Rows:
        return self._head[rows] % self._cells

    def _begin(self, rows: Rows, time: Times, until: Times) -> None:
        """Begin a new cell; what stood in the one before stood until then."""
        if not len(rows):
            return
        self._until[rows, self._at(rows)] = until
        self._forget(rows, time - self.span[rows])
        full = self._head[rows] - self._first[rows] + 1 >= self._cells
        if full.any():
            if self._cells < CELLS + 2:
                self._grow()
            else:
                self._first[rows[full]] += 1
        self._head[rows] += 1
        at = self._at(rows)
        self._time[rows, at] = time
        self._joined[rows, at] = False
        self._sum[:, rows, at] = self.total[:, rows]

    def _forget(self, rows: Rows, start: Times) -> None:
        """Let go of cells that are followed by another one at or before the start of their window."""
        while len(rows):
            first = self._first[rows]
            old = (first < self._head[rows]) & (self._time[rows, (first + 1) % self._cells] <= start)
            rows, start = rows[old], start[old]
            self._first[rows] += 1

    def _grow(self) -> None:
        old = {name: getattr(self, name) for name in self._columns()}
        cells, index = self._cells, self._first[:, None] + np.arange(self._cells)
        self._allocate(min(2 * cells, CELLS + 2))
        row, column = np.nonzero(index <= self._head[:, None])
        source, target = index[row, column] % cells, index[row, column] % self._cells
        for name, values in old.items():
            getattr(self, name)[..., row, target] = values[..., row, source]

    def _columns(self) -> tuple[str, ...]:
        return ("_time", "_until", "_joined", "_sum")

    # --- values out ---------------------------------------------------------------------------------------------

    def value(self, rows: Rows, now: int) -> tuple[Values, Values, Values]:
        """Return sums of windows that end now, float64[sums, rows], covered share, and seconds since they are known."""
        end = np.maximum(now, self.last_time[rows])
        start = end - self.span[rows]
        self._forget(rows, start)
        at = self._first[rows] % self._cells
        held = np.minimum(end - self.last_time[rows], self.hold[rows])
        standing = ~np.isnan(self.last_value[rows])
        final = self.total[:, rows] + self._held(rows, np.where(standing, held, 0) / _SECOND)
        only = self._first[rows] >= self._head[rows]
        following = self._sum[:, rows, (at + 1) % self._cells]
        following[:, only] = final[:, only]
        begun, until = self._time[rows, at], self._until[rows, at]
        until[only] = (self.last_time[rows] + held)[only]
        before = begun <= start
        share = np.clip((start - begun) / np.maximum(until - begun, 1), 0.0, 1.0)
        base = self._sum[:, rows, at]
        base += (following - base) * self._part(share * before, self._joined[rows, at])
        found = final - base
        none = self._head[rows] < 0
        found[:, none] = 0.0
        known_s = np.where(before, self.span[rows], np.where(none, 0, end - begun)) / _SECOND
        return found[1:], found[_COVERED] / (self.span[rows] / _SECOND), known_s

    def _part(self, share: Values, joined: npt.NDArray[np.bool_]) -> Values:
        """Return which part of what the first cell adds lies before the window, for each sum."""
        return np.broadcast_to(share, (1 + self.sums, len(joined)))


class AreaRings(Rings):
    """For mean and integral: value times seconds."""

    def _held(self, rows: Rows, seconds: Values) -> Values:
        return np.stack((seconds, np.nan_to_num(self.last_value[rows]) * seconds))


class DirectionRings(Rings):
    """For the mean direction: sine and cosine times seconds; values are angles in radians."""

    sums = 2

    def _held(self, rows: Rows, seconds: Values) -> Values:
        angle = np.nan_to_num(self.last_value[rows])
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

    def _stepped(self, rows: Rows, value: Values) -> Values:
        rose = (value == 1) & (self.last_usable[rows] == 0)
        return np.where(self._truth[rows], rose, ~np.isnan(value)).astype(np.float64)[None, :]


class GrowthRings(StepRings):
    """For delta and rate. A counter that falls has wrapped, or was reset and counts from zero (`aggregate.delta`)."""

    def __init__(self, span: Times, hold: Times, counter: npt.NDArray[np.bool_], wraps_at: Values) -> None:
        super().__init__(span, hold)
        self._counter = counter
        self._wraps_at = wraps_at

    def _stepped(self, rows: Rows, value: Values) -> Values:
        return growth(self.last_usable[rows], value, self._counter[rows], self._wraps_at[rows])[None, :]


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


def growth(before: Values, value: Values, counter: npt.NDArray[np.bool_], wraps_at: Values) -> Values:
    """Return how much readings grew over the ones before them, 0 where one of the two has no value.

    The rule for counters is that of `twin.store.aggregate.delta`; `wraps_at` is NaN where a register does not wrap.
    """
    grown = value - before
    fell = counter & (grown < 0)
    if fell.any():
        wrapped = fell & (before > _HALF * wraps_at) & (value < _HALF * wraps_at)
        grown = np.where(fell, np.where(wrapped, value + (wraps_at - before), value), grown)
    return np.nan_to_num(grown)


_HALF = 0.5
