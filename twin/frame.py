"""Frames and batches: the plain data that flows from the wire to the store.

A **frame** is what one device gave at one instant. A **batch** is many frames, checked and settled, as columns.
Points are named by their series id (int32), which the data folder keeps for ever; states by their state id, carried
as a float like any value. No object per value anywhere on this path.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Ids = npt.NDArray[np.int32]
Times = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]
Qualities = npt.NDArray[np.uint8]

_NO_DETAILS: Mapping[int, str] = {}


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """The readings that a device gave at one instant, as a connector delivers them.

    `ids` is int32[n], the same array object for every frame of a poll group. `values` is float64[n]: raw numbers as
    on the wire (scale, offset and unit are applied by ingest), state ids for state points, NaN where there is no
    value. `received` is the time of receipt in ns UTC. `time` is the device's own time in ns UTC: 0 when it gave
    none, an int64[n] when each value has its own. `quality` is uint8[n] of `Reason` codes, None when all are good.
    `details` gives words for a position, for example `{3: "exception 2: illegal data address"}`. `backfilled` says
    that the device had kept these readings while nobody listened: they have their own times and are no news.
    """

    ids: Ids
    values: Values
    received: int
    time: int | Times = 0
    quality: Qualities | None = None
    details: Mapping[int, str] = field(default_factory=lambda: _NO_DETAILS)
    backfilled: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Settled readings as columns of equal length, in the order of arrival.

    `time` is the settled time, `received` the time of receipt, `device` the device's own time (0: it gave none), all
    ns UTC. `value` is in the quantity's unit (or a state id), NaN exactly where `quality` is bad. `seq` is the number
    that the spool gave, 0 before that.
    """

    ids: Ids
    time: Times
    received: Times
    device: Times
    value: Values
    quality: Qualities
    seq: int = 0

    def __len__(self) -> int:
        """Number of readings."""
        return len(self.ids)

    def take(self, index: npt.NDArray[np.intp] | npt.NDArray[np.bool_] | slice) -> Batch:
        """Return the readings at `index`, with the same sequence number."""
        return Batch(
            self.ids[index],
            self.time[index],
            self.received[index],
            self.device[index],
            self.value[index],
            self.quality[index],
            self.seq,
        )


def empty_batch() -> Batch:
    """Return a batch without readings."""
    times = np.empty(0, np.int64)
    return Batch(np.empty(0, np.int32), times, times, times, np.empty(0), np.empty(0, np.uint8))


def join(batches: Sequence[Batch], seq: int = 0) -> Batch:
    """Return one batch with the readings of all, in order."""
    if len(batches) == 1 and batches[0].seq == seq:
        return batches[0]
    if not batches:
        return empty_batch()
    return Batch(
        np.concatenate([batch.ids for batch in batches]),
        np.concatenate([batch.time for batch in batches]),
        np.concatenate([batch.received for batch in batches]),
        np.concatenate([batch.device for batch in batches]),
        np.concatenate([batch.value for batch in batches]),
        np.concatenate([batch.quality for batch in batches]),
        seq,
    )
