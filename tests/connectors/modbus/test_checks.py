"""Every combination that no device could mean is told before anything connects."""

from dataclasses import replace

import pytest

from connectors.conformance.recording import device
from connectors.modbus import connector
from connectors.modbus.checks import faults as checked
from twin.model.catalogue import CATALOGUE


def faults(points, endpoint="modbus+tcp://127.0.0.1:502/1", **options):
    return list(checked(device(connector, endpoint, points, options=options)))


@pytest.mark.parametrize("register", ["coil:0", "holding:0"])
def test_states_that_are_left_out_are_the_quantity_s_own(register):
    """A profile may leave states out, also where the table holds fewer codes than the quantity has states."""
    found = device(connector, "modbus+tcp://127.0.0.1:502/1", {"valve": {"register": register}})
    quantity = CATALOGUE["valve_state"]
    point = replace(found.points["valve"], quantity=quantity, states=quantity.states_by_default)

    assert list(connector.check(replace(found, points={"valve": point}))) == []


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
        (
            {"register": "holding:0", "states": {"0": "off"}},
            "states",
            "found '0' (did you mean 0, without quotes?)",
        ),
        ({"register": "holding:0", "states": {"on": "on"}}, "states", "integers in Modbus, found 'on'"),
        (
            {"register": "holding:0", "states": {70000: "on"}},
            "states",
            "a uint16 holds 0 to 65535, found code 70000",
        ),
        (
            {"register": "holding:0", "bits": "4-5", "states": {4: "x"}},
            "states",
            "bits 4-5 hold 0 to 3, found code 4",
        ),
        (
            {"register": "holding:0", "type": "bcd16", "states": {-1: "x"}},
            "states",
            "a bcd16 holds 0 to 9999",
        ),
        ({"register": "holding:0", "bit": 1, "bits": "1-2"}, "bits", "found `bit` as well"),
        ({"register": "coil:0", "bits": "1-2"}, "bits", "one bit already"),
        (
            {"register": "holding:0", "bits": "1-2", "type": "int16"},
            "type",
            "found type int16 (did you mean uint16?)",
        ),
        ({"register": "holding:0", "bits": "1-2", "type": "float32"}, "type", "a uint16, uint32 or uint64"),
        ({"register": "holding:0", "bits": "12-16"}, "bits", "a uint16 has bits 0 to 15, found 12-16"),
        ({"register": "holding:0", "type": "int8"}, "byte", "say `byte: high` or `byte: low`"),
        ({"register": "holding:0", "byte": "low"}, "byte", "found type uint16"),
        ({"register": "discrete:0", "byte": "low"}, "byte", "one bit already"),
        ({"register": "holding:0", "length": 4}, "length", "only a string has a length"),
        (
            {"register": "holding:0", "type": "string", "states": {"A": "a"}},
            "length",
            "a string needs `length`",
        ),
        ({"register": "holding:0", "type": "string", "length": 4}, "states", "a string needs `states`"),
        (
            {"register": "holding:0", "type": "string", "length": 4, "states": {1: "a"}},
            "states",
            "found 1 (did you mean '1'?)",
        ),
        (
            {"register": "holding:0", "type": "string", "length": 1, "states": {"ABC": "a"}},
            "states",
            "'ABC' has more than the 2 bytes of 1 registers",
        ),
        (
            {"register": "holding:0", "type": "string", "length": 4, "states": {"A ": "a"}},
            "states",
            "padding",
        ),
        (
            {
                "register": "holding:0",
                "type": "string",
                "length": 4,
                "states": {"A": "a"},
                "null_values": [0],
            },
            "null_values",
            "name its text in `states`",
        ),
        (
            {"register": "holding:65530", "type": "string", "length": 9, "states": {"A": "a"}},
            "register",
            "65538",
        ),
        (
            {"register": "holding:0", "null_values": ["nan"]},
            "null_values",
            "nan is a float's, found type uint16",
        ),
        (
            {"register": "holding:0", "type": "uint8", "byte": "low", "null_values": [256]},
            "null_values",
            "8 bits",
        ),
        ({"register": "holding:0", "scale_factor": "input:4"}, "scale_factor", "(did you mean holding:4?)"),
        ({"register": "holding:0", "scale_factor": "holding:0"}, "scale_factor", "holds the value itself"),
        (
            {"register": "holding:0", "type": "int32", "scale_factor": "holding:1"},
            "scale_factor",
            "holds the value itself",
        ),
        ({"register": "holding:0", "bit": 1, "scale_factor": "holding:1"}, "scale_factor", "a bool is none"),
        (
            {"register": "holding:0", "states": {0: "off"}, "scale_factor": "holding:1"},
            "scale_factor",
            "a state is none",
        ),
        ({"register": "coil:0", "scale_factor": "coil:1"}, "scale_factor", "a bool is none"),
        ({"register": "holding:0", "scale_factor": "holding:125"}, "scale_factor", "126 registers away"),
        (
            {"register": "holding:0", "scale_factor": "holding:1", "writable": True},
            "writable",
            "give it a `scale`",
        ),
        (
            {"register": "holding:0", "type": "uint32", "bits": "0-7", "writable": True},
            "writable",
            "only a part of one register",
        ),
        ({"register": "coil:0", "states": {2: "broken"}}, "states", "0 or 1, found code 2"),
        (
            {"register": "input:0", "writable": True},
            "writable",
            "cannot be written (did you mean holding:0?)",
        ),
        ({"register": "discrete:7", "writable": True}, "writable", "(did you mean coil:7?)"),
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


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"single_writes": True}, "float32 takes 2 registers in one write, single_writes allows 1"),
        ({"max_write_registers": 1}, "float32 takes 2 registers in one write, max_write_registers allows 1"),
    ],
)
def test_a_value_wider_than_a_write_is_a_fault(options, words):
    """Half a value is a wrong one."""
    points = {"a": {"register": "holding:0", "type": "float32", "writable": True}}

    assert faults(points, **options) == [("points.a.writable", words)]


@pytest.mark.parametrize("name", ["baudrate", "parity", "stopbits", "bytesize"])
def test_options_of_another_transport_are_faults(name):
    """What would have no effect is not accepted in silence."""
    value = {"baudrate": 9600, "parity": "E", "stopbits": 1, "bytesize": 8}[name]
    points = {"a": {"register": "holding:0"}}

    assert faults(points, **{name: value}) == [
        (f"options.{name}", "serves only modbus+rtu://, found modbus+tcp://")
    ]
    assert faults(points, endpoint="modbus+rtu:///dev/ttyS0/1", **{name: value}) == []


def test_options_that_exclude_each_other():
    """Function 23 is no single write."""
    ((place, message),) = faults({"a": {"register": "holding:0"}}, single_writes=True, read_write=True)

    assert place == "options.read_write"
    assert "function 23" in message


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
        "e": {"register": "holding:10", "bits": "4-7", "states": {0: "off", 15: "on"}, "writable": True},
        "f": {"register": "holding:11", "type": "string", "length": 4, "states": {"RUN": "run", "": "off"}},
        "g": {
            "register": "input:5",
            "type": "bcd32",
            "scale_factor": "input:1",
            "null_values": ["0xFFFFFFFF"],
        },
        "h": {"register": "holding:20", "type": "float16", "null_values": ["nan"]},
        "i": {"register": "holding:21", "type": "int8", "byte": "high", "states": {-1: "off", 1: "on"}},
    }

    assert faults(points, endpoint=f"modbus+tcp://127.0.0.1{path}") == []
