"""Windows and intervals as tables of any size: the answers of history and of intervals, a few points at a time.

What may be asked is what history and intervals take for a single point, so that no question is possible here that is
refused there; only how many points it is about has no bound.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from barrio.access.who import Sights
from barrio.history import answers
from barrio.history import question as history
from barrio.history.chosen import Choice
from barrio.history.permitted import SETTLED_S
from barrio.intervals import question as intervals
from barrio.intervals import rows
from barrio.moments import rfc3339
from barrio.tables.table import Column, Kind, Table
from twin.clock import NS
from twin.history.fill import Fill
from twin.history.reduce import Keep
from twin.intervals.grid import LENGTHS
from twin.model.quantities import Aggregation
from twin.store.port import Aggregate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from barrio.access.who import Who
    from barrio.exports.plan import Plan
    from barrio.platform import Platform
    from barrio.tables.table import Part
    from twin.model.bound import BoundPoint

ROWS = 50_000
MOST_POINTS = 200
_OF_STATES = frozenset({Aggregate.FIRST, Aggregate.LAST})


def check_windows(plan: Plan, who: Who, platform: Platform) -> None:
    """Raise what history raises, for a point of each kind that is asked for; some of them may not go with it."""
    items = _items(platform, plan)
    kinds = {
        (who.sight.resolution(one.id), one.point.quantity.name, _district(platform, one)): one
        for one in items
    }
    for item in kinds.values():
        history.understand(_asked(plan, [item]), who, platform.catalogue, platform.clock.now_ns())


def check_intervals(plan: Plan, who: Who, platform: Platform) -> None:
    """Raise what intervals raise, for a register of each resolution in which it is given."""
    for item in {who.sight.resolution(one.id): one for one in _items(platform, plan)}.values():
        question = intervals.understand(_registers(plan, [item]), who, platform)
        intervals.hold_to_length(question, who, plan.options["length"])


def windows(platform: Platform, plan: Plan) -> tuple[Table, int]:
    """Return the windows of a plan, and how many there are; blocks on the store while its parts are read."""
    inside, now = Sights(platform.catalogue).inside(), platform.clock.now_ns()
    items = _items(platform, plan)
    first = history.understand(_asked(plan, items[:1]), inside, platform.catalogue, now)
    number = len(_edges(first)) - 1
    coarse = {one for one, finest in zip(plan.series, plan.finest, strict=True) if finest}

    def parts() -> Iterator[Part]:
        for some in _groups(items, number, coarse):
            question = history.understand(_asked(plan, some), inside, platform.catalogue, now)
            if some[0].id in coarse:
                edges = _edges(question)
                last = int(np.searchsorted(edges, now - round(SETTLED_S * NS), "right"))
                question = replace(question, edges=edges[: max(last, 1)])
            yield from answers.table_of(platform, question).parts

    return Table(_head(plan), _columns(plan, items, first, platform), parts()), number * len(items)


def registers(platform: Platform, plan: Plan) -> tuple[Table, int]:
    """Return the intervals of a plan, likewise."""
    inside, length = Sights(platform.catalogue).inside(), plan.options["length"]
    items = _items(platform, plan)
    number = (plan.stop - plan.start) // (LENGTHS[length] * NS)

    def parts() -> Iterator[Part]:
        for some in _groups(items, number, frozenset()):
            question = intervals.understand(_registers(plan, some), inside, platform)
            yield from rows.table(platform, question, length).parts

    return Table({**_head(plan), "length": length}, rows.COLUMNS, parts()), number * len(items)


def _items(platform: Platform, plan: Plan) -> list[BoundPoint]:
    wanted = set(plan.series)
    return [item for item in platform.catalogue.points.values() if item.id in wanted]


def _district(platform: Platform, item: BoundPoint) -> str:
    return platform.catalogue.owners[item.id].district


def _groups(
    items: Sequence[BoundPoint], number: int, coarse: frozenset[int] | set[int]
) -> Iterator[Sequence[BoundPoint]]:
    """Yield points in groups whose rows are few; those that are given finely and those that are not stay apart."""
    at_once = min(max(ROWS // max(number, 1), 1), MOST_POINTS)
    for some in ([one for one in items if one.id not in coarse], [one for one in items if one.id in coarse]):
        for first in range(0, len(some), at_once):
            yield some[first : first + at_once]


def _asked(plan: Plan, some: Sequence[BoundPoint]) -> history.Asked:
    options = plan.options
    return history.Asked(
        Choice(tuple(one.point.path for one in some)),
        rfc3339(plan.start),
        rfc3339(plan.stop),
        None,
        options["every"],
        options["aggregate"],
        plan.zone,
        Fill(options["fill"]) if options["fill"] else None,
        Keep(options["quality"]) if options["quality"] else None,
    )


def _registers(plan: Plan, some: Sequence[BoundPoint]) -> intervals.Asked:
    paths = tuple(one.point.path for one in some)
    version = plan.options.get("version")
    return intervals.Asked(
        Choice(paths), rfc3339(plan.start), rfc3339(plan.stop), zone=plan.zone, version=version
    )


def _head(plan: Plan) -> dict[str, Any]:
    own: Mapping[str, Any] = {name: value for name, value in plan.options.items() if value is not None}
    return {"from": rfc3339(plan.start), "to": rfc3339(plan.stop), "tz": plan.zone, **own}


def _edges(question: history.Question) -> Any:
    return np.empty(0, np.int64) if question.edges is None else question.edges


def _columns(
    plan: Plan, items: Sequence[BoundPoint], first: history.Question, platform: Platform
) -> list[Column]:
    """Return the columns that any of the points may have: a column must be there before its first value is."""
    found = {"start": Column("start", Kind.TIME)}
    kinds = {one.point.quantity.aggregation: one for one in items}
    inside, now = Sights(platform.catalogue).inside(), platform.clock.now_ns()
    for kind, item in kinds.items():
        question = history.understand(_asked(plan, [item]), inside, platform.catalogue, now)
        for one in question.reductions[kind]:
            for name, holds in _named(one.name, kind, items):
                found[name] = Column(name, holds)
    if first.fill not in {Fill.NULL, Fill.NONE}:
        found["filled"] = Column("filled", Kind.TEXT)
    return list(found.values())


def _named(name: str, kind: Aggregation, items: Sequence[BoundPoint]) -> Iterator[tuple[str, Kind]]:
    """Yield the columns of an aggregate."""
    if name == Aggregate.STATE_S:
        states = dict.fromkeys(state for one in items for state in one.point.states.values())
        yield from ((f"{name}:{state}", Kind.NUMBER) for state in states)
    elif kind is Aggregation.STATE and name in _OF_STATES:
        yield f"{name}_state", Kind.TEXT
    else:
        yield name, Kind.INTEGER if name == Aggregate.COUNT else Kind.NUMBER
