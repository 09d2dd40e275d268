"""How long a point may say nothing without anything being missing: the length of its slot.

A value that did not change is stored again after its heartbeat, with the next poll: two stored readings of a healthy
point are never further apart than its heartbeat and one poll. A slot is a poll longer than that, so that each slot of
a healthy point holds a reading, wherever it begins. Where a profile lets a device be silent for longer than is usual
(`silent_after`), as those that speak only when something happens, the slot takes that in.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from twin.model.points import usual_silence_s

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from twin.model.district import Device, Point

COMPUTED_POLL_S = 60.0
"""How often a computed point is computed at least, where nothing that it is computed from is polled."""


def slot_s(point: Point, poll_s: float, *, computed: bool = False) -> int:
    """Return the length of a point's slot in whole seconds."""
    quiet = 2 * poll_s
    allowed = point.silent_after_s
    if not computed and math.isfinite(allowed) and allowed > usual_silence_s(poll_s):
        quiet = allowed
    return math.ceil(point.heartbeat_s + quiet)


def poll_s(device: Device, point: Point) -> float:
    """Return the period in which a point is polled, or sampled where the device sends by itself."""
    own: float | None = getattr(point.address, "poll", None)
    return own or device.poll_s


def computed_poll_s(inputs: Iterable[str], polls: Mapping[str, float]) -> float:
    """Return how often a point is computed at least: with the slowest of its inputs; `polls` by path."""
    return max((polls[path] for path in inputs if path in polls), default=COMPUTED_POLL_S)
