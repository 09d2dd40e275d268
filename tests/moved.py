"""A wall clock and a monotonic one that a test moves by hand."""

from __future__ import annotations

NS = 1_000_000_000
DAY_S = 86_400.0
START = 1_764_355_200 * NS
"""2025-11-28T18:40:00Z."""


class MovedClock:
    """`twin.clock.Clock` of a test."""

    def __init__(self) -> None:
        self.wall = START
        self.mono = 1000.0

    def now_ns(self) -> int:
        """Wall clock."""
        return self.wall

    def monotonic_s(self) -> float:
        """Monotonic clock."""
        return self.mono

    def move(self, seconds: float) -> None:
        """Let time pass on both."""
        self.wall += round(seconds * NS)
        self.mono += seconds
