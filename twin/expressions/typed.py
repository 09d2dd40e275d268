"""Nodes with their types, and what two of them have in common: the rules of units at each operator."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from twin.expressions import core
from twin.expressions.dimensions import PLAIN, Measure, Nature, code_of
from twin.expressions.errors import ExpressionError

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Truth:
    """The type of a condition: true or false."""

    words = "a condition"


@dataclass(frozen=True, slots=True)
class States:
    """The type of a state; `literal` for one that was written."""

    names: frozenset[str]
    literal: bool = False

    words = "a state"


Type = Measure | Truth | States
TRUTH = Truth()


@dataclass(frozen=True, slots=True)
class Typed:
    """Something with its type and the column at which it was written.

    A literal number has a `value` in its unit and no node yet: it becomes one in the unit in which it is needed.
    """

    at: int
    type: Type
    node: core.Node | None = None
    value: Fraction | None = None


class Sheet:
    """The slots of one expression while it is checked."""

    def __init__(self) -> None:
        self.inputs: dict[core.Input, int] = {}
        self.constants: list[float | str] = []
        self.windows: dict[core.Window, int] = {}
        self.selections: list[core.Selection] = []

    def read(self, source: core.Input) -> core.Read:
        """Return a node that reads a point."""
        return core.Read(self.inputs.setdefault(source, len(self.inputs)))

    def constant(self, value: float | str) -> core.Constant:
        """Return a node that is a literal."""
        self.constants.append(value)
        return core.Constant(len(self.constants) - 1)

    def moved(self, window: core.Window) -> core.Moved:
        """Return a node that reads a window."""
        return core.Moved(self.windows.setdefault(window, len(self.windows)), each=False)

    def node(self, typed: Typed) -> core.Node:
        """Return the node of something, a literal becoming one in its own unit."""
        if typed.node is not None:
            return typed.node
        return self.constant(_finite(typed.value or Fraction(0), typed.at))

    def in_measure(self, typed: Typed, target: Measure) -> core.Node:
        """Return the node of a number in the unit of another measure with the same exponents."""
        multiplier, offset = _conversion(measure_of(typed, "here"), target)
        if typed.value is not None:
            return self.constant(_finite(typed.value * multiplier + offset, typed.at))
        return scaled(self.node(typed), multiplier, offset)


def _conversion(source: Measure, target: Measure) -> tuple[Fraction, Fraction]:
    multiplier = source.scale / target.scale
    if Nature.ABSOLUTE in (source.nature, target.nature) and Nature.DIFFERENCE not in (
        source.nature,
        target.nature,
    ):
        return multiplier, (source.offset - target.offset) / target.scale
    return multiplier, Fraction(0)


def scaled(node: core.Node, multiplier: Fraction, offset: Fraction = Fraction(0)) -> core.Node:
    """Return a node in another unit; with whole multiplier and divisor where they are exact as floats."""
    if multiplier == 1 and offset == 0:
        return node
    top, bottom = multiplier.numerator, multiplier.denominator
    if max(abs(top), bottom) >= 2**53:
        return core.Scaled(node, float(multiplier), 1.0, float(offset))
    return core.Scaled(node, float(top), float(bottom), float(offset))


def _finite(value: Fraction, at: int) -> float:
    try:
        return float(value)
    except OverflowError:
        raise ExpressionError("the number is too large", at) from None


def measure_of(typed: Typed, where: str) -> Measure:
    """Return what a number measures; ExpressionError for a condition or a state."""
    if not isinstance(typed.type, Measure):
        hint = ": compare it, as in pump = 'on'" if isinstance(typed.type, States) else ""
        raise ExpressionError(f"{typed.type.words} is no number, and {where} takes numbers{hint}", typed.at)
    return typed.type


def agree(parts: Sequence[Typed], verb: str) -> Measure:
    """Return the measure in which all parts are brought together, that of the first one that is no literal.

    ExpressionError where they do not measure the same; `verb` says what was to be done, for example "add".
    """
    first = next((part for part in parts if part.value is None), parts[0])
    found = measure_of(first, verb)
    for part in parts:
        if part is not first:
            found = _joined(found, measure_of(part, verb), part, first, verb)
    return found


def _joined(found: Measure, other: Measure, part: Typed, first: Typed, verb: str) -> Measure:
    if part.value == 0 and other.bare and found.nature is not Nature.ABSOLUTE:
        return found
    _check_bare(found, other, part)
    _check_bare(other, found, first)
    kinds = {found.kind, other.kind} - {""}
    levels = Nature.PLAIN not in (found.nature, other.nature)
    if found.exponents != other.exponents or (len(kinds) > 1 and not levels):
        raise ExpressionError(clash(found, other, verb), part.at)
    return found if found.kind else replace(found, kind=other.kind)


def clash(left: Measure, right: Measure, verb: str) -> str:
    """Words for two measures that have nothing in common."""
    return f"{left.words} and {right.words} do not {verb}"


def _check_bare(measure: Measure, other: Measure, part: Typed) -> None:
    """Refuse a number without a unit beside one in a unit, and say what was probably meant."""
    if not other.bare or (measure.exponents == PLAIN and measure.scale == 1):
        return
    code = measure.code or code_of(measure.exponents, measure.scale)
    value = f"{float(part.value):.10g}" if part.value is not None else "a number"
    meant = f": write {value} {code}" if code else ""
    raise ExpressionError(
        f"{value} has no unit, and what it stands beside is {measure.words}{meant}", part.at
    )


def natures(parts: Sequence[Measure]) -> set[Nature]:
    """Return the natures that parts have; a literal in K takes that of the others."""
    found = {part.nature for part in parts}
    return found if found == {Nature.EITHER} else found - {Nature.EITHER}
