"""Coarser rollups from finer ones, where that is exact: all but the mean of directions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from twin.store.rollup import Held, Rollups

if TYPE_CHECKING:
    from twin.frame import Times, Values
    from twin.resolution import Resolution


def coarser(fine: Rollups, edges: Times, resolution: Resolution) -> Rollups:
    """Join the windows of `fine` to those of `edges`, which lie on its edges and cover the same time.

    A window of which no part has a row has none itself. ValueError when the edges do not fit.
    """
    if not np.isin(edges, fine.edges).all() or (edges[[0, -1]] != fine.edges[[0, -1]]).any():
        raise ValueError("the windows of one resolution do not lie on those of the other")
    first = np.searchsorted(fine.edges, edges[:-1])
    found = fine.columns
    count = np.nan_to_num(found["count"])
    total = np.add.reduceat(count, first, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        weighted = np.add.reduceat(np.where(count > 0, found["mean"], 0.0) * count, first, axis=1)
        mean = np.where(total > 0, weighted / total, np.nan)
        columns = {
            "mean": mean,
            "min": np.fmin.reduceat(found["min"], first, axis=1),
            "max": np.fmax.reduceat(found["max"], first, axis=1),
            "last": _last(found["last"], first),
            "count": _sum(found["count"], first),
            "delta": _sum(found["delta"], first),
            "good_s": _sum(found["good_s"], first),
        }
    return Rollups(resolution, fine.ids, edges, columns, _held(fine, edges))


def _sum(column: Values, first: Times) -> Values:
    """Return sums of what is known; NaN where nothing is."""
    known = ~np.isnan(column)
    total = np.add.reduceat(np.where(known, column, 0.0), first, axis=1)
    return np.where(np.logical_or.reduceat(known, first, axis=1), total, np.nan)


def _last(column: Values, first: Times) -> Values:
    """Return the last that is known of each window."""
    number = np.where(np.isnan(column), -1, np.arange(column.shape[1]))
    newest = np.maximum.reduceat(number, first, axis=1)
    found = np.take_along_axis(column, np.maximum(newest, 0), axis=1)
    return np.where(newest >= first, found, np.nan)


def _held(fine: Rollups, edges: Times) -> Held:
    held = fine.held
    window = np.searchsorted(edges, fine.edges[held.window], "right") - 1
    key = np.stack([held.series, window, held.state], axis=1)
    if not len(key):
        return held
    unique, at = np.unique(key, axis=0, return_inverse=True)
    seconds = np.bincount(at.ravel(), held.seconds, len(unique)).astype(np.float64)
    series, window, state = (column.astype(np.int32) for column in unique.T)
    return Held(series, window, state, seconds)
