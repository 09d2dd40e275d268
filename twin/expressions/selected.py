"""Functions over selections: `sum(active_power where site within tower-a)`, `count(power_state = 'on' where …)`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.expressions import core
from twin.expressions.check import Checker, names_in, source_of, type_of
from twin.expressions.dimensions import BARE, Measure, Nature
from twin.expressions.errors import ExpressionError
from twin.expressions.moving import Elements, moving
from twin.expressions.selection import select
from twin.expressions.syntax import Moving, Selected, children
from twin.expressions.typed import States, Truth, Typed, measure_of
from twin.model.source import suggest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twin.expressions.syntax import Expression, Node
    from twin.expressions.typed import Type
    from twin.model.district import Point

FUNCTIONS = {
    "sum": "their sum",
    "mean": "their mean; of directions, the mean direction",
    "min": "the smallest",
    "max": "the largest",
    "count": "how many have a usable value; of a condition, for how many it holds",
}


class _Body(Checker):
    """Checks what stands for each point of a selection; a window there is a window of each."""

    elements: Elements

    def check(self, node: Expression) -> Typed:
        if isinstance(node, Moving):
            return moving(self, node, self.elements)
        return super().check(node)


def selected(checker: Checker, node: Selected) -> Typed:
    """Return the value of a function over all points that the filter finds."""
    if node.function not in FUNCTIONS:
        words = f"there is no {node.function!r} over a selection{suggest(node.function, FUNCTIONS)}"
        raise ExpressionError(words, node.at)
    if checker.each is not None or _nested(node.body):
        raise ExpressionError("a selection does not stand inside of another one", node.at)
    word = _word(node)
    points = select(word, node.where, checker.scope, node.body.at)
    body = _Body(checker.scope, checker.sheet, (word, _common(points, word, node.body.at)))
    body.elements = Elements(word, tuple(points), [])
    found = body.check(node.body)
    inner = checker.sheet.node(found)
    period = points[0][1].quantity.period if isinstance(inner, core.Each) else None
    kind, operation = _result(node, found, period)
    checker.sheet.selections.append(_selection(checker, points, body.elements))
    slot = len(checker.sheet.selections) - 1
    return Typed(
        node.at, kind, core.Reduce(operation, slot, inner, period if node.function == "mean" else None)
    )


def _selection(checker: Checker, points: Sequence[tuple[str, Point]], elements: Elements) -> core.Selection:
    inputs = tuple(
        source_of(checker.scope.path(owner, point.name), point, own=False) for owner, point in points
    )
    return core.Selection(inputs, tuple(zip(*elements.windows, strict=True)) if elements.windows else ())


def _nested(node: Node) -> bool:
    return isinstance(node, Selected) or any(map(_nested, children(node)))


def _word(node: Selected) -> str:
    """Return the one name in the body that stands for each point; others are written with their owner."""
    words = sorted({name.text for name in names_in(node.body) if "/" not in name.text})
    if len(words) != 1:
        found = f"found {', '.join(words)}" if words else "found none"
        words_ = f"{node.function} over a selection names one quantity or point, {found}"
        raise ExpressionError(words_, node.body.at)
    return words[0]


def _common(points: Sequence[tuple[str, Point]], word: str, at: int) -> Type:
    """Return the type that all points share."""
    types = dict.fromkeys(type_of(point) for _, point in points)
    states = [one for one in types if isinstance(one, States)]
    if len(states) == len(types):
        return States(frozenset().union(*(one.names for one in states)))
    if len(types) > 1:
        kinds = sorted({point.quantity.name for _, point in points})
        words = f"points {word!r} that measure different things are selected: name one of {', '.join(kinds)}"
        raise ExpressionError(words, at)
    return next(iter(types))


def _result(node: Selected, found: Typed, period: float | None) -> tuple[Type, str]:
    function, kind = node.function, found.type
    if function == "count":
        return BARE, "count_true" if isinstance(kind, Truth) else "count"
    if not isinstance(kind, Measure):
        hint = (
            f": count({_word(node)} = 'on' where …) counts" if isinstance(kind, States) else ": count counts"
        )
        raise ExpressionError(f"{function} takes numbers, found {kind.words}{hint}", found.at)
    if function == "sum" and (kind.nature is Nature.ABSOLUTE or period):
        raise ExpressionError(f"{measure_of(found, 'sum').words} does not add up, it has a mean", node.at)
    return kind, function
