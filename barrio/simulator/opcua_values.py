"""What the nodes of a simulated OPC UA server hold: a value, an array or structures, of the points that live there.

Structures get a data type each, whose fields are the ones that points name, in the order of the files.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from asyncua import ua
from asyncua.common.structures104 import new_struct, new_struct_field
from asyncua.ua.ua_binary import pack_uatype

from twin.errors import StartError
from twin.model.quantities import Aggregation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from asyncua.server.server import Server

    from barrio.simulator.desk import Raw
    from connectors.opcua.config import OpcUaPoint
    from twin.model.district import Device, Point

# Whole numbers that a double holds exactly, so that the ends do not overflow the node's type.
_MOST = {ua.VariantType.Int32: 2.0**31 - 1, ua.VariantType.Int64: 2.0**53}


@dataclass(frozen=True, slots=True)
class Cell:
    """One point's part of a node's value."""

    device: Device
    point: Point

    @property
    def address(self) -> OpcUaPoint:
        """Where in the node the point lives."""
        return cast("OpcUaPoint", self.point.address)

    @property
    def type(self) -> ua.VariantType:
        """Type of the part."""
        return variant_type(self.point)


@dataclass(slots=True)
class Layout:
    """A structure: its data type and encoding in the server, and its fields: types, or structures again."""

    fields: dict[str, ua.VariantType | Layout] = field(default_factory=dict)
    type: ua.NodeId = field(default_factory=ua.NodeId)
    encoding: ua.NodeId = field(default_factory=ua.NodeId)

    def add(self, cell: Cell, names: Sequence[str]) -> None:
        """Make room for a cell; StartError when its field is of another kind already."""
        name, *inner = names
        wanted: ua.VariantType | Layout = Layout() if inner else cell.type
        found = self.fields.setdefault(name, wanted)
        if isinstance(found, Layout) and inner:
            found.add(cell, inner)
        elif found != wanted:
            raise cannot(cell.point, f"the field {name} is of another kind for another point")

    async def define(self, server: Server, index: int, name: str) -> None:
        """Make the data type in the server, inner ones first."""
        fields = []
        for one, held in self.fields.items():
            if isinstance(held, Layout):
                await held.define(server, index, f"{name}.{one}")
            fields.append(new_struct_field(one, held.type if isinstance(held, Layout) else held))
        kind, encodings = await new_struct(server, index, name, fields)
        self.type, self.encoding = kind.nodeid, encodings[0].nodeid

    def packed(self, raw: Callable[[str], Raw], path: str = "") -> bytes:
        """Return the fields as they stand on the wire (OPC 10000-6, 5.2.6); `raw` gives each by its dotted name."""
        return b"".join(
            held.packed(raw, f"{path}{name}.")
            if isinstance(held, Layout)
            else pack_uatype(held, typed(held, raw(path + name)))
            for name, held in self.fields.items()
        )


class Value:
    """What one node holds: one value, or an array, of a type or of structures; `points` live there."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        """StartError, with file and line, when the points do not go together."""
        first = cells[0]
        self.type = first.type
        self.array = first.address.index is not None
        self.layout = Layout() if first.address.field else None
        # By element and field; of two points that are the same value, the first one's is shown.
        self.cells: dict[tuple[int, str], Cell] = {}
        for cell in cells:
            self._check(cell, first)
            if self.layout is not None:
                self.layout.add(cell, cell.address.field.split("."))
            self.cells.setdefault((cell.address.index or 0, cell.address.field), cell)
        self.length = 1 + max(at for at, _ in self.cells)

    def _check(self, cell: Cell, first: Cell) -> None:
        if (cell.address.index is not None) != self.array:
            raise cannot(
                cell.point, f"its node is {'an' if self.array else 'no'} array for {first.point.path}"
            )
        if bool(cell.address.field) != (self.layout is not None):
            kind = "a" if self.layout else "no"
            raise cannot(cell.point, f"its node is {kind} structure for {first.point.path}")
        if self.layout is None and cell.type is not self.type:
            raise cannot(cell.point, f"its node holds {self.type.name} for {first.point.path}")

    @property
    def writable(self) -> bool:
        """Whether clients may write it: a field cannot be written by itself."""
        return self.layout is None and any(cell.point.writable for cell in self.cells.values())

    def variant(self, raw: Callable[[Cell], Raw]) -> ua.Variant:
        """Return the value as it is now; elements and fields that no point has are zero."""
        kind = self.type if self.layout is None else ua.VariantType.ExtensionObject
        parts = [self._part(at, raw) for at in range(self.length)]
        return ua.Variant(parts if self.array else parts[0], kind)

    def _part(self, at: int, raw: Callable[[Cell], Raw]) -> Any:
        def of(name: str) -> Raw:
            cell = self.cells.get((at, name))
            return 0 if cell is None else raw(cell)

        if self.layout is None:
            return typed(self.type, of(""))
        return ua.ExtensionObject(self.layout.encoding, cast("Any", self.layout.packed(of)))

    def written(self, value: object) -> Iterator[tuple[Cell, Raw]]:
        """Yield what a client wrote to each writable cell."""
        elements: Sequence[Any] = value if isinstance(value, list) else [value]
        for (at, _), cell in self.cells.items():
            if (
                cell.point.writable
                and at < len(elements)
                and isinstance(elements[at], bool | int | float | str)
            ):
                yield cell, elements[at]


def cannot(point: Point, words: str) -> StartError:
    """Return that the simulator cannot stand in for a point, for whoever wrote it."""
    return StartError(f"{point.file.name}:{point.line}: {point.path}: the simulator cannot serve it: {words}")


def variant_type(point: Point) -> ua.VariantType:
    """Return the type of a point's node: states by their codes, counts as integers, everything else as double."""
    if point.quantity.aggregation is Aggregation.STATE:
        code = next(iter(point.states), 0)
        if isinstance(code, bool):
            return ua.VariantType.Boolean
        return ua.VariantType.String if isinstance(code, str) else ua.VariantType.Int32
    counts = point.quantity.unit.startswith("{") and point.scale == 1.0 and point.offset == 0.0
    return ua.VariantType.Int64 if counts else ua.VariantType.Double


def typed(kind: ua.VariantType, raw: Raw) -> Raw:
    """Return a raw value as the type of its node."""
    if kind is ua.VariantType.Boolean:
        return bool(raw)
    if kind is ua.VariantType.String:
        return str(raw)
    if kind is ua.VariantType.Double:
        return float(raw)
    most = _MOST[kind]
    return round(min(most, max(-most, float(raw)))) if math.isfinite(float(raw)) else round(most)
