"""What ingest must know of every point, as columns indexed by series id."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING

import numpy as np

from twin.clock import NS
from twin.model.quantities import Aggregation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from twin.model.bound import BoundDevice, BoundPoint
    from twin.model.district import Point

COMPUTED_SKEW_S = 300.0
"""How far the time of a computed reading, its newest input's, may lie from its receipt; as for devices by default."""

_SMALLEST = 1e-15
_ROUNDING = 1e-9
_LARGEST = sys.float_info.max


class PointTable:
    """Columns of length `size`, one row per series id; rows of ids that are not configured are inert.

    Times are int64 ns. A raw number times `scale`, over `divisor`, plus `offset` is in the quantity's unit; the limits
    are in that unit, a hair wider than the profile's and always finite: infinities are never plausible. `computed`
    are the points that no device gives.
    """

    def __init__(
        self, devices: Iterable[BoundDevice], size: int, computed: Iterable[BoundPoint] = ()
    ) -> None:
        self.size = size
        self.configured = np.zeros(size, np.bool_)
        self.scale = np.ones(size)
        self.divisor = np.ones(size)
        self.offset = np.zeros(size)
        self.minimum = np.full(size, -_LARGEST)
        self.maximum = np.full(size, _LARGEST)
        self.dead_band = np.zeros(size)
        self.is_state = np.zeros(size, np.bool_)
        self.trusts_time = np.zeros(size, np.bool_)
        self.max_skew = np.zeros(size, np.int64)
        self.heartbeat = np.zeros(size, np.int64)
        self.silent_after_s = np.full(size, np.inf)
        for bound in devices:
            for item in bound.points:
                self._fill(item, bound.device.max_skew_s, trust_time=bound.device.trust_time)
        for item in computed:
            self._fill(item, COMPUTED_SKEW_S, trust_time=True)

    def _fill(self, item: BoundPoint, max_skew_s: float, *, trust_time: bool) -> None:
        point, row = item.point, item.id
        self.configured[row] = True
        self.scale[row], self.divisor[row] = _fraction(point.scale)
        self.offset[row] = point.offset
        self.minimum[row], self.maximum[row] = _limits(point)
        self.dead_band[row] = point.dead_band
        self.is_state[row] = point.quantity.aggregation is Aggregation.STATE
        self.trusts_time[row] = trust_time
        self.max_skew[row] = round(max_skew_s * NS)
        self.heartbeat[row] = round(point.heartbeat_s * NS)
        self.silent_after_s[row] = point.silent_after_s


def _fraction(scale: float) -> tuple[float, float]:
    """Return multiplier and divisor: with 0.01 as 1 and 100, 5441 becomes 54.41 and not 54.410000000000004."""
    if not _SMALLEST < abs(scale) < 1:
        return scale, 1.0
    divisor = float(round(1 / scale))
    return (1.0, divisor) if math.isclose(scale * divisor, 1.0, rel_tol=1e-12) else (scale, 1.0)


def _limits(point: Point) -> tuple[float, float]:
    """The plausible range, widened by what scaling may add to a value at its very end (100 % as 100.00000000000001)."""
    ends = [abs(end) for end in (point.minimum, point.maximum) if math.isfinite(end)]
    slack = _ROUNDING * max(ends, default=0.0)
    return max(point.minimum - slack, -_LARGEST), min(point.maximum + slack, _LARGEST)
