"""The newest readings, as columns in a circle of fixed size: what whoever was away for a moment is given afterwards.

Numbers are microseconds since 1970 UTC at which events were taken, each greater than the one before it. So a number
says when it was, also to a process that did not give it, and numbers go on rising after a restart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from twin.frame import Ids, Qualities, Times, Values

MOST = 262_144
"""Readings that are kept, 29 bytes each; pages of memory are taken when they are first used."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Readings in the order of their numbers, as columns of equal length."""

    number: Times
    ids: Ids
    time: Times
    value: Values
    quality: Qualities

    def __len__(self) -> int:
        """Number of readings."""
        return len(self.ids)

    def take(self, index: npt.NDArray[np.intp] | npt.NDArray[np.bool_] | slice) -> Rows:
        """Return the readings at `index`."""
        return Rows(
            self.number[index], self.ids[index], self.time[index], self.value[index], self.quality[index]
        )


class Ring:
    """Readings by number. `floor` is the highest number of which something may be gone; all after it is here."""

    def __init__(self, floor: int, most: int = MOST) -> None:
        self.floor = floor
        self._most = most
        self._end = 0
        self._kept = Rows(
            np.zeros(most, np.int64),
            np.zeros(most, np.int32),
            np.zeros(most, np.int64),
            np.zeros(most),
            np.zeros(most, np.uint8),
        )

    def add(self, rows: Rows) -> None:
        """Take readings whose numbers are greater than all before; the oldest make room."""
        if len(rows) > self._most:
            self.floor, self._end = int(rows.number[-self._most - 1]), 0
            rows = rows.take(slice(-self._most, None))
        count, kept = len(rows), self._kept
        gone = self._end + count - self._most
        if count and gone > 0:
            self.floor = max(self.floor, int(kept.number[(gone - 1) % self._most]))
        at = self._end % self._most
        first = min(count, self._most - at)
        for column, new in (
            (kept.number, rows.number),
            (kept.ids, rows.ids),
            (kept.time, rows.time),
            (kept.value, rows.value),
            (kept.quality, rows.quality),
        ):
            column[at : at + first] = new[:first]
            column[: count - first] = new[first:]
        self._end += count

    def since(self, after: int, most: int) -> Rows:
        """Return the first `most` readings with numbers greater than `after`, as copies."""
        low = self._position(after)
        return self._kept.take(np.arange(low, min(low + most, self._end)) % self._most)

    def _position(self, after: int) -> int:
        """Return how many readings ever came before the first with a number greater than `after` that is here."""
        start, turn = max(0, self._end - self._most), self._end - self._end % self._most
        if start < turn and self._kept.number[-1] > after:
            return start + self._count(start, turn, after)
        low = max(start, turn)
        return low + self._count(low, self._end, after)

    def _count(self, low: int, high: int, after: int) -> int:
        """Return how many of a stretch that does not turn have numbers of at most `after`."""
        at = low % self._most
        return int(np.searchsorted(self._kept.number[at : at + high - low], after, "right"))
