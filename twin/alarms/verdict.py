"""What a value says about an alarm: pure functions over columns, used while the platform runs and over what was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from twin.alarms.rule import Limits
    from twin.frame import Values

    Mask = npt.NDArray[np.bool_]
    Verdicts = npt.NDArray[np.int8]

YES, NO, BETWEEN = 1, -1, 0
"""The value begins an alarm; ends one; does neither, since it lies within the hysteresis."""


class Bounds:
    """Limits as columns, one row for each value, or single numbers for all of them."""

    def __init__(self, above: Values, below: Values, hysteresis: Values) -> None:
        self.above = above
        self.below = below
        self.inner_above = above - hysteresis
        self.inner_below = below + hysteresis

    @classmethod
    def of(cls, limits: list[Limits]) -> Bounds:
        """Return the bounds of many limits."""
        return cls(
            np.array([one.above for one in limits], np.float64),
            np.array([one.below for one in limits], np.float64),
            np.array([one.hysteresis for one in limits], np.float64),
        )

    def outside(self, value: Values) -> Mask:
        """Whether values lie beyond a limit: an alarm begins. False for NaN."""
        return (value > self.above) | (value < self.below)

    def inside(self, value: Values) -> Mask:
        """Whether values lie within the limits by the hysteresis: an alarm ends. False for NaN."""
        return (value <= self.inner_above) & (value >= self.inner_below)

    def verdicts(self, value: Values) -> Verdicts:
        """Return `YES`, `NO` or `BETWEEN` for each value."""
        return self.outside(value).astype(np.int8) - self.inside(value).astype(np.int8)


def of_members(value: Values, members: Values) -> Mask:
    """Return whether each value is one of its row of `members` (NaN fills rows that have fewer)."""
    found: Mask = (value[:, None] == members).any(axis=1)
    return found


def padded(rows: list[list[float]]) -> Values:
    """Return rows of different lengths as one array, filled up with NaN."""
    width = max((len(row) for row in rows), default=0) or 1
    return np.array([row + [np.nan] * (width - len(row)) for row in rows], np.float64).reshape(
        len(rows), width
    )
