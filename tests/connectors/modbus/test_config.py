"""What is wrong with a Modbus point is said before anything connects."""

import math
import re

import pytest
from pydantic import ValidationError

from connectors.modbus import connector
from connectors.modbus.config import ModbusOptions, ModbusPoint, Table, ValueType, unit_of
from twin.model.protocol import Endpoint, parse_endpoint


@pytest.mark.parametrize(
    ("keys", "table", "address", "kind", "width"),
    [
        ({"register": "holding:0"}, Table.HOLDING, 0, ValueType.UINT16, 1),
        ({"register": "input:65535"}, Table.INPUT, 65535, ValueType.UINT16, 1),
        ({"register": "coil:7"}, Table.COIL, 7, ValueType.BOOL, 1),
        ({"register": "discrete:8"}, Table.DISCRETE, 8, ValueType.BOOL, 1),
        ({"register": "holding:3", "bit": 15}, Table.HOLDING, 3, ValueType.BOOL, 1),
        ({"register": "holding:3", "type": "int32"}, Table.HOLDING, 3, ValueType.INT32, 2),
        ({"register": "holding:3", "type": "float64"}, Table.HOLDING, 3, ValueType.FLOAT64, 4),
        ({"register": "holding:3", "type": "float16"}, Table.HOLDING, 3, ValueType.FLOAT16, 1),
        ({"register": "holding:3", "type": "bcd32"}, Table.HOLDING, 3, ValueType.BCD32, 2),
        ({"register": "holding:3", "type": "int8", "byte": "low"}, Table.HOLDING, 3, ValueType.INT8, 1),
        ({"register": "holding:3", "type": "string", "length": 16}, Table.HOLDING, 3, ValueType.STRING, 16),
        ({"register": "holding:3", "bits": "4-7"}, Table.HOLDING, 3, ValueType.UINT16, 1),
    ],
)
def test_defaults_follow_from_the_table(keys, table, address, kind, width):
    """A register is a uint16, a coil, a discrete input and one bit are a bool."""
    point = ModbusPoint.model_validate(keys)

    assert (point.table, point.address, point.value_type, point.width) == (table, address, kind, width)


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"register": "holding"},
        {"register": "holding:65536"},
        {"register": "holding:-1"},
        {"register": "coils:0"},
        {"register": "40001"},
        {"register": "holding:0", "type": "int24"},
        {"register": "holding:0", "order": "ACBD"},
        {"register": "holding:0", "bit": 16},
        {"register": "holding:0", "bits": "4-64"},
        {"register": "holding:0", "bits": True},
        {"register": "holding:0", "bits": -1},
        {"register": "holding:0", "byte": "first"},
        {"register": "holding:0", "length": 0},
        {"register": "holding:0", "length": 126},
        {"register": "holding:0", "scale_factor": "holding"},
        {"register": "holding:0", "scale_factor": -2},
        {"register": "holding:0", "null_values": ["0x1FFFFFFFFFFFFFFFF"]},
        {"register": "holding:0", "null_values": ["inf"]},
        {"register": "holding:0", "null_values": ["0xZZ"]},
        {"register": "holding:0", "poll": "often"},
        {"register": "holding:0", "adress": 1},
    ],
)
def test_an_address_that_cannot_be_is_refused(keys):
    """Tables, ranges, types, orders and unknown keys are checked by the model itself."""
    with pytest.raises(ValidationError):
        ModbusPoint.model_validate(keys)


