"""Answers: pages of entities, one entity, a property, links; with what is expanded.

Expanding goes level by level: what is wanted of all entities of a level is found together, so that the newest
observation of each of ten thousand Datastreams is one question to the store.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from barrio.errors import AskError
from barrio.sta import observing
from barrio.sta.entities import ID_NAMES, KINDS, LINK_NAMES, Kind
from barrio.sta.evaluate import Compiler, ordered_by
from barrio.sta.limits import MOST_PAGE, USUAL_PAGE
from barrio.sta.properties import PROPERTIES, identity
from barrio.sta.resolve import Found, Shape, find

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from barrio.sta.context import Context
    from barrio.sta.options import Options
    from barrio.sta.records import Record, Stream

_OF_SPANS = frozenset({"phenomenonTime", "resultTime"})
_AS_IT_IS = "/:'(),;$="


@dataclass(frozen=True, slots=True)
class Page:
    """Some entities of a collection, how many all are, and the options of the next page."""

    records: Sequence[Record]
    count: int | None = None
    following: Mapping[str, str] | None = None


def answer(context: Context, shape: Shape, options: Options) -> Any:
    """Return what a path names, as JSON; of a property `{name: value}`, or None for one that has no value."""
    found = find(context, shape)
    if shape.many:
        return _collection(context, shape, found, options)
    record = found.record
    if shape.ref:
        return {"@iot.selfLink": context.link(record)}
    if shape.property:
        value = _property(context, shape, record)
        return None if value is None else {shape.property[-1]: value}
    return _render(context, shape.kind, [record], options)[0]


def _property(context: Context, shape: Shape, record: Record) -> Any:
    name, *rest = shape.property
    if name in ID_NAMES:
        return identity(record)
    if name in LINK_NAMES:
        return context.link(record)
    value = PROPERTIES[shape.kind.name][name](context, record)
    for one in rest:
        value = value.get(one) if isinstance(value, dict) else None
    return value


def _collection(context: Context, shape: Shape, found: Found, options: Options) -> dict[str, Any]:
    page = _page(context, shape.kind, found.within, options)
    body: dict[str, Any] = {} if page.count is None else {"@iot.count": page.count}
    if shape.ref:
        context.hold(len(page.records))
        body["value"] = [{"@iot.selfLink": context.link(one)} for one in page.records]
    elif options.data_array:
        body["value"] = _data_array(context, page.records, options)
    else:
        body["value"] = _render(context, shape.kind, page.records, options)
    if page.following is not None:
        body["@iot.nextLink"] = _next(f"{context.asked.root}/{_quoted(context.asked.path)}", page.following)
    return body


def _next(url: str, query: Mapping[str, str]) -> str:
    shown = "&".join(f"{name}={_quoted(value)}" for name, value in query.items())
    return f"{url}?{shown}"


@lru_cache(1_000)
def _quoted(text: str) -> str:
    """Return a text as it stands in a URL; the same ones come again for each entity that is expanded."""
    return quote(text, safe=_AS_IT_IS)


# --- pages --------------------------------------------------------------------------------------------------


def _page(context: Context, kind: Kind, within: Record | None, options: Options) -> Page:
    size = min(USUAL_PAGE if options.top is None else options.top, MOST_PAGE)
    if kind.name != "Observations":
        if options.after is not None:
            raise AskError("$skiptoken", f"is for Observations, not for {kind.name}")
        return _of_records(context, kind, _candidates(context, kind, within), options, size)
    streams = context.view.streams if within is None else context.view.streams_of(within)
    return _of_readings(context, streams, options, size)


def _candidates(context: Context, kind: Kind, within: Record | None) -> list[Record]:
    if within is None:
        return list(context.view.all(kind.name).values())
    return sorted(context.view.related(within, kind.name), key=identity)


def _of_records(context: Context, kind: Kind, records: list[Record], options: Options, size: int) -> Page:
    if options.filter is not None:
        _load(context, kind, records, options.written.get("$filter", ""))
        compiler = Compiler(context, kind, "$filter")
        test = compiler.test(options.filter)
        context.spend(len(records) * compiler.parts, "$filter")
        records = [one for one in records if test(one)]
    if options.orderby:
        _load(context, kind, records, options.written.get("$orderby", ""))
        context.spend(len(records) * len(options.orderby), "$orderby")
    for key in reversed(options.orderby):
        value = Compiler(context, kind, "$orderby").path(key.path, single=True)
        records = _by(records, value, descending=key.descending)
    count = len(records) if options.count else None
    stop = options.skip + size
    following = _with(options, {"$skip": str(stop)}) if len(records) > stop and size else None
    return Page(records[options.skip : stop], count, following)


def _by(records: list[Record], value: Any, *, descending: bool) -> list[Record]:
    return sorted(records, key=lambda one: ordered_by(value(one)), reverse=descending)


def _load(context: Context, kind: Kind, records: Sequence[Record], text: str) -> None:
    """Ask the store once for the times of all Datastreams that a filter or an order looks at."""
    if kind.name == "Datastreams" and any(name in text for name in _OF_SPANS):
        context.load_spans(records)


def _of_readings(context: Context, streams: Sequence[Stream], options: Options, size: int) -> Page:
    found = observing.page(context, streams, options, size)
    following = None
    if found.after is not None:
        time, series = found.after
        following = _with(options, {"$skiptoken": f"{time}.{series}"}, without="$skip")
    elif found.skip is not None:
        following = _with(options, {"$skip": str(found.skip)})
    return Page(found.readings, found.count, following)


def _with(options: Options, changed: Mapping[str, str], without: str = "") -> dict[str, str]:
    kept = {name: text for name, text in options.written.items() if name not in {*changed, without}}
    return {**kept, **changed}


# --- entities -----------------------------------------------------------------------------------------------


def _render(
    context: Context, kind: Kind, records: Sequence[Record], options: Options
) -> list[dict[str, Any]]:
    """Return entities as JSON, with what is expanded of them."""
    context.hold(len(records))
    wanted = [one for one in kind.properties if not options.select or one in options.select]
    if kind.name == "Datastreams" and _OF_SPANS.intersection(wanted):
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
        _expand(context, kind, name, inner, records, bodies)
    return bodies


def _expand(
    context: Context,
    kind: Kind,
    name: str,
    options: Options,
    records: Sequence[Record],
    bodies: Sequence[dict[str, Any]],
) -> None:
    """Put what a relation leads to into the bodies of entities."""
    relation = kind.relations[name]
    target = KINDS[relation.target]
    if not relation.many:
        _single(options, name)
        # Each as often as it stands in the answer, so that what the answer holds is what is counted.
        reached = [context.view.related(one, name)[0] for one in records]
        for body, one in zip(bodies, _render(context, target, reached, options), strict=True):
            body[name] = one
        return
    pages = _pages(context, target, records, options)
    flat = _render(context, target, [one for page in pages for one in page.records], options)
    at = 0
    for record, body, page in zip(records, bodies, pages, strict=True):
        if page.count is not None:
            body[f"{name}@iot.count"] = page.count
        body[name] = flat[at : at + len(page.records)]
        at += len(page.records)
        if page.following is not None:
            body[f"{name}@iot.nextLink"] = _next(f"{context.link(record)}/{name}", page.following)


def _single(options: Options, name: str) -> None:
    """Refuse what only a collection can be asked."""
    for option in options.written:
        if option not in {"$expand", "$select"}:
            raise AskError("$expand", f"{name} is one entity: {option} is for collections")


def _pages(context: Context, target: Kind, records: Sequence[Record], options: Options) -> list[Page]:
    if target.name != "Observations" or not observing.is_newest(options):
        return [_page(context, target, one, options) for one in records]
    groups = [context.view.streams_of(one) for one in records]
    streams = {one.id: one for some in groups for one in some}
    newest = context.readings.newest(list(streams.values()))
    by_stream = {one.stream.id: one for one in observing.entities(context, newest)}
    return [_newest(some, by_stream, options) for some in groups]


def _newest(streams: Sequence[Stream], by_stream: Mapping[int, Record], options: Options) -> Page:
    some = [by_stream[one.id] for one in streams if one.id in by_stream]
    if not some:
        return Page([])
    last = max(some, key=lambda one: (one.time, one.stream.id))
    following = _with(options, {"$skiptoken": f"{last.time}.{last.stream.id}"})
    return Page([last], None, following)


def _data_array(context: Context, records: Sequence[Record], options: Options) -> list[dict[str, Any]]:
    """Return observations as one table for each Datastream (18-088, 12)."""
    if options.expand:
        raise AskError("$resultFormat", "dataArray holds no expanded entities: leave out $expand")
    context.hold(len(records))
    kind = KINDS["Observations"]
    names = [one for one in options.select if one in {*ID_NAMES, *kind.properties}] or [
        "id",
        *kind.properties,
    ]
    getters = [identity if one in ID_NAMES else None for one in names]
    tables: dict[int, dict[str, Any]] = {}
    for record in records:
        table = tables.get(record.stream.id)
        if table is None:
            link = f"{context.link(record.stream)}"
            table = {"Datastream@iot.navigationLink": link, "components": names, "dataArray": []}
            tables[record.stream.id] = table
        table["dataArray"].append(
            [
                identity(record) if getter is not None else PROPERTIES[kind.name][name](context, record)
                for name, getter in zip(names, getters, strict=True)
            ]
        )
    return [
        {**one, "dataArray@iot.count": len(one["dataArray"]), "dataArray": one["dataArray"]}
        for one in tables.values()
    ]
