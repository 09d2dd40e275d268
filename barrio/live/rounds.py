"""Windows that end: what those get who are not given readings as they come.

A window's value is given once, `SETTLED_S` after its end, as the store has it then: the mean of gauges, the last of
states and counters, as `latest` gives them. That it ended is noted whether or not anybody listens, so that whoever
comes back is given the windows that ended meanwhile, under the same ids.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from barrio.live.words import stamps
from twin.clock import NS
from twin.resolution import ROLLUPS, Resolution
from twin.store.port import Aggregate
from twin.store.windows import edges

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from zoneinfo import ZoneInfo

    from barrio.live.words import Readings
    from twin.frame import Ids, Times
    from twin.model.district import District
    from twin.store.port import Store

MOST = 2_000


@dataclass(frozen=True, slots=True)
class Round:
    """One window that ended, of the points of all districts on one clock: event `number + series` is a point's."""

    number: int
    every: Resolution
    zone: ZoneInfo
    start: int
    stop: int


class Rounds:
    """The windows that ended, by number; `floor` is the highest number of which something may be gone."""

    def __init__(self, districts: Sequence[District], floor: int, now_ns: int, grace_s: float) -> None:
        self.floor = floor
        self._grace_ns = round(grace_s * NS)
        self._zones = list(dict.fromkeys(one.zone for one in districts))
        self._kept: deque[Round] = deque()
        self._seen = {(every, zone): self._last(every, zone, now_ns) for every, zone in self._clocks()}

    def due(self, now_ns: int, number: Callable[[], int]) -> list[Round]:
        """Note the windows that have ended since the last time; `number` gives each the first of its numbers."""
        found = []
        for every, zone in self._clocks():
            bounds = self._ended(every, zone, now_ns)
            for start, stop in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
                found.append(Round(number(), every, zone, start, stop))
            if len(bounds):
                self._seen[every, zone] = int(bounds[-1])
        for one in found:
            self._kept.append(one)
            if len(self._kept) > MOST:
                self.floor = self._kept.popleft().number
        return found

    def since(self, after: int, size: int) -> list[Round]:
        """Return those of which some number is greater than `after`; each has `size` of them."""
        return [one for one in self._kept if one.number + size > after]

    def _clocks(self) -> Iterator[tuple[Resolution, ZoneInfo]]:
        return ((every, zone) for zone in self._zones for every in ROLLUPS)

    def _last(self, every: Resolution, zone: ZoneInfo, now_ns: int) -> int:
        """Return the end of the last window that is over."""
        at = now_ns - self._grace_ns
        return int(edges(at, at + 1, every.value, zone)[0])

    def _ended(self, every: Resolution, zone: ZoneInfo, now_ns: int) -> Times:
        seen, last = self._seen[every, zone], self._last(every, zone, now_ns)
        return edges(seen, last, every.value, zone) if last > seen else np.empty(0, np.int64)


def values(store: Store, one: Round, ids: Ids, readings: Readings) -> dict[int, str]:
    """Return the data of the events of one window by series, where it has a usable value; blocks on the store."""
    found: dict[int, str] = {}
    start = stamps(np.array([one.start], np.int64))[0]
    gauges = np.array([readings.is_gauge(series) for series in ids.tolist()], np.bool_)
    if gauges.any():
        bounds = np.array([one.start, one.stop], np.int64)
        for series, window in store.windows(ids[gauges], bounds, [Aggregate.MEAN]).items():
            found[series] = readings.window(
                series, start, float(window.columns[Aggregate.MEAN][0]), one.every
            )
    if not gauges.all():
        last = store.asof(ids[~gauges], one.stop - 1)
        for series, value in zip(last.ids.tolist(), last.value.tolist(), strict=True):
            found[series] = readings.window(series, start, value, one.every)
    return {series: data for series, data in found.items() if data}
