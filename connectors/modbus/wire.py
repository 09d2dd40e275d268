"""One value <-> the registers that hold it. Pure; whole blocks are decoded by `codec`.

Registers travel most significant byte first (MODBUS Application Protocol V1.1b3, 4.2); how devices put larger values
into several registers is their own affair, see `Order`.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING

from connectors.modbus.registers import Half, Order, ValueType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connectors.modbus.config import ModbusPoint
    from twin.model.spec import StateKey

Raw = float | int | str

FORMATS = {
    ValueType.INT8: "<b",
    ValueType.UINT8: "<B",
    ValueType.INT16: "<h",
    ValueType.UINT16: "<H",
    ValueType.INT32: "<i",
    ValueType.UINT32: "<I",
    ValueType.INT64: "<q",
    ValueType.UINT64: "<Q",
    ValueType.FLOAT16: "<e",
    ValueType.FLOAT32: "<f",
    ValueType.FLOAT64: "<d",
    ValueType.BCD16: "<H",
    ValueType.BCD32: "<I",
}


class Unfit(ValueError):
    """Raised when registers of a type do not hold a value, or a value is none of that type; says so to a person."""


def wire_positions(kind: ValueType, order: Order) -> tuple[int, ...]:
    """Return where on the wire each byte of a number travels, the least significant byte first."""
    positions = []
    for significance in reversed(range(2 * kind.registers)):
        word, half = divmod(significance, 2)
        word = kind.registers - 1 - word if order.last_word_first else word
        half = 1 - half if order.swaps_bytes else half
        positions.append(2 * word + half)
    return tuple(positions)


def byte_position(half: Half, order: Order) -> int:
    """Return which of the two bytes of a register on the wire is its high or low one."""
    return int((half is Half.LOW) is not order.swaps_bytes)


def text_positions(length: int, order: Order) -> tuple[int, ...]:
    """Return where on the wire the bytes of a text of `length` registers travel, the first first."""
    swap = int(order.swaps_bytes)
    return tuple(at ^ swap for at in range(2 * length))


def to_wire(kind: ValueType, order: Order, value: float) -> bytes:
    """Return the registers of a number as they travel, of types that fill whole registers.

    `Unfit` when it is no number of that type.
    """
    if kind in {ValueType.BOOL, ValueType.STRING} or kind.is_byte:
        raise Unfit(f"a {kind} is no whole register with a number")
    try:
        little = struct.pack(FORMATS[kind], value if kind.is_float else _integer(kind, value))
    except (struct.error, OverflowError) as error:
        raise Unfit(f"{value!r} does not fit into {kind}") from error
    wire = bytearray(len(little))
    for byte, position in zip(little, wire_positions(kind, order), strict=True):
        wire[position] = byte
    return bytes(wire)


def text_to_wire(address: ModbusPoint, raw: float | StateKey, order: Order) -> bytes:
    """Return the registers of a text as they travel, filled up with NULs; `Unfit` when it is too long or no text."""
    length = address.length or 1
    if not isinstance(raw, str):
        raise Unfit(f"{raw!r} is no text, a string holds one")
    content = raw.encode().ljust(2 * length, b"\0")
    if len(content) > 2 * length:
        raise Unfit(f"{raw!r} does not fit into {2 * length} bytes")
    return bytes(content[at] for at in text_positions(length, order))


def encode(address: ModbusPoint, raw: float | StateKey, order: Order) -> list[int] | bool:
    """Return the registers that hold a raw value (as in `Setting.raw`), or the bit of a coil or of `bit`.

    A number is rounded to the nearest step of an integer type. `order` is the device's, for a point that names none.
    `Unfit` when the type does not hold the value, when it is a pattern by which the device
    says `not available`, and for `bits` and `byte`, parts of a register that `masks` writes.
    """
    kind, order = address.value_type, address.order or order
    if kind is ValueType.BOOL and (address.bits is None):
        return _bit(raw)
    if address.field or kind.is_byte:
        raise Unfit("a part of a register is written by a mask")
    if kind is ValueType.STRING:
        return _words(text_to_wire(address, raw, order))
    if isinstance(raw, str):
        raise Unfit(f"{raw!r} is no number, a {kind} holds one")
    words = _words(to_wire(kind, order, raw if kind.is_float else _rounded(raw, kind)))
    if _pattern(words, kind, order) in _patterns(address, kind):
        raise Unfit(f"{raw:g} is how the device says that it has no value")
    return words


def masks(address: ModbusPoint, raw: float | StateKey, order: Order) -> tuple[int, int]:
    """Return the AND and the OR mask that set a part of one register (`bit`, `bits`, `byte`), by function 22.

    The register becomes (itself AND and_mask) OR (or_mask AND NOT and_mask) (MODBUS Application Protocol V1.1b3, 6.16).
    `Unfit` when the part does not hold the value.
    """
    kind, order = address.value_type, address.order or order
    if isinstance(raw, str):
        raise Unfit(f"{raw!r} is no number")
    if kind.is_byte:
        low, size = (8 if address.byte is Half.HIGH else 0), 8
        least, most = kind.limits
    elif address.field is not None and address.width == 1:
        low, size = address.field
        least, most = 0, (1 << size) - 1
    else:
        raise Unfit("not a part of one register")
    number = _rounded(raw, kind)
    if not least <= number <= most:
        raise Unfit(f"{number} does not fit, {least} to {most} does")
    mask = (1 << size) - 1
    return _turned(0xFFFF & ~(mask << low), order), _turned((number & mask) << low, order)


def decode(address: ModbusPoint, registers: Sequence[int], order: Order) -> Raw:
    """Return the raw value that registers hold, before null patterns, scale factors and states are looked at.

    `order` is the device's, for a point that names none. ValueError when they hold none of this type.
    """
    kind, order = address.value_type, address.order or order
    wire = struct.pack(f">{len(registers)}H", *registers)
    if kind is ValueType.STRING:
        return text_of(bytes(wire[at] for at in text_positions(len(registers), order)))
    if kind.is_byte and address.byte is not None:
        return int(struct.unpack_from(FORMATS[kind], wire, byte_position(address.byte, order))[0])
    gathered = ValueType.UINT16 if kind is ValueType.BOOL else kind
    little = bytes(wire[position] for position in wire_positions(gathered, order))
    if kind.is_bcd:
        return _decimal(int.from_bytes(little, "little"))
    number = struct.unpack(FORMATS[gathered], little)[0]
    if address.field is not None:
        low, size = address.field
        return int(number) >> low & (1 << size) - 1
    return float(number) if kind.is_float else int(number)


def text_of(content: bytes) -> str:
    """Return the text in the bytes of a string: up to the first NUL, without the spaces that fill it up.

    ValueError when it is not UTF-8 (of which ASCII is a part).
    """
    return content.partition(b"\0")[0].rstrip(b" ").decode()


def _bit(raw: float | StateKey) -> bool:
    if raw not in {0, 1}:
        raise Unfit(f"{raw!r} is no bit, 0 and 1 are")
    return bool(raw)


def _rounded(raw: float, kind: ValueType) -> int:
    if not math.isfinite(raw):
        raise Unfit(f"{raw!r} does not fit into {kind}")
    return round(raw)


def _integer(kind: ValueType, value: float) -> int:
    if value != int(value):
        raise Unfit(f"{value!r} is not an integer")
    low, high = kind.limits
    if not low <= value <= high:
        raise Unfit(f"{int(value)} does not fit into {kind}, {low} to {high} does")
    return int(str(int(value)), 16) if kind.is_bcd else int(value)


def _decimal(packed: int) -> int:
    digits = f"{packed:x}"
    if not digits.isdecimal():
        raise Unfit(f"0x{digits.upper()} is no BCD")
    return int(digits)


def _words(wire: bytes) -> list[int]:
    return list(struct.unpack(f">{len(wire) // 2}H", wire))


def _pattern(words: Sequence[int], kind: ValueType, order: Order) -> int:
    wire = struct.pack(f">{len(words)}H", *words)
    return int.from_bytes(bytes(wire[at] for at in wire_positions(kind, order)), "little")


def _patterns(address: ModbusPoint, kind: ValueType) -> set[int]:
    return {pattern % (1 << kind.bits) for pattern in address.null_values if isinstance(pattern, int)}


def _turned(word: int, order: Order) -> int:
    return (word & 0xFF) << 8 | word >> 8 if order.swaps_bytes else word
