"""What is wrong with a Modbus point is said before anything connects."""

from dataclasses import replace

import pytest
from pydantic import ValidationError

from connectors.conformance.recording import device
from connectors.modbus import connector
from connectors.modbus.config import ModbusOptions, ModbusPoint, Table, ValueType
from twin.model.catalogue import CATALOGUE


def faults(points, endpoint="modbus+tcp://127.0.0.1:502/1", **options):
    return list(connector.check(device(connector, endpoint, points, options=options)))


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
        {"register": "holding:0", "null_values": ["0xZZ"]},
        {"register": "holding:0", "poll": "often"},
        {"register": "holding:0", "adress": 1},
    ],
)
def test_an_address_that_cannot_be_is_refused(keys):
    """Tables, ranges, types, orders and unknown keys are checked by the model itself."""
    with pytest.raises(ValidationError):
        ModbusPoint.model_validate(keys)


@pytest.mark.parametrize("register", ["coil:0", "holding:0"])
def test_states_that_are_left_out_are_the_quantity_s_own(register):
    """A profile may leave states out, also where the table holds fewer codes than the quantity has states."""
    found = device(connector, "modbus+tcp://127.0.0.1:502/1", {"valve": {"register": register}})
    quantity = CATALOGUE["valve_state"]
    point = replace(found.points["valve"], quantity=quantity, states=quantity.states_by_default)

    assert list(connector.check(replace(found, points={"valve": point}))) == []


def test_null_values_are_integers_or_hex():
    """A pattern may be written as the manual writes it."""
    point = ModbusPoint.model_validate({"register": "holding:0", "null_values": [65535, "0x8000", -1]})

    assert point.null_values == (65535, 0x8000, -1)


@pytest.mark.parametrize(
    ("key", "value"), [("max_registers", 126), ("max_bits", 2001), ("timeout", 0), ("retry", 1)]
)
def test_options_beyond_the_standard_are_refused(key, value):
    """No request asks for more than MODBUS Application Protocol V1.1b3 allows."""
    with pytest.raises(ValidationError):
        ModbusOptions.model_validate({key: value})


@pytest.mark.parametrize(
    ("keys", "place", "words"),
    [
        ({"register": "holding:65535", "type": "float32"}, "register", "would end at 65536"),
        ({"register": "coil:0", "type": "uint16"}, "type", "its type is bool, found uint16"),
        ({"register": "coil:0", "bit": 1}, "bit", "one bit already"),
        ({"register": "holding:0", "type": "uint32", "bit": 1}, "bit", "found type uint32"),
        ({"register": "holding:0", "type": "uint16", "bit": 1}, "type", "type is bool, found uint16"),
        ({"register": "holding:0", "type": "bool"}, "bit", "needs `bit: 0` to `bit: 15`"),
        ({"register": "discrete:0", "order": "ABCD"}, "order", "no order of bytes"),
        ({"register": "coil:0", "null_values": [1]}, "null_values", "two values"),
        (
            {"register": "holding:0", "null_values": [65536]},
            "null_values",
            "0x10000 does not fit into 16 bits",
        ),
        ({"register": "holding:0", "type": "float32", "states": {0: "off"}}, "states", "found type float32"),
        ({"register": "holding:0", "states": {"0": "off"}}, "states", "integers in Modbus, found '0'"),
        ({"register": "coil:0", "states": {2: "broken"}}, "states", "0 or 1, found code 2"),
        ({"register": "input:0", "writable": True}, "writable", "cannot be written"),
    ],
)
def test_a_fault_names_its_key(keys, place, words):
    """Each fault is told once, at the key that has to change."""
    ((path, message),) = faults({"level": keys})

    assert path == f"points.level.{place}"
    assert words in message


def test_a_value_wider_than_a_request_is_a_fault():
    """A device that gives fewer registers at once than a value has cannot be read."""
    assert faults({"energy": {"register": "holding:0", "type": "uint64"}}, max_registers=2) == [
        ("points.energy.type", "uint64 takes 4 registers, max_registers allows 2")
    ]


@pytest.mark.parametrize("path", ["/256", "/x", "/1/2", "/-1"])
def test_a_unit_that_cannot_be_is_a_fault(path):
    """The endpoint's path is the unit id."""
    ((place, message),) = faults(
        {"a": {"register": "holding:0"}}, endpoint=f"modbus+tcp://127.0.0.1:502{path}"
    )

    assert place == "endpoint"
    assert "0 to 255" in message


@pytest.mark.parametrize("path", ["", "/", "/0", "/255"])
def test_a_right_device_has_no_faults(path):
    """Good addresses of every table pass."""
    points = {
        "a": {"register": "holding:0", "type": "float32", "order": "CDAB", "null_values": ["0x7FC00000"]},
        "b": {"register": "input:65532", "type": "int64"},
        "c": {"register": "coil:0", "writable": True, "states": {0: "closed", True: "open"}},
        "d": {"register": "holding:9", "bit": 3, "order": "BADC", "poll": "1m"},
    }

    assert faults(points, endpoint=f"modbus+tcp://127.0.0.1{path}") == []
