"""Raw values as the types that nodes and methods of a server hold: exactly, or not at all."""

from __future__ import annotations

import math
from dataclasses import is_dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from asyncua import ua
from asyncua.ua.object_ids import ObjectIdNames

if TYPE_CHECKING:
    from twin.model.spec import StateKey

_Type = ua.VariantType
_RANGES: dict[ua.VariantType, tuple[int, int]] = {
    _Type.SByte: (-(2**7), 2**7 - 1),
    _Type.Byte: (0, 2**8 - 1),
    _Type.Int16: (-(2**15), 2**15 - 1),
    _Type.UInt16: (0, 2**16 - 1),
    _Type.Int32: (-(2**31), 2**31 - 1),
    _Type.UInt32: (0, 2**32 - 1),
    _Type.Int64: (-(2**63), 2**63 - 1),
    _Type.UInt64: (0, 2**64 - 1),
}
_LARGEST_FLOAT = 3.4028234663852886e38
_BUILT_IN = 25
_ENUMERATION = 29
_SIMPLE = {288: 7, 289: 7, 290: 11, 295: 12}  # IntegerId, Counter, Duration, LocaleId (OPC 10000-3, 8)


class CannotSet(ValueError):
    """Raised before anything is sent, when a value does not fit what the server takes."""


def enumeration_of(number: int) -> type[IntEnum] | None:
    """Return the enumeration that a data type of the standard is, None for others."""
    found = getattr(ua, ObjectIdNames.get(number, ""), None)
    return found if isinstance(found, type) and issubclass(found, IntEnum) else None


def structure_of(number: int) -> type | None:
    """Return the structure that a data type of the standard is, None for others."""
    found = getattr(ua, ObjectIdNames.get(number, ""), None)
    return found if isinstance(found, type) and is_dataclass(found) else None


def built_in_of(kind: object) -> ua.VariantType | None:
    """Return the built-in type that a data type of the standard is written as, None for others."""
    if not isinstance(kind, ua.NodeId) or kind.NamespaceIndex != 0 or not isinstance(kind.Identifier, int):
        return None
    if kind.Identifier == _ENUMERATION or enumeration_of(kind.Identifier):
        return _Type.Int32
    number = _SIMPLE.get(kind.Identifier, kind.Identifier)
    return _Type(number) if 0 < number <= _BUILT_IN else None


def input_of(argument: object) -> ua.VariantType:
    """Return the type of a method's argument; `CannotSet` where it cannot be written."""
    kind = getattr(argument, "DataType", None)
    named = built_in_of(kind)
    if named is None or getattr(argument, "ValueRank", -1) > 0:
        raise CannotSet(f"the method takes an argument of a type that cannot be written: {kind}")
    return named


def variant_of(raw: float | StateKey, kind: ua.VariantType) -> ua.Variant:
    """Return a raw number or code as the type that a node holds, rounded where that is whole; `CannotSet` otherwise."""
    if kind in (_Type.String, _Type.LocalizedText):
        if not isinstance(raw, str):
            raise CannotSet(f"the node holds a text, found {raw!r}")
        return ua.Variant(ua.LocalizedText(raw) if kind is _Type.LocalizedText else raw, kind)
    if isinstance(raw, str) or not math.isfinite(raw):
        raise CannotSet(f"the node holds a {kind.name}, found {raw!r}")
    if kind is _Type.Boolean:
        if raw not in (0, 1):
            raise CannotSet(f"the node holds a Boolean: 0 or 1, found {raw:g}")
        return ua.Variant(bool(raw), kind)
    if kind in (_Type.Float, _Type.Double):
        if kind is _Type.Float and abs(raw) > _LARGEST_FLOAT:
            raise CannotSet(f"a Float does not reach {raw:g}")
        return ua.Variant(float(raw), kind)
    if kind not in _RANGES:
        raise CannotSet(f"a node of type {kind.name} cannot be written")
    least, most = _RANGES[kind]
    if not least <= round(raw) <= most:
        raise CannotSet(f"{kind.name} takes {least} to {most}, found {raw:g}")
    return ua.Variant(round(raw), kind)
