"""From what rollups a window may be answered: those of which the book says that they are made, and are not stale.

Windows that are made are what the readings say, until readings come for them late: then the book has a mark, and the
window is answered from the readings until it is made again. So is what somebody asked to have made again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from twin.resolution import ROLLUPS, Resolution
from twin.store.windows import among

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from twin.frame import Ids, Times
    from twin.rollups.book import Book
    from twin.rollups.portions import Ground
    from twin.store.port import Store

CODES: Mapping[Resolution, int] = {one: code for code, one in enumerate(Resolution)}
"""Resolutions as numbers, 0 for readings."""
_END = int(np.iinfo(np.int64).max)


class Made:
    """Asked from any thread; reads the book on disk only while something in it is stale."""

    def __init__(self, book: Book, grounds: Sequence[Ground]) -> None:
        self._book = book
        self._grounds = {ground.id: ground for ground in grounds}

    def windows(self, district: str, edges: Times) -> npt.NDArray[np.uint8]:
        """Return the code of the coarsest resolution of which each window is made, uint8[w]; 0 where of readings."""
        found = np.zeros(len(edges) - 1, np.uint8)
        ground = self._grounds.get(district)
        if ground is None:
            return found
        for one in ROLLUPS:
            low = max(self._book.since(district), self._book.kept(district, one))
            until = self._book.until(district, one)
            inside = (edges >= low) & (edges <= until)
            if low and np.count_nonzero(inside) > 1:
                on = inside.copy()
                on[inside] = among(edges[inside], one.value, ground.zone)
                found[on[:-1] & on[1:]] = CODES[one]
        return found

    def edges(self, district: str, resolution: Resolution, start: int, stop: int) -> Times:
        """Return the edges (ns) of the rollups that cover `start` to `stop`."""
        return self._grounds[district].edges(resolution, start, stop)

    def stale(self, store: Store, district: str, ids: Ids, edges: Times) -> npt.NDArray[np.bool_]:
        """Return which windows of which series have to be answered from readings, bool[s, w]; `ids` rise.

        What came late matters until the next usable reading of the series: an increase ends there, a state lasts
        until then.
        """
        found = np.zeros((len(ids), len(edges) - 1), np.bool_)
        marks = self._book.stale_of(ids)
        if len(marks.ids):
            stop = _following(store, marks.ids, marks.stop)
            for one, start, end in zip(marks.ids.tolist(), marks.start.tolist(), stop.tolist(), strict=True):
                found[np.searchsorted(ids, one)] |= (edges[1:] > start) & (edges[:-1] <= end)
        if self._book.open_jobs:
            for job in self._book.jobs(open_only=True):
                if job.under.split("/")[0] == district:
                    found |= (edges[1:] > job.done) & (edges[:-1] < job.stop)
        return found

    def known(self, district: str, ids: Ids) -> npt.NDArray[np.bool_]:
        """Return which series are rolled up at all."""
        ground = self._grounds.get(district)
        return np.isin(ids, ground.points.ids) if ground is not None else np.zeros(len(ids), np.bool_)


def _following(store: Store, ids: Ids, after: Times) -> Times:
    """Return the time of the next usable reading after each mark, the end of time where there is none."""
    found = np.full(len(ids), _END, np.int64)
    for moment in np.unique(after).tolist():
        mine = np.flatnonzero(after == moment)
        some, time = store.first(ids[mine], moment + 1)
        at = dict(zip(some.tolist(), time.tolist(), strict=True))
        found[mine] = [at.get(one, _END) for one in ids[mine].tolist()]
    return found
