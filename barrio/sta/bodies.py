"""Bodies of entities, with what is expanded.

Expanding goes level by level: what is wanted of all entities of a level is found together, so that the newest
observation of each of ten thousand Datastreams is one question to the store.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from barrio.errors import AskError
from barrio.sta.entities import ID_NAMES, KINDS, LINK_NAMES
from barrio.sta.pages import OF_SPANS, next_link, pages_of
from barrio.sta.properties import PROPERTIES, identity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from barrio.sta.context import Context
    from barrio.sta.entities import Kind
    from barrio.sta.options import Options
    from barrio.sta.records import Record


def render(
    context: Context,
    kind: Kind,
    records: Sequence[Record],
    options: Options,
    times: Sequence[int] | None = None,
) -> list[dict[str, Any]]:
    """Return entities as JSON, with what is expanded; `times` is how often each stands in the answer, else once."""
    times = [1] * len(records) if times is None else times
    context.hold(sum(times))
    context.foresee(kind, records, times, options)
    wanted = [one for one in kind.properties if not options.select or one in options.select]
    if kind.name == "Datastreams" and OF_SPANS.intersection(wanted):
        context.load_spans(records)
    getters = [(name, PROPERTIES[kind.name][name]) for name in wanted]
    has_id = not options.select or bool(set(ID_NAMES) & set(options.select))
    has_link = not options.select or bool(set(LINK_NAMES) & set(options.select))
    links = [one for one in kind.relations if not options.select or one in options.select]
    links = [one for one in links if one not in options.expand]
    bodies = []
    for record in records:
        link = context.link(record)
        body: dict[str, Any] = {"@iot.id": identity(record)} if has_id else {}
        if has_link:
            body["@iot.selfLink"] = link
        for name, getter in getters:
            value = getter(context, record)
            if value is not None:
                body[name] = value
        for name in links:
            body[f"{name}@iot.navigationLink"] = f"{link}/{name}"
        bodies.append(body)
    for name, inner in options.expand.items():
        _expand(context, kind, name, inner, _Parents(records, bodies, times))
    return bodies


@dataclass(frozen=True, slots=True)
class _Parents:
    """Entities of which something is expanded: their bodies, and how often each stands in the answer."""

    records: Sequence[Record]
    bodies: Sequence[dict[str, Any]]
    times: Sequence[int]


def _expand(context: Context, kind: Kind, name: str, options: Options, parents: _Parents) -> None:
    """Put what a relation leads to into the bodies of entities.

    What is reached from several of them is made once, and stands in each of their bodies.
    """
    relation = kind.relations[name]
    target = KINDS[relation.target]
    if not relation.many:
        _single(options, name)
        found = [[context.view.related(one, name)[0]] for one in parents.records]
        for body, [one] in zip(parents.bodies, _made(context, target, found, options, parents), strict=True):
            body[name] = one
        return
    pages = pages_of(context, target, parents.records, options)
    made = _made(context, target, [page.records for page in pages], options, parents)
    for record, body, page, inner in zip(parents.records, parents.bodies, pages, made, strict=True):
        if page.count is not None:
            body[f"{name}@iot.count"] = page.count
        body[name] = inner
        if page.following is not None:
            body[f"{name}@iot.nextLink"] = next_link(f"{context.link(record)}/{name}", page.following)


def _made(
    context: Context, kind: Kind, found: Sequence[Sequence[Record]], options: Options, parents: _Parents
) -> list[list[dict[str, Any]]]:
    """Return the bodies of what was found of each parent."""
    records: dict[int, Record] = {}
    times: dict[int, int] = defaultdict(int)
    for some, number in zip(found, parents.times, strict=True):
        for one in some:
            records[id(one)] = one
            times[id(one)] += number
    bodies = render(context, kind, list(records.values()), options, [times[one] for one in records])
    made = dict(zip(records, bodies, strict=True))
    return [[made[id(one)] for one in some] for some in found]


def _single(options: Options, name: str) -> None:
    """Refuse what only a collection can be asked."""
    for option in options.written:
        if option not in {"$expand", "$select"}:
            raise AskError("$expand", f"{name} is one entity: {option} is for collections")
