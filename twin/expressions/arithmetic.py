"""The operators: what two sides must have in common, and what comes of them."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from twin.expressions import core
from twin.expressions.dimensions import BARE, HIGHEST, PLAIN, Measure, Nature, nature_of, times
from twin.expressions.errors import ExpressionError
from twin.expressions.typed import TRUTH, States, Truth, Typed, agree, measure_of, natures
from twin.model.source import suggest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twin.expressions.typed import Sheet

COMPARISONS = {
    "=": "equal", "!=": "unequal", "<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal",
}  # fmt: skip
_LARGE_BITS = 200
_HIGHEST_POWER = 9


def negated(sheet: Sheet, operand: Typed, at: int) -> Typed:
    """Return `-x`."""
    measure = measure_of(operand, "-")
    if operand.value is not None:
        return replace(operand, at=at, value=-operand.value)
    if measure.nature is Nature.ABSOLUTE:
        raise ExpressionError(f"the negative of {measure.words} means nothing", at)
    return Typed(at, measure, core.Apply("negate", (sheet.node(operand),)))


def added(sheet: Sheet, left: Typed, right: Typed, sign: str, at: int) -> Typed:
    """Return `left + right` or `left - right`."""
    verb = "add" if sign == "+" else "subtract"
    if left.value is not None and right.value is not None and left.type == right.type:
        value = left.value + right.value if sign == "+" else left.value - right.value
        return replace(left, at=at, value=value)
    common = agree((left, right), verb)
    one, other = measure_of(left, verb).nature, measure_of(right, verb).nature
    if Nature.ABSOLUTE in (one, other):
        return _shifted(sheet, left, right, sign, at)
    if common.nature is Nature.EITHER:
        common = replace(common, nature=Nature.DIFFERENCE)
    operands = (sheet.in_measure(left, common), sheet.in_measure(right, common))
    return Typed(at, common, core.Apply(verb, operands))


def _shifted(sheet: Sheet, left: Typed, right: Typed, sign: str, at: int) -> Typed:
    """Add to a temperature or a level, or take one from another."""
    verb = "add" if sign == "+" else "subtract"
    one, other = measure_of(left, verb), measure_of(right, verb)
    if one.nature is other.nature is Nature.ABSOLUTE:
        if sign == "+" or one.kind != other.kind:
            raise ExpressionError(f"{one.words} and {other.words} do not {verb}{_meant(sign)}", at)
        both = (sheet.node(left), sheet.in_measure(right, one))
        kind = "" if one.kind == "temperature" else "level difference"
        difference = Measure(one.exponents, one.scale, kind=kind, nature=Nature.DIFFERENCE)
        return Typed(at, difference, core.Apply(verb, both))
    if one.nature is not Nature.ABSOLUTE and sign == "-":
        raise ExpressionError(f"{other.words} is not subtracted from a difference", at)
    common = one if one.nature is Nature.ABSOLUTE else other
    step = Measure(common.exponents, common.scale, nature=Nature.DIFFERENCE)
    operands = tuple(
        sheet.node(side)
        if measure_of(side, verb).nature is Nature.ABSOLUTE
        else sheet.in_measure(_as_difference(side), step)
        for side in (left, right)
    )
    return Typed(at, common, core.Apply(verb, operands))


def _as_difference(typed: Typed) -> Typed:
    return replace(typed, type=replace(measure_of(typed, "+"), nature=Nature.DIFFERENCE, offset=Fraction(0)))


def _meant(sign: str) -> str:
    return ": their mean is mean(a, b), a difference is added in K" if sign == "+" else ""


def multiplied(sheet: Sheet, left: Typed, right: Typed) -> Typed:
    """Return `left * right`; a bare literal leaves the kind as it is."""
    one, other = _factor(left, "*"), _factor(right, "*")
    if left.value is not None and right.value is not None:
        return _small(sheet, Typed(left.at, _product(one, other), value=left.value * right.value))
    operands = (sheet.node(left), sheet.node(right))
    if right.value is not None and other.bare:
        return Typed(left.at, one, core.Apply("multiply", operands))
    if left.value is not None and one.bare:
        return Typed(left.at, other, core.Apply("multiply", operands))
    return _small(sheet, Typed(left.at, _product(one, other), core.Apply("multiply", operands)))


def divided(sheet: Sheet, left: Typed, right: Typed, at: int) -> Typed:
    """Return `left / right`; a bare literal leaves the kind as it is."""
    one, other = _factor(left, "/"), _factor(right, "/")
    if right.value == 0:
        raise ExpressionError("division by zero", at)
    if left.value is not None and right.value is not None:
        return _small(
            sheet, Typed(left.at, _product(one, other, divide=True), value=left.value / right.value)
        )
    node = core.Apply("divide", (sheet.node(left), sheet.node(right)))
    if right.value is not None and other.bare:
        return Typed(left.at, one, node)
    return _small(sheet, Typed(left.at, _product(one, other, divide=True), node))


def raised(sheet: Sheet, left: Typed, right: Typed) -> Typed:
    """Return `left ^ right` for a whole number on the right."""
    measure = _factor(left, "^")
    power = right.value
    if power is None or right.type != BARE or power.denominator != 1 or not 0 <= power <= _HIGHEST_POWER:
        raise ExpressionError(f"a power is a whole number from 0 to {_HIGHEST_POWER}", right.at)
    exponents = tuple(int(power) * exponent for exponent in measure.exponents)
    _check_exponents(exponents, left.at)
    base = Measure(measure.exponents) if measure.exponents == PLAIN else measure
    node = sheet.in_measure(left, replace(base, nature=measure.nature))
    found = Measure(exponents, base.scale ** int(power), nature=nature_of(exponents))
    return _small(sheet, Typed(left.at, found, core.Apply("power", (node, sheet.constant(float(power))))))


def compared(sheet: Sheet, left: Typed, right: Typed, operator: str, at: int) -> Typed:
    """Return a comparison of two numbers, two states (`=` and `!=` only) or two conditions (the same)."""
    name = COMPARISONS[operator]
    if isinstance(left.type, Measure) and isinstance(right.type, Measure):
        common = together((left, right), "compare")
        operands = (sheet.in_measure(left, common), sheet.in_measure(right, common))
        return Typed(at, TRUTH, core.Apply(name, operands))
    if operator not in {"=", "!="}:
        measure_of(left, operator)
        measure_of(right, operator)
    if isinstance(left.type, States) and isinstance(right.type, States):
        _check_states(left, right)
    elif not (isinstance(left.type, Truth) and isinstance(right.type, Truth)):
        words = f"{left.type.words} and {right.type.words} do not compare"
        raise ExpressionError(words, at)
    return Typed(at, TRUTH, core.Apply(name, (sheet.node(left), sheet.node(right))))


def together(parts: Sequence[Typed], verb: str) -> Measure:
    """Return the measure in which parts are compared, or chosen from: temperatures, or differences, not both."""
    common = agree(parts, verb)
    found = natures([measure_of(part, verb) for part in parts if part.value != 0 or part.type != BARE])
    if len(found) > 1:
        first, *others = (measure_of(part, verb) for part in parts)
        other = next((one for one in others if one.nature is not first.nature), others[0])
        raise ExpressionError(f"{first.words} and {other.words} do not {verb}", parts[0].at)
    kinds = {measure_of(part, verb).kind for part in parts} - {""}
    if found == {Nature.ABSOLUTE} and len(kinds) > 1:
        raise ExpressionError(f"{' and '.join(sorted(kinds))} do not {verb}", parts[0].at)
    return replace(common, nature=found.pop()) if found else common


def _check_states(left: Typed, right: Typed) -> None:
    """Refuse a state that the other side never has."""
    for side, other in ((left, right), (right, left)):
        if not isinstance(side.type, States) or not isinstance(other.type, States):
            continue
        if side.type.literal and not side.type.names & other.type.names:
            (name,) = list(side.type.names)[:1]
            known = sorted(other.type.names)
            words = f"there is no state {name!r} here{suggest(name, known)}: {', '.join(known)}"
            raise ExpressionError(words, side.at)
    if (
        isinstance(left.type, States)
        and isinstance(right.type, States)
        and not left.type.names & right.type.names
    ):
        raise ExpressionError("the two sides have no state in common", left.at)


def _factor(typed: Typed, sign: str) -> Measure:
    measure = measure_of(typed, sign)
    if measure.nature is Nature.ABSOLUTE:
        hint = "a difference of two" if measure.kind == "temperature" else "a difference"
        raise ExpressionError(
            f"{measure.words} counts from a zero that was chosen: {sign} takes {hint}", typed.at
        )
    return measure


def _product(left: Measure, right: Measure, *, divide: bool = False) -> Measure:
    return times(left, right, divide=divide)


def _check_exponents(exponents: Sequence[int], at: int) -> None:
    if max(map(abs, exponents)) > HIGHEST:
        raise ExpressionError("the powers of its unit are too high", at)


def _small(sheet: Sheet, typed: Typed) -> Typed:
    """Bound the numbers that stand for a unit: one that grew long is made the SI's own."""
    measure = measure_of(typed, "*")
    _check_exponents(measure.exponents, typed.at)
    if max(measure.scale.numerator.bit_length(), measure.scale.denominator.bit_length()) <= _LARGE_BITS:
        return typed
    target = replace(measure, scale=Fraction(1))
    return Typed(typed.at, target, sheet.in_measure(typed, target))
