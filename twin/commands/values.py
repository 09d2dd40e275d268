"""Values of commands as people write them: `40`, `40 %`, `open`; and as people read them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from twin.model.amount import parse_amount
from twin.model.source import shown, suggest
from twin.model.units import UnitError

if TYPE_CHECKING:
    from twin.model.district import Point

Value = float | str
"""A number in the point's unit, or the name of a state."""

_SAME = 1e-9


def understood(point: Point, value: float | str) -> Value:
    """Return what somebody wrote as a value of a point; ValueError says what the point takes."""
    if point.states:
        names = list(dict.fromkeys(point.states.values()))
        if isinstance(value, str) and value in names:
            return value
        raise ValueError(f"takes {', '.join(names)}, found {shown(value)}{suggest(str(value), names)}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"takes a finite number, found {shown(value)}")
    try:
        found = parse_amount(value).in_unit(point.quantity.unit)
    except UnitError as error:
        raise ValueError(f"{shown(value)}: {error.reason}") from error
    except ValueError:
        raise ValueError(f"takes a number with or without a unit, found {shown(value)}") from None
    if not math.isfinite(found):
        raise ValueError(f"takes a finite number, found {shown(value)}")
    return found


def same(one: Value | None, other: Value | None, tolerance: float = 0.0) -> bool:
    """Whether two values are one, or no further apart than `tolerance`; a value that is not known is never the same."""
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    if one is None or other is None:
        return False
    return abs(one - other) <= tolerance + _SAME * max(1.0, abs(one), abs(other))


def words_of(point: Point, value: Value | None) -> str:
    """Return a value for people: `40 %`, `open`, `nothing`."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return value
    return f"{value:.10g} {point.quantity.unit}".rstrip()
