"""Counting: which slots of pieces hold what, and the longest stretch without a usable reading.

Readings come in blocks of time, of all series at once, since that is how they lie in the store; what has to be kept in
between is a byte a slot. Memory is bounded by `MOST_SLOTS`, the size of a block follows from how many rows it held.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from twin.clock import NS
from twin.completeness.classes import CLASS_OF, CLASSES, FIRST_UNUSABLE, SlotClass

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from twin.completeness.pieces import Pieces
    from twin.frame import Batch, Ids, Times
    from twin.ledger import Gap

    Read = Callable[[Ids, int, int], Batch]
    Rows = npt.NDArray[np.intp]

MOST_SLOTS = 8_000_000

_FIRST_BLOCK = 60 * NS
_SHORTEST_BLOCK = 10 * NS
_ROWS_A_BLOCK = 400_000
_FASTEST_GROWTH = 8


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """What became of n pieces: `slots` is int64[n, classes], `longest` int64[n] the ns without a usable reading."""

    slots: npt.NDArray[np.int64]
    longest: Times


def count(read: Read, pieces: Pieces, filled: Sequence[Gap] = ()) -> Counted:
    """Return what became of the slots of pieces; `read` gives readings ordered by (series, time), as a store does.

    `filled` are those gaps of these series whose readings came later: what is missing inside of them was held. No
    more than `MOST_SLOTS` slots should be counted at once.
    """
    counting = _Counting(pieces)
    at, stop, length = int(pieces.start.min()), int(pieces.stop.max()), _FIRST_BLOCK
    while at < stop:
        end = min(at + length, stop)
        rows = read(pieces.ids, at, end)
        counting.take(rows)
        wanted = _ROWS_A_BLOCK * length // max(len(rows), 1)
        length = max(min(wanted, _FASTEST_GROWTH * length), _SHORTEST_BLOCK)
        at = end
    counting.hold(filled)
    return counting.result()


class _Counting:
    """The state between blocks."""

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        self._row = np.full(int(pieces.ids.max()) + 1, -1, np.intp)
        self._row[pieces.ids] = np.arange(len(pieces))
        self._base = np.concatenate(([0], np.cumsum(pieces.number)[:-1]))
        self._best = np.full(int(pieces.number.sum()), SlotClass.MISSING, np.uint8)
        self._last = pieces.start.copy()
        self._longest = np.zeros(len(pieces), np.int64)

    def take(self, rows: Batch) -> None:
        """Take readings that are ordered by (series, time) and later than those of each series before."""
        row, time, found = self._row[rows.ids], rows.time, CLASS_OF[rows.quality]
        inside = (time >= self._pieces.start[row]) & (time < self._pieces.stop[row])
        if not inside.all():
            row, time, found = row[inside], time[inside], found[inside]
        if not len(row):
            return
        self._mark(row, time, found)
        usable = found < FIRST_UNUSABLE
        if not usable.all():
            row, time = row[usable], time[usable]
        if len(row):
            self._stretch(row, time)

    def _mark(self, row: Rows, time: Times, found: npt.NDArray[np.uint8]) -> None:
        """Note the best class of each slot; the slots of rows in this order rise."""
        slot = (time - self._pieces.start[row]) // self._pieces.slot[row]
        whole = slot < self._pieces.number[row]
        if not whole.all():
            row, slot, found = row[whole], slot[whole], found[whole]
        if not len(row):
            return
        key = self._base[row] + slot
        first = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1])))
        key = key[first]
        self._best[key] = np.minimum(self._best[key], np.minimum.reduceat(found, first))

    def _stretch(self, row: Rows, time: Times) -> None:
        """Note how long each series went without a usable reading."""
        begins = np.concatenate(([True], row[1:] != row[:-1]))
        first = np.flatnonzero(begins)
        before = np.concatenate(([0], time[:-1]))
        before[first] = self._last[row[first]]
        rows = row[first]
        longest = np.maximum.reduceat(time - before, first)
        self._longest[rows] = np.maximum(self._longest[rows], longest)
        self._last[rows] = time[np.append(first[1:], len(time)) - 1]

    def hold(self, filled: Sequence[Gap]) -> None:
        """Note slots without a reading that lie wholly inside of a gap that was filled; such a gap has ended."""
        pieces = self._pieces
        for gap in filled:
            row, end = int(self._row[gap.series]), gap.stop or gap.start
            start, slot, number = (int(one[row]) for one in (pieces.start, pieces.slot, pieces.number))
            first = max(-((start - gap.start) // slot), 0)
            last = min((end - start) // slot, number)
            base = int(self._base[row])
            inside = self._best[base + first : base + max(last, first)]
            inside[inside == SlotClass.MISSING] = SlotClass.HELD

    def result(self) -> Counted:
        """Return the counts, once all readings were taken."""
        longest = np.maximum(self._longest, self._pieces.stop - self._last)
        slots = np.empty((len(self._pieces), CLASSES), np.int64)
        for one in SlotClass:
            slots[:, one] = np.add.reduceat(self._best == one, self._base, dtype=np.int64)
        return Counted(slots, longest)
