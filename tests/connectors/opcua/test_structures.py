from __future__ import annotations

import struct

import pytest
from asyncua import ua
from hypothesis import given
from hypothesis import strategies as st

from connectors.opcua.codec import Opaque
from connectors.opcua.structures import Structures

POINT, STATUS, MODE, CHOICE, SPARSE, MIXED, ENDLESS, MATRIX, NEWER, ALIEN, UNKNOWN, LOOSE = (
    ua.NodeId(number, 7) for number in range(1, 13)
)
ENCODINGS = {
    kind: ua.NodeId(kind.Identifier + 100, 7)
    for kind in (POINT, STATUS, CHOICE, SPARSE, MIXED, ENDLESS, MATRIX, NEWER, ALIEN, UNKNOWN, LOOSE)
}
ABSTRACT_NUMBER, ENUMERATION, SERVER_STATE, RANGE = (ua.NodeId(number, 0) for number in (26, 29, 852, 884))


def builtin(kind):
    return ua.NodeId(kind.value, 0)


def field(name, kind, rank=-1, *, optional=False):
    return ua.StructureField(Name=name, DataType=kind, ValueRank=rank, IsOptional=optional)


def layout(kind, fields, structure=ua.StructureType.Structure):
    return ua.StructureDefinition(ENCODINGS[kind], ua.NodeId(22, 0), structure, fields)


@pytest.fixture(scope="module")
def structures():
    """What a server told of its types."""
    known = Structures()
    double, number = builtin(ua.VariantType.Double), builtin(ua.VariantType.Int32)
    known._note(POINT, layout(POINT, [field("X", double), field("Y", double)]))
    inner = [field("Name", builtin(ua.VariantType.String)), field("At", POINT), field("All", POINT, 1)]
    known._note(STATUS, layout(STATUS, [*inner, field("Mode", MODE), field("For", ua.NodeId(290, 0))]))
    known._note(MODE, ua.EnumDefinition())
    known._note(CHOICE, layout(CHOICE, [field("A", double), field("B", number)], ua.StructureType.Union))
    sparse = [field("A", number, optional=True), field("B", number), field("C", number, optional=True)]
    known._note(SPARSE, layout(SPARSE, sparse, ua.StructureType.StructureWithOptionalFields))
    kinds = {"Any": ABSTRACT_NUMBER, "Code": ENUMERATION, "State": SERVER_STATE, "Range": RANGE}
    known._note(MIXED, layout(MIXED, [field(name, kind) for name, kind in kinds.items()]))
    known._note(ENDLESS, layout(ENDLESS, [field("Inner", ENDLESS)]))
    known._note(MATRIX, layout(MATRIX, [field("Rows", double, 2)]))
    known._note(NEWER, layout(NEWER, [field("A", double)], ua.StructureType.UnionWithSubtypedValues))
    known._note(ALIEN, layout(ALIEN, [field("A", ua.NodeId(99, 7))]))
    known._note(UNKNOWN, layout(UNKNOWN, [field("A", ua.NodeId(85, 0))]))
    known._note(LOOSE, layout(LOOSE, [field("A", builtin(ua.VariantType.Variant))]))
    return known


def told(kind, body):
    return ua.ExtensionObject(ENCODINGS[kind], body)


def text(words):
    raw = words.encode()
    return struct.pack("<i", len(raw)) + raw


@given(st.text(), st.lists(st.tuples(st.floats(), st.floats()), max_size=5), st.integers(-(2**31), 2**31 - 1))
def test_a_structure_is_decoded_as_it_was_written(structures, name, points, mode):
    """Texts, inner structures, arrays of them, enumerations and simple types come back, and nothing is left over."""
    pairs = [struct.pack("<dd", *point) for point in points]
    body = text(name) + struct.pack("<dd", 1.0, 2.0) + struct.pack("<i", len(pairs)) + b"".join(pairs)
    body += struct.pack("<id", mode, 0.5)

    found = structures.open(told(STATUS, body))

    assert (found["Name"], found["At"], found["Mode"], found["For"]) == (
        name,
        {"X": 1.0, "Y": 2.0},
        mode,
        0.5,
    )
    assert [struct.pack("<dd", one["X"], one["Y"]) for one in found["All"]] == pairs


def test_unions_and_optional_fields(structures):
    """What is not there is absent, not zero."""
    assert structures.open(told(CHOICE, struct.pack("<Ii", 2, 5))) == {"B": 5}
    assert structures.open(told(CHOICE, struct.pack("<I", 0))) == {}
    assert structures.open(told(SPARSE, struct.pack("<Iii", 2, 5, 6))) == {"B": 5, "C": 6}


def test_fields_of_the_standards_own_types(structures):
    """A number of any type comes with that type, codes are numbers, and the standard's structures have their fields."""
    body = b"\x05" + struct.pack("<H", 500) + struct.pack("<ii", 7, 2) + struct.pack("<dd", -1.0, 9.0)
    found = structures.open(told(MIXED, body))

    assert (found["Any"], found["Code"], found["State"]) == (500, 7, 2)
    assert (found["Range"].Low, found["Range"].High) == (-1.0, 9.0)


@given(st.binary(max_size=80))
def test_no_bytes_are_taken_for_what_they_are_not(structures, body):
    """Whatever arrives is decoded to its last byte or not at all, and never raises."""
    for kind in ENCODINGS:
        found = structures.open(told(kind, body))

        assert isinstance(found, (dict, Opaque))
    assert isinstance(structures.open(told(POINT, body)), dict) == (len(body) == 16)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (ua.ExtensionObject(ua.NodeId(9, 9), b"1"), "does not say how its structure"),
        (ua.ExtensionObject(ENCODINGS[POINT], None), "does not say how its structure"),
        (told(POINT, b"short"), "not as the server lays it out"),
        (told(POINT, bytes(17)), "1 bytes longer"),
        (told(STATUS, text("") + bytes(16) + struct.pack("<i", 2**31 - 1)), "an array of 2147483647"),
        (told(ENDLESS, b""), "nested too deep"),
        (told(MATRIX, bytes(80)), "the field Rows is a matrix"),
        (told(NEWER, bytes(8)), "are not known"),
        (told(ALIEN, bytes(8)), "the server does not say what its type ns=7;i=99 is"),
        (told(UNKNOWN, bytes(8)), "the standard's type i=85 is not known"),
        (told(LOOSE, b"\x80" + struct.pack("<i", 2**31 - 1)), "more than 1000000 fields"),
        (told(LOOSE, b"\x0c" + struct.pack("<i", -6)), "a length of -6"),
    ],
)
def test_what_cannot_be_decoded_says_why(structures, raw, words):
    """An unknown or a wrong structure has words instead of fields."""
    found = structures.open(raw)

    assert isinstance(found, Opaque)
    assert words in found.words


def test_elements_of_arrays_are_decoded(structures):
    """A list of structures is a list of their fields; plain values stay as they are."""
    assert structures.open([told(POINT, bytes(16)), 5]) == [{"X": 0.0, "Y": 0.0}, 5]
