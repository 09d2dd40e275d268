"""Profiles that extend others: the data of a variant laid over its parent's, each key with the place it came from.

A variant says what differs. `options` are laid over key by key, `points` point by point and key by key, everything
else as a whole. `null` removes an option, a point or a key of a point. `profile` and `extends` are the variant's own;
`source` is inherited only by a variant that changes neither options nor points, since what was checked for one map
says nothing of another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twin.model.source import Place, Source, suggest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from twin.model.source import Faults, Where

# How deep two mappings are laid over each other rather than replaced: options.KEY, points.POINT.KEY.
_DEPTHS = {"options": 2, "points": 3}


def overlay(child: Source, parent: Source, faults: Faults) -> Source:
    """Return the variant `child` of `parent` as one source; both hold mappings. Adds what only the pair shows."""
    _check(child, parent, faults)
    kept = _kept(child, parent.data)
    merged = {**kept, **child.data}
    for key, depth in _DEPTHS.items():
        if isinstance(kept.get(key), dict) and isinstance(child.data.get(key), dict):
            merged[key] = _laid(kept[key], child.data[key], depth - 1)
    lines, inherited = _places(child, parent)
    return Source(child.path, merged, lines, inherited=inherited)


def _kept(child: Source, parent: Mapping[str, Any]) -> dict[str, Any]:
    """What a variant takes over at all."""
    own = {"profile", "extends"}
    if any(child.data.get(key) for key in _DEPTHS):
        own.add("source")
    return {key: value for key, value in parent.items() if key not in own}


def _laid(below: Mapping[str, Any], above: Mapping[str, Any], depth: int) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = below.get(key)
        if value is None and (key in below or depth > 1):
            merged.pop(key, None)
        elif depth > 1 and isinstance(old, dict) and isinstance(value, dict):
            merged[key] = _laid(old, value, depth - 1)
        else:
            merged[key] = value
    return merged


def _places(child: Source, parent: Source) -> tuple[dict[Where, int], dict[Where, Path]]:
    """Lines and files of the merged data; what the variant wrote hides what stood below it."""
    lines: dict[Where, int] = {}
    inherited: dict[Where, Path] = {}
    for where in parent.lines:
        unit = where[: _DEPTHS.get(str(where[0]), 1)] if where else where
        if where not in child.lines and (unit not in child.lines or len(where) < len(unit)):
            inherited[where], lines[where] = parent.origin(where)
    return {**lines, **child.lines}, {**inherited, **child.inherited}


def _check(child: Source, parent: Source, faults: Faults) -> None:
    place = Place(child, ())
    protocols = [source.data.get("protocol") for source in (child, parent)]
    if protocols[0] is not None and protocols[0] != protocols[1]:
        words = f"must be {protocols[1]}, as in {child.data['extends']!r} which this profile extends"
        faults.add(place.at("protocol"), words)
    above, below = (source.data.get("points") for source in (child, parent))
    if isinstance(above, dict) and isinstance(below, dict):
        for name, point in above.items():
            if point is None and name not in below:
                near = suggest(str(name), map(str, below))
                faults.add(place.at("points", str(name)), f"there is no such point to remove{near}")
