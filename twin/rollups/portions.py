"""Rollups in portions that are bounded: so many devices, windows and readings at once, from the store into the store.

The methods that make something are iterators; each step reads and writes one portion, whole devices each, and may raise
what the store raises. The book is asked what may be made; what has been made is for the caller to note.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from twin.clock import NS
from twin.resolution import Resolution
from twin.rollups.coarser import coarser
from twin.rollups.source import TooMany, directions, from_readings
from twin.store import windows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from twin.frame import Times
    from twin.rollups.book import Book
    from twin.rollups.points import Points
    from twin.store.port import Store

MOST_READINGS = 50_000
MOST_CELLS = 50_000
MOST_SERIES = 2_000
MOST_WINDOWS = 96
TOO_MANY = 4 * MOST_READINGS
FINER = {Resolution.HOUR: Resolution.QUARTER, Resolution.DAY: Resolution.HOUR}
"""What each resolution is made of; the finest is made of readings."""
_SOURCE = {Resolution.QUARTER: Resolution.RAW, **FINER}
_MARGIN_NS = 7_200 * NS
_FIRST_RATE = 1.0
_LEAST_RATE = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """A district: its zone, the points that are read, and how long (s) each resolution is kept, None for ever."""

    id: str
    zone: ZoneInfo
    points: Points
    retention: Mapping[Resolution, float | None]

    def edges(self, resolution: Resolution, start: int, stop: int) -> Times:
        """Return the edges (ns) of the windows that cover `start` to `stop`, on the clock of the district's zone."""
        return windows.edges(start, stop, resolution.value, self.zone)

    def gone(self, resolution: Resolution, now: int) -> int:
        """Return before when (ns) nothing of a resolution is kept, 0 when all is."""
        age = self.retention.get(resolution)
        return 0 if age is None else max(0, now - round(age * NS))


