"""What became of a slot: the best of the readings that fell into it decides, in this order."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from twin.quality import FIRST_BAD, FIRST_UNCERTAIN, Reason


class SlotClass(IntEnum):
    """Classes of slots, best first. `HELD` and `MISSING` have no reading at all."""

    ON_TIME = 0
    """A good reading that came when it was made."""
    LATE = 1
    """Good ones, but they came late."""
    BACKFILLED = 2
    """Good ones, but they were read later from the device's own history."""
    UNCERTAIN = 3
    """Only readings that the device itself, or the number's size, makes doubtful."""
    ESTIMATED = 4
    """Only readings that stand in for a measurement: computed without all inputs, or of an unknown age."""
    BAD = 5
    """Only answers without a usable value."""
    HELD = 6
    """None, within a gap that was filled: the device keeps changes only, and there was none."""
    MISSING = 7
    """None."""


CLASSES = len(SlotClass)
FIRST_UNUSABLE = SlotClass.BAD

_ESTIMATED = (Reason.INCOMPLETE, Reason.INPUT_UNCERTAIN, Reason.AGE_UNKNOWN)


def _ranks() -> npt.NDArray[np.uint8]:
    ranks = np.full(256, SlotClass.ON_TIME, np.uint8)
    ranks[FIRST_UNCERTAIN:FIRST_BAD] = SlotClass.UNCERTAIN
    ranks[FIRST_BAD:] = SlotClass.BAD
    ranks[Reason.LATE], ranks[Reason.BACKFILLED] = SlotClass.LATE, SlotClass.BACKFILLED
    ranks[list(_ESTIMATED)] = SlotClass.ESTIMATED
    return ranks


CLASS_OF = _ranks()
"""Class of a slot that holds only readings of one quality code, uint8[256]."""
