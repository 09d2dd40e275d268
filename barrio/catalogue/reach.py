"""Since when and until when there are readings of a dataset: asked of the store, and remembered."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np

from barrio.history.permitted import finished
from twin.errors import TransientError
from twin.resolution import Resolution

if TYPE_CHECKING:
    from barrio.access.who import Who
    from barrio.platform import Platform
    from twin.datasets.seen import Known
    from twin.frame import Ids

KEPT_S = 600.0
_RESOLUTIONS = tuple(Resolution)


class Reach:
    """Answers for one platform; the first reading is asked for every `KEPT_S`, the last one is known."""

    MOST = 1_000

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._first: dict[bytes, tuple[float, int]] = {}
        self._asking = asyncio.Lock()

    async def of(self, known: Known, who: Who) -> tuple[int, int] | None:
        """Return the times of the first and the last reading (ns UTC) that a caller may know of; None when none is.

        A store that is away leaves it unsaid.
        """
        dataset = known.dataset
        if dataset.figures is not None:
            desk = self._platform.living.figures
            if desk is None:
                return None
            return await self._platform.in_thread("reads", desk.book.reach, dataset.district, dataset.id)
        if known.only_listed:
            return None
        ids = np.array([item.id for item in known.points], np.int32)
        try:
            async with self._asking:
                first = await self._first_of(np.sort(ids))
        except TransientError:
            return None
        last = self._last_of(known, who, ids)
        return (first, last) if 0 < first <= last else None

    async def _first_of(self, ids: Ids) -> int:
        key, now_s = ids.tobytes(), self._platform.clock.monotonic_s()
        kept = self._first.get(key)
        if kept is not None and now_s - kept[0] < KEPT_S:
            return kept[1]
        _, times = await self._platform.in_thread("reads", self._platform.store.first, ids, 0)
        found = int(times.min(initial=np.iinfo(np.int64).max)) if len(times) else 0
        if len(self._first) >= self.MOST:
            self._first.clear()
        self._first[key] = (now_s, found)
        return found

    def _last_of(self, known: Known, who: Who, ids: Ids) -> int:
        last = int(self._platform.live.time[ids].max(initial=0))
        coarsest = _RESOLUTIONS[int(who.sight.finest[ids].max(initial=0))]
        if coarsest is Resolution.RAW:
            return last
        now = self._platform.clock.now_ns()
        return min(last, finished(self._platform, known.district.id, coarsest, now)[1])
