"""What is computed: the few kinds of nodes that a checked expression is made of.

A node names what it reads by slots, not by paths: expressions of one shape share their nodes, equal ones are equal and
hash alike, and so thousands of them are evaluated together. What fills the slots stands beside it (`Input`, `Window`,
`Selection` and constants, in `twin.expressions.checked.Checked`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Read:
    """The value of a point."""

    slot: int


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal: a number in the unit in which it is needed, or a state's name."""

    slot: int


@dataclass(frozen=True, slots=True)
class Each:
    """The value of one point of a selection, or the reading that a window takes in."""


@dataclass(frozen=True, slots=True)
class Moved:
    """The value of a window; `each` when every point of a selection has one."""

    slot: int
    each: bool


@dataclass(frozen=True, slots=True)
class Calendar:
    """`hour`, `minute` or `weekday` on the district's clock."""

    field: str


@dataclass(frozen=True, slots=True)
class Scaled:
    """Another unit: `operand * multiplier / divisor + offset`."""

    operand: Node
    multiplier: float
    divisor: float
    offset: float


@dataclass(frozen=True, slots=True)
class Apply:
    """An operation on operands that must all have a value."""

    operation: str
    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choose:
    """`if`: of two branches only the chosen one must have a value."""

    condition: Node
    yes: Node
    no: Node


@dataclass(frozen=True, slots=True)
class Known:
    """Whether something has a value now."""

    operand: Node


@dataclass(frozen=True, slots=True)
class Otherwise:
    """Something, or a default where it has no value now."""

    operand: Node
    default: Node


@dataclass(frozen=True, slots=True)
class Reduce:
    """A function over a selection; `period` is that of a direction."""

    operation: str
    slot: int
    body: Node
    period: float | None = None


Node = Read | Constant | Each | Moved | Calendar | Scaled | Apply | Choose | Known | Otherwise | Reduce


def operands(node: Node) -> tuple[Node, ...]:
    """Return the nodes right below one."""
    match node:
        case Scaled() | Known():
            return (node.operand,)
        case Apply():
            return node.operands
        case Choose():
            return (node.condition, node.yes, node.no)
        case Otherwise():
            return (node.operand, node.default)
        case Reduce():
            return (node.body,)
        case _:
            return ()


@dataclass(frozen=True, slots=True)
class Input:
    """A point that is read. `own` says that it was written without its owner: another owner has another one.

    A recorded reading stands for `hold_s` seconds and no longer: then the device should have been heard again.
    """

    path: str
    own: bool
    hold_s: float


@dataclass(frozen=True, slots=True)
class Window:
    """A function over what a point said within the last `span_s` seconds.

    `body` is applied to each reading as it comes, with its own `constants`. `wraps_at` is that of a counter's register,
    in the point's unit; `counter` says that a fall is a wrap or a reset.
    """

    input: Input
    function: str
    span_s: float
    body: Node
    constants: tuple[float | str, ...]
    truth: bool
    counter: bool
    wraps_at: float | None
    period: float | None


@dataclass(frozen=True, slots=True)
class Selection:
    """Points that a filter found, and the windows of each where it has some."""

    inputs: tuple[Input, ...]
    windows: tuple[tuple[Window, ...], ...]
