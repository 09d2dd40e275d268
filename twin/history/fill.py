"""Windows that have no value of their own, filled from the windows around them, and marked. Pure.

Only levels are filled, never amounts or counts. Nothing is filled before the first window that has a value, nor after
the last one: nobody knows whether it went on.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from twin.frame import Times, Values


Mask = npt.NDArray[np.bool_]


class Fill(StrEnum):
    """What stands in windows that have no value of their own."""

    NULL = "null"
    """Nothing stands there."""
    NONE = "none"
    """Windows that have no value at all are left out."""
    PREVIOUS = "previous"
    """The value of the last window before it that has one."""
    LINEAR = "linear"
    """A value on the straight line between the windows around it that have one."""


def filled(column: Values, starts: Times, how: Fill, period: float | None = None) -> tuple[Values, Mask]:
    """Return a column with what was missing put in, and where that is. Directions turn the shorter way round."""
    known = np.flatnonzero(~np.isnan(column))
    nowhere = np.zeros(len(column), np.bool_)
    if len(known) < 2 or how not in {Fill.PREVIOUS, Fill.LINEAR}:
        return column, nowhere
    inside = np.arange(known[0], known[-1])
    missing = inside[np.isnan(column[inside])]
    after = np.searchsorted(known, missing)
    low, high = known[after - 1], known[after]
    found = column.copy()
    found[missing] = column[low]
    if how is Fill.LINEAR:
        share = (starts[missing] - starts[low]) / (starts[high] - starts[low])
        step = column[high] - column[low]
        if period is not None:
            step = (step + period / 2) % period - period / 2
        found[missing] += step * share
        if period is not None:
            found[missing] %= period
    nowhere[missing] = True
    return found, nowhere
