"""What settled days become when they are made again, and whether they may be: what was billed is never worsened."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from twin.clock import NS
from twin.intervals import source
from twin.intervals.edits import READ_BY_HAND
from twin.intervals.flags import Edge, Flag, Why
from twin.intervals.grid import day_starts
from twin.intervals.stand import stand_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from twin.intervals.book import IntervalBook
    from twin.intervals.edits import Edit
    from twin.intervals.line import Line
    from twin.intervals.meters import Meters
    from twin.intervals.reckoner import Reckoner
    from twin.store.port import Store

_LOOKS, _NEAR = 8, 6 * 3_600 * NS
_FOREVER = 2**62


class ReadingsGone(ValueError):
    """Raised where settled days would have to be made again of readings that are no longer kept: they stay.

    `days` are how many of them a change would have touched.
    """

    def __init__(self, days: int) -> None:
        self.days = days
        super().__init__(f"readings of {days} settled days are no longer kept")


class Revisions:
    """Makes settled days of one district again. Methods block on the store and the disk.

    `kept` says since when readings are kept, 0 for ever.
    """

    def __init__(
        self, store: Store, book: IntervalBook, reckoner: Reckoner, meters: Meters, kept: Callable[[], int]
    ) -> None:
        self._store = store
        self._book = book
        self._reckoner = reckoner
        self._meters = meters
        self._kept = kept

    def changed(
        self, one: int, span: tuple[int, int], held: Mapping[int, Sequence[Edit]], ahead: int, *, late: bool
    ) -> dict[tuple[int, int], Line]:
        """Return the settled days of a register that are other than they were, for readings or decisions of a stretch.

        `held` are the decisions that hold, `ahead` is the start of its next day: it is not settled, nor any after it.
        Raises `ReadingsGone`.
        """
        edits = held.get(one, ())
        begin, end = source.reach(self._store, self._meters.registers[one], *span, edits)
        if begin >= ahead:
            return {}
        days = day_starts(begin, max(min(end + 1, ahead), begin + 1), self._meters.zone)
        before = self._book.days([one], int(days[0]), int(days[-1]))
        if not before:
            return {}
        if self._are_gone(one, before, edits):
            raise ReadingsGone(len(before))
        stands = {one: stand_of(before.values(), begin, end)}
        made = self._reckoner.reckoned([one], int(days[0]), int(days[-1]), held, stands=stands)[one]
        if self._are_lost(one, before, made):
            raise ReadingsGone(len(before))
        found = {}
        for (_, day), old in before.items():
            line = _marked(made.between(day, int(old.edges[-1])), old, late=late)
            if not _same(line, old):
                found[one, day] = line
        return found

    def _are_gone(self, one: int, days: Mapping[tuple[int, int], Line], edits: Sequence[Edit]) -> bool:
        """Whether readings that some settled days were made of are no longer there."""
        if min(day for _, day in days) < self._kept():
            return True
        _, times = self._store.first(np.array([one], np.int32), 0)
        by_hand = [edit.start for edit in edits if edit.kind in READ_BY_HAND]
        since = min([*times.tolist(), *by_hand], default=_FOREVER)
        return any(bool((line.edges[line.edge <= Edge.BETWEEN] < since).any()) for line in days.values())

    def _are_lost(self, one: int, days: Mapping[tuple[int, int], Line], made: Line) -> bool:
        """Whether a boundary that was measured lies where nothing is stored any more, whoever let it go."""
        measured = {int(at) for line in days.values() for at in line.edges[line.edge <= Edge.BETWEEN]}
        turned = [at for at in made.edges[made.edge > Edge.BETWEEN].tolist() if at in measured]
        ids = np.array([one], np.int32)
        for at in turned[:: max(1, len(turned) // _LOOKS)]:
            last = self._store.asof(ids, at + _NEAR)
            if not len(last) or int(last.time[0]) < at - _NEAR:
                return True
        return False


def _marked(line: Line, old: Line, *, late: bool) -> Line:
    """Return a line with what came late called so: what is new of it, and what was called so before."""
    if len(line) != len(old):
        return line
    other = (line.delta != old.delta) | (line.register[1:] != old.register[1:])
    came_late = (other & late) | (old.flag == Flag.LATE)
    where = came_late & (line.flag == Flag.VALID)
    flag, why = line.flag.copy(), line.why.copy()
    flag[where], why[where] = Flag.LATE, Why.CAME_LATE
    return replace(line, flag=flag, why=why)


def _same(line: Line, old: Line) -> bool:
    return (
        len(line) == len(old)
        and bool((line.delta == old.delta).all())
        and bool((line.register == old.register).all())
        and bool((line.flag == old.flag).all())
        and bool((line.why == old.why).all())
        and bool((line.edge == old.edge).all())
    )
