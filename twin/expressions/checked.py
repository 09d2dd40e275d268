"""A text that makes sense in a district: names found, units checked, ready to be evaluated.

`check_text` is the way in. What it looked up for one owner it uses again for others that are alike, so that a template
over thousands of devices is checked once and otherwise only named anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

from twin.expressions.check import Checker, names_in
from twin.expressions.core import Input, Node, Selection, Window
from twin.expressions.dimensions import Measure, Nature, UnknownUnit, measure
from twin.expressions.errors import ExpressionError
from twin.expressions.grammar import parse
from twin.expressions.selection import THIS
from twin.expressions.syntax import Condition, Name, Selected, children
from twin.expressions.typed import Sheet, States, Truth, scaled

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from twin.expressions.scope import Scope
    from twin.expressions.syntax import Expression
    from twin.expressions.syntax import Node as Syntax
    from twin.expressions.typed import Type

__all__ = ["Checked", "ExpressionError", "Kind", "check_text"]

_MOST_VARIANTS = 64


class Kind(StrEnum):
    """What an expression gives: a number (see `unit_kind`), a condition that holds or not, or a state's name."""

    NUMBER = "number"
    BOOLEAN = "boolean"
    STATE = "state"


@dataclass(frozen=True, slots=True)
class Checked:
    """An expression whose names were found and whose units fit; `core` and what fills its slots."""

    text: str
    type: Type
    core: Node
    reads: tuple[Input, ...]
    constants: tuple[float | str, ...]
    windows: tuple[Window, ...]
    selections: tuple[Selection, ...]
    zone: ZoneInfo

    @property
    def kind(self) -> Kind:
        """What it gives."""
        if isinstance(self.type, Truth):
            return Kind.BOOLEAN
        return Kind.STATE if isinstance(self.type, States) else Kind.NUMBER

    @property
    def unit_kind(self) -> str:
        """What it measures in words for people: `power (kW)`, `a bare number`, `a condition`, `a state`."""
        return self.type.words

    @property
    def states(self) -> frozenset[str]:
        """Names of the states that it may give, none for others."""
        return self.type.names if isinstance(self.type, States) else frozenset()

    @property
    def is_difference(self) -> bool:
        """Whether it is a difference of temperatures or levels, which is not one itself."""
        return isinstance(self.type, Measure) and self.type.nature is Nature.DIFFERENCE

    @property
    def inputs(self) -> tuple[str, ...]:
        """Full paths of all points that it reads, each once."""
        found = dict.fromkeys(one.path for one in self.reads)
        found |= dict.fromkeys(window.input.path for window in self.windows)
        found |= dict.fromkeys(one.path for selection in self.selections for one in selection.inputs)
        return tuple(found)

    def in_unit(self, unit: str) -> Checked:
        """Return the same number expressed in a UCUM unit; ExpressionError where it measures something else.

        A difference of temperatures is expressed in K (or K over something), never in degrees that have a zero.
        """
        if not isinstance(self.type, Measure):
            raise ExpressionError(f"a number in {unit} is expected, found {self.unit_kind}")
        try:
            target = measure(unit)
        except UnknownUnit as error:
            raise ExpressionError(str(error)) from None
        target = _fitting(self.type, target, unit)
        return replace(self, type=target, core=_convert(self.core, self.type, target))


def _fitting(found: Measure, target: Measure, unit: str) -> Measure:
    kinds = {found.kind, target.kind} - {""}
    different = found.nature is Nature.DIFFERENCE and target.nature is Nature.ABSOLUTE
    if found.exponents != target.exponents or (len(kinds) > 1 and not different):
        raise ExpressionError(f"it gives {found.words}, and {target.words or unit} is expected")
    if different and target.offset:
        raise ExpressionError(f"it gives a difference, which is not {target.words}: a difference is in K")
    return replace(target, nature=Nature.DIFFERENCE) if different else target


def _convert(node: Node, source: Measure, target: Measure) -> Node:
    absolute = target.nature is Nature.ABSOLUTE
    offset = (source.offset - target.offset) / target.scale if absolute else Fraction(0)
    return scaled(node, source.scale / target.scale, offset)


def check_text(text: str, scope: Scope) -> Checked:
    """Return a text as an expression that makes sense; ExpressionError (words, column) when it does not."""
    tree = parse(text)
    own = _owned(tree)
    signature = None if own.by_selection else _signature(own.names, scope)
    if signature is None:
        return _checked(text, tree, scope)
    key = f"checked {len(scope.later) if own.selects else 0} {text}"
    variants = scope.ground.memo.setdefault(key, {})
    if not isinstance(variants, dict):
        raise TypeError(key)
    found: Checked | None = variants.get(signature)
    if found is not None:
        return _renamed(found, scope)
    found = _checked(text, tree, scope)
    if len(variants) < _MOST_VARIANTS:
        variants[signature] = found
    return found


def _checked(text: str, tree: Expression, scope: Scope) -> Checked:
    sheet = Sheet()
    typed = Checker(scope, sheet).check(tree)
    return Checked(
        text=text,
        type=typed.type,
        core=sheet.node(typed),
        reads=tuple(sheet.inputs),
        constants=tuple(sheet.constants),
        windows=tuple(sheet.windows),
        selections=tuple(sheet.selections),
        zone=scope.ground.zone,
    )


@dataclass(frozen=True, slots=True)
class _Owned:
    """What in an expression depends on its owner: names, and (`by_selection`) what `this` selects."""

    names: tuple[str, ...]
    selects: bool
    by_selection: bool


@lru_cache(maxsize=1024)
def _owned(tree: Expression) -> _Owned:
    names: dict[str, None] = {}
    selects = by_selection = False
    waiting: list[Syntax] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Selected):
            # The names inside are of what is selected.
            selects = True
            waiting.append(node.where)
            continue
        by_selection |= isinstance(node, Condition) and node.value == THIS
        if isinstance(node, Name):
            names |= dict.fromkeys(name.text for name in names_in(node) if "/" not in name.text)
        waiting.extend(children(node))
    return _Owned(tuple(names), selects, by_selection)


def _signature(names: tuple[str, ...], scope: Scope) -> tuple[object, ...] | None:
    """Return what the check of an expression sees of its owner's points; None where one is missing."""
    points = [scope.ground.point(scope.owner, name) for name in names]
    if any(point is None for point in points):
        return None
    return tuple(
        (point.quantity.name, point.heartbeat_s, point.silent_after_s, point.wraps_at, point.readable,
         tuple(point.states.values()))
        for point in points if point is not None
    )  # fmt: skip


def _renamed(found: Checked, scope: Scope) -> Checked:
    """Return an expression with the owner's own points in the place of another owner's."""
    reads = tuple(_own(one, scope) if one.own else one for one in found.reads)
    windows = tuple(
        replace(window, input=_own(window.input, scope)) if window.input.own else window
        for window in found.windows
    )
    return replace(found, reads=reads, windows=windows)


def _own(one: Input, scope: Scope) -> Input:
    return Input(scope.path(scope.owner, one.path.rpartition("/")[2]), own=True, hold_s=one.hold_s)
