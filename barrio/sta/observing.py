"""A page of Observations, in an order in which the store can be read, or sorted here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from barrio.sta.entities import ID_NAMES, KINDS
from barrio.sta.estimate import refuse_steps, steps_of
from barrio.sta.evaluate import Compiler, ordered_by
from barrio.sta.plan import plan_of
from barrio.sta.readings import END
from barrio.sta.records import Reading
from twin.resolution import Resolution

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from barrio.sta.columns import Columns
    from barrio.sta.context import Context
    from barrio.sta.options import Options, Order
    from barrio.sta.plan import Plan
    from barrio.sta.records import Stream

_KIND = KINDS["Observations"]


@dataclass(frozen=True, slots=True)
class Page:
    """Some observations, how many there are of all where that was asked, and where the next page begins."""

    readings: Sequence[Reading]
    count: int | None = None
    after: tuple[int, int] | None = None
    skip: int | None = None


def page(context: Context, streams: Sequence[Stream], options: Options, size: int) -> Page:
    """Return the observations of some Datastreams that options ask for, at most `size`."""
    sight = context.view.sight
    raw = all(sight.resolution(one.id) is Resolution.RAW for one in streams)
    plan = plan_of(streams, options.filter, raw=raw)
    test = _test(context, plan)
    count = _count(context, plan, test) if options.count else None
    order = _order(options, alone=len(streams) == 1)
    if order == "sorted":
        return _sorted(context, plan, test, options, size, count)
    found = _walked(context, plan, order, options.after)
    passed = (one for one in found if test is None or test(one))
    some = list(islice(passed, options.skip + size + 1))
    return _part(some, count, options, size, by_skip=False)


def pages(context: Context, streams: Sequence[Stream], options: Options, size: int) -> Mapping[int, Page]:
    """Return a page of the observations of each Datastream, by its id; all of them are read together."""
    sight = context.view.sight
    raw = all(sight.resolution(one.id) is Resolution.RAW for one in streams)
    plan = plan_of(streams, options.filter, raw=raw)
    test = _test(context, plan)
    order = _order(options, alone=True)
    counted = options.count and test is None
    counts = context.readings.counts(plan.streams, plan.start, plan.stop) if counted else {}
    endless = order == "sorted" or (options.count and not counted)
    found = _each(context, plan, test, order, END if endless else options.skip + size + 1)
    if options.count and not counted:
        counts = {series: len(some) for series, some in found.items()}
    if order == "sorted":
        for some in found.values():
            _sort(context, options, some)
    made = {}
    for stream in streams:
        some = found.get(stream.id, [])
        count = counts.get(stream.id, 0) if options.count else None
        made[stream.id] = _part(some, count, options, size, by_skip=order == "sorted")
    return made


def _each(
    context: Context, plan: Plan, test: Callable[[Reading], bool] | None, order: str, wanted: int
) -> Mapping[int, list[Reading]]:
    """Return the first observations of each Datastream that pass, at least as many as wanted where there are."""
    newest_first = order in {"newest", "last", "sorted"}
    found: dict[int, list[Reading]] = {one.id: [] for one in plan.streams}
    enough: set[int] = set()
    for columns in context.readings.walk(
        plan.streams, plan.start, plan.stop, newest_first=newest_first, enough=enough
    ):
        for one in entities(context, columns):
            some = found[one.stream.id]
            if len(some) < wanted and (test is None or test(one)):
                some.append(one)
        enough |= {series for series, some in found.items() if len(some) >= wanted}
    return found


def _part(found: Sequence[Reading], count: int | None, options: Options, size: int, *, by_skip: bool) -> Page:
    """Return the page of what was found from the first on; the next begins behind its last, or after so many."""
    stop = options.skip + size
    some = found[options.skip : stop]
    if len(found) <= stop or not size:
        return Page(some, count)
    return Page(some, count, skip=stop) if by_skip else Page(some, count, (some[-1].time, some[-1].stream.id))


def is_newest(options: Options) -> bool:
    """Whether options ask for nothing but the newest observation."""
    plain = options.filter is None and not options.skip and not options.count and options.after is None
    return plain and options.top == 1 and _order(options) == "newest"


def _order(options: Options, *, alone: bool = False) -> str:
    """Return how the store is read: from the newest, from the oldest, by Datastream; or everything, to be sorted.

    `alone` says that each page is of one Datastream. It has one observation at a time, so that what is to decide
    between those of one time decides nothing; else their ids may, in the direction in which they are read anyway.
    """
    if not options.orderby:
        return "newest"
    first, *rest = options.orderby
    if not alone and any(not _is_of(one, ID_NAMES) or one.descending != first.descending for one in rest):
        return "sorted"
    if _is_of(first, ("phenomenonTime", "resultTime")):
        return "newest" if first.descending else "oldest"
    if _is_of(first, ID_NAMES):
        return "last" if first.descending else "first"
    return "sorted"


def _is_of(key: Order, names: Collection[str]) -> bool:
    return len(key.path.segments) == 1 and key.path.segments[0] in names


def _test(context: Context, plan: Plan) -> Callable[[Reading], bool] | None:
    if not plan.left:
        return None
    compiler = Compiler(context, _KIND, "$filter")
    tests = [compiler.test(one) for one in plan.left]
    graph = context.view.graph
    every = np.sum([steps_of(graph, _KIND, one) for one in plan.left], axis=0)
    steps = {one.id: steps_at for one, steps_at in zip(context.view.streams, every.tolist(), strict=True)}
    if plan.streams:
        refuse_steps(min(steps[one.id] for one in plan.streams), "$filter")

    def passes(reading: Reading) -> bool:
        context.spend(steps[reading.stream.id], "$filter")
        return all(test(reading) for test in tests)

    return passes


def _count(context: Context, plan: Plan, test: Callable[[Reading], bool] | None) -> int:
    if test is None:
        return sum(context.readings.counts(plan.streams, plan.start, plan.stop).values())
    return sum(test(one) for one in _walked(context, plan, "newest", None))


def _walked(context: Context, plan: Plan, order: str, after: tuple[int, int] | None) -> Iterator[Reading]:
    """Yield observations in an order in which they can be read, from behind `after` on."""
    if order in {"newest", "oldest"}:
        return _by_time(context, plan, after, newest_first=order == "newest")
    return _by_stream(context, plan, after, last_first=order == "last")


def _by_time(
    context: Context, plan: Plan, after: tuple[int, int] | None, *, newest_first: bool
) -> Iterator[Reading]:
    start, stop = plan.start, plan.stop
    if after is not None and newest_first:
        stop = min(stop, after[0] + 1)
    elif after is not None:
        start = max(start, after[0])
    for found in context.readings.walk(plan.streams, start, stop, newest_first=newest_first):
        yield from entities(context, _behind(found, after, newest_first=newest_first))


def _behind(found: Columns, after: tuple[int, int] | None, *, newest_first: bool) -> Columns:
    if after is None:
        return found
    time, series = after
    same = found.time == time
    if newest_first:
        return found.take((found.time < time) | (same & (found.ids < series)))
    return found.take((found.time > time) | (same & (found.ids > series)))


def _by_stream(
    context: Context, plan: Plan, after: tuple[int, int] | None, *, last_first: bool
) -> Iterator[Reading]:
    for stream in sorted(plan.streams, key=lambda one: one.id, reverse=last_first):
        here = None
        if after is not None:
            if (stream.id > after[1]) if last_first else (stream.id < after[1]):
                continue
            here = after if stream.id == after[1] else None
        yield from _by_time(context, replace(plan, streams=[stream]), here, newest_first=last_first)


def _sorted(
    context: Context,
    plan: Plan,
    test: Callable[[Reading], bool] | None,
    options: Options,
    size: int,
    count: int | None,
) -> Page:
    """Return a page of an order that the store does not have: all of them are read, as many as are allowed."""
    found = [one for one in _walked(context, plan, "newest", None) if test is None or test(one)]
    _sort(context, options, found)
    return _part(found, count, options, size, by_skip=True)


def _sort(context: Context, options: Options, found: list[Reading]) -> None:
    compiler = Compiler(context, _KIND, "$orderby")
    context.spend(len(found) * sum(len(one.path.segments) for one in options.orderby), "$orderby")
    for key in reversed(options.orderby):
        value = compiler.path(key.path, single=True)
        found.sort(key=lambda one: ordered_by(value(one)), reverse=key.descending)


def entities(context: Context, columns: Columns) -> Iterator[Reading]:
    """Yield the observations of columns."""
    streams = context.view.all("Datastreams")
    resolution = context.view.sight.resolution
    known = {one: resolution(one) for one in np.unique(columns.ids).tolist()}
    rows = zip(
        columns.ids.tolist(),
        columns.time.tolist(),
        columns.stop.tolist(),
        columns.value.tolist(),
        columns.quality.tolist(),
        columns.received.tolist(),
        strict=True,
    )
    for series, time, stop, value, quality, received in rows:
        yield Reading(streams[series], known[series], time, stop, value, quality, received)