class Portions:
    """Makes windows portion by portion; used from one thread.

    `rows` are those written so far; `at` is the district of the portion that was begun last, or of what the caller
    asked of the store since.
    """

    def __init__(self, store: Store, book: Book) -> None:
        self.rows = 0
        self.at = ""
        self._store = store
        self._book = book
        # Readings of a series in a second, as it was lately.
        self._rate = _FIRST_RATE

    def remake(
        self,
        ground: Ground,
        points: Points,
        span: tuple[int, int],
        resolutions: Sequence[Resolution],
        now: int,
    ) -> Iterator[int]:
        """Make the windows again that touch a span (ns) and were made; yields as `quarters` and `coarser`."""
        for resolution in resolutions:
            low = max(self._book.since(ground.id), self.low(ground, resolution, now))
            until = self._book.until(ground.id, resolution)
            start, stop = max(span[0], low), min(span[1], until)
            if start >= stop:
                continue
            edges = between(ground.edges(resolution, start, stop), low, until)
            if resolution is not Resolution.QUARTER:
                yield from self.coarser(ground, points, resolution, edges, now)
                continue
            for some in self.spans(edges, len(points)):
                yield from self.quarters(ground, points, some)

    def quarters(self, ground: Ground, points: Points, edges: Times) -> Iterator[int]:
        """Make the quarter hours between edges, of readings; yields how many each portion had."""
        if len(edges) < 2:
            return
        span_s = float(edges[-1] - edges[0]) / NS
        most = min(round(MOST_READINGS / (self._rate * span_s)), MOST_CELLS // (len(edges) - 1), MOST_SERIES)
        for some in _portions(points, most):
            yield from self._portion(ground, some, edges)

    def _portion(self, ground: Ground, points: Points, edges: Times) -> Iterator[int]:
        """Make one portion, or several where it has too many readings for one."""
        span_s, number = float(edges[-1] - edges[0]) / NS, len(edges) - 1
        devices = len(np.unique(points.device))
        self.at = ground.id
        most = TOO_MANY if devices > 1 or number > 1 else None
        try:
            found = from_readings(self._store, points, edges, Resolution.QUARTER, most)
        except TooMany as error:
            self._rate = max(self._rate, error.readings / (len(points) * span_s))
            if devices > 1:
                for some in _portions(points, 1):
                    yield from self._portion(ground, some, edges)
            else:
                for half in (edges[: number // 2 + 1], edges[number // 2 :]):
                    yield from self._portion(ground, points, half)
            return
        self._store.write_rollups(found)
        count = int(np.nansum(found.columns["count"]))
        self._rate = max((self._rate + count / (len(points) * span_s)) / 2, _LEAST_RATE)
        self.rows += len(points) * number
        yield count

    def coarser(
        self, ground: Ground, points: Points, resolution: Resolution, edges: Times, now: int
    ) -> Iterator[int]:
        """Make hours or days of the next finer windows; yields 0 for each portion.

        Of readings where the finer ones do not fit, and mean directions always.
        """
        finer = FINER[resolution]
        edges = edges[edges >= self.low(ground, resolution, now)]
        if len(edges) < 2:
            return
        fine = ground.edges(finer, int(edges[0]), int(edges[-1]))
        for some in _portions(points, min(MOST_CELLS // len(fine), MOST_SERIES)):
            self.at = ground.id
            if np.isin(edges, fine).all():
                found = coarser(self._store.rollups(finer, some.ids, fine), edges, resolution)
                self._turn(ground, some, found.columns["mean"], edges, resolution, now)
            else:
                found = from_readings(self._store, some, edges, resolution)
            self._store.write_rollups(found)
            self.rows += len(some) * (len(edges) - 1)
            yield 0

    def _turn(
        self,
        ground: Ground,
        points: Points,
        mean: np.ndarray,
        edges: Times,
        resolution: Resolution,
        now: int,
    ) -> None:
        """Put mean directions, made from readings, where means of means stand; those whose readings are gone stay."""
        if np.isnan(points.period).all():
            return
        kept = max(self._book.kept(ground.id, Resolution.RAW), ground.gone(Resolution.RAW, now))
        gone = edges[:-1] < kept
        ids, found = directions(self._store, points, edges)
        if gone.any():
            before = self._store.rollups(resolution, ids, edges).columns["mean"]
            found[:, gone] = before[:, gone]
        mean[np.searchsorted(points.ids, ids)] = found

    def low(self, ground: Ground, resolution: Resolution, now: int) -> int:
        """Return from when on (ns) a resolution may be made: what it is made of is there, and it is kept itself."""
        source = _SOURCE[resolution]
        gone = ground.gone(source, now)
        if gone:
            # What goes in the middle of a long piece of work is not counted upon.
            gone += min(_MARGIN_NS, (now - gone) // 10)
        kept = (self._book.kept(ground.id, one) for one in (source, resolution))
        return max(gone, ground.gone(resolution, now), *kept)

    def spans(self, edges: Times, points: int) -> Iterator[Times]:
        """Yield edges of spans of windows, as many as one portion of many series may have readings."""
        at_once = min(points, MOST_SERIES)
        most = min(MOST_READINGS / (self._rate * 900 * max(at_once, 1)), MOST_CELLS / max(at_once, 1))
        step = int(min(max(most, 1), MOST_WINDOWS))
        for first in range(0, len(edges) - 1, step):
            yield edges[first : first + step + 1]


def between(edges: Times, start: int, stop: int) -> Times:
    """Return the edges from `start` to `stop`, both included."""
    return edges[(edges >= start) & (edges <= stop)]


def _portions(points: Points, most: int) -> Iterator[Points]:
    """Yield points in portions of whole devices, about `most` of them each."""
    if not len(points):
        return
    number = np.bincount(points.device)
    portion = (np.cumsum(number) - number) // max(most, 1)
    where = portion[points.device]
    for one in np.unique(where):
        yield points.take(where == one)
