"""Rollups as the store takes and gives them: every series by every window, in columns.

`COLUMNS` are the numbers of a window. A gauge has mean, min, max and last, a counter `delta` and `last`, a state `last`
(a state id) and the seconds spent in each state; all have `count` and `good_s`, the seconds for which a good or
uncertain value stood. What a window does not know is NaN. `count` is 0 where nothing came, and NaN where there is no
row at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from twin.frame import Ids, Times, Values
    from twin.resolution import Resolution

COLUMNS = ("mean", "min", "max", "last", "count", "delta", "good_s")


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """Seconds spent in states, a row for each that occurred: at which series and window, int32[n] positions."""

    series: npt.NDArray[np.int32]
    window: npt.NDArray[np.int32]
    state: npt.NDArray[np.int32]
    seconds: Values

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.seconds)


@dataclass(frozen=True, slots=True, eq=False)
class Rollups:
    """Windows `[edges[i], edges[i+1])` of one resolution, for each of `ids` (rising, int32[s]).

    `columns` maps each of `COLUMNS` to float64[s, w].
    """

    resolution: Resolution
    ids: Ids
    edges: Times
    columns: Mapping[str, Values]
    held: Held

    @property
    def shape(self) -> tuple[int, int]:
        """Number of series and of windows."""
        return len(self.ids), len(self.edges) - 1

    def state_seconds(self, state: int) -> Values:
        """Return the seconds in one state, float64[s, w]: 0 where another state held, NaN where none is known."""
        shape = self.shape
        known, found = np.zeros(shape, np.bool_), np.zeros(shape)
        known[self.held.series, self.held.window] = True
        mine = self.held.state == state
        found[self.held.series[mine], self.held.window[mine]] = self.held.seconds[mine]
        return np.where(known, found, np.nan)


def no_held() -> Held:
    """Return no seconds in any state."""
    nothing = np.empty(0, np.int32)
    return Held(nothing, nothing, nothing, np.empty(0))


def join_held(parts: list[Held]) -> Held:
    """Return the rows of all parts."""
    if not parts:
        return no_held()
    return Held(
        np.concatenate([part.series for part in parts]),
        np.concatenate([part.window for part in parts]),
        np.concatenate([part.state for part in parts]),
        np.concatenate([part.seconds for part in parts]),
    )
