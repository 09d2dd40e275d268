"""A meter that counts in whole steps, for tests: what it really counted, and what its register shows."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from twin.intervals.axis import Reads
from twin.intervals.edits import Edit, EditKind
from twin.intervals.register import Register

NS = 1_000_000_000
MINUTE, QUARTER, HOUR, DAY = 60 * NS, 900 * NS, 3_600 * NS, 86_400 * NS
SERIES = 1


@dataclass
class Meter:
    """Counts; may wrap, and may be changed for another one. `counted` is what was really used since the beginning."""

    wraps: int | None = None
    shows: int = 0
    counted: int = 0
    readings: list[tuple[int, int]] = field(default_factory=list)
    truth: dict[int, int] = field(default_factory=dict)
    changes: list[Edit] = field(default_factory=list)

    @property
    def register(self) -> Register:
        """Its register, in thousandths."""
        return Register(SERIES, "town/meter/energy", 3, self.wraps)

    def use(self, steps: int) -> None:
        """Count."""
        self.counted += steps
        self.shows += steps
        if self.wraps is not None:
            self.shows %= self.wraps

    def read(self, at: int, *, heard: bool = True) -> None:
        """Be read; what is not heard is only true."""
        self.truth[at] = self.counted
        if heard:
            self.readings.append((at, self.shows))

    def change(self, at: int, first: int) -> None:
        """Be taken out, and another one put in."""
        steps = (self.shows, first)
        self.changes.append(Edit(EditKind.METER_CHANGE, SERIES, at, at, steps, "ana", "worn out", at))
        self.shows = first

    @property
    def reads(self) -> Reads:
        """What was heard of it."""
        return reads_of(self.readings)


def reads_of(pairs: list[tuple[int, int]], quality: int = 0) -> Reads:
    """Return readings as columns, in the order of time."""
    pairs = sorted(dict(pairs).items())
    return Reads(
        np.array([time for time, _ in pairs], np.int64),
        np.array([steps for _, steps in pairs], np.int64),
        np.full(len(pairs), quality, np.uint8),
    )
