"""The newest reading of each series, held in memory, and what follows from it: which rows of a batch are late.

A row later than all of its series is simply appended; a row at or before the newest may meet one that is stored
already, and has to replace it.
"""

from __future__ import annotations

import threading

import numpy as np
import numpy.typing as npt

from twin.frame import Batch, Ids, Times, empty_batch

NEVER = np.iinfo(np.int64).min


class Newest:
    """Newest readings as columns indexed by series id; one thread takes, others may read at the same time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows = empty_batch()

    def reserve(self, most: int) -> None:
        """Make room for series ids up to `most`."""
        missing = most + 1 - len(self._rows)
        if missing <= 0:
            return
        with self._lock:
            rows = self._rows
            self._rows = Batch(
                np.arange(most + 1, dtype=np.int32),
                np.concatenate((rows.time, np.full(missing, NEVER))),
                np.concatenate((rows.received, np.zeros(missing, np.int64))),
                np.concatenate((rows.device, np.zeros(missing, np.int64))),
                np.concatenate((rows.value, np.full(missing, np.nan))),
                np.concatenate((rows.quality, np.zeros(missing, np.uint8))),
            )

    def times(self, ids: Ids) -> Times:
        """Return the time of the newest reading of each of `ids`, `NEVER` where there is none."""
        return self._rows.time[ids]

    def take(self, batch: Batch, *, appended: bool = False) -> None:
        """Take rows that are stored now, one a (series, time); `appended`: all rise, and are later than any before."""
        if not appended:
            batch = batch.take(batch.time >= self._rows.time[batch.ids])
            batch = batch.take(np.argsort(batch.time, kind="stable"))
        rows, ids = self._rows, batch.ids
        with self._lock:
            # Where an id occurs more than once, numpy assigns the last row.
            rows.time[ids], rows.received[ids], rows.device[ids] = batch.time, batch.received, batch.device
            rows.value[ids], rows.quality[ids] = batch.value, batch.quality

    def forget(self, ids: Ids) -> None:
        """Forget the newest readings of `ids`."""
        with self._lock:
            self._rows.time[ids] = NEVER

    def rows(self, ids: Ids | None) -> Batch:
        """Return the newest reading of each of `ids` (all when None) that has one."""
        with self._lock:
            rows = self._rows
            found = rows if ids is None else rows.take(_within(ids, len(rows)))
            return found.take(found.time != NEVER)


def is_rising(batch: Batch) -> bool:
    """Whether the rows of each series are in the order of time, without a time that occurs twice."""
    if _is_distinct(batch.ids):
        return True
    order = np.argsort(batch.ids, kind="stable")
    ids, time = batch.ids[order], batch.time[order]
    return not bool(((ids[1:] == ids[:-1]) & (time[1:] <= time[:-1])).any())


def _is_distinct(ids: Ids) -> bool:
    """Whether no id occurs twice; quicker than sorting."""
    if not len(ids):
        return True
    at = np.arange(len(ids), dtype=np.int32)
    last = np.empty(int(ids.max()) + 1, np.int32)
    last[ids] = at
    return bool((last[ids] == at).all())


def settle(batch: Batch) -> Batch:
    """Return one row a (series, time), the last one of each; the rows of each series rise in time."""
    if is_rising(batch):
        return batch
    order = np.lexsort((batch.time, batch.ids))
    ids, time = batch.ids[order], batch.time[order]
    last = np.append((ids[1:] != ids[:-1]) | (time[1:] != time[:-1]), True)
    return batch.take(order[last])


def sort_rows(batch: Batch) -> Batch:
    """Return the rows ordered by (series, time)."""
    order = np.argsort(batch.ids, kind="stable")
    ids, time = batch.ids[order], batch.time[order]
    if bool(((ids[1:] == ids[:-1]) & (time[1:] < time[:-1])).any()):
        order = np.lexsort((batch.time, batch.ids))
    return batch.take(order)


def _within(ids: Ids, number: int) -> npt.NDArray[np.intp]:
    return np.unique(ids[(ids >= 0) & (ids < number)]).astype(np.intp)
