"""From a path to what it names, among what the caller sees: what they may not see is not there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from barrio.errors import UnknownName
from barrio.sta.entities import DYNAMIC, ID_NAMES, KINDS, LINK_NAMES, Kind
from barrio.sta.numbers import parse_reading, parse_whole
from barrio.sta.paths import REF, VALUE, Segment
from twin.model.source import suggest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from barrio.sta.context import Context
    from barrio.sta.records import Record


@dataclass(frozen=True, slots=True)
class Shape:
    """What a path names without looking at any entity: a type, whether it is a collection, and what of it."""

    kind: Kind
    many: bool
    steps: tuple[Segment, ...]
    property: tuple[str, ...] = ()
    ref: bool = False
    value: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What a path names: one `record`, or where it is None a collection, `within` an entity or (None) all there is."""

    record: Record | None = None
    within: Record | None = None


def shape_of(segments: Sequence[Segment]) -> Shape:
    """Return what a path names; UnknownName for names that there are not."""
    first = segments[0]
    if first.name not in KINDS:
        raise UnknownName(
            f"there is no {first}{suggest(first.name, list(KINDS))}; there are {', '.join(KINDS)}"
        )
    kind, many = KINDS[first.name], first.id is None
    for at, segment in enumerate(segments[1:], 1):
        if segment.name == REF and at == len(segments) - 1:
            return Shape(kind, many, tuple(segments[:at]), ref=True)
        if many:
            raise UnknownName(f"there is no {segment} of a collection: name one of {kind.name} by its id")
        relation = kind.relations.get(segment.name)
        if relation is None:
            return _property(kind, segments, at)
        if segment.id is not None and not relation.many:
            raise UnknownName(f"{segment.name} leads to one entity and takes no id")
        kind, many = KINDS[relation.target], relation.many and segment.id is None
    return Shape(kind, many, tuple(segments))


def _property(kind: Kind, segments: Sequence[Segment], at: int) -> Shape:
    rest = list(segments[at:])
    value = rest[-1].name == VALUE and len(rest) > 1
    names = tuple(one.name for one in rest[: len(rest) - value])
    known = [*ID_NAMES, *LINK_NAMES, *kind.properties]
    below = len(names) > 1 and names[0] not in DYNAMIC
    if names[0] not in known or below or any(one.id is not None for one in rest):
        near = suggest(names[0], [*known, *kind.relations])
        raise UnknownName(f"{kind.name} have no {'/'.join(map(str, rest))[:80]!r}{near}")
    return Shape(kind, many=False, steps=tuple(segments[:at]), property=names, value=value)


def find(context: Context, shape: Shape) -> Found:
    """Return what a path names; UnknownName where an entity on the way is not there."""
    first, *rest = shape.steps
    if first.id is None:
        return Found()
    record = _by_id(context, first, None, first.name)
    kind = KINDS[first.name]
    for segment in rest:
        relation = kind.relations[segment.name]
        kind = KINDS[relation.target]
        if relation.many and segment.id is None:
            return Found(within=record)
        if relation.many:
            record = _by_id(context, segment, record, segment.name)
        else:
            [record] = context.view.related(record, segment.name)
    return Found(record=record)


def _by_id(context: Context, segment: Segment, within: Record | None, kind: str) -> Record:
    text = segment.id or ""
    found = (
        _reading(context, text, within) if kind == "Observations" else _entity(context, text, within, kind)
    )
    if found is None:
        raise UnknownName(f"there is no {segment}")
    return found


def _entity(context: Context, text: str, within: Record | None, kind: str) -> Record | None:
    number = parse_whole(text)
    found = None if number is None else context.view.all(kind).get(number)
    if found is None or within is None:
        return found
    return found if any(one is found for one in context.view.related(within, kind)) else None


def _reading(context: Context, text: str, within: Record | None) -> Record | None:
    wanted = parse_reading(text)
    stream = None if wanted is None else context.view.all("Datastreams").get(wanted.series)
    if wanted is None or stream is None:
        return None
    if within is not None and not any(one is stream for one in context.view.streams_of(within)):
        return None
    return context.reading(wanted, stream)
