"""Geometries of filters: WKT in, and how a point and a geometry lie to each other.

Everything that has a place here is a point (WGS 84, longitude before latitude), so relations are computed for a point
and a point, a line or a polygon, in the plane of degrees. They follow from the nine intersections of Simple Features
(OGC 06-103r4, 6.1.15): interior, boundary and exterior of the one with those of the other.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

XY = tuple[float, float]
MOST_POSITIONS = 500

_SHAPES = {"POINT": 0, "LINESTRING": 1, "POLYGON": 2}
_WKT = re.compile(r"(?:SRID=4326;)?\s*(POINT|LINESTRING|POLYGON)\s*(\(.*\))\s*", re.IGNORECASE | re.DOTALL)
_RING = re.compile(r"\(([^()]*)\)")


@dataclass(frozen=True, slots=True)
class Geometry:
    """A point, line or polygon: rings of positions; a point and a line have one."""

    dimension: int
    rings: tuple[tuple[XY, ...], ...]


def point(lon: float, lat: float) -> Geometry:
    """Return a point."""
    return Geometry(0, (((lon, lat),),))


def parse_wkt(text: str) -> Geometry:
    """Return the geometry that WKT names; ValueError with words otherwise."""
    found = _WKT.fullmatch(text)
    meant = "a geometry is POINT (lon lat), LINESTRING (lon lat, …) or POLYGON ((lon lat, …))"
    if found is None:
        raise ValueError(f"{text[:40]!r} is not understood: {meant}")
    dimension, body = _SHAPES[found[1].upper()], found[2]
    parts = _RING.findall(body[1:-1]) if dimension == 2 else [body[1:-1]]
    try:
        rings = tuple(tuple(_position(one) for one in part.split(",")) for part in parts)
    except ValueError:
        raise ValueError(f"{text[:40]!r} has something that is no position: {meant}") from None
    number = sum(map(len, rings))
    if number > MOST_POSITIONS:
        raise ValueError(f"a geometry has at most {MOST_POSITIONS} positions, found {number}")
    least = (1, 2, 4)[dimension]
    if not rings or any(len(ring) < least for ring in rings) or (dimension == 0 and number != 1):
        raise ValueError(f"{text[:40]!r} has too few positions: {meant}")
    if dimension == 2 and any(ring[0] != ring[-1] for ring in rings):
        raise ValueError("the rings of a polygon end where they begin")
    return Geometry(dimension, rings)


def _position(text: str) -> XY:
    x, y = map(float, text.split())
    if not (math.isfinite(x) and math.isfinite(y)):
        raise ValueError(text)
    return x, y


def of_geojson(value: Any) -> Geometry | None:
    """Return the point of GeoJSON as Barrio writes it, also one that is an area; None for anything else."""
    kind = value.get("type") if isinstance(value, dict) else None
    if kind == "Point":
        return point(*value["coordinates"])
    return point(*value["coordinates"][0][0]) if kind == "Polygon" else None


def distance(one: Geometry, other: Geometry) -> float:
    """Return the shortest distance, in degrees, of a point and a geometry; NaN where neither is a point."""
    if one.dimension:
        one, other = other, one
    if one.dimension:
        return math.nan
    [[where]] = one.rings
    if other.dimension == 0:
        return math.dist(where, other.rings[0][0])
    if other.dimension == 2 and _side(where, other) >= 0:
        return 0.0
    return min(_from_segment(where, *ends) for ring in other.rings for ends in pairwise(ring))


def length(one: Geometry) -> float:
    """Return the length, in degrees, of a line; of a polygon, of its rings; 0 of a point."""
    return sum(math.dist(*ends) for ring in one.rings for ends in pairwise(ring))


def relation(one: Geometry, other: Geometry) -> str:
    """Return the nine intersections, row by row, such as `0FFFFF212`; empty where neither is a point."""
    if one.dimension == 0:
        return _of_point(one.rings[0][0], other)
    if other.dimension == 0:
        found = _of_point(other.rings[0][0], one)
        return "".join(found[row::3] for row in range(3))
    return ""


def fits(matrix: str, pattern: str) -> bool:
    """Whether nine intersections fit a pattern of T, F, * and dimensions."""
    return bool(matrix) and all(
        want in {"*", have} or (want == "T" and have != "F")
        for have, want in zip(matrix, pattern, strict=True)
    )


def _of_point(where: XY, other: Geometry) -> str:
    side = _side(where, other)
    row = ("FF0", "F0F", "0FF")[side + 1]
    if other.dimension == 0:
        return f"{row}FFF" + ("FF2" if side > 0 else "0F2")
    closed = other.dimension == 1 and other.rings[0][0] == other.rings[0][-1]
    return f"{row}FFF{other.dimension}" + ("F" if closed else str(other.dimension - 1)) + "2"


def _side(where: XY, other: Geometry) -> int:
    """Return 1 where a point lies in the interior of a geometry, 0 on its boundary, -1 outside."""
    if other.dimension == 0:
        return 1 if where == other.rings[0][0] else -1
    on_line = any(_from_segment(where, *ends) == 0 for ring in other.rings for ends in pairwise(ring))
    if other.dimension == 1:
        ring = other.rings[0]
        at_end = where in (ring[0], ring[-1]) and ring[0] != ring[-1]
        return -1 if not on_line else 0 if at_end else 1
    if on_line:
        return 0
    return 1 if sum(_crosses(where, *ends) for ring in other.rings for ends in pairwise(ring)) % 2 else -1


def _crosses(where: XY, start: XY, stop: XY) -> bool:
    """Whether a ray to the east from a point crosses a segment."""
    (x, y), (ax, ay), (bx, by) = where, start, stop
    return (ay > y) != (by > y) and x < (bx - ax) * (y - ay) / (by - ay) + ax


def _from_segment(where: XY, start: XY, stop: XY) -> float:
    (x, y), (ax, ay), (bx, by) = where, start, stop
    dx, dy = bx - ax, by - ay
    square = dx * dx + dy * dy
    along = max(0.0, min(1.0, ((x - ax) * dx + (y - ay) * dy) / square)) if square else 0.0
    return math.dist(where, (ax + along * dx, ay + along * dy))
