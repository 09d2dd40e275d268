"""The plan of a page of Observations: what of a filter the store is asked, and what is looked at one by one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from barrio.errors import AskError
from barrio.sta.entities import ID_NAMES
from barrio.sta.numbers import parse_reading
from barrio.sta.readings import END
from barrio.sta.syntax import Binary, Literal, Path, conjuncts
from barrio.sta.values import MICRO, Instant, Span, parse_instant

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from barrio.sta.records import Stream
    from barrio.sta.syntax import Node

_MIRRORED = {"gt": "lt", "ge": "le", "lt": "gt", "le": "ge", "eq": "eq"}


@dataclass(frozen=True, slots=True)
class Plan:
    """What the store is asked: `start <= time < stop` of some Datastreams; `left` is looked at here, one by one."""

    streams: Sequence[Stream]
    start: int = 0
    stop: int = END
    left: tuple[Node, ...] = ()


def plan_of(streams: Sequence[Stream], node: Node | None, *, raw: bool) -> Plan:
    """Return what can be asked of the store, and what is left of a filter.

    The two times of a raw reading are one; of a window the result is there at its end, where it is not looked for.
    """
    plan, left = Plan(streams), []
    times = {("phenomenonTime",), ("resultTime",)} if raw else {("phenomenonTime",)}
    for one in conjuncts(node):
        narrowed = _narrowed(plan, one, times) if isinstance(one, Binary) else None
        if narrowed is None:
            left.append(one)
        else:
            plan = narrowed
    return replace(plan, left=(*plan.left, *left))


def _narrowed(plan: Plan, node: Binary, times: Collection[tuple[str, ...]]) -> Plan | None:
    """Return the plan with a comparison taken in, None for one that the store cannot be asked."""
    left, right, operator = node.left, node.right, node.operator
    if isinstance(left, Literal):
        left, right, operator = right, left, _MIRRORED.get(operator, "")
    if not isinstance(left, Path) or not isinstance(right, Literal) or operator not in _MIRRORED:
        return None
    if left.segments in times:
        return _in_time(plan, operator, right.value)
    if left.segments in {("Datastream", one) for one in ID_NAMES} and operator == "eq":
        return replace(plan, streams=[one for one in plan.streams if str(one.id) == str(right.value)])
    if left.segments in {(one,) for one in ID_NAMES} and operator == "eq":
        return _of_id(plan, str(right.value), node)
    return None


def _in_time(plan: Plan, operator: str, value: object) -> Plan | None:
    if isinstance(value, str):
        try:
            value = parse_instant(value)
        except ValueError as error:
            raise AskError("$filter", str(error)) from None
    if not isinstance(value, Instant) and not (isinstance(value, Span) and operator != "eq"):
        return None
    # A reading counts with its whole microseconds: up to 999 ns later it still has the time that was named.
    begin, end = value.ns, value.ns + MICRO
    start = {"gt": end, "ge": begin, "eq": begin}.get(operator, 0)
    stop = {"lt": begin, "le": end, "eq": end}.get(operator, END)
    return replace(plan, start=max(plan.start, start), stop=min(plan.stop, stop, END))


def _of_id(plan: Plan, text: str, node: Node) -> Plan:
    """Narrow to the one moment that an id names; whether it is that observation is still looked at."""
    found = parse_reading(text)
    if found is None:
        return replace(plan, streams=[])
    some = [one for one in plan.streams if one.id == found.series]
    start, stop = max(plan.start, found.time), min(plan.stop, found.time + 1)
    return replace(plan, streams=some, start=start, stop=stop, left=(*plan.left, node))
