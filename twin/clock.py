"""Time: integer nanoseconds UTC, from one object so that tests move it instead of sleeping."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """What the platform asks of a clock."""

    def now_ns(self) -> int:
        """Wall clock, ns since 1970 UTC; may jump when somebody sets it."""

    def monotonic_s(self) -> float:
        """Seconds that only ever grow; for waits and ages."""


class SystemClock:
    """The machine's own clocks."""

    def now_ns(self) -> int:
        """Wall clock, ns since 1970 UTC."""
        return time.time_ns()

    def monotonic_s(self) -> float:
        """Seconds that only ever grow."""
        return time.monotonic()
