"""A part of a graph as JSON, for programs: everything, nothing folded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from barrio.graph.part import described
from twin.model.graph import UPWARDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from barrio.graph.part import Part


def body(parts: Iterable[Part]) -> dict[str, Any]:
    """Return `{"graphs": [...]}`; edges read as in `district.yaml`: `from` feeds `to`, `from` is part of `to`."""
    return {"graphs": [_one(part) for part in parts]}


def _one(part: Part) -> dict[str, Any]:
    found: dict[str, Any] = {
        "district": part.district.id,
        "nodes": [{"id": name, **described(part, name)} for name in part.names],
        "edges": [_edge(*edge) for edge in part.edges],
    }
    if part.of:
        found |= {"of": part.of, "above": part.above, "below": part.below}
    return found


def _edge(kind: str, upper: str, lower: str) -> dict[str, str]:
    source, target = (lower, upper) if kind in UPWARDS else (upper, lower)
    return {"type": kind, "from": source, "to": target}
