"""Where boxes and edges of a picture stand, in pixels."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from barrio.graph.heights import heights
from barrio.graph.layers import Bend, layered

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from barrio.graph.layers import Place
    from barrio.graph.picture import Box, Edge, Picture

    Point = tuple[float, float]

BOX_HEIGHT, BOX_GAP = 38.0, 12.0
BEND_ROOM = 12.0
COLUMN_GAP = 64.0
PARALLEL = 6.0
NARROWEST, WIDEST = 110.0, 250.0
HEAD_WIDTH, TAIL_WIDTH = 7.3, 6.0
"""Widths of a sign of the large and the small line, on the average of a sans-serif."""


@dataclass(frozen=True, slots=True)
class Laid:
    """Where everything stands: boxes as `(x, y, width)` with y in the middle, edges as points.

    An edge leaves its first point and arrives at its last; where it passes a layer, it arrives and leaves.
    """

    boxes: Mapping[str, tuple[float, float, float]]
    edges: Sequence[tuple[Edge, Sequence[Point]]]
    width: float
    height: float


def laid_out(picture: Picture) -> Laid:
    """Lay out each connected piece by itself, the largest first, one below the other."""
    boxes: dict[str, tuple[float, float, float]] = {}
    edges: list[tuple[Edge, Sequence[Point]]] = []
    width = height = 0.0
    for names in _pieces(picture):
        piece = _piece(picture, names, height)
        boxes |= piece.boxes
        edges += piece.edges
        width, height = max(width, piece.width), height + piece.height + BOX_GAP
    return Laid(boxes, edges, width, max(height - BOX_GAP, 0.0))


def _pieces(picture: Picture) -> list[list[str]]:
    """Return the connected pieces, large ones first."""
    found: list[list[str]] = []
    seen: set[str] = set()
    for start in picture.boxes:
        piece, waiting = [], [start]
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            piece.append(name)
            waiting += [other for side in (picture.lower, picture.upper) for _, other in side.get(name, ())]
        if piece:
            found.append(piece)
    return sorted(found, key=len, reverse=True)


def _piece(picture: Picture, names: Sequence[str], top: float) -> Laid:
    mine = set(names)
    drawn = [edge for edge in picture.edges if edge[1] in mine]
    order = [name for name in picture.boxes if name in mine]
    found = layered(order, [edge[1:] for edge in drawn])
    at = heights(found, lambda place: BEND_ROOM if isinstance(place, Bend) else BOX_HEIGHT + BOX_GAP)
    lefts, widths, x = [], [], 0.0
    for layer in found.layers:
        widths.append(
            max((_width(picture.boxes[one]) for one in layer if isinstance(one, str)), default=NARROWEST)
        )
        lefts.append(x)
        x += widths[-1] + COLUMN_GAP
    column = {place: number for number, layer in enumerate(found.layers) for place in layer}
    boxes = {
        place: (lefts[column[place]], top + y, widths[column[place]])
        for place, y in at.items()
        if isinstance(place, str)
    }
    edges: list[tuple[Edge, Sequence[Point]]] = []
    beside: Counter[tuple[str, str]] = Counter()
    for edge, route in zip(drawn, found.routes, strict=True):
        # Several relations between the same two lie beside each other.
        shift = PARALLEL * ((beside[edge[1:]] + 1) // 2) * (-1) ** beside[edge[1:]]
        beside[edge[1:]] += 1
        edges.append((edge, _points(route, at, column, lefts, widths, top + shift)))
    height = max(
        y + (BEND_ROOM if isinstance(place, Bend) else BOX_HEIGHT + BOX_GAP) / 2 for place, y in at.items()
    )
    return Laid(boxes, edges, x - COLUMN_GAP, height)


def _points(
    route: Sequence[Place],
    at: Mapping[Place, float],
    column: Mapping[Place, int],
    lefts: Sequence[float],
    widths: Sequence[float],
    top: float,
) -> list[Point]:
    """Return the points of an edge: out of the right side of its upper end, through its bends, into its lower end."""
    forward = column[route[0]] <= column[route[-1]]
    points: list[Point] = []
    for number, place in enumerate(route):
        left, right = lefts[column[place]], lefts[column[place]] + widths[column[place]]
        y = top + at[place]
        near, far = (left, right) if forward else (right, left)
        if number:
            points.append((near, y))
        if number < len(route) - 1:
            points.append((far, y))
    return points


def _width(box: Box) -> float:
    wide = max(len(box.head) * HEAD_WIDTH, len(box.tail) * TAIL_WIDTH) + 20
    return min(max(wide, NARROWEST), WIDEST)
