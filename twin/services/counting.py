"""Counters that are read: how much one grew, through wraps and resets, by the same rule as the store's `delta`."""

from __future__ import annotations

WRAPS_FROM = 0.5
"""A counter that falls from above this share of its range to below it has wrapped; else it was reset."""


def growth(last: float, value: float, wraps_at: float | None) -> tuple[float, bool]:
    """Return by how much a counter grew from one reading to the next, and whether it was reset in between.

    After a reset it counts from zero; a wrap is none.
    """
    if value >= last:
        return value - last, False
    if wraps_at is not None and last > WRAPS_FROM * wraps_at and value < WRAPS_FROM * wraps_at:
        return value + wraps_at - last, False
    return value, True
