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


def from_readings(store: Store, points: Points, edges: Times, resolution: Resolution) -> Rollups:
    """Return the rollups of points as the readings of their windows say. Raises as the store's reading methods."""
    start, stop = int(edges[0]), int(edges[-1])
    rows = join([empty_batch(), *store.chunks(points.ids, start, stop)])
    return reduce(points, rows, _before(store, points, start), edges, resolution)


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
