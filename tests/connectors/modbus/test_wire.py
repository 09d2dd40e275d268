"""One value to the registers that hold it, and back."""

import math
import struct
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.modbus.config import ModbusPoint, Order, ValueType
from connectors.modbus.wire import decode, encode, masks, text_of, to_wire, wire_positions

WHOLE = [kind for kind in ValueType if kind is not ValueType.STRING and kind.bits >= 16]
WIDTHS: dict[ValueType, Literal[16, 32, 64]] = {
    ValueType.FLOAT16: 16,
    ValueType.FLOAT32: 32,
    ValueType.FLOAT64: 64,
}
ORDERS = st.sampled_from(Order)


def point(**keys):
    return ModbusPoint.model_validate({"register": "holding:0", **keys})


def numbers(kind):
    if kind.is_float:
        return st.floats(width=WIDTHS[kind], allow_nan=False, allow_infinity=False)
    return st.integers(*kind.limits)


@given(st.sampled_from(WHOLE).flatmap(lambda kind: st.tuples(st.just(kind), numbers(kind))), ORDERS, ORDERS)
def test_a_number_comes_back(typed, own, default):
    """For every type and every order, whether the point or the device names it."""
    kind, number = typed

    for address, order in ((point(type=kind, order=own), own), (point(type=kind), default)):
        registers = encode(address, number, default)
        assert isinstance(registers, list)
        assert len(registers) == kind.registers
        assert all(0 <= register <= 0xFFFF for register in registers)
        assert struct.pack(f">{len(registers)}H", *registers) == to_wire(kind, order, number)
        assert decode(address, registers, default) == number


@given(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=6), ORDERS)
def test_a_text_comes_back(text, order):
    """Without the spaces at its end, which cannot be told from what fills a string up."""
    address = point(type="string", length=12)

    registers = encode(address, text, order)

    assert isinstance(registers, list)
    assert len(registers) == 12
    assert decode(address, registers, order) == text.rstrip(" ")


FIELDS = [
    {"bit": 0},
    {"bit": 15},
    {"bits": "4-7"},
    {"bits": "0-15"},
    {"bits": "9"},
    {"type": "uint8", "byte": "high"},
    {"type": "uint8", "byte": "low"},
    {"type": "int8", "byte": "high"},
    {"type": "int8", "byte": "low"},
]


@given(st.sampled_from(FIELDS), st.integers(0, 0xFFFF), ORDERS, st.data())
def test_a_part_is_changed_alone(keys, before, order, data):
    """Function 22 with these masks sets the part, and every other bit of the register stays."""
    address = point(**keys)
    size = 8 if address.byte else address.field[1]
    low = -(1 << size - 1) if keys.get("type") == "int8" else 0
    raw = data.draw(st.integers(low, low + (1 << size) - 1))

    and_mask, or_mask = masks(address, raw, order)
    after = (before & and_mask) | (or_mask & ~and_mask & 0xFFFF)

    assert decode(address, [after], order) == raw
    assert (~and_mask & 0xFFFF).bit_count() == size
    assert (before ^ after) & and_mask == 0


@pytest.mark.parametrize(
    ("keys", "raw", "expected"),
    [
        ({}, 0, [0]),
        ({}, 215.0000000004, [215]),
        ({}, 2.9999999999999996, [3]),
        ({"type": "int16"}, -1, [0xFFFF]),
        ({"type": "uint32", "order": "CDAB"}, 0x12345678, [0x5678, 0x1234]),
        ({"type": "float32"}, 123456.0, [0x47F1, 0x2000]),
        ({"type": "float32"}, 0.1, [0x3DCC, 0xCCCD]),
        ({"type": "bcd16"}, 1234, [0x1234]),
        ({"type": "bcd32"}, 7, [0, 7]),
        ({"type": "string", "length": 2}, "ab", [0x6162, 0]),
        ({"bit": 3}, 1, True),
        ({"bit": 3}, False, False),
    ],
)
def test_known_registers(keys, raw, expected):
    """Worked out by hand."""
    assert encode(point(**keys), raw, Order.ABCD) == expected


def test_a_coil_is_a_bit():
    """It is written as it is."""
    assert encode(ModbusPoint.model_validate({"register": "coil:3"}), True, Order.ABCD) is True


