"""Windows: `rate(level over 10min)`, `integral(active_power over 1d)`, `count(pump = 'on' over 1h)`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from twin.expressions import core
from twin.expressions.check import Checker, names_in, source_of, type_of
from twin.expressions.dimensions import BARE, Measure, Nature, measure, times
from twin.expressions.errors import ExpressionError
from twin.expressions.syntax import Moving, Selected, children
from twin.expressions.typed import TRUTH, Sheet, States, Truth, Typed
from twin.model.quantities import Aggregation
from twin.model.source import suggest
from twin.model.spec import parse_duration

if TYPE_CHECKING:
    from twin.expressions.syntax import Node
    from twin.expressions.typed import Type
    from twin.model.district import Point

FUNCTIONS = {
    "rate": "`delta` over the time in which it grew",
    "delta": "how much it grew; a counter's wraps and resets accounted for",
    "integral": "the sum over time; of a condition, how long it held",
    "mean": "the mean over time; of a direction, a direction; of a condition, the share of the time in which it held",
    "min": "the smallest value; of a condition, whether it held all the time",
    "max": "the largest value; of a condition, whether it held at any time",
    "count": "how many readings came; of a condition, how often it became true",
}
SHORTEST_S, LONGEST_S = 1.0, 366 * 86_400.0
_SECOND = measure("s")
_GROWTH = frozenset({"rate", "delta", "integral"})


@dataclass(frozen=True, slots=True)
class Elements:
    """What stands for each point of a selection while its body is checked: the points and their windows so far."""

    word: str
    points: tuple[tuple[str, Point], ...]
    windows: list[tuple[core.Window, ...]]


def moving(checker: Checker, node: Moving, elements: Elements | None = None) -> Typed:
    """Return the value of a window over one point."""
    if node.function not in FUNCTIONS:
        words = f"there is no {node.function!r} over a time{suggest(node.function, FUNCTIONS)}"
        raise ExpressionError(words, node.at)
    word, span_s = _only_name(node), _span(node)
    if elements is not None and word == elements.word:
        return _of_each(checker, node, elements, span_s)
    owner, point = checker.scope.point(word, node.body.at)
    source = source_of(checker.scope.path(owner, point.name), point, own="/" not in word)
    kind, window = _window(checker, node, word, point, source, span_s)
    return Typed(node.at, kind, checker.sheet.moved(window))


def _of_each(checker: Checker, node: Moving, elements: Elements, span_s: float) -> Typed:
    """Give each point of a selection a window of its own."""
    windows, kind = [], None
    for owner, point in elements.points:
        source = source_of(checker.scope.path(owner, point.name), point, own=False)
        kind, window = _window(checker, node, elements.word, point, source, span_s)
        windows.append(window)
    elements.windows.append(tuple(windows))
    if kind is None:
        raise ExpressionError("a selection of nothing has no windows", node.at)
    return Typed(node.at, kind, core.Moved(len(elements.windows) - 1, each=True))


def _only_name(node: Moving) -> str:
    names = {name.text for name in names_in(node.body)}
    if len(names) != 1 or _holds_more(node.body):
        words = f"{node.function} over a time follows one point: make a derived point of what has several"
        raise ExpressionError(words, node.body.at)
    return names.pop()


def _holds_more(node: Node) -> bool:
    return isinstance(node, (Moving, Selected)) or any(map(_holds_more, children(node)))


def _span(node: Moving) -> float:
    try:
        found = parse_duration(node.span.written) if node.span.unit else 0.0
    except ValueError:
        found = 0.0
    if not SHORTEST_S <= found <= LONGEST_S:
        raise ExpressionError("a window is 1s to 366d long, for example 15min, 1h or 1d", node.span.at)
    return found


def _window(
    checker: Checker, node: Moving, word: str, point: Point, source: core.Input, span_s: float
) -> tuple[Type, core.Window]:
    sheet, quantity = Sheet(), point.quantity
    body = Checker(checker.scope, sheet, (word, type_of(point))).check(node.body)
    inner = sheet.node(body)
    itself = isinstance(inner, core.Each)
    if itself and quantity.period and node.function in _GROWTH:
        raise ExpressionError(f"{quantity.name} goes round: it has no {node.function}", node.at)
    window = core.Window(
        input=source,
        function=node.function,
        span_s=span_s,
        body=inner,
        constants=tuple(sheet.constants),
        truth=isinstance(body.type, Truth),
        counter=itself and quantity.aggregation is Aggregation.COUNTER,
        wraps_at=point.wraps_at if itself else None,
        period=quantity.period if itself and node.function == "mean" else None,
    )
    return _type(node, body), window


def _type(node: Moving, body: Typed) -> Type:
    """Return what the value of a window measures."""
    function, kind = node.function, body.type
    if function == "count":
        return BARE
    if isinstance(kind, States):
        words = f"{function} does not take a state: say which, as in pump = 'on'"
        raise ExpressionError(words, body.at)
    if isinstance(kind, Truth):
        return _of_truth(node)
    absolute = kind.nature is Nature.ABSOLUTE
    difference = replace(kind, nature=Nature.DIFFERENCE, offset=BARE.offset, kind="") if absolute else kind
    if function == "delta":
        return difference
    if function == "rate":
        return times(difference, _SECOND, divide=True)
    if function == "integral":
        if absolute:
            words = f"{kind.words} has no sum over time, a difference has: integral(x - 18 Cel over 1d)"
            raise ExpressionError(words, node.at)
        return times(kind, _SECOND)
    return kind


def _of_truth(node: Moving) -> Measure | Truth:
    match node.function:
        case "integral":
            return replace(_SECOND, code="")
        case "mean":
            return BARE
        case "min" | "max":
            return TRUTH
        case _:
            words = f"a condition has no {node.function}: integral says how long it held, count how often"
            raise ExpressionError(words, node.at)
