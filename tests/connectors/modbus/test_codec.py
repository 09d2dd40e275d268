"""Bytes of a block to values, and back."""

import math
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.conformance.recording import bind, device
from connectors.modbus import connector
from connectors.modbus.codec import EXACT, BlockCodec
from connectors.modbus.config import Order, ValueType
from connectors.modbus.plan import plan
from connectors.modbus.wire import to_wire
from twin.quality import Reason

NUMBERS = [kind for kind in ValueType if kind is not ValueType.STRING and kind.bits >= 16]
WIDTHS: dict[ValueType, Literal[16, 32, 64]] = {
    ValueType.FLOAT16: 16,
    ValueType.FLOAT32: 32,
    ValueType.FLOAT64: 64,
}


def values_of(kind):
    return st.floats(width=WIDTHS[kind]) if kind.is_float else st.integers(*kind.limits)


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
        payload += to_wire(kind, order, content)

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
    assert to_wire(ValueType(kind), Order(order), expected) == wire


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
    found = value({"type": kind}, to_wire(ValueType(kind), Order.ABCD, content))

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


def by_hand(payload, keys):
    """Return value, reason and words of one point at holding:0 of a block that holds `payload`."""
    return value(keys, bytes.fromhex(payload))


@pytest.mark.parametrize(
    ("keys", "payload", "expected"),
    [
        # IEEE 754-2019, 3.4: binary16 has 5 bits of exponent; 0x3C00 is 1, 0xC500 is -5, 0x7BFF the largest.
        ({"type": "float16"}, "3C00", 1.0),
        ({"type": "float16"}, "C500", -5.0),
        ({"type": "float16", "order": "BADC"}, "FF7B", 65504.0),
        ({"type": "bcd16"}, "1234", 1234.0),
        ({"type": "bcd16", "order": "DCBA"}, "3412", 1234.0),
        ({"type": "bcd32"}, "98765432", 98765432.0),
        ({"type": "bcd32", "order": "CDAB"}, "54329876", 98765432.0),
        ({"type": "uint8", "byte": "high"}, "AB01", 0xAB),
        ({"type": "uint8", "byte": "low"}, "AB01", 1.0),
        ({"type": "int8", "byte": "high"}, "FE01", -2.0),
        ({"type": "int8", "byte": "high", "order": "BADC"}, "01FE", -2.0),
        ({"bits": "4-7"}, "12A4", 0xA),
        ({"bits": "0"}, "0001", 1.0),
        ({"bits": 15}, "8000", 1.0),
        ({"bits": "0-15"}, "FFFF", 65535.0),
        ({"bits": "8-11", "order": "BADC"}, "0102", 2.0),
        ({"bits": "12-19", "type": "uint32"}, "000ABC00", 0xAB),
        ({"bits": "12-19", "type": "uint32", "order": "CDAB"}, "BC00000A", 0xAB),
        ({"bits": "60-63", "type": "uint64"}, "F000000000000000", 15.0),
        ({"bits": "0-63", "type": "uint64"}, "0000000000000007", 7.0),
    ],
)
def test_parts_and_decimals(keys, payload, expected):
    """Vectors worked out by hand for the types that are parts of registers or decimal."""
    assert by_hand(payload, keys) == (expected, Reason.GOOD, "")


@pytest.mark.parametrize("payload", ["000A", "A000", "0F00", "FFFF"])
def test_a_digit_beyond_nine_is_no_number(payload):
    """A BCD register with a nibble of A to F has no value."""
    found, reason, words = by_hand(payload, {"type": "bcd16"})

    assert math.isnan(found)
    assert (reason, words) == (Reason.UNDECODABLE, "not a BCD number")
    assert by_hand(payload, {"type": "bcd16", "null_values": ["0x" + payload]})[1] is Reason.NOT_AVAILABLE


@pytest.mark.parametrize(
    ("kind", "payload"), [("float16", "7E01"), ("float32", "7F800001"), ("float64", "FFF8" + "00" * 6)]
)
def test_any_nan_may_mean_not_available(kind, payload):
    """`nan` in `null_values` is every NaN, quiet or signalling; other values stand."""
    found, reason, _ = by_hand(payload, {"type": kind, "null_values": ["nan", 0]})

    assert math.isnan(found)
    assert reason is Reason.NOT_AVAILABLE
    assert by_hand("3C00", {"type": "float16", "null_values": ["nan"]}) == (1.0, Reason.GOOD, "")


def test_a_null_byte_is_compared_as_a_byte():
    """The other half of the register does not matter."""
    keys = {"type": "int8", "byte": "low", "null_values": [-128]}

    assert by_hand("0080", keys)[1] is Reason.NOT_AVAILABLE
    assert by_hand("1280", keys)[1] is Reason.NOT_AVAILABLE
    assert by_hand("8000", keys) == (0.0, Reason.GOOD, "")


