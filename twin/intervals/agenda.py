"""Which day of each register is settled next, and what it still waits for: its end, and a reading after that.

It is had from the book when a platform starts, and kept in memory from then on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from twin.clock import NS
from twin.intervals.edits import READ_BY_HAND
from twin.intervals.grid import day_starts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from twin.frame import Times
    from twin.intervals.book import IntervalBook
    from twin.intervals.edits import Edit
    from twin.intervals.meters import Meters
    from twin.store.port import Store

_PATIENCE = 900 * NS


class Agenda:
    """The days of one district's registers that are to be settled next. Only who settles may change it."""

    def __init__(self, store: Store, book: IntervalBook, meters: Meters) -> None:
        self._store = store
        self._meters = meters
        # The day of each register that is to be settled next: its start and end.
        self._next: dict[int, tuple[int, int]] = {}
        # Those that cannot go on until something newer than a time was read.
        self._waits: dict[int, int] = {}
        self._by_hand: dict[int, int] = {}
        for edits in book.edits(meters.registers).values():
            self._note_by_hand(edits)
        for one, day in book.settled().items():
            if one in meters.registers:
                self.settled(one, day)

    def begins(self) -> Mapping[int, int]:
        """Return the start of the day that is next, for each register that has one."""
        return {one: begin for one, (begin, _) in self._next.items()}

    def begin(self, one: int) -> int:
        """Return the start of the day that is next for a register: up to it all is settled. 0 while there is none."""
        return self._next.get(one, (0, 0))[0]

    def due(self, newest: Times, horizon: int) -> list[tuple[int, int]]:
        """Return `(start of day, register)` of those whose next day may be settled, the oldest first.

        `newest` is the time of the newest reading by series id: a day needs one at or after its end.
        """
        over = horizon - self._meters.usual.settle_after
        found = []
        for one, (begin, end) in self._next.items():
            read = max(int(newest[one]), self._by_hand.get(one, 0))
            if end <= over and read >= max(end, self._waits.get(one, 0)):
                found.append((begin, one))
        return sorted(found)

    def enter(self, newest: Times) -> None:
        """Take up registers that were read and are not here yet, with the day on which they were first read."""
        fresh = [one for one in self._meters.registers if one not in self._next and newest[one]]
        if not fresh:
            return
        first = self._first(fresh)
        for one in fresh:
            self._next[one] = self._day(first.get(one, int(newest[one])))

    def settled(self, one: int, day: int) -> None:
        """Go on with the day after one that is settled."""
        begin = int(day_starts(day, day + 1, self._meters.zone)[-1])
        self._next[one] = self._day(begin)

    def pass_over(self, ids: Sequence[int]) -> None:
        """Go on with the day of the first reading that is kept, where nothing is known to the end of the next one."""
        for one, at in self._first(ids).items():
            begin, end = self._day(at)
            if begin > self._next[one][0]:
                self._next[one] = begin, end

    def wait(self, one: int, read: int) -> None:
        """Leave a register alone for a while: its newest reading, of that time, was no usable one."""
        self._waits[one] = read + _PATIENCE

    def decided(self, edits: Iterable[Edit]) -> None:
        """Look at registers again about which something was decided."""
        for edit in edits:
            self._waits.pop(edit.series, None)
        self._note_by_hand(edits)

    def _note_by_hand(self, edits: Iterable[Edit]) -> None:
        for edit in edits:
            if edit.kind in READ_BY_HAND:
                self._by_hand[edit.series] = max(edit.start, self._by_hand.get(edit.series, 0))

    def _first(self, ids: Sequence[int]) -> dict[int, int]:
        """Return the times of the first readings that are kept."""
        found, times = self._store.first(np.array(ids, np.int32), 0)
        return dict(zip(found.tolist(), times.tolist(), strict=True))

    def _day(self, at: int) -> tuple[int, int]:
        """Return the start and end of the day of a time."""
        begin, end = day_starts(at, at + 1, self._meters.zone).tolist()[:2]
        return begin, end
