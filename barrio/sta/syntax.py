"""A filter as a tree: what `barrio.sta.parser` makes and `barrio.sta.evaluate` turns into a function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that stands in the text: None, bool, int, float, str, a time, a geometry."""

    value: Any


@dataclass(frozen=True, slots=True)
class Path:
    """Relations and then a property, such as `Datastream/unitOfMeasurement/symbol`."""

    segments: tuple[str, ...]

    def __str__(self) -> str:
        """Return it as it was written."""
        return "/".join(self.segments)


@dataclass(frozen=True, slots=True)
class Call:
    """A function and what it is given."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Unary:
    """`not` or `-` before a node."""

    operator: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Binary:
    """Two nodes and what stands between them."""

    operator: str
    left: Node
    right: Node


Node = Literal | Path | Call | Unary | Binary


def conjuncts(node: Node | None) -> list[Node]:
    """Return the parts that all have to hold."""
    found: list[Node] = []
    waiting = [] if node is None else [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Binary) and one.operator == "and":
            waiting += [one.right, one.left]
        else:
            found.append(one)
    return found
