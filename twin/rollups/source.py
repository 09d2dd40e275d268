"""Rollups made from what a store holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from twin.frame import empty_batch, join
from twin.quality import FIRST_BAD
from twin.rollups.reduce import Before, mean_directions, reduce

if TYPE_CHECKING:
    from twin.frame import Ids, Times, Values
    from twin.resolution import Resolution
    from twin.rollups.points import Points
    from twin.store.port import Store
    from twin.store.rollup import Rollups


class TooMany(Exception):
    """Raised when there are more readings than a portion may have: `readings` at least."""

    def __init__(self, readings: int) -> None:
        super().__init__(f"{readings} readings are too many at once")
        self.readings = readings


def from_readings(
    store: Store, points: Points, edges: Times, resolution: Resolution, most: int | None = None
) -> Rollups:
    """Return the rollups of points as the readings of their windows say.

    Raises as the store's reading methods, and `TooMany` beyond about `most` readings.
    """
    start, stop = int(edges[0]), int(edges[-1])
    parts, number = [empty_batch()], 0
    for part in store.chunks(points.ids, start, stop):
        number += len(part)
        if most is not None and number > most:
            raise TooMany(number)
        parts.append(part)
    return reduce(points, join(parts), _before(store, points, start), edges, resolution)


def directions(store: Store, points: Points, edges: Times) -> tuple[Ids, Values]:
    """Return the points that have a period, and their mean directions, float64[s, w]."""
    mine = points.take(~np.isnan(points.period))
    if not len(mine):
        return mine.ids, np.empty((0, len(edges) - 1))
    rows = join([empty_batch(), *store.chunks(mine.ids, int(edges[0]), int(edges[-1]))])
    return mine.ids, mean_directions(mine, rows, edges)


def _before(store: Store, points: Points, start: int) -> Before:
    newest = store.asof(points.ids, start - 1)
    doubtful = np.setdiff1d(points.ids[points.is_counter], newest.ids[newest.quality < FIRST_BAD])
    return Before(newest, store.before(doubtful, start) if len(doubtful) else empty_batch())
