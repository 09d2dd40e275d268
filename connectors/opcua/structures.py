"""Structures of a server, decoded by the layout that the server itself gives for their data types.

The library can decode them too, but keeps what it learned for all servers of the process under node ids, whose
namespace index is each server's own: two servers would read each other's structures wrongly. So layouts are kept here,
one object for a session. The encoding is that of OPC 10000-6, 5.2.6 to 5.2.8; the attribute is OPC 10000-3, 8.47 ff.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from asyncua import ua
from asyncua.common.utils import NotEnoughData
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.ua_binary import Primitives, struct_from_binary, unpack_uatype
from asyncua.ua.uaerrors._base import UaError

from connectors.opcua import services
from connectors.opcua.codec import Opaque
from connectors.opcua.transport import Body
from connectors.opcua.variants import enumeration_of, structure_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from connectors.opcua.session import Session

_BUILT_IN = 25
_ABSTRACT_NUMBERS = frozenset({26, 27, 28})
_ENUMERATION = 29
# Simple types of the standard that are written as a built-in type (OPC 10000-3, 8).
_SIMPLE = {288: 7, 289: 7, 290: 11, 291: 12, 294: 13, 295: 12, 17588: 7, 20998: 7}
_MOST_TYPES = 1000
_MOST_WAVES = 10
_DEEPEST = 20
_FAULTS = (
    UaError,
    NotEnoughData,
    struct.error,
    ValueError,
    LookupError,
    TypeError,
    OverflowError,
    RecursionError,
)

Layout = ua.StructureDefinition


class Structures:
    """Layouts of the data types of one server."""

    def __init__(self) -> None:
        self._types: dict[ua.NodeId, Layout | None] = {}
        self._enums: set[ua.NodeId] = set()
        self._encodings: dict[ua.NodeId, Layout] = {}

    async def learn(self, session: Session, nodes: Sequence[ua.NodeId], chunk: int) -> None:
        """Read the layouts of the types of `nodes` and of their fields, as far as the server has them; bounded."""
        found = await services.read(session, nodes, AttributeIds.DataType, chunk)
        wanted = {one for data in found if isinstance(one := services.value_of(data), ua.NodeId)}
        for _ in range(_MOST_WAVES):
            unknown = [one for one in wanted if self._is_unknown(one)][: _MOST_TYPES - len(self._types)]
            if not unknown:
                return
            answers = await services.read(session, unknown, AttributeIds.DataTypeDefinition, chunk)
            wanted = set()
            for one, data in zip(unknown, answers, strict=True):
                wanted |= self._note(one, services.value_of(data))

    def _is_unknown(self, kind: ua.NodeId) -> bool:
        return kind.NamespaceIndex != 0 and kind not in self._types

    def _note(self, kind: ua.NodeId, definition: object) -> set[ua.NodeId]:
        """Keep what the server says of a type; returns the types of its fields."""
        self._types[kind] = None
        if isinstance(definition, ua.EnumDefinition):
            self._enums.add(kind)
        if not isinstance(definition, ua.StructureDefinition):
            return set()
        self._types[kind] = self._encodings[definition.DefaultEncodingId] = definition
        return {one.DataType for one in definition.Fields or ()}

    def open(self, raw: object) -> object:
        """Return `raw` with a structure in it as a dict of its fields; `Opaque` where it cannot be decoded."""
        if isinstance(raw, list):
            return [self.open(one) for one in raw]
        return self._opened(raw) if isinstance(raw, ua.ExtensionObject) else raw

    def _opened(self, raw: ua.ExtensionObject) -> object:
        layout = self._encodings.get(raw.TypeId)
        if layout is None or not isinstance(raw.Body, bytes):
            return Opaque(f"the server does not say how its structure {raw.TypeId.to_string()} is laid out")
        body = Body(raw.Body)
        try:
            found = self._structure(layout, body, 0)
        except _FAULTS as error:
            return Opaque(f"the structure is not as the server lays it out: {error}")
        if len(body):
            return Opaque(f"the structure is {len(body)} bytes longer than the server lays it out")
        return found

    def _structure(self, layout: Layout, body: Body, depth: int) -> dict[str, object]:
        if depth > _DEEPEST:
            raise ValueError("nested too deep")
        kind = layout.StructureType
        fields = layout.Fields or []
        if kind == ua.StructureType.Union:
            chosen = Primitives.UInt32.unpack(body)
            fields = [] if chosen == 0 else [fields[chosen - 1]]
        elif kind == ua.StructureType.StructureWithOptionalFields:
            fields = list(_present(fields, Primitives.UInt32.unpack(body)))
        elif kind != ua.StructureType.Structure:
            raise ValueError(f"structures of type {kind} are not known")
        return {str(one.Name): self._field(one, body, depth) for one in fields}

    def _field(self, one: ua.StructureField, body: Body, depth: int) -> object:
        if one.ValueRank < 0:
            return self._scalar(one.DataType, body, depth)
        if one.ValueRank > 1:
            raise ValueError(f"the field {one.Name} is a matrix")
        length = Primitives.Int32.unpack(body)
        if length > len(body):
            raise ValueError(f"an array of {length} in {len(body)} bytes")
        return [self._scalar(one.DataType, body, depth) for _ in range(length)] if length >= 0 else None

    def _scalar(self, kind: ua.NodeId, body: Body, depth: int) -> object:
        if kind in self._enums:
            return Primitives.Int32.unpack(body)
        if kind.NamespaceIndex == 0 and isinstance(kind.Identifier, int):
            return self._standard(kind, body)
        layout = self._types.get(kind)
        if layout is None:
            raise ValueError(f"the server does not say what its type {kind.to_string()} is")
        return self._structure(layout, body, depth + 1)

    def _standard(self, kind: ua.NodeId, body: Body) -> Any:
        number = int(kind.Identifier)
        number = _SIMPLE.get(number, number)
        if 0 < number <= _BUILT_IN:
            return self.open(unpack_uatype(ua.VariantType(number), body))
        if number in _ABSTRACT_NUMBERS:
            return unpack_uatype(ua.VariantType.Variant, body).Value
        if number == _ENUMERATION or enumeration_of(number):
            return Primitives.Int32.unpack(body)
        known = structure_of(number)
        if known is None:
            raise ValueError(f"the standard's type {kind.to_string()} is not known")
        return struct_from_binary(known, body)


def _present(fields: Iterable[ua.StructureField], mask: int) -> Iterable[ua.StructureField]:
    """Yield the fields that are there: each optional one has a bit of the mask, in order."""
    bit = 1
    for one in fields:
        if not one.IsOptional:
            yield one
            continue
        if mask & bit:
            yield one
        bit <<= 1
