"""What a text says before anybody has looked at a district: the syntax tree.

`at` is the column at which a node begins, counted from 1.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Number:
    """A number with its unit as written, empty where none was."""

    at: int
    text: str
    unit: str

    @property
    def written(self) -> str:
        """Number and unit, as a duration is read."""
        return f"{self.text}{self.unit}"


@dataclass(frozen=True, slots=True)
class Word:
    """The name of a state, in single quotes."""

    at: int
    text: str


@dataclass(frozen=True, slots=True)
class Name:
    """A point or a quantity: `level`, or `cistern-a1/level`."""

    at: int
    text: str


@dataclass(frozen=True, slots=True)
class Unary:
    """`-x` or `not x`."""

    at: int
    operator: str
    operand: Expression


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands with what stands between them."""

    at: int
    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Call:
    """A function of its arguments."""

    at: int
    function: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Moving:
    """A function over what a point said for some time: `mean(outlet_flow over 30min)`."""

    at: int
    function: str
    body: Expression
    span: Number


@dataclass(frozen=True, slots=True)
class Selected:
    """A function over all points that a filter finds: `sum(active_power where kind = EnergyMeter)`."""

    at: int
    function: str
    body: Expression
    where: Filter


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a filter: `kind = WaterTank`, `site within tower-a`, `fed by feeder-1`."""

    at: int
    key: str
    relation: str
    value: str


@dataclass(frozen=True, slots=True)
class Both:
    """Two filters joined by `and` or `or`."""

    at: int
    operator: str
    left: Filter
    right: Filter


@dataclass(frozen=True, slots=True)
class Neither:
    """What a filter does not find."""

    at: int
    operand: Filter


Filter = Condition | Both | Neither
Expression = Number | Word | Name | Unary | Binary | Call | Moving | Selected
Node = Expression | Filter


def children(node: Node) -> tuple[Node, ...]:
    """Return the nodes right below one."""
    match node:
        case Unary() | Neither():
            return (node.operand,)
        case Binary() | Both():
            return (node.left, node.right)
        case Call():
            return node.arguments
        case Moving():
            return (node.body, node.span)
        case Selected():
            return (node.body, node.where)
        case _:
            return ()
