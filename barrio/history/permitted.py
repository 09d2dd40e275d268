"""The newest that a caller may be given of points: now, or of the last finished window of a resolution.

Whoever is given readings no finer than a quarter hour, an hour or a day gets, in place of the newest reading, the
value of the last window that has finished: the mean of a gauge, the last of a counter's register and of a state. It is
stamped with the start of the window. A window has finished `SETTLED_S` after its end, when what was taken by then is
stored; it is read from the store once and kept until the next one has finished.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from twin.clock import NS
from twin.model.quantities import Aggregation
from twin.quality import FIRST_BAD, Reason
from twin.resolution import Resolution
from twin.store import windows
from twin.store.port import Aggregate

if TYPE_CHECKING:
    import numpy.typing as npt

    from barrio.access.who import Who
    from barrio.platform import Platform
    from twin.frame import Ids, Qualities, Times, Values

SETTLED_S = 60.0
NOTHING_USABLE = "no usable reading lies in the last window that is over"
"""What `INPUT_MISSING` means of a window."""
_RESOLUTIONS = tuple(Resolution)


@dataclass(frozen=True, slots=True, eq=False)
class Newest:
    """What is given of points, columns in the order of `ids`.

    `value` is NaN where there is none, a state id for states. `quality` are codes of `Reason`; a window without a
    usable reading has `INPUT_MISSING`. Times are ns UTC, 0 where there is none; `received` and `device` are 0 for
    windows. `finest` is the position in `Resolution` of what was given: 0 is the newest reading itself.
    """

    ids: Ids
    value: Values
    quality: Qualities
    time: Times
    received: Times
    device: Times
    finest: npt.NDArray[np.uint8]


async def permitted_latest(platform: Platform, who: Who, ids: Ids) -> Newest:
    """Return the newest of points that `who` sees, as finely as they are given to them.

    From memory where readings are given themselves, and where the window was asked for before; else the store is
    asked in a thread of `reads`, and what it raises is raised. Call it in the event loop.
    """
    finest = who.sight.finest[ids]
    newest = _live(platform, ids, finest)
    for code in np.unique(finest[finest > 0]).tolist():
        at = np.flatnonzero(finest == code)
        await _put(platform, newest, at, _RESOLUTIONS[code])
    return newest


def finished(platform: Platform, district: str, resolution: Resolution, now: int) -> tuple[int, int]:
    """Return start and stop (ns UTC) of the last window of a district's clock that has finished."""
    zone = next(one.zone for one in platform.catalogue.districts if one.id == district)
    settled = now - round(SETTLED_S * NS)
    long = 2 * resolution.seconds * NS
    edges = windows.edges(settled - long, settled, resolution.value, zone)
    last = int(np.searchsorted(edges, settled, "right")) - 1
    return int(edges[last - 1]), int(edges[last])


def _live(platform: Platform, ids: Ids, finest: npt.NDArray[np.uint8]) -> Newest:
    live = platform.live
    return Newest(
        ids,
        live.value[ids],
        live.quality[ids],
        live.time[ids],
        live.received[ids],
        live.device[ids],
        finest,
    )


async def _put(platform: Platform, newest: Newest, at: npt.NDArray[np.intp], resolution: Resolution) -> None:
    """Put windows in the place of readings, at positions."""
    now = platform.clock.now_ns()
    owners = platform.catalogue.owners
    districts = np.array([owners[one].district for one in newest.ids[at].tolist()], object)
    for district in dict.fromkeys(districts.tolist()):
        here = at[districts == district]
        kept = _kept(platform, district, resolution, finished(platform, district, resolution, now))
        ids = newest.ids[here]
        missing = ids[~kept.known[ids]]
        if len(missing):
            await platform.in_thread("reads", kept.read, platform, missing)
        newest.value[here] = kept.value[ids]
        newest.quality[here] = kept.quality[ids]
        newest.time[here] = np.where(kept.quality[ids] < FIRST_BAD, kept.start, 0)
        newest.received[here] = newest.device[here] = 0


class _Window:
    """One window of one district, as far as it was asked for; columns by series id."""

    def __init__(self, start: int, stop: int, size: int) -> None:
        self.start, self.stop = start, stop
        self.known = np.zeros(size, np.bool_)
        self.value = np.full(size, np.nan)
        self.quality = np.full(size, Reason.INPUT_MISSING, np.uint8)

    def read(self, platform: Platform, ids: Ids) -> None:
        """Read what is not known; blocks."""
        kinds = {one.id: one.quantity.aggregation for one in platform.catalogue.series}
        gauge = np.array([kinds[one] is Aggregation.GAUGE for one in ids.tolist()], np.bool_)
        store = platform.store
        if gauge.any():
            edges = np.array([self.start, self.stop], np.int64)
            for one, found in store.windows(ids[gauge], edges, [Aggregate.MEAN]).items():
                self._take(one, float(found.columns[Aggregate.MEAN][0]), Reason.GOOD)
        if not gauge.all():
            last = store.asof(ids[~gauge], self.stop - 1)
            rows = zip(last.ids.tolist(), last.value.tolist(), last.quality.tolist(), strict=True)
            for one, value, quality in rows:
                self._take(one, value, quality)
        self.known[ids] = True

    def _take(self, one: int, value: float, quality: int) -> None:
        self.value[one] = value
        if quality >= FIRST_BAD or not np.isnan(value):
            self.quality[one] = quality


_WINDOWS: WeakKeyDictionary[Platform, dict[tuple[str, Resolution], _Window]] = WeakKeyDictionary()


def _kept(platform: Platform, district: str, resolution: Resolution, span: tuple[int, int]) -> _Window:
    mine = _WINDOWS.setdefault(platform, {})
    found = mine.get((district, resolution))
    if found is None or (found.start, found.stop) != span:
        found = mine[district, resolution] = _Window(*span, platform.catalogue.size)
    return found
