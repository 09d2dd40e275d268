"""Pages of collections: which entities stand on one, how many there are of all, and where the next begins."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from barrio.errors import AskError
from barrio.sta import observing
from barrio.sta.estimate import size_of, steps_of, steps_of_order
from barrio.sta.evaluate import Compiler, ordered_by
from barrio.sta.properties import identity
from barrio.sta.records import Stream

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from barrio.sta.context import Context
    from barrio.sta.entities import Kind
    from barrio.sta.graph import Weights
    from barrio.sta.options import Options
    from barrio.sta.records import Record

OF_SPANS = frozenset({"phenomenonTime", "resultTime"})
"""Properties of a Datastream for which the store is asked."""
_AS_IT_IS = "/:'(),;$="


@dataclass(frozen=True, slots=True)
class Page:
    """Some entities of a collection, how many all are, and the options of the next page."""

    records: Sequence[Record]
    count: int | None = None
    following: Mapping[str, str] | None = None


def page_of(context: Context, kind: Kind, within: Record | None, options: Options) -> Page:
    """Return a page of a collection, of all entities of its kind or of those that one is related to."""
    size = size_of(options)
    if kind.name != "Observations":
        if options.after is not None:
            raise AskError("$skiptoken", f"is for Observations, not for {kind.name}")
        return _of_records(context, kind, _candidates(context, kind, within), options, size)
    streams = context.view.streams if within is None else context.view.streams_of(within)
    if options.filter is None and streams:
        context.foresee(kind, streams, [size / len(streams)] * len(streams), options)
    return _of_readings(context, streams, options, size)


def pages_of(context: Context, target: Kind, records: Sequence[Record], options: Options) -> list[Page]:
    """Return a page of what each of some entities is related to; observations are read together where they can be."""
    if target.name == "Observations" and not observing.is_newest(options) and _are_streams(records):
        size = size_of(options)
        found = observing.pages(context, records, options, size)
        return [_linked(found[one.id], options) for one in records]
    if target.name != "Observations" or not observing.is_newest(options):
        return [page_of(context, target, one, options) for one in records]
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
    if kind.name == "Datastreams" and any(name in text for name in OF_SPANS):
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


def next_link(url: str, query: Mapping[str, str]) -> str:
    """Return the `@iot.nextLink` of a collection with the options of its next page."""
    shown = "&".join(f"{name}={quoted(value)}" for name, value in query.items())
    return f"{url}?{shown}"


@lru_cache(1_000)
def quoted(text: str) -> str:
    """Return a text as it stands in a URL; the same ones come again for each entity that is expanded."""
    return quote(text, safe=_AS_IT_IS)
