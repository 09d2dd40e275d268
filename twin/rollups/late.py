"""Readings for windows that were made already: found for next to nothing where there are none.

A window is claimed before its readings are read, and the writer looks here after the store took a batch. So a reading
is either read with its window, or found here, or both; never neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from twin.frame import Batch, Ids, Times


class Marks(Protocol):
    """A book that keeps which readings came late."""

    def mark(self, ids: Ids, times: Times) -> None:
        """Keep them on disk. Raises `twin.sqlite.DatabaseBusy`."""


class Late:
    """What the writer asks. `claim` comes from the thread that makes rollups, the rest from the writer."""

    def __init__(self, book: Marks, size: int) -> None:
        self._book = book
        self._until = np.zeros(size, np.int64)
        self._highest = 0

    def claim(self, ids: Ids, until: int) -> None:
        """Say that the windows of points until a time are made now, or are made."""
        self._until[ids] = np.maximum(self._until[ids], until)
        self._highest = max(self._highest, until)

    def release(self, ids: Ids, until: int) -> None:
        """Say that the windows of points after a time are not made after all."""
        self._until[ids] = np.minimum(self._until[ids], until)
        self._highest = int(self._until.max(initial=0))

    def among(self, batch: Batch) -> Batch | None:
        """Return the readings of a batch that are stored and belong to windows that are made; None when none does."""
        if not len(batch) or int(batch.time.min()) >= self._highest:
            return None
        known = batch.take(batch.ids < len(self._until))
        late = known.time < self._until[known.ids]
        return known.take(late) if late.any() else None

    def mark(self, late: Batch) -> None:
        """Keep them on disk. Raises `twin.sqlite.DatabaseBusy`."""
        self._book.mark(late.ids, late.time)