def test_null_values_are_integers_or_hex():
    """A pattern may be written as the manual writes it, and NaN as YAML or people write it."""
    written = [65535, "0x8000", -1, "nan", "NaN", math.nan]
    point = ModbusPoint.model_validate({"register": "holding:0", "null_values": written})

    assert point.null_values == (65535, 0x8000, -1, "nan", "nan", "nan")


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"register": "holdin:3"}, "(did you mean holding:3?)"),
        ({"register": "Holding:3"}, "(did you mean holding:3?)"),
        ({"register": "coils:0"}, "(did you mean coil:0?)"),
        ({"register": "40001"}, "(a manual's 40001 is holding:0)"),
        ({"register": "400001"}, "(a manual's 400001 is holding:0)"),
        ({"register": "30012"}, "(a manual's 30012 is input:11)"),
        ({"register": "10001"}, "(a manual's 10001 is discrete:0)"),
        ({"register": "00007"}, "(a manual's 00007 is coil:6)"),
        ({"register": 40001}, "(a manual's 40001 is holding:0)"),
        ({"register": "holding:70000"}, "a colon and 0 to 65535 ["),
        ({"register": "holding:0", "bits": "7-4"}, "write the lower bit first: 4-7"),
        ({"register": "holding:0", "bits": "four"}, "such as 4-7, found 'four'"),
        ({"register": "holding:0", "null_values": ["none"]}, "such as 0x8000, or nan, found 'none'"),
    ],
)
def test_what_was_meant_is_offered(keys, words):
    """A slip of the pen and a manual's number are recognised."""
    with pytest.raises(ValidationError, match=re.escape(words)):
        ModbusPoint.model_validate(keys)


@pytest.mark.parametrize(
    ("keys", "span"),
    [
        ({"register": "holding:10", "type": "int32"}, (10, 12)),
        ({"register": "holding:10", "scale_factor": "holding:14"}, (10, 15)),
        ({"register": "holding:10", "type": "int32", "scale_factor": "holding:4"}, (4, 12)),
    ],
)
def test_a_value_and_its_scale_factor_are_read_together(keys, span):
    """The span of a point reaches from the first to the last of what it needs."""
    assert ModbusPoint.model_validate(keys).span == span


@pytest.mark.parametrize(
    ("bits", "field"), [("4-7", (4, 4)), ("0", (0, 1)), (15, (15, 1)), ("0-63", (0, 64))]
)
def test_a_field_is_its_lowest_bit_and_a_size(bits, field):
    """One bit may be written as YAML reads it, as a number."""
    assert ModbusPoint.model_validate({"register": "holding:0", "bits": bits}).field == field


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("max_registers", 126),
        ("max_bits", 2001),
        ("max_write_registers", 124),
        ("max_write_bits", 1969),
        ("timeout", 0),
        ("delay", -1),
        ("delay", "2m"),
        ("baudrate", 110),
        ("parity", "M"),
        ("stopbits", 3),
        ("bytesize", 7),
        ("retry_after", 0),
        ("retry", 1),
    ],
)
def test_options_beyond_the_standard_are_refused(key, value):
    """No request asks for more than MODBUS Application Protocol V1.1b3 allows."""
    with pytest.raises(ValidationError):
        ModbusOptions.model_validate({key: value})


@pytest.mark.parametrize(
    ("endpoint", "unit"),
    [
        ("modbus+tcp://10.0.0.1", 1),
        ("modbus+tcp://10.0.0.1/0", 0),
        ("modbus+tcp://10.0.0.1/255", 255),
        ("modbus+rtu+tcp://10.0.0.1/9", 9),
        ("modbus+rtu:///dev/ttyUSB0/247", 247),
    ],
)
def test_the_path_is_the_unit(endpoint, unit):
    """On a serial line it stands after the device file."""
    assert unit_of(parse_endpoint(endpoint, connector.schemes)) == unit


@pytest.mark.parametrize("path", ["/dev/ttyUSB0/0", "/dev/ttyUSB0/248", "/dev/ttyUSB0/", "/dev/ttyUSB0/٣"])
def test_a_unit_that_no_serial_line_has(path):
    """0 is a broadcast and 248 to 255 are reserved."""
    endpoint = Endpoint("modbus+rtu", "", 0, path)

    with pytest.raises(ValueError, match="1 to 247"):
        unit_of(endpoint)
