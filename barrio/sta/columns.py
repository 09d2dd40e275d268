"""Observations as columns, between the store and the entities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from twin.quality import FIRST_BAD

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from twin.frame import Batch, Ids, Qualities, Times, Values


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Readings that have a value. `stop` is the end of a window, 0 for raw readings, as `received` is for windows."""

    ids: Ids
    time: Times
    stop: Times
    value: Values
    quality: Qualities
    received: Times

    def __len__(self) -> int:
        """Number of readings."""
        return len(self.ids)

    def take(self, index: npt.NDArray[np.intp] | npt.NDArray[np.bool_] | slice) -> Columns:
        """Return the readings at `index`."""
        return Columns(
            self.ids[index],
            self.time[index],
            self.stop[index],
            self.value[index],
            self.quality[index],
            self.received[index],
        )

    def in_order(self, *, newest_first: bool) -> Columns:
        """Return them by time, then by series; the other way round where the newest come first."""
        order = np.lexsort((self.ids, self.time))
        return self.take(order[::-1] if newest_first else order)


def of_batch(batch: Batch) -> Columns:
    """Return the good and uncertain ones of raw readings."""
    usable = batch.take(batch.quality < FIRST_BAD)
    nothing = np.zeros(len(usable), np.int64)
    return Columns(usable.ids, usable.time, nothing, usable.value, usable.quality, usable.received)


def of_window(series: int, start: Times, stop: Times, value: Values) -> Columns:
    """Return the windows of one series that have a value."""
    there = np.isfinite(value)
    number = int(there.sum())
    nothing = np.zeros(number, np.int64)
    ids, quality = np.full(number, series, np.int32), np.zeros(number, np.uint8)
    return Columns(ids, start[there], stop[there], value[there], quality, nothing)


def none() -> Columns:
    """Return no readings."""
    times = np.empty(0, np.int64)
    return Columns(np.empty(0, np.int32), times, times, np.empty(0), np.empty(0, np.uint8), times)


def join(parts: Sequence[Columns]) -> Columns:
    """Return the readings of all parts."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return none()
    return Columns(
        np.concatenate([one.ids for one in parts]),
        np.concatenate([one.time for one in parts]),
        np.concatenate([one.stop for one in parts]),
        np.concatenate([one.value for one in parts]),
        np.concatenate([one.quality for one in parts]),
        np.concatenate([one.received for one in parts]),
    )
