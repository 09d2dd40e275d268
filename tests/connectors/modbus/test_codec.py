"""Bytes of a block to values, and back."""

import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.conformance.recording import bind, device
from connectors.modbus import connector
from connectors.modbus.codec import EXACT, BlockCodec, encode, wire_positions
from connectors.modbus.config import Order, ValueType
from connectors.modbus.plan import plan
from twin.quality import Reason

NUMBERS = [kind for kind in ValueType if kind is not ValueType.BOOL]
LIMITS = {
    ValueType.INT16: (-(2**15), 2**15 - 1),
    ValueType.UINT16: (0, 2**16 - 1),
    ValueType.INT32: (-(2**31), 2**31 - 1),
    ValueType.UINT32: (0, 2**32 - 1),
    ValueType.INT64: (-(2**63), 2**63 - 1),
    ValueType.UINT64: (0, 2**64 - 1),
}


def values_of(kind):
    if kind.is_float:
        return st.floats(width=32 if kind is ValueType.FLOAT32 else 64)
    return st.integers(*LIMITS[kind])


TYPED = st.sampled_from(NUMBERS).flatmap(lambda kind: st.tuples(st.just(kind), values_of(kind)))


def decode(points, payload, order=Order.ABCD):
    """Return (value, reason, detail) by name of what `payload` holds; all points must lie in one block."""
    bound = bind(device(connector, "modbus+tcp://127.0.0.1", points, options={"order": order}))
    ((block,),) = [group.blocks for group in plan(bound)]
    assert len(payload) == block.payload_size
    codec = BlockCodec(block, order)
    found = codec.decode(payload)
    quality = np.zeros(len(codec.ids), np.uint8) if found.quality is None else found.quality
    return {
        point.point.name: (float(found.values[at]), Reason(int(quality[at])), found.details.get(at, ""))
        for at, point in enumerate(codec.points)
    }


def value(keys, payload, order=Order.ABCD):
    return decode({"only": {"register": "holding:0", **keys}}, payload, order)["only"]


@given(st.lists(st.tuples(TYPED, st.sampled_from(Order)), min_size=1, max_size=12))
def test_what_is_encoded_is_decoded(entries):
    """Any mixture of types and orders in one block comes back as it was, in every position."""
    points, payload = {}, b""
    for number, ((kind, content), order) in enumerate(entries):
        points[f"p{number}"] = {"register": f"holding:{len(payload) // 2}", "type": kind, "order": order}
        payload += encode(kind, order, content)

    found = decode(points, payload)

    for number, ((kind, content), _) in enumerate(entries):
        got, reason, _ = found[f"p{number}"]
        assert got == float(content) or (math.isnan(got) and math.isnan(content))
        large = not kind.is_float and abs(content) > EXACT
        assert reason is (Reason.IMPRECISE if large else Reason.GOOD)


@pytest.mark.parametrize(
    ("kind", "order", "payload", "expected"),
    [
        # 123456.0 is 0x47F12000 and 0x12345678 is 305419896; the four orders of one value.
        ("float32", "ABCD", "47F12000", 123456.0),
        ("float32", "CDAB", "200047F1", 123456.0),
        ("float32", "BADC", "F1470020", 123456.0),
        ("float32", "DCBA", "0020F147", 123456.0),
        ("uint32", "ABCD", "12345678", 0x12345678),
        ("uint32", "CDAB", "56781234", 0x12345678),
        ("uint32", "BADC", "34127856", 0x12345678),
        ("uint32", "DCBA", "78563412", 0x12345678),
        ("int32", "ABCD", "FFFFFFFE", -2),
        ("int32", "CDAB", "FFFEFFFF", -2),
        ("uint16", "ABCD", "1234", 0x1234),
        ("uint16", "CDAB", "1234", 0x1234),
        ("uint16", "BADC", "3412", 0x1234),
        ("uint16", "DCBA", "3412", 0x1234),
        ("int16", "ABCD", "8000", -32768),
        ("int64", "ABCD", "0001020304050607", 0x0001020304050607),
        ("int64", "CDAB", "0607040502030001", 0x0001020304050607),
        ("int64", "BADC", "0100030205040706", 0x0001020304050607),
        ("int64", "DCBA", "0706050403020100", 0x0001020304050607),
        ("uint64", "ABCD", "0000000000000005", 5),
        ("float64", "ABCD", "3FF8000000000000", 1.5),
        ("float64", "CDAB", "0000000000003FF8", 1.5),
        ("float64", "BADC", "F83F000000000000", 1.5),
        ("float64", "DCBA", "000000000000F83F", 1.5),
    ],
)
def test_known_bytes(kind, order, payload, expected):
    """Vectors worked out by hand, both ways."""
    wire = bytes.fromhex(payload)

    assert value({"type": kind, "order": order}, wire) == (expected, Reason.GOOD, "")
    assert value({"type": kind}, wire, Order(order))[0] == expected
    assert encode(ValueType(kind), Order(order), expected) == wire


def test_the_standard_example_of_registers():
    """MODBUS Application Protocol V1.1b3, 6.3: registers 108 to 110 hold 555, 0 and 100."""
    points = {name: {"register": f"holding:{at}"} for at, name in ((107, "a"), (108, "b"), (109, "c"))}

    found = decode(points, bytes.fromhex("022B00000064"))

    assert {name: content for name, (content, _, _) in found.items()} == {"a": 555, "b": 0, "c": 100}


