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
_HALF = 0.5


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
        self.total[:, rows] += self._held(self.last_value[rows], np.where(standing, held, 0) / _SECOND)
        self.total[1:, rows] += self._stepped(rows, self.last_usable[rows], value)
        fresh = (self._head[rows] < 0) | (time - self._time[rows, self._at(rows)] >= self._gap[rows])
        self._begin(rows[fresh], time[fresh], self.last_time[rows[fresh]] + held[fresh])
        self._join(rows[~fresh], time[~fresh])
        self._see(rows, value, fresh)
        self.last_time[rows] = time
        self.last_value[rows] = value
        usable = ~np.isnan(value)
        self.last_usable[rows[usable]] = value[usable]

    def is_empty(self, row: int) -> bool:
        """Whether a window has not taken in anything yet."""
        return bool(self._head[row] < 0)

    def fill(self, row: int, time: Times, value: Values) -> None:
        """Take in the history of one empty row at once: readings in the order of time, the last of each time."""
        rows = np.full(len(time), row, np.intp)
        usable = last_usable(value)
        before = np.concatenate(([np.nan], usable[:-1]))
        standing = np.concatenate(([np.nan], value[:-1]))
        held = np.minimum(np.diff(time, prepend=time[:1]), self.hold[row])
        added = self._held(standing, np.where(np.isnan(standing), 0, held) / _SECOND)
        added[1:] += self._stepped(rows, before, value)
        totals = np.cumsum(added, axis=1)
        begins = self._divide(row, time)
        while self._cells < len(begins) + 1:
            self._grow()
        # A cell that is not the first of all has a number other than 0.
        self._first[row] = int(begins[0] > 0)
        at = (self._first[row] + np.arange(len(begins))) % self._cells
        self._head[row] = self._first[row] + len(begins) - 1
        ends = np.append(begins[1:], len(time))
        self._time[row, at] = time[begins]
        self._joined[row, at] = ends - begins > 1
        self._until[row, at[:-1]] = (time[ends - 1] + np.append(held, 0)[ends])[:-1]
        self._sum[:, row, at] = totals[:, begins]
        self.total[:, row] = totals[:, -1]
        self.last_time[row], self.last_value[row] = time[-1], value[-1]
        self.last_usable[row] = usable[-1]
        self._see_cells(row, at, np.split(value[begins[0] :], begins[1:] - begins[0]))

    def _divide(self, row: int, time: Times) -> Rows:
        """Return where cells begin that matter for a window at the end of a history."""
        at = max(0, int(np.searchsorted(time, time[-1] - self.span[row], "right")) - 1)
        begins = []
        while at < len(time):
            begins.append(at)
            at = max(at + 1, int(np.searchsorted(time, time[at] + self._gap[row])))
        return np.array(begins, np.intp)

    def _see_cells(self, row: int, at: Rows, values: list[Values]) -> None:
        """Take note of the values of whole cells."""

    def _held(self, value: Values, seconds: Values) -> Values:
        """Return what standing values add to all sums within some seconds, float64[1 + sums, rows]."""
        return np.vstack((seconds, np.zeros((self.sums, len(value)))))

    def _stepped(self, rows: Rows, before: Values, value: Values) -> Values:  # noqa: ARG002
        """Return what readings themselves add to the sums but the covered time; `before` are the last usable values."""
        return np.zeros((self.sums, len(value)))

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

    def _join(self, rows: Rows, time: Times) -> None:
        """Let readings join the newest cell; those of its very time are part of its sums."""
        at = self._at(rows)
        same = time == self._time[rows, at]
        self._joined[rows, at] |= ~same
        self._sum[:, rows[same], at[same]] = self.total[:, rows[same]]

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
        """Return sums of windows that end now, float64[sums, rows], covered seconds, and since when they are known."""
        end = np.maximum(now, self.last_time[rows])
        start = end - self.span[rows]
        self._forget(rows, start)
        at = self._first[rows] % self._cells
        held = np.minimum(end - self.last_time[rows], self.hold[rows])
        standing = ~np.isnan(self.last_value[rows])
        final = self.total[:, rows] + self._held(self.last_value[rows], np.where(standing, held, 0) / _SECOND)
        only = self._first[rows] >= self._head[rows]
        following = self._sum[:, rows, (at + 1) % self._cells]
        following[:, only] = final[:, only]
        begun, until = self._time[rows, at], self._until[rows, at]
        until[only] = (self.last_time[rows] + held)[only]
        before = begun <= start
        share = np.clip((start - begun) / np.maximum(until - begun, 1), 0.0, 1.0)
        base = self._sum[:, rows, at]
        base += (following - base) * self._part(share * before, self._joined[rows, at])
        # The first reading of all is itself within the window.
        base[:, ~before & (self._first[rows] == 0)] = 0.0
        found = final - base
        none = self._head[rows] < 0
        found[:, none] = 0.0
        known_s = np.where(before, self.span[rows], np.where(none, 0, end - begun)) / _SECOND
        return found[1:], found[_COVERED], known_s

    def _part(self, share: Values, joined: npt.NDArray[np.bool_]) -> Values:
        """Return which part of what the first cell adds lies before the window, for each sum."""
        return np.broadcast_to(share, (1 + self.sums, len(joined)))


def last_usable(value: Values) -> Values:
    """Return at each reading the last value that is one, NaN before the first."""
    index = np.maximum.accumulate(np.where(np.isnan(value), -1, np.arange(len(value))))
    return np.where(index < 0, np.nan, value[index])


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