def test_a_field_may_be_a_state():
    """The code is the field alone, the bits beside it are somebody else's."""
    keys = {"bits": "4-7", "states": {1: "on", 2: "off"}}

    assert by_hand("FF2F", keys) == (1.0, Reason.GOOD, "")
    assert by_hand("001F", keys) == (2.0, Reason.GOOD, "")
    assert by_hand("0030", keys)[1:] == (Reason.UNKNOWN_STATE, "state 3 is not in the profile")


TEXTS = {"type": "string", "length": 3, "states": {"RUN": "running", "STOP": "off", "ñu": "animal"}}


@pytest.mark.parametrize(
    ("payload", "keys", "expected"),
    [
        ("52554E000000", {}, 3.0),
        ("52554E202020", {}, 3.0),
        ("53544F500000", {}, 2.0),
        ("53544F50004A", {}, 2.0),
        ("5552004E0000", {"order": "BADC"}, 3.0),
        ("5552004E0000", {"order": "DCBA"}, 3.0),
        ("C3B175000000", {}, 1.0),
    ],
)
def test_texts_are_states(payload, keys, expected):
    """A string ends at its first NUL, spaces fill it up, and its text names the state."""
    assert by_hand(payload, TEXTS | keys) == (expected, Reason.GOOD, "")


@pytest.mark.parametrize(
    ("payload", "reason", "words"),
    [
        ("535441525400", Reason.UNKNOWN_STATE, "state 'START' is not in the profile"),
        ("000000000000", Reason.NOT_AVAILABLE, ""),
        ("FFFFFFFFFFFF", Reason.UNDECODABLE, "not UTF-8 text: ffffffffffff"),
        ("1B5B324A0000", Reason.UNKNOWN_STATE, "state '\\x1b[2J' is not in the profile"),
    ],
)
def test_texts_that_are_no_states(payload, reason, words):
    """What a device says that the profile does not name is told, made harmless, and is no value."""
    found, *told = by_hand(payload, TEXTS)

    assert math.isnan(found)
    assert told == [reason, words]


def test_a_long_text_is_told_in_part():
    """Words of a device are bounded."""
    found = by_hand("41" * 200, {"type": "string", "length": 100, "states": {"x": "x"}})

    assert found[2] == f"state '{'A' * 40}' is not in the profile"


SCALED = {"type": "int16", "scale_factor": "holding:1"}


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ("04D20000", 1234.0),
        ("04D2FFFF", 123.4),
        ("04D2FFFE", 12.34),
        ("FB2EFFFE", -12.34),
        ("00010003", 1000.0),
        ("0001000A", 1e10),
        ("0003FFF6", 3e-10),
        ("0000FFFF", 0.0),
    ],
)
def test_a_scale_factor_is_a_power_of_ten(payload, expected):
    """The value is the double that is nearest to the decimal: 123.4, not 123.4000000001."""
    assert by_hand(payload, SCALED) == (expected, Reason.GOOD, "")


@pytest.mark.parametrize(
    ("factor", "reason"),
    [
        ("8000", Reason.NOT_AVAILABLE),
        ("000B", Reason.UNDECODABLE),
        ("FFF5", Reason.UNDECODABLE),
        ("7FFF", Reason.UNDECODABLE),
    ],
)
def test_a_scale_factor_that_is_none(factor, reason):
    """Without a factor there is no value, whatever the number says."""
    found, told, words = by_hand("04D2" + factor, SCALED)

    assert math.isnan(found)
    assert told is reason
    assert words == ("no scale factor of -10 to 10" if reason is Reason.UNDECODABLE else "")


def test_points_may_share_a_scale_factor():
    """Each keeps its own absence."""
    points = {
        name: {"register": f"holding:{at}", "scale_factor": "holding:2", "null_values": ["0xFFFF"]}
        for name, at in (("a", 0), ("b", 1), ("c", 3))
    }

    found = decode(points, bytes.fromhex("0064FFFFFFFE00C8"))

    assert found["a"] == (1.0, Reason.GOOD, "")
    assert found["b"][1] is Reason.NOT_AVAILABLE
    assert found["c"] == (2.0, Reason.GOOD, "")


@given(st.binary(min_size=250, max_size=250))
def test_any_bytes_are_decoded(payload):
    """Whatever a device sends in a block of every type: no exception, no value that has a reason against it."""
    kinds = [kind for kind in ValueType if kind not in {ValueType.BOOL, ValueType.STRING}]
    points = {"text": TEXTS | {"register": "holding:120"}, "flag": {"register": "holding:124", "bit": 3}}
    for number, (kind, order) in enumerate((kind, order) for kind in kinds for order in Order):
        half = {"byte": "low"} if kind.is_byte else {}
        points[f"p{number}"] = {"register": f"holding:{number}", "type": kind, "order": order, **half}
    points["p0"] |= {"scale_factor": "holding:90"}

    found = decode(points, payload[:250])

    for content, reason, _ in found.values():
        assert math.isnan(content) or reason in {Reason.GOOD, Reason.IMPRECISE}
