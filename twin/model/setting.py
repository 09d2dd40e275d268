"""From what a person asks for to the raw number of the wire: limits checked, scale and offset undone."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING

from twin.model.source import suggest

if TYPE_CHECKING:
    from twin.model.district import Point
    from twin.model.spec import StateKey


_ROUNDINGS = 4


class NotAllowed(ValueError):
    """Raised when a point may not be set to a value; the message says what would be allowed."""


def raw_of(point: Point, value: float | str) -> float | StateKey:
    """Return the raw number or code that sets `point` to `value` (in the quantity's unit, or a state's name).

    NotAllowed when the point is not writable, the value is outside its range, or the state has no such name.
    """
    if not point.writable:
        raise NotAllowed(f"{point.path} is not writable: its profile does not say so")
    if point.states:
        return _code(point, str(value))
    if isinstance(value, str) or not math.isfinite(value):
        raise NotAllowed(f"{point.path} takes a number, found {value!r}")
    if not point.minimum <= value <= point.maximum:
        limits = f"{point.minimum:g} to {point.maximum:g} {point.quantity.unit}".rstrip()
        raise NotAllowed(f"{point.path} takes {limits}, found {value:.15g}")
    return _raw(point, value)


def _raw(point: Point, value: float) -> float:
    """Undo scale and offset; what only rounding keeps from being whole is whole: 0.29 at a scale of 0.01 is 29."""
    raw = (value - point.offset) / point.scale
    if not math.isfinite(raw):
        raise NotAllowed(f"{point.path} has a scale of {point.scale:g}: {value:.15g} cannot be sent")
    slack = _ROUNDINGS * sys.float_info.epsilon * (abs(value) + abs(point.offset)) / abs(point.scale)
    return float(round(raw)) if abs(raw - round(raw)) <= slack else raw


def _code(point: Point, name: str) -> StateKey:
    codes = [code for code, state in point.states.items() if state == name]
    if not codes:
        known = sorted(set(point.states.values()))
        raise NotAllowed(f"{point.path} has no state {name!r}, only {', '.join(known)}{suggest(name, known)}")
    return codes[0]
