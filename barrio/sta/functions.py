"""The built-in functions of filters: 18-088, tables 22 to 24 (strings, dates, numbers, geometry).

A function that is given what it is not for (`year('x')`) has no value: null, which no comparison takes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from barrio.sta import geometry
from barrio.sta.geometry import Geometry
from barrio.sta.values import Instant, Span, as_datetime

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_TEXT = 10_000
"""Characters that `concat` makes at most."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function, and how many arguments it takes. `kind` is what each of them has to be."""

    call: Callable[..., Any]
    least: int
    most: int
    kinds: tuple[type | tuple[type, ...], ...]

    def __call__(self, *arguments: Any) -> Any:
        """Return its value, None where an argument is not of its kind, or beyond what can be computed."""
        for value, kind in zip(arguments, self.kinds, strict=False):
            if not isinstance(value, kind) or isinstance(value, bool):
                return None
        try:
            return self.call(*arguments)
        except (OverflowError, ValueError):
            return None


def _of(call: Callable[..., Any], *kinds: type | tuple[type, ...], least: int | None = None) -> Function:
    return Function(call, len(kinds) if least is None else least, len(kinds), kinds)


def _substring(text: str, start: int, number: int | None = None) -> str:
    start = max(int(start), 0)
    return text[start:] if number is None else text[start : start + max(int(number), 0)]


def _spatial(*patterns: str, negate: bool = False) -> Function:
    def call(one: Geometry, other: Geometry) -> bool | None:
        matrix = geometry.relation(one, other)
        return None if not matrix else any(geometry.fits(matrix, one) for one in patterns) != negate

    return _of(call, Geometry, Geometry)


def _crosses(one: Geometry, other: Geometry) -> bool | None:
    """A point lies within or without; it never crosses."""
    return False if geometry.relation(one, other) else None


def _overlaps(one: Geometry, other: Geometry) -> bool | None:
    """What overlaps has a part of its own on either side, which a point has not."""
    return False if geometry.relation(one, other) else None


def _relate(one: Geometry, other: Geometry, pattern: str) -> bool | None:
    if len(pattern) != len("0FFFFF212") or set(pattern.upper()) - set("TF*012"):
        return None
    matrix = geometry.relation(one, other)
    return geometry.fits(matrix, pattern.upper()) if matrix else None


def _distance(one: Geometry, other: Geometry) -> float | None:
    found = geometry.distance(one, other)
    return None if math.isnan(found) else found


def _round(value: float) -> float:
    """Round half away from zero, as OData does."""
    return math.copysign(math.floor(abs(value) + 0.5), value)


_TIME = (Instant, Span)
_NUMBER = (int, float)
_DISJOINT = "FF*FF****"

FUNCTIONS: dict[str, Function] = {
    "substringof": _of(lambda part, text: part in text, str, str),
    "contains": _of(lambda text, part: part in text, str, str),
    "endswith": _of(lambda text, end: text.endswith(end), str, str),
    "startswith": _of(lambda text, start: text.startswith(start), str, str),
    "length": _of(len, str),
    "indexof": _of(lambda text, part: text.find(part), str, str),
    "substring": _of(_substring, str, int, int, least=2),
    "tolower": _of(str.lower, str),
    "toupper": _of(str.upper, str),
    "trim": _of(str.strip, str),
    "concat": _of(lambda one, other: (one + other)[:LONGEST_TEXT], str, str),
    "year": _of(lambda time: as_datetime(time).year, _TIME),
    "month": _of(lambda time: as_datetime(time).month, _TIME),
    "day": _of(lambda time: as_datetime(time).day, _TIME),
    "hour": _of(lambda time: as_datetime(time).hour, _TIME),
    "minute": _of(lambda time: as_datetime(time).minute, _TIME),
    "second": _of(lambda time: as_datetime(time).second, _TIME),
    "fractionalseconds": _of(lambda time: time.ns % 1_000_000_000 / 1e9, _TIME),
    "date": _of(lambda time: as_datetime(time).date().isoformat(), _TIME),
    "time": _of(lambda time: as_datetime(time).time().isoformat(), _TIME),
    "totaloffsetminutes": _of(lambda _time: 0, _TIME),
    "round": _of(_round, _NUMBER),
    "floor": _of(math.floor, _NUMBER),
    "ceiling": _of(math.ceil, _NUMBER),
    "geo.distance": _of(_distance, Geometry, Geometry),
    "geo.length": _of(geometry.length, Geometry),
    "geo.intersects": _spatial(_DISJOINT, negate=True),
    "st_equals": _spatial("T*F**FFF*"),
    "st_disjoint": _spatial(_DISJOINT),
    "st_touches": _spatial("FT*******", "F**T*****", "F***T****"),
    "st_within": _spatial("T*F**F***"),
    "st_overlaps": _of(_overlaps, Geometry, Geometry),
    "st_crosses": _of(_crosses, Geometry, Geometry),
    "st_intersects": _spatial(_DISJOINT, negate=True),
    "st_contains": _spatial("T*****FF*"),
    "st_relate": _of(_relate, Geometry, Geometry, str),
    "now": Function(lambda: None, 0, 0, ()),
    "mindatetime": Function(lambda: Instant(0), 0, 0, ()),
    "maxdatetime": Function(lambda: Instant(2**63 - 1), 0, 0, ()),
}
"""By name. `now` is given its value where a filter is compiled, so that it is one moment for all."""