def test_the_standard_example_of_bits():
    """MODBUS Application Protocol V1.1b3, 6.1: coils 20 to 38 travel as CD 6B 05, the first in the lowest bit."""
    points = {f"c{at}": {"register": f"coil:{at}"} for at in range(19, 38)}

    found = decode(points, bytes.fromhex("CD6B05"))

    states = "".join(str(int(found[f"c{at}"][0])) for at in range(19, 38))
    assert states == "1011001111010110101"


def test_zero_is_a_value():
    """Zero in every type is good and is zero."""
    for kind in NUMBERS:
        assert value({"type": kind}, bytes(2 * kind.registers)) == (0.0, Reason.GOOD, "")
    assert decode({"c": {"register": "coil:0"}}, b"\0")["c"] == (0.0, Reason.GOOD, "")


def test_bits_of_a_register():
    """Bit 0 is the least significant; swapped bytes are put right before the bit is looked at."""
    points = {f"b{bit}": {"register": "holding:0", "bit": bit} for bit in range(16)}

    found = decode(points, bytes.fromhex("8001"))

    assert [bit for bit in range(16) if found[f"b{bit}"][0] == 1.0] == [0, 15]
    assert value({"bit": 8}, bytes.fromhex("0001"), Order.BADC)[0] == 1.0


@pytest.mark.parametrize(
    ("keys", "payload"),
    [
        ({"null_values": [0xFFFF]}, "FFFF"),
        ({"type": "int16", "null_values": ["0x8000", "0x7FFF"]}, "8000"),
        ({"type": "int16", "null_values": [-32768]}, "8000"),
        ({"type": "float32", "null_values": ["0x7FC00000"]}, "7FC00000"),
        ({"type": "float32", "order": "DCBA", "null_values": ["0x7FC00000"]}, "0000C07F"),
        ({"type": "uint64", "null_values": ["0xFFFFFFFFFFFFFFFF"]}, "FFFFFFFFFFFFFFFF"),
        ({"bit": 3, "null_values": ["0xFFFF"]}, "FFFF"),
        ({"null_values": [9], "states": {9: "lost"}}, "0009"),
    ],
)
def test_absence_is_absence(keys, payload):
    """A pattern by which the device says that it has no value gives no value, whatever the type and order."""
    found, reason, _ = value(keys, bytes.fromhex(payload))

    assert math.isnan(found)
    assert reason is Reason.NOT_AVAILABLE


def test_a_pattern_speaks_only_for_its_own_point():
    """The same bytes in the next register are a value."""
    points = {"a": {"register": "holding:0", "null_values": [65535]}, "b": {"register": "holding:1"}}

    found = decode(points, bytes.fromhex("FFFFFFFF"))

    assert found["a"][1] is Reason.NOT_AVAILABLE
    assert found["b"] == (65535.0, Reason.GOOD, "")


@pytest.mark.parametrize("payload", ["7FC00000", "7F800001", "FF800001"])
def test_a_nan_passes(payload):
    """A NaN of either kind that the profile does not name is left to ingest, which calls it what it is."""
    found, reason, _ = value({"type": "float32"}, bytes.fromhex(payload))

    assert math.isnan(found)
    assert reason is Reason.GOOD


@pytest.mark.parametrize(
    ("kind", "content", "reason"),
    [
        ("int64", EXACT, Reason.GOOD),
        ("int64", EXACT + 1, Reason.IMPRECISE),
        ("int64", -EXACT, Reason.GOOD),
        ("int64", -EXACT - 1, Reason.IMPRECISE),
        ("int64", -(2**63), Reason.IMPRECISE),
        ("uint64", EXACT, Reason.GOOD),
        ("uint64", 2**64 - 1, Reason.IMPRECISE),
    ],
)
def test_integers_beyond_a_double_are_marked(kind, content, reason):
    """Above 2^53 a float64 has no room for every integer."""
    found = value({"type": kind}, encode(ValueType(kind), Order.ABCD, content))

    assert found[:2] == (float(content), reason)


def test_states_become_their_ids():
    """A code of the profile gives its state id, in registers, in bits and in coils."""
    states = {0: "closed", 1: "open"}
    points = {
        "valve": {"register": "coil:0", "states": states},
        "other": {"register": "coil:1", "states": states},
    }

    found = decode(points, b"\x02")

    assert found == {"valve": (1.0, Reason.GOOD, ""), "other": (2.0, Reason.GOOD, "")}
    assert value({"states": {True: "on", False: "off"}, "bit": 0}, b"\0\1")[0] == 2.0


def test_a_state_that_the_profile_does_not_name():
    """Its code stands in the words, and there is no value."""
    found, reason, detail = value({"type": "int16", "states": {0: "off", 7: "on"}}, bytes.fromhex("FFFE"))

    assert math.isnan(found)
    assert (reason, detail) == (Reason.UNKNOWN_STATE, "state -2 is not in the profile")


@pytest.mark.parametrize(
    ("kind", "content"),
    [("uint16", 65536), ("uint16", -1), ("int16", 1.5), ("float32", 1e39), ("bool", 1), ("uint16", math.inf)],
)
def test_what_does_not_fit_is_not_encoded(kind, content):
    """A number outside its type is an error, never cut short."""
    with pytest.raises(ValueError, match=r"fit|integer|register"):
        encode(ValueType(kind), Order.ABCD, content)


def test_positions_agree_with_struct():
    """ABCD is big-endian and DCBA little-endian throughout."""
    for kind in NUMBERS:
        size = 2 * kind.registers
        assert wire_positions(kind, Order.ABCD) == tuple(reversed(range(size)))
        assert wire_positions(kind, Order.DCBA) == tuple(range(size))
    assert encode(ValueType.FLOAT64, Order.ABCD, 0.1) == struct.pack(">d", 0.1)
