"""In which stretches a point was expected to give readings, and how they are divided into slots.

A piece is what a window (a day), the time in which the point was configured, the readings that are kept, and the past
up to now have in common. Its slots begin with it and are whole: what is left at its end is too short to expect
anything of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from twin.frame import Ids, Times
    from twin.past.models import Tenure


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """Pieces of one window, at most one a series; columns of equal length, times and slots in ns.

    `number` is how many whole slots of length `slot` the stretch `start <= time < stop` has, at least one.
    """

    ids: Ids
    start: Times
    stop: Times
    slot: Times
    number: Times

    def __len__(self) -> int:
        """Number of pieces."""
        return len(self.ids)

    def take(self, index: slice) -> Pieces:
        """Return some of them."""
        times = (self.start[index], self.stop[index], self.slot[index], self.number[index])
        return Pieces(self.ids[index], *times)

    def portions(self, most_slots: int) -> Iterator[Pieces]:
        """Yield the pieces in portions of at most so many slots, or of one piece."""
        first, total = 0, 0
        for position, number in enumerate(self.number.tolist()):
            if position > first and total + number > most_slots:
                yield self.take(slice(first, position))
                first, total = position, 0
            total += number
        if first < len(self):
            yield self.take(slice(first, len(self)))


class Expectation:
    """When series were configured, as columns: made once, and asked for the pieces of each window."""

    def __init__(self, tenures: Iterable[Tenure], ids: Mapping[str, int]) -> None:
        rows, seen = [], dict[int, int]()
        for one in tenures:
            series = ids.get(one.path)
            if series is not None:
                seen[series] = seen.get(series, -1) + 1
                rows.append(
                    (series, one.since, _LAST if one.until is None else one.until, one.slot, seen[series])
                )
        columns = np.array(rows, np.int64).reshape(-1, 5).T
        self._series, self._since, self._until, self._slot, self._layer = columns

    def pieces(self, start: int, stop: int) -> Iterator[Pieces]:
        """Yield the pieces of a window, those of series that were configured more than once one after the other.

        `start` and `stop` are those of the window, as far as its readings are kept and its time has come.
        """
        begin, end = np.maximum(self._since, start), np.minimum(self._until, stop)
        number = (end - begin) // self._slot
        for layer in np.unique(self._layer[number > 0]).tolist():
            at = np.flatnonzero((number > 0) & (self._layer == layer))
            ids = self._series[at].astype(np.int32)
            yield Pieces(ids, begin[at], end[at], self._slot[at], number[at])


_LAST = int(np.iinfo(np.int64).max)
