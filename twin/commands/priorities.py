"""Who holds a point: sixteen levels as in BACnet (ANSI/ASHRAE 135, commandable properties), 1 the strongest.

Each level holds at most one value. The strongest that is set is what is desired of the point; whoever gives a level
back leaves the point to the next one. Manual commands stand at 8 (manual operator) where nobody asks for another
level, programmes at 14.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from twin.commands.values import Value

STRONGEST, WEAKEST = 1, 16


@dataclass(frozen=True, slots=True)
class Slot:
    """What holds one level of one point; `until` is when its lease is over, 0 for never. Times are ns UTC."""

    command: int
    value: Value
    who: str
    since: int
    until: int = 0


@dataclass(slots=True)
class PriorityArray:
    """The levels of one point."""

    _slots: dict[int, Slot] = field(default_factory=dict)

    def put(self, level: int, slot: Slot) -> Slot | None:
        """Set a level; returns what it held before. ValueError for a level that there is not."""
        if not STRONGEST <= level <= WEAKEST:
            raise ValueError(f"there are priorities {STRONGEST} to {WEAKEST}, found {level}")
        before = self._slots.get(level)
        self._slots[level] = slot
        return before

    def relinquish(self, level: int) -> Slot | None:
        """Give a level back; returns what it held, None when it held nothing."""
        return self._slots.pop(level, None)

    def strongest(self) -> tuple[int, Slot] | None:
        """Return the strongest level that is set with what it holds, None when none is."""
        if not self._slots:
            return None
        level = min(self._slots)
        return level, self._slots[level]

    def get(self, level: int) -> Slot | None:
        """Return what a level holds."""
        return self._slots.get(level)

    def __iter__(self) -> Iterator[tuple[int, Slot]]:
        """Yield the levels that are set, the strongest first."""
        yield from sorted(self._slots.items())

    def __len__(self) -> int:
        """Return how many levels are set."""
        return len(self._slots)
