"""Syntax to core: names are looked up, units and types checked. Every fault is an `ExpressionError` with its column."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from twin.expressions import core
from twin.expressions.arithmetic import added, compared, divided, multiplied, negated, raised
from twin.expressions.dimensions import BARE, UnknownUnit, literal, measure
from twin.expressions.errors import ExpressionError
from twin.expressions.scope import NOW
from twin.expressions.syntax import Binary, Call, Moving, Name, Number, Selected, Unary, Word, children
from twin.expressions.typed import TRUTH, Sheet, States, Truth, Typed
from twin.model.quantities import Aggregation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from twin.expressions.scope import Scope
    from twin.expressions.syntax import Expression, Node
    from twin.expressions.typed import Type
    from twin.model.district import Point

_EXPONENT = re.compile(r"[eE]([+-]?[0-9]+)$")
_MOST_DIGITS = 40
_HIGHEST_EXPONENT = 300


class Checker:
    """Checks one expression, or the part of one that stands for each point of a selection or each reading.

    `each` is the name that means such a point or reading, with its type, while there is one.
    """

    def __init__(self, scope: Scope, sheet: Sheet, each: tuple[str, Type] | None = None) -> None:
        self.scope = scope
        self.sheet = sheet
        self.each = each

    def check(self, node: Expression) -> Typed:
        """Return a node with its type."""
        if isinstance(node, (Call, Moving, Selected)):
            return self._function(node)
        return self._plain(node)

    def _function(self, node: Call | Moving | Selected) -> Typed:
        from twin.expressions.functions import call
        from twin.expressions.moving import moving
        from twin.expressions.selected import selected

        if isinstance(node, Call):
            return call(self, node)
        return moving(self, node) if isinstance(node, Moving) else selected(self, node)

    def _plain(self, node: Number | Word | Name | Unary | Binary) -> Typed:
        match node:
            case Number():
                return self._number(node)
            case Word():
                return Typed(node.at, States(frozenset({node.text}), literal=True), self._word(node))
            case Name():
                return self._name(node)
            case Unary():
                return self._unary(node)
            case Binary():
                return self._binary(node)

    def truth(self, node: Expression) -> core.Node:
        """Return a node that must be a condition."""
        found = self.check(node)
        if not isinstance(found.type, Truth):
            hint = ": compare it, as in pump = 'on'" if isinstance(found.type, States) else ""
            raise ExpressionError(f"a condition is expected here, found {described(found)}{hint}", found.at)
        return self.sheet.node(found)

    def _word(self, node: Word) -> core.Node:
        return self.sheet.constant(node.text)

    def _number(self, node: Number) -> Typed:
        exponent = _EXPONENT.search(node.text)
        if len(node.text) > _MOST_DIGITS or (exponent and abs(int(exponent[1])) > _HIGHEST_EXPONENT):
            raise ExpressionError("the number is too long, too large or too small", node.at)
        try:
            found = literal(node.unit)
        except UnknownUnit as error:
            raise ExpressionError(self._no_unit(node, str(error)), node.at + len(node.text)) from None
        return Typed(node.at, found, value=Fraction(node.text))

    def _no_unit(self, node: Number, words: str) -> str:
        known = self.scope.ground.names_of(self.scope.owner) if self.scope.owner else []
        first = re.split(r"[/.]", node.unit)[0]
        if node.unit in known:
            return f"{words}: write * between a number and a point"
        if first != node.unit and not words.startswith(f"{first!r}"):
            return f"{words}: write spaces around / to divide"
        return words

    def _name(self, node: Name) -> Typed:
        if self.each is not None and node.text == self.each[0]:
            return Typed(node.at, self.each[1], core.Each())
        if node.text in NOW:
            return Typed(node.at, BARE, core.Calendar(node.text))
        owner, point = self.scope.point(node.text, node.at)
        source = source_of(self.scope.path(owner, point.name), point, own="/" not in node.text)
        return Typed(node.at, type_of(point), self.sheet.read(source))

    def _unary(self, node: Unary) -> Typed:
        if node.operator == "not":
            return Typed(node.at, TRUTH, core.Apply("not", (self.truth(node.operand),)))
        return negated(self.sheet, self.check(node.operand), node.at)

    def _binary(self, node: Binary) -> Typed:
        if node.operator in {"and", "or"}:
            both = (self.truth(node.left), self.truth(node.right))
            return Typed(node.at, TRUTH, core.Apply(node.operator, both))
        left, right = self.check(node.left), self.check(node.right)
        match node.operator:
            case "+" | "-":
                return added(self.sheet, left, right, node.operator, node.at)
            case "*":
                return multiplied(self.sheet, left, right)
            case "/":
                return divided(self.sheet, left, right, node.at)
            case "^":
                return raised(self.sheet, left, right)
            case _:
                return compared(self.sheet, left, right, node.operator, node.at)


def type_of(point: Point) -> Type:
    """Return the type of a point's value."""
    if point.quantity.aggregation is Aggregation.STATE:
        return States(frozenset(point.states.values()))
    found = measure(point.quantity.unit)
    return replace(found, code="") if found.code == "1" else found


def source_of(path: str, point: Point, *, own: bool) -> core.Input:
    """Return a point as an input: what it says stands until it should have been heard again."""
    return core.Input(path, own, point.heartbeat_s + point.silent_after_s)


def described(typed: Typed) -> str:
    """Words for what something is."""
    return typed.type.words


def names_in(node: Node) -> Iterator[Name]:
    """Yield every name below a node, those of points and of selected quantities alike, but not those of the clock."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Name) and one.text not in NOW:
            yield one
        waiting.extend(children(one))