@pytest.mark.parametrize(
    ("keys", "raw", "words"),
    [
        ({}, 65536, "65536 does not fit into uint16, 0 to 65535 does"),
        ({}, -1, "0 to 65535"),
        ({"type": "int16"}, 32768, "-32768 to 32767"),
        ({"type": "int64"}, 2.0**63, "does not fit into int64"),
        ({"type": "uint64"}, 1e300, "does not fit into uint64"),
        ({}, math.nan, "nan does not fit into uint16"),
        ({}, math.inf, "inf does not fit"),
        ({"type": "float16"}, 65536.0, "does not fit into float16"),
        ({"type": "float32"}, 1e39, "does not fit into float32"),
        ({"type": "bcd16"}, 10000, "0 to 9999"),
        ({"type": "bcd32"}, -1, "0 to 99999999"),
        ({}, "seven", "'seven' is no number"),
        ({"null_values": ["0xFFFF"]}, 65535, "says that it has no value"),
        ({"type": "int16", "null_values": ["0x8000"]}, -32768, "says that it has no value"),
        ({"type": "int32", "order": "DCBA", "null_values": ["0x80000000"]}, -(2**31), "has no value"),
        ({"type": "string", "length": 1}, "abc", "does not fit into 2 bytes"),
        ({"type": "string", "length": 1}, 7, "7 is no text"),
        ({"bit": 3}, 2, "2 is no bit"),
        ({"bits": "0-3"}, 2, "by a mask"),
        ({"type": "int8", "byte": "low"}, 2, "by a mask"),
    ],
)
def test_what_does_not_fit_is_not_written(keys, raw, words):
    """A number outside its type is an error in words, never cut short."""
    with pytest.raises(ValueError, match=words):
        encode(point(**keys), raw, Order.ABCD)


@pytest.mark.parametrize(
    ("keys", "raw", "words"),
    [
        ({"bits": "4-7"}, 16, "16 does not fit, 0 to 15 does"),
        ({"bits": "4-7"}, -1, "0 to 15"),
        ({"bit": 0}, 2, "0 to 1"),
        ({"type": "int8", "byte": "low"}, 128, "-128 to 127"),
        ({"bits": "4-7"}, "on", "'on' is no number"),
        ({"bits": "4-7"}, math.nan, "nan does not fit"),
        ({}, 1, "not a part"),
        ({"bits": "4-7", "type": "uint32"}, 1, "not a part of one register"),
    ],
)
def test_what_a_part_does_not_hold_is_not_written(keys, raw, words):
    """Its neighbours would be overwritten."""
    with pytest.raises(ValueError, match=words):
        masks(point(**keys), raw, Order.ABCD)


@pytest.mark.parametrize(("kind", "number"), [("int16", 1.5), ("bool", 1), ("string", 1), ("uint8", 1)])
def test_no_number_of_its_type(kind, number):
    """Halves of integers and types that do not fill registers are errors."""
    with pytest.raises(ValueError, match=r"integer|whole register"):
        to_wire(ValueType(kind), Order.ABCD, number)


def test_positions_agree_with_struct():
    """ABCD is big-endian and DCBA little-endian throughout."""
    for kind in WHOLE:
        size = 2 * kind.registers
        assert wire_positions(kind, Order.ABCD) == tuple(reversed(range(size)))
        assert wire_positions(kind, Order.DCBA) == tuple(range(size))
    assert to_wire(ValueType.FLOAT64, Order.ABCD, 0.1) == struct.pack(">d", 0.1)


@pytest.mark.parametrize(
    ("keys", "registers"), [({"type": "bcd16"}, [0xABCD]), ({"type": "string", "length": 1}, [0xFFFF])]
)
def test_what_cannot_be_decoded_is_an_error(keys, registers):
    """A read back that makes no sense is not shown as a value."""
    with pytest.raises(ValueError, match=r"BCD|utf-8"):
        decode(point(**keys), registers, Order.ABCD)


def test_a_text_ends_at_its_first_nul():
    """What a device leaves behind it is not looked at."""
    assert text_of(b"AB  \0\xff\xff") == "AB"
