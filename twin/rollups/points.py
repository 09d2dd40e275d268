"""What rollups must know of points, as columns: an array each, nothing per point."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from twin.clock import NS
from twin.model.quantities import Aggregation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from twin.frame import Ids, Times, Values
    from twin.store.port import Series

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Points by rising series id, columns of equal length.

    `hold` is how long a value stands without another one, ns. `period` is that of a direction and `wraps_at` that of a
    counter that wraps, NaN elsewhere. `device` numbers the devices.
    """

    ids: Ids
    device: npt.NDArray[np.int32]
    hold: Times
    is_state: Mask
    is_counter: Mask
    period: Values
    wraps_at: Values

    def __len__(self) -> int:
        """Number of points."""
        return len(self.ids)

    def take(self, index: npt.NDArray[np.intp] | Mask | slice) -> Points:
        """Return the points at `index`, which keeps their order."""
        return Points(
            self.ids[index],
            self.device[index],
            self.hold[index],
            self.is_state[index],
            self.is_counter[index],
            self.period[index],
            self.wraps_at[index],
        )

    def of_devices_of(self, ids: Ids) -> Points:
        """Return all points of the devices that have one of `ids`."""
        mine = np.unique(self.device[np.isin(self.ids, ids)])
        return self.take(np.isin(self.device, mine))


LASTING_S = 60.0


def holds_s(heartbeat_s: float, silent_after_s: float) -> float:
    """Return for how long a value stands; one that never counts as silent is given at each heartbeat."""
    return heartbeat_s + (silent_after_s if math.isfinite(silent_after_s) else heartbeat_s + LASTING_S)


def points_of(found: Iterable[tuple[Series, float]]) -> Points:
    """Return the points of series, each with the seconds for which a value of it stands."""
    rows = sorted(found, key=lambda pair: pair[0].id)
    number: dict[str, int] = {}
    device = [number.setdefault(one.device, len(number)) for one, _ in rows]
    kinds = [one.quantity.aggregation for one, _ in rows]
    return Points(
        np.array([one.id for one, _ in rows], np.int32),
        np.array(device, np.int32),
        np.array([round(seconds * NS) for _, seconds in rows], np.int64),
        np.array([kind is Aggregation.STATE for kind in kinds], np.bool_),
        np.array([kind is Aggregation.COUNTER for kind in kinds], np.bool_),
        np.array([_or_nan(one.quantity.period) for one, _ in rows], np.float64),
        np.array([_or_nan(one.wraps_at) for one, _ in rows], np.float64),
    )


def _or_nan(number: float | None) -> float:
    return np.nan if number is None else number
