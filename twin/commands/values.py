"""Values of commands as people write them: `40`, `40 %`, `open`; and as people read them."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from twin.model import units
from twin.model.source import shown, suggest
from twin.model.units import UnitError

if TYPE_CHECKING:
    from twin.model.district import Point

Value = float | str
"""A number in the point's unit, or the name of a state."""

_AMOUNT = re.compile(r"([-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)(?:\s*(\S.*))?")
_SAME = 1e-9


def amount(value: float | str, unit: str) -> float:
    """Return a number, or a text such as `20 %`, in `unit`; a bare number is in it already. ValueError otherwise."""
    number, given = _parted(value)
    if given is None:
        return number
    conversion = units.conversion(given, unit)
    return conversion(number)


def difference(value: float | str, unit: str) -> float:
    """Return how far two values are apart, in `unit`: the zero of a temperature scale does not count."""
    number, given = _parted(value)
    return abs(number) if given is None else abs(number * units.conversion(given, unit).scale)


def understood(point: Point, value: float | str) -> Value:
    """Return what somebody wrote as a value of a point; ValueError says what the point takes."""
    if point.states:
        names = list(dict.fromkeys(point.states.values()))
        if isinstance(value, str) and value in names:
            return value
        raise ValueError(f"takes {', '.join(names)}, found {shown(value)}{suggest(str(value), names)}")
    try:
        found = amount(value, point.quantity.unit)
    except UnitError as error:
        raise ValueError(f"{shown(value)}: {error.reason}") from error
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


def _parted(value: float | str) -> tuple[float, str | None]:
    if isinstance(value, bool):
        raise ValueError(f"takes a number, found {shown(value)}")  # noqa: TRY004 - one kind of error for all of these
    if not isinstance(value, str):
        return float(value), None
    match = _AMOUNT.fullmatch(value.strip())
    if match is None:
        raise ValueError(f"takes a number with or without a unit, found {shown(value)}")
    return float(match[1]), match[2]
