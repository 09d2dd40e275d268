"""What somebody decided about a register, beside what was read of it. Raw readings are never changed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class EditKind(StrEnum):
    """What was decided."""

    READ = "read"
    """A register was read by hand at a moment."""
    SPREAD = "spread"
    """The quarter hours of a stretch have these differences; they add up to what the register grew."""
    IGNORE = "ignore"
    """Readings of a stretch are left out."""
    ACCEPT = "accept"
    """What the checks found in a stretch is right all the same."""
    METER_CHANGE = "meter_change"
    """The meter was changed at a moment: the last register of the old one, the first of the new one."""


READ_BY_HAND = (EditKind.READ, EditKind.METER_CHANGE)
"""What gives a register at a moment."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One decision about one register, for `start <= time < stop` (equal where it is a moment), ns UTC.

    `steps` are the register of a `read`, the differences of a `spread`, old last and new first of a `meter_change`.
    """

    kind: EditKind
    series: int
    start: int
    stop: int
    steps: tuple[int, ...]
    who: str
    why: str
    at: int
    version: int = 0
    number: int = 0

    def leaves_out(self, time: int) -> bool:
        """Whether a reading of that time is to be left out."""
        return self.kind is EditKind.IGNORE and self.start <= time < self.stop
