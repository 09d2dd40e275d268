"""How long a point may say nothing without anything being missing: the length of its slot.

A value that did not change is stored again the first time that it is heard after its heartbeat, and a point that is
not heard for `silent_after` is in a gap, whether it is polled, subscribed to, or sends by itself. So two stored
readings of a healthy point are never further apart than both together, and each stretch of that length holds one,
wherever it begins.
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


def slot_s(point: Point, poll_s: float) -> int:
    """Return the length of a point's slot in whole seconds; `poll_s` matters where it is never called silent."""
    allowed = point.silent_after_s
    return math.ceil(point.heartbeat_s + (allowed if math.isfinite(allowed) else usual_silence_s(poll_s)))


def poll_s(device: Device, point: Point) -> float:
    """Return the period in which a point is polled, or sampled where the device sends by itself."""
    own: float | None = getattr(point.address, "poll", None)
    return own or device.poll_s


def computed_poll_s(inputs: Iterable[str], polls: Mapping[str, float]) -> float:
    """Return how often a point is computed at least: with the slowest of its inputs; `polls` by path."""
    return max((polls[path] for path in inputs if path in polls), default=COMPUTED_POLL_S)
