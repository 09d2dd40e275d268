"""Functions of arguments: `abs(x)`, `if(condition, a, b)`, `clamp(x, low, high)`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from twin.expressions import core
from twin.expressions.arithmetic import together
from twin.expressions.dimensions import BARE, Measure, Nature, nature_of
from twin.expressions.errors import ExpressionError
from twin.expressions.typed import TRUTH, States, Truth, Typed, measure_of
from twin.model.source import suggest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twin.expressions.check import Checker
    from twin.expressions.syntax import Call

_MANY = 50


class Function(NamedTuple):
    """A function: how many arguments it takes, how they are written, what it does, and what checks them."""

    least: int
    most: int
    form: str
    meaning: str
    build: Callable[[Checker, Call], Typed]


def call(checker: Checker, node: Call) -> Typed:
    """Return a function of its arguments; ExpressionError where there is no such function or it takes others."""
    found = FUNCTIONS.get(node.function)
    if found is None:
        raise ExpressionError(_unknown(node.function), node.at)
    count = len(node.arguments)
    if not found.least <= count <= found.most:
        raise ExpressionError(f"{node.function} is written {found.form}, found {_counted(count)}", node.at)
    return found.build(checker, node)


def _unknown(name: str) -> str:
    over = {"rate", "delta", "integral"}
    if name in over:
        return f"{name} needs a time: {name}(POINT over 1h)"
    if name == "count":
        return "count needs a selection or a time: count(POINT where kind = KIND), count(POINT over 1h)"
    return f"there is no function {name!r}{suggest(name, [*FUNCTIONS, *over, 'count'])}"


def _counted(count: int) -> str:
    return f"{count} argument{'' if count == 1 else 's'}"


def _arguments(checker: Checker, node: Call) -> list[Typed]:
    return [checker.check(argument) for argument in node.arguments]


def _abs(checker: Checker, node: Call) -> Typed:
    (operand,) = _arguments(checker, node)
    measure = measure_of(operand, "abs")
    if measure.nature is Nature.ABSOLUTE:
        raise ExpressionError(
            f"the size of {measure.words} means nothing, that of a difference does", node.at
        )
    return Typed(node.at, measure, core.Apply("abs", (checker.sheet.node(operand),)))


def _sqrt(checker: Checker, node: Call) -> Typed:
    (operand,) = _arguments(checker, node)
    measure = measure_of(operand, "sqrt")
    if any(exponent % 2 for exponent in measure.exponents) or measure.nature is Nature.ABSOLUTE:
        words = f"there is no square root of {measure.words}: divide by a unit first, as in sqrt(x / 1 Pa)"
        raise ExpressionError(words, node.at)
    exponents = tuple(exponent // 2 for exponent in measure.exponents)
    inner = checker.sheet.in_measure(operand, Measure(measure.exponents, nature=measure.nature))
    return Typed(node.at, Measure(exponents, nature=nature_of(exponents)), core.Apply("sqrt", (inner,)))


def _round(checker: Checker, node: Call) -> Typed:
    operand, *step = _arguments(checker, node)
    measure = measure_of(operand, "round")
    if not step:
        if not measure.bare:
            words = f"say to what {measure.words} is rounded: round(x, 1 {measure.code or 'UNIT'})"
            raise ExpressionError(words, node.at)
        return Typed(node.at, BARE, core.Apply("round", (checker.sheet.node(operand),)))
    width = replace(step[0], type=_as_step(measure_of(step[0], "round")))
    like = replace(operand, type=_as_step(measure)) if measure.nature is Nature.ABSOLUTE else operand
    together((like, width), "round")
    if width.value is not None and width.value <= 0:
        raise ExpressionError("a step is larger than 0", width.at)
    sides = (checker.sheet.node(operand), checker.sheet.in_measure(width, measure_of(like, "round")))
    return Typed(node.at, measure, core.Apply("round_to", sides))


def _as_step(measure: Measure) -> Measure:
    """A step of temperatures is a difference of two, whatever degree it is written in."""
    if measure.nature in {Nature.ABSOLUTE, Nature.EITHER}:
        return replace(measure, nature=Nature.DIFFERENCE, offset=BARE.offset)
    return measure


def _extreme(operation: str) -> Callable[[Checker, Call], Typed]:
    def build(checker: Checker, node: Call) -> Typed:
        arguments = _arguments(checker, node)
        common = together(arguments, "compare")
        nodes = tuple(checker.sheet.in_measure(argument, common) for argument in arguments)
        return Typed(node.at, common, core.Apply(operation, nodes))

    return build


def _mean(checker: Checker, node: Call) -> Typed:
    arguments = _arguments(checker, node)
    common = together(arguments, "have a mean")
    nodes = tuple(checker.sheet.in_measure(argument, common) for argument in arguments)
    return Typed(node.at, common, core.Apply("mean", nodes))


def _sum(checker: Checker, node: Call) -> Typed:
    arguments = _arguments(checker, node)
    common = together(arguments, "add")
    if common.nature is Nature.ABSOLUTE:
        raise ExpressionError(f"{common.words} does not add up, it has a mean", node.at)
    nodes = tuple(checker.sheet.in_measure(argument, common) for argument in arguments)
    return Typed(node.at, common, core.Apply("sum", nodes))


def _if(checker: Checker, node: Call) -> Typed:
    condition = checker.truth(node.arguments[0])
    yes, no = (checker.check(argument) for argument in node.arguments[1:])
    kind, nodes = alternatives(checker, (yes, no), node.at)
    return Typed(node.at, kind, core.Choose(condition, *nodes))


def _known(checker: Checker, node: Call) -> Typed:
    (operand,) = _arguments(checker, node)
    return Typed(node.at, TRUTH, core.Known(checker.sheet.node(operand)))


def _otherwise(checker: Checker, node: Call) -> Typed:
    operand, default = _arguments(checker, node)
    kind, nodes = alternatives(checker, (operand, default), node.at)
    return Typed(node.at, kind, core.Otherwise(*nodes))


def alternatives(
    checker: Checker, parts: Sequence[Typed], at: int
) -> tuple[Measure | Truth | States, list[core.Node]]:
    """Return the one type of two parts of which one is taken, and their nodes."""
    types = [part.type for part in parts]
    if all(isinstance(one, Measure) for one in types):
        common = together(parts, "stand for one another")
        return common, [checker.sheet.in_measure(part, common) for part in parts]
    nodes = [checker.sheet.node(part) for part in parts]
    if all(isinstance(one, Truth) for one in types):
        return TRUTH, nodes
    states = [one for one in types if isinstance(one, States)]
    if len(states) == len(types):
        return States(frozenset().union(*(one.names for one in states))), nodes
    words = " and ".join(one.words for one in types)
    raise ExpressionError(f"{words} do not stand for one another", at)


def _clamp(checker: Checker, node: Call) -> Typed:
    arguments = _arguments(checker, node)
    common = together(arguments, "compare")
    value, low, high = (checker.sheet.in_measure(argument, common) for argument in arguments)
    inner = core.Apply("maximum", (value, low))
    return Typed(node.at, common, core.Apply("minimum", (inner, high)))


FUNCTIONS: dict[str, Function] = {
    "abs": Function(1, 1, "abs(x)", "the size of a number", _abs),
    "sqrt": Function(1, 1, "sqrt(x)", "the square root; undefined below zero", _sqrt),
    "round": Function(
        1, 2, "round(x) or round(x, step)", "the nearest whole number or multiple of a step", _round
    ),
    "clamp": Function(3, 3, "clamp(x, low, high)", "`x`, but not below `low` and not above `high`", _clamp),
    "min": Function(2, _MANY, "min(a, b, …)", "the smallest", _extreme("minimum")),
    "max": Function(2, _MANY, "max(a, b, …)", "the largest", _extreme("maximum")),
    "mean": Function(2, _MANY, "mean(a, b, …)", "the mean", _mean),
    "sum": Function(2, _MANY, "sum(a, b, …)", "the sum", _sum),
    "if": Function(3, 3, "if(condition, a, b)", "`a` while the condition holds, else `b`", _if),
    "known": Function(1, 1, "known(x)", "whether `x` has a usable value now", _known),
    "otherwise": Function(
        2, 2, "otherwise(x, default)", "`x` while it has a usable value, else the default", _otherwise
    ),
}
