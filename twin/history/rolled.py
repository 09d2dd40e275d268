"""Windows answered from rollups: the columns that rollups have, joined where a window is made of several of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from twin.rollups.coarser import coarser
from twin.store.port import Aggregate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from twin.frame import Ids, Times, Values
    from twin.resolution import Resolution
    from twin.rollups.made import Made
    from twin.store.port import Store
    from twin.store.rollup import Rollups

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Rolled:
    """Windows of some series out of rollups. `known` is where there were rows for the whole of a window, bool[s, w].

    `single` is where a window is one row, and its mean of directions is right.
    """

    known: Mask
    single: Mask
    rollups: Rollups

    def column(self, what: Aggregate) -> Values:
        """Return the column of an aggregate, float64[s, w]; the sum is that of a mean."""
        columns = self.rollups.columns
        if what is Aggregate.SUM:
            found: Values = columns[Aggregate.MEAN] * columns[Aggregate.COUNT]
            return found
        return columns[what]

    def states(self, names: Mapping[int, str]) -> dict[str, Values]:
        """Return the seconds in each state that occurs, float64[s, w]."""
        codes = np.unique(self.rollups.held.state).tolist()
        return {
            f"{Aggregate.STATE_S}:{names.get(one, str(one))}": self.rollups.state_seconds(one)
            for one in codes
        }


def read(store: Store, made: Made, district: str, resolution: Resolution, ids: Ids, edges: Times) -> Rolled:
    """Return windows that lie on those of a resolution; `ids` rise. Asks the store."""
    fine = made.edges(district, resolution, int(edges[0]), int(edges[-1]))
    found = store.rollups(resolution, ids, fine)
    first = np.searchsorted(fine, edges[:-1])
    known = ~np.logical_or.reduceat(np.isnan(found.columns["count"]), first, axis=1)
    single = np.diff(np.append(first, len(fine) - 1)) == 1
    if len(fine) != len(edges):
        found = coarser(found, edges, resolution)
    return Rolled(known, np.broadcast_to(single, known.shape), found)
