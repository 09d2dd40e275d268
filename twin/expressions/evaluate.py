"""A core evaluated over many rows at once: every node is a few numpy operations, whatever the number of rows.

Beside each value go flags: a value with `MISSING` or `UNDEFINED` is none, whatever number stands there; the others say
what is doubtful about it. Flags follow the values: an operation has those of all its operands, `if` those of the branch
that it takes, `and` and `or` only those of the side that decides when one side does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from twin.expressions import core
from twin.frame import Qualities, Values
from twin.quality import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Flags = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.intp]
Valued = tuple[Values, Flags]

MISSING, UNDEFINED, INCOMPLETE, UNCERTAIN = 1, 2, 4, 8
NO_VALUE = MISSING | UNDEFINED
WINDOW_REQUIRE = 0.9
"""Share of a window that must be covered where nothing else is said."""
AGGREGATE_REQUIRE = 1.0
"""Share of a selection that must be usable where nothing else is said."""
_ENOUGH = 1e-9


class Slots(Protocol):
    """What fills the slots of a core, for `count` rows."""

    @property
    def count(self) -> int:
        """Number of rows."""

    @property
    def require(self) -> Values:
        """Share that must be usable, NaN where nothing is said, for each row."""

    def read(self, slot: int) -> Valued:
        """Value of a point in each row."""

    def constant(self, slot: int) -> Values:
        """Literal of each row."""

    def each(self) -> Valued:
        """Value of the selected point in each row."""

    def moved(self, slot: int, *, each: bool) -> tuple[Values, Values, Flags]:
        """Value of a window in each row, the share of its time that is covered, and flags."""

    def calendar(self, field: str) -> Values:
        """What the clock shows in each row."""

    def selection(self, slot: int) -> tuple[Slots, Rows]:
        """Rows of all selected points, and how many belong to each row of these."""


def evaluate(node: core.Node, slots: Slots) -> Valued:
    """Return the value of a core in each row with its flags."""
    return _NODES[type(node)](node, slots)


def settle(value: Values, flags: Flags) -> tuple[Values, Qualities]:
    """Return values and qualities as they are stored: NaN exactly where the quality is bad."""
    quality = np.zeros(len(value), np.uint8)
    quality[flags & UNCERTAIN != 0] = Reason.INPUT_UNCERTAIN
    quality[flags & INCOMPLETE != 0] = Reason.INCOMPLETE
    finite = np.isfinite(value)
    quality[~finite | (flags & UNDEFINED != 0)] = Reason.UNDEFINED
    quality[flags & MISSING != 0] = Reason.INPUT_MISSING
    return np.where(quality < Reason.INPUT_MISSING, value, np.nan), quality


def _no_flags(count: int) -> Flags:
    return np.zeros(count, np.uint8)


def _usable(value: Values, flags: Flags) -> npt.NDArray[np.bool_]:
    usable: npt.NDArray[np.bool_] = (flags & NO_VALUE == 0) & np.isfinite(value)
    return usable


def _constant(node: core.Constant, slots: Slots) -> Valued:
    return slots.constant(node.slot), _no_flags(slots.count)


def _calendar(node: core.Calendar, slots: Slots) -> Valued:
    return slots.calendar(node.field), _no_flags(slots.count)


def _apply(node: core.Apply, slots: Slots) -> Valued:
    return _OPERATIONS[node.operation](*(evaluate(operand, slots) for operand in node.operands))


def _known(node: core.Known, slots: Slots) -> Valued:
    value, flags = evaluate(node.operand, slots)
    return _usable(value, flags).astype(np.float64), _no_flags(slots.count)


def _scaled(node: core.Scaled, slots: Slots) -> Valued:
    value, flags = evaluate(node.operand, slots)
    if node.multiplier != 1.0:
        value = value * node.multiplier
    if node.divisor != 1.0:
        value = value / node.divisor
    return (value + node.offset if node.offset else value), flags


def _choose(node: core.Choose, slots: Slots) -> Valued:
    condition, flags = evaluate(node.condition, slots)
    (yes, yes_flags), (no, no_flags) = evaluate(node.yes, slots), evaluate(node.no, slots)
    taken = condition != 0
    return np.where(taken, yes, no), flags | np.where(taken, yes_flags, no_flags)


def _otherwise(node: core.Otherwise, slots: Slots) -> Valued:
    (value, flags), (default, default_flags) = evaluate(node.operand, slots), evaluate(node.default, slots)
    usable = _usable(value, flags)
    return np.where(usable, value, default), np.where(usable, flags, default_flags)


def _moved(node: core.Moved, slots: Slots) -> Valued:
    value, share, flags = slots.moved(node.slot, each=node.each)
    least = np.where(np.isnan(slots.require), WINDOW_REQUIRE, slots.require)
    return value, flags | _short(share, least)


def _short(share: Values, least: Values) -> Flags:
    """Return flags for what has less than all, and less than it must have."""
    flags = np.where(share < 1 - _ENOUGH, INCOMPLETE, 0)
    flags[(share < least - _ENOUGH) | (share <= 0)] = MISSING
    return flags.astype(np.uint8)


# --- selections -----------------------------------------------------------------------------------------------


def _reduce(node: core.Reduce, slots: Slots) -> Valued:
    elements, lengths = slots.selection(node.slot)
    value, flags = evaluate(node.body, elements)
    starts = np.concatenate(([0], np.cumsum(lengths)[:-1]))
    usable = _usable(value, flags)
    count = np.add.reduceat(usable, starts, dtype=np.float64)
    if node.operation == "count":
        return count, _no_flags(slots.count)
    every = bool(usable.all())
    doubts = flags & (INCOMPLETE | UNCERTAIN)
    found = np.bitwise_or.reduceat(doubts if every else np.where(usable, doubts, 0), starts).astype(np.uint8)
    least = np.where(np.isnan(slots.require), AGGREGATE_REQUIRE, slots.require)
    found |= _short(count / lengths, least)
    return _REDUCTIONS[node.operation](value, usable, starts, count, node.period), found


def _sum(value: Values, usable: npt.NDArray[np.bool_], starts: Rows, *_: object) -> Values:
    total: Values = np.add.reduceat(np.where(usable, value, 0.0), starts)
    return total


def _mean(
    value: Values, usable: npt.NDArray[np.bool_], starts: Rows, count: Values, period: float | None
) -> Values:
    if period is None:
        return _sum(value, usable, starts) / count
    angle = value * (2 * np.pi / period)
    east, north = (_sum(part, usable, starts) for part in (np.sin(angle), np.cos(angle)))
    return direction(east, north, period)


def direction(east: Values, north: Values, period: float | Values) -> Values:
    """Return the mean direction that the sums of sines and cosines give."""
    found: Values = np.arctan2(east, north) * (period / (2 * np.pi)) % period
    # What lies a hair before the beginning is rounded to the very end.
    return np.where(found >= period, 0.0, found)


def _min(value: Values, usable: npt.NDArray[np.bool_], starts: Rows, *_: object) -> Values:
    least: Values = np.minimum.reduceat(np.where(usable, value, np.inf), starts)
    return least


def _max(value: Values, usable: npt.NDArray[np.bool_], starts: Rows, *_: object) -> Values:
    most: Values = np.maximum.reduceat(np.where(usable, value, -np.inf), starts)
    return most


_REDUCTIONS: Mapping[str, Callable[..., Values]] = {
    "sum": _sum,
    "mean": _mean,
    "min": _min,
    "max": _max,
    "count_true": _sum,
}

# --- operations -----------------------------------------------------------------------------------------------


def _plain(function: Callable[..., npt.NDArray[np.generic]]) -> Callable[..., Valued]:
    def apply(*operands: Valued) -> Valued:
        value = function(*(value for value, _ in operands))
        flags = operands[0][1]
        for _, others in operands[1:]:
            flags = flags | others
        return value.astype(np.float64, copy=False), flags

    return apply


def _partial(function: Callable[..., Values]) -> Callable[..., Valued]:
    """Return an operation that has no value for some operands: undefined where the result is not finite."""
    inner = _plain(function)

    def apply(*operands: Valued) -> Valued:
        value, flags = inner(*operands)
        finite = np.isfinite(value)
        if not finite.all():
            flags = np.where(finite, flags, flags | UNDEFINED)
        return value, flags

    return apply


def _folded(function: Callable[[Values, Values], Values]) -> Callable[..., Valued]:
    def fold(*values: Values) -> Values:
        found = values[0]
        for value in values[1:]:
            found = function(found, value)
        return found

    return _plain(fold)


def _mean_of(*values: Values) -> Values:
    mean: Values = np.add.reduce(values) / len(values)
    return mean


def _round_to(value: Values, step: Values) -> Values:
    rounded: Values = np.rint(value / step) * step
    return rounded


def _decided(left: Valued, right: Valued, deciding: float) -> Valued:
    """`and` (false decides) and `or` (true decides): a side that decides alone needs no other."""
    (one, one_flags), (other, other_flags) = left, right
    by_one = (one == deciding) & (one_flags & NO_VALUE == 0)
    by_other = (other == deciding) & (other_flags & NO_VALUE == 0)
    flags = np.where(by_one, one_flags, np.where(by_other, other_flags, one_flags | other_flags))
    return np.where(by_one | by_other, deciding, 1.0 - deciding), flags


_OPERATIONS: Mapping[str, Callable[..., Valued]] = {
    "add": _plain(np.add),
    "subtract": _plain(np.subtract),
    "multiply": _plain(np.multiply),
    "divide": _partial(np.divide),
    "power": _partial(np.power),
    "negate": _plain(np.negative),
    "abs": _plain(np.abs),
    "sqrt": _partial(np.sqrt),
    "round": _plain(np.rint),
    "round_to": _partial(_round_to),
    "minimum": _folded(np.minimum),
    "maximum": _folded(np.maximum),
    "mean": _plain(_mean_of),
    "sum": _folded(np.add),
    "equal": _plain(np.equal),
    "unequal": _plain(np.not_equal),
    "less": _plain(np.less),
    "less_equal": _plain(np.less_equal),
    "greater": _plain(np.greater),
    "greater_equal": _plain(np.greater_equal),
    "not": _plain(lambda value: 1.0 - value),
    "and": lambda left, right: _decided(left, right, 0.0),
    "or": lambda left, right: _decided(left, right, 1.0),
}

_NODES: Mapping[type[core.Node], Callable[..., Valued]] = {
    core.Read: lambda node, slots: slots.read(node.slot),
    core.Constant: _constant,
    core.Each: lambda _, slots: slots.each(),
    core.Moved: _moved,
    core.Calendar: _calendar,
    core.Scaled: _scaled,
    core.Apply: _apply,
    core.Choose: _choose,
    core.Known: _known,
    core.Otherwise: _otherwise,
    core.Reduce: _reduce,
}
