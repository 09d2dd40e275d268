"""What registers are and what they hold."""

import pytest

from connectors.modbus.registers import Order, Table, ValueType, field_of


@pytest.mark.parametrize(
    ("kind", "bits", "registers", "limits"),
    [
        ("bool", 1, 1, (0, 1)),
        ("int8", 8, 1, (-128, 127)),
        ("uint8", 8, 1, (0, 255)),
        ("int16", 16, 1, (-32768, 32767)),
        ("uint64", 64, 4, (0, 2**64 - 1)),
        ("bcd16", 16, 1, (0, 9999)),
        ("bcd32", 32, 2, (0, 99_999_999)),
        ("float16", 16, 1, None),
        ("float64", 64, 4, None),
        ("string", 0, 0, None),
    ],
)
def test_types_know_their_size_and_limits(kind, bits, registers, limits):
    """Floats and texts have no limits of integers."""
    found = ValueType(kind)

    assert (found.bits, found.registers) == (bits, registers)
    if limits:
        assert found.limits == limits
    else:
        with pytest.raises(ValueError, match="no integer"):
            found.limits.count(0)


def test_tables_are_read_by_their_function():
    """MODBUS Application Protocol V1.1b3, 6.1 to 6.4; two of them are bits, two cannot be written."""
    assert {table.value: table.function for table in Table} == {
        "coil": 1,
        "discrete": 2,
        "input": 4,
        "holding": 3,
    }
    assert [table for table in Table if table.of_bits] == [Table.COIL, Table.DISCRETE]
    assert [table for table in Table if table.read_only] == [Table.DISCRETE, Table.INPUT]


def test_orders_answer_two_questions():
    """Are the bytes of a register swapped, and do the registers come last first."""
    answers = {order.value: (order.swaps_bytes, order.last_word_first) for order in Order}

    assert answers == {
        "ABCD": (False, False),
        "CDAB": (False, True),
        "BADC": (True, False),
        "DCBA": (True, True),
    }


def test_a_field_may_be_one_bit():
    """Lowest bit and size."""
    assert (field_of("4-7"), field_of("9")) == ((4, 4), (9, 1))
