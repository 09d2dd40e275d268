from __future__ import annotations

import math

import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import variant_from_binary, variant_to_binary
from hypothesis import given
from hypothesis import strategies as st

from connectors.opcua.variants import CannotSet, built_in_of, input_of, variant_of

Type = ua.VariantType
NUMBERS = [
    Type.SByte,
    Type.Byte,
    Type.Int16,
    Type.UInt16,
    Type.Int32,
    Type.UInt32,
    Type.Int64,
    Type.UInt64,
    Type.Float,
    Type.Double,
    Type.Boolean,
]


@given(st.floats() | st.integers(-(2**70), 2**70) | st.booleans(), st.sampled_from(NUMBERS))
def test_a_number_arrives_as_it_was_meant_or_is_not_sent(raw, kind):
    """What is encoded decodes to the same number, rounded only to the type's own steps; all else is refused."""
    try:
        variant = variant_of(raw, kind)
    except CannotSet:
        return
    found = variant_from_binary(Buffer(variant_to_binary(variant)))

    assert found.VariantType == kind
    assert math.isclose(found.Value, raw, rel_tol=1e-6, abs_tol=0.5 if kind is not Type.Double else 0.0)


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (256, Type.Byte),
        (-1, Type.UInt64),
        (2**63, Type.Int64),
        (math.nan, Type.Double),
        (math.inf, Type.Float),
        (1e39, Type.Float),
        (2, Type.Boolean),
        (0.5, Type.Boolean),
        ("AUTO", Type.Int32),
        (1, Type.String),
        (1, Type.DateTime),
        (1, Type.ExtensionObject),
    ],
)
def test_what_a_type_cannot_hold_is_not_sent(raw, kind):
    """Overflow, not-a-number and other kinds of value are refused with words."""
    with pytest.raises(CannotSet, match=r".{10,}"):
        variant_of(raw, kind)


def test_texts_go_as_texts():
    """Codes that are words are written as strings, or as localized texts where the node holds those."""
    assert variant_of("AUTO", Type.String).Value == "AUTO"
    assert variant_of("AUTO", Type.LocalizedText).Value.Text == "AUTO"


def test_a_scaled_number_is_rounded_to_the_nearest_step():
    """What undoing a scale leaves behind the point does not stop a whole number from being written."""
    assert variant_of(21.5 / 0.1, Type.Int16).Value == 215


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        (ua.NodeId(11, 0), Type.Double),
        (ua.NodeId(290, 0), Type.Double),
        (ua.NodeId(29, 0), Type.Int32),
        (ua.NodeId(852, 0), Type.Int32),
        (ua.NodeId(884, 0), None),
        (ua.NodeId(11, 2), None),
        (None, None),
    ],
)
def test_data_types_are_written_as_built_in_ones(kind, found):
    """Duration is a Double, enumerations are Int32; structures and types of others are none."""

    assert built_in_of(kind) is found


@pytest.mark.parametrize(
    "argument",
    [
        ua.Argument(DataType=ua.NodeId(884, 0), ValueRank=-1),
        ua.Argument(DataType=ua.NodeId(11, 0), ValueRank=1),
        None,
    ],
)
def test_an_argument_that_cannot_be_written_is_refused(argument):
    """Structures, arrays, and what is no argument at all are refused before a method is called."""
    with pytest.raises(CannotSet, match="an argument of a type that cannot be written"):
        input_of(argument)
