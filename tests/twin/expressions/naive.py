"""A slow and simple reading of expressions, to hold the fast one to: one value at a time, straight from the syntax.

Knows numbers without units, conditions and points; None is what has no value.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping

from twin.expressions.syntax import Binary, Call, Expression, Name, Number, Unary

COMPARISONS = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def interpret(node: Expression, points: Mapping[str, float | None]) -> float | bool | None:
    """Return the value of an expression, None where it has none."""
    match node:
        case Number():
            return float(node.text)
        case Name():
            return points[node.text]
        case Unary():
            inner = interpret(node.operand, points)
            if inner is None:
                return None
            return not inner if node.operator == "not" else -inner
        case Binary():
            return _binary(node, points)
        case Call():
            return _call(node, points)
    raise TypeError(node)


def _binary(node: Binary, points: Mapping[str, float | None]) -> float | bool | None:
    left, right = interpret(node.left, points), interpret(node.right, points)
    if node.operator in {"and", "or"}:
        deciding = node.operator == "or"
        if deciding in (left, right):
            return deciding
        return None if None in (left, right) else not deciding
    if left is None or right is None:
        return None
    if node.operator in COMPARISONS:
        return bool(COMPARISONS[node.operator](left, right))
    try:
        found = {
            "+": operator.add,
            "-": operator.sub,
            "*": operator.mul,
            "/": operator.truediv,
            "^": operator.pow,
        }[node.operator](left, right)
    except (ZeroDivisionError, OverflowError):
        return None
    return None if node.operator in {"/", "^"} and not math.isfinite(found) else found


def _call(node: Call, points: Mapping[str, float | None]) -> float | bool | None:
    values = [interpret(one, points) for one in node.arguments]
    first = values[0]
    if node.function == "if":
        return None if first is None else values[1] if first else values[2]
    if node.function == "known":
        return first is not None and math.isfinite(first)
    if node.function == "otherwise":
        return values[1] if first is None or not math.isfinite(first) else first
    numbers = [value for value in values if value is not None]
    return FUNCTIONS[node.function](*numbers) if len(numbers) == len(values) else None


FUNCTIONS: Mapping[str, Callable[..., float | None]] = {
    "abs": abs,
    "sqrt": lambda value: math.sqrt(value) if value >= 0 else None,
    "min": min,
    "max": max,
    "mean": lambda *values: sum(values) / len(values),
    "clamp": lambda value, low, high: min(max(value, low), high),
}
