"""A register: a counter point whose differences are billed, in whole steps of its resolution.

All arithmetic on registers is in integers: a value is rounded to the step once, when it is taken from the store, and
from there on sums and differences are exact.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from twin.model import units
from twin.model.quantities import Aggregation

if TYPE_CHECKING:
    import numpy.typing as npt

    from twin.frame import Values
    from twin.model.bound import BoundPoint
    from twin.model.district import Point


KINDS = frozenset({"energy", "apparent energy", "reactive energy", "volume"})
USUAL_DECIMALS, MOST_DECIMALS = 3, 6


@dataclass(frozen=True, slots=True)
class Register:
    """A counter point; a step is `10 ** -decimals` of its unit. `wraps` is the steps at which it is 0 again."""

    id: int
    path: str
    decimals: int
    wraps: int | None = None

    def in_steps(self, decimals: int) -> Register:
        """Return the register with steps of so many decimals."""
        if decimals == self.decimals:
            return self
        wraps = (
            None
            if self.wraps is None
            else round(Fraction(self.wraps) * Fraction(10) ** (decimals - self.decimals))
        )
        return Register(self.id, self.path, decimals, wraps)

    def steps(self, values: Values) -> npt.NDArray[np.int64]:
        """Return values of the unit as whole steps, halves to the even one."""
        found: npt.NDArray[np.int64] = np.rint(values * 10**self.decimals).astype(np.int64)
        return found

    def step(self, value: float) -> int:
        """Return one value as whole steps."""
        return int(self.steps(np.array([value]))[0])

    def values(self, steps: npt.NDArray[np.int64]) -> Values:
        """Return steps as values of the unit: each the number that is nearest to its decimal text."""
        found: Values = steps / 10**self.decimals
        return found

    def text(self, steps: int) -> str:
        """Return steps as a number of the unit for a person, with all decimals: `2020870.500`."""
        return f"{steps / 10**self.decimals:.{self.decimals}f}"


def is_register(item: BoundPoint) -> bool:
    """Whether a point is a counter of energy or of a volume (water, gas)."""
    return is_register_point(item.point)


def is_register_point(point: Point) -> bool:
    """Whether a point is a counter of energy or of a volume (water, gas)."""
    unit = units.find(point.quantity.unit)
    return point.quantity.aggregation is Aggregation.COUNTER and unit is not None and unit.kind in KINDS


def register_of(item: BoundPoint, decimals: int | None = None) -> Register:
    """Return a point's register; without `decimals` its step is a thousandth of the unit, or finer as its scale is."""
    places = decimals if decimals is not None else _places(item.point.scale)
    wraps = item.point.wraps_at
    made = Register(item.id, item.point.path, places)
    return made if wraps is None else Register(item.id, item.point.path, places, made.step(wraps))


def _places(scale: float) -> int:
    """Return how many decimals a scale needs: `0.0001` needs four."""
    wanted = Fraction(str(scale)) if math.isfinite(scale) else Fraction(1)
    for places in range(USUAL_DECIMALS, MOST_DECIMALS + 1):
        if (wanted * 10**places).denominator == 1:
            return places
    return MOST_DECIMALS
