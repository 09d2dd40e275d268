"""Answers: pages of entities, one entity, a property, links; with what is expanded.

Expanding goes level by level: what is wanted of all entities of a level is found together, so that the newest
observation of each of ten thousand Datastreams is one question to the store.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from barrio.errors import AskError
from barrio.sta import observing
from barrio.sta.entities import ID_NAMES, KINDS, LINK_NAMES, Kind
from barrio.sta.estimate import size_of, steps_of, steps_of_order
from barrio.sta.evaluate import Compiler, ordered_by
from barrio.sta.properties import PROPERTIES, identity
from barrio.sta.records import Stream
from barrio.sta.resolve import Found, Shape, find

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from barrio.sta.context import Context
    from barrio.sta.graph import Weights
    from barrio.sta.options import Options
    from barrio.sta.records import Record

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
    size = size_of(options)
    if kind.name != "Observations":
        if options.after is not None:
            raise AskError("$skiptoken", f"is for Observations, not for {kind.name}")
        return _of_records(context, kind, _candidates(context, kind, within), options, size)
    streams = context.view.streams if within is None else context.view.streams_of(within)
    if options.filter is None and streams:
        context.foresee(kind, streams, [size / len(streams)] * len(streams), options)
    return _of_readings(context, streams, options, size)


def _candidates(context: Context, kind: Kind, within: Record | None) -> list[Record]:
    if within is None:
        return list(context.view.all(kind.name).values())
    return sorted(context.view.related(within, kind.name), key=identity)


def _of_records(context: Context, kind: Kind, records: list[Record], options: Options, size: int) -> Page:
    graph = context.view.graph
    values = [Compiler(context, kind, "$orderby").path(one.path, single=True) for one in options.orderby]
    if options.filter is not None:
        test = Compiler(context, kind, "$filter").test(options.filter)
        _spend(context, kind, records, steps_of(graph, kind, options.filter), "$filter")
        _load(context, kind, records, options.written.get("$filter", ""))
        records = [one for one in records if test(one)]
    if options.orderby:
        _spend(context, kind, records, steps_of_order(graph, kind, options), "$orderby")
        _load(context, kind, records, options.written.get("$orderby", ""))
    for key, value in reversed(list(zip(options.orderby, values, strict=True))):
        records = _by(records, value, descending=key.descending)
    count = len(records) if options.count else None
    stop = options.skip + size
    following = _with(options, {"$skip": str(stop)}) if len(records) > stop and size else None
    return Page(records[options.skip : stop], count, following)


def _spend(context: Context, kind: Kind, records: list[Record], steps: Weights, option: str) -> None:
    looked_at = context.view.graph.weights(kind.name, records)
    context.spend(float((looked_at * steps).sum()), option)


def _by(records: list[Record], value: Any, *, descending: bool) -> list[Record]:
    return sorted(records, key=lambda one: ordered_by(value(one)), reverse=descending)


def _load(context: Context, kind: Kind, records: Sequence[Record], text: str) -> None:
    """Ask the store once for the times of all Datastreams that a filter or an order looks at."""
    if kind.name == "Datastreams" and any(name in text for name in _OF_SPANS):
        context.load_spans(records)


def _of_readings(context: Context, streams: Sequence[Stream], options: Options, size: int) -> Page:
    return _linked(observing.page(context, streams, options, size), options)


def _linked(found: observing.Page, options: Options) -> Page:
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
        _expand(context, kind, name, inner, Parents(records, bodies, times))
    return bodies


@dataclass(frozen=True, slots=True)
class Parents:
    """Entities of which something is expanded: their bodies, and how often each stands in the answer."""

    records: Sequence[Record]
    bodies: Sequence[dict[str, Any]]
    times: Sequence[int]


def _expand(context: Context, kind: Kind, name: str, options: Options, parents: Parents) -> None:
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
    pages = _pages(context, target, parents.records, options)
    made = _made(context, target, [page.records for page in pages], options, parents)
    for record, body, page, inner in zip(parents.records, parents.bodies, pages, made, strict=True):
        if page.count is not None:
            body[f"{name}@iot.count"] = page.count
        body[name] = inner
        if page.following is not None:
            body[f"{name}@iot.nextLink"] = _next(f"{context.link(record)}/{name}", page.following)


def _made(
    context: Context, kind: Kind, found: Sequence[Sequence[Record]], options: Options, parents: Parents
) -> list[list[dict[str, Any]]]:
    """Return the bodies of what was found of each parent."""
    records: dict[int, Record] = {}
    times: dict[int, int] = defaultdict(int)
    for some, number in zip(found, parents.times, strict=True):
        for one in some:
            records[id(one)] = one
            times[id(one)] += number
    bodies = _render(context, kind, list(records.values()), options, [times[one] for one in records])
    made = dict(zip(records, bodies, strict=True))
    return [[made[id(one)] for one in some] for some in found]


def _single(options: Options, name: str) -> None:
    """Refuse what only a collection can be asked."""
    for option in options.written:
        if option not in {"$expand", "$select"}:
            raise AskError("$expand", f"{name} is one entity: {option} is for collections")


def _pages(context: Context, target: Kind, records: Sequence[Record], options: Options) -> list[Page]:
    if target.name == "Observations" and not observing.is_newest(options) and _are_streams(records):
        size = size_of(options)
        found = observing.pages(context, records, options, size)
        return [_linked(found[one.id], options) for one in records]
    if target.name != "Observations" or not observing.is_newest(options):
        return [_page(context, target, one, options) for one in records]
    groups = [context.view.streams_of(one) for one in records]
    streams = {one.id: one for some in groups for one in some}
    newest = context.readings.newest(list(streams.values()))
    by_stream = {one.stream.id: one for one in observing.entities(context, newest)}
    return [_newest(some, by_stream, options) for some in groups]


def _are_streams(records: Sequence[Record]) -> bool:
    return all(isinstance(one, Stream) for one in records)


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
