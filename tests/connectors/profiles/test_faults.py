"""Impossible profiles, with the connectors as they are: each fault with the file and line where it was written."""

import pytest

from connectors.registry import Connectors
from twin.errors import ConfigError
from twin.model.loader import load_district

DISTRICT = "district: d\nname: D\ntimezone: UTC\nlocation: {lat: 0, lon: 0}\nsites: [{id: here}]\n"
MODBUS = """\
profile: parent
protocol: modbus
kind: Meter
points:
  power:
    quantity: active_power
    register: "holding:0"
    type: int32
    unit: W
  energy: {quantity: active_energy_import, register: "holding:2", type: uint32, unit: kW.h}
"""
OPCUA = """\
profile: parent
protocol: opcua
kind: Room
options: {namespace: "urn:a", insecure: "a test"}
points:
  power:
    quantity: active_power
    node: "s=Power"
    unit: W
"""
COAP = """\
profile: parent
protocol: coap
kind: Lamp
points:
  power:
    quantity: active_power
    resource: /power
    format: text
    unit: W
"""
ENDPOINTS = {MODBUS: "modbus+tcp://10.0.0.1", OPCUA: "opc.tcp://10.0.0.1", COAP: "coap://10.0.0.1"}


def faults(folder, parent, child):
    """The faults of a district with one device of a variant, without the words after what was found."""
    (folder / "profiles").mkdir()
    (folder / "district.yaml").write_text(DISTRICT)
    (folder / "devices.yaml").write_text(
        f"devices:\n  - {{id: a, profile: variant, site: here, endpoint: '{ENDPOINTS[CLEAN[parent]]}'}}\n"
    )
    (folder / "profiles" / "parent.yaml").write_text(parent)
    (folder / "profiles" / "variant.yaml").write_text("profile: variant\nextends: parent\n" + child)
    try:
        load_district(folder, Connectors(), [])
    except ConfigError as error:
        return [str(fault).replace(f"{folder}/profiles/", "") for fault in error.faults]
    return []


CLEAN = {text: text for text in (MODBUS, OPCUA, COAP)}


def spoilt(text, old, new):
    """A parent with a slip, remembered as the protocol that it was."""
    changed = text.replace(old, new)
    assert changed != text
    CLEAN[changed] = text
    return changed


IN_THE_PARENT = [
    (spoilt(MODBUS, "holding:0", "holdng:0"), "parent.yaml:7: points.power.register: "),
    (spoilt(MODBUS, "holding:0", "holding:70000"), "parent.yaml:7: points.power.register: "),
    (spoilt(MODBUS, "holding:0", "holding:65535"), "parent.yaml:7: points.power.register: "),
    (spoilt(MODBUS, "type: int32\n", "type: int31\n"), "parent.yaml:8: points.power.type: "),
    (spoilt(MODBUS, "unit: W\n", "unit: kWh\n"), "parent.yaml:9: points.power.unit: "),
    (spoilt(MODBUS, "unit: W\n", "unit: m\n"), "parent.yaml:9: points.power.unit: "),
    (spoilt(MODBUS, "active_power\n", "active_pwer\n"), "parent.yaml:6: points.power.quantity: "),
    (spoilt(OPCUA, '"s=Power"', '"x=Power"'), "parent.yaml:8: points.power.node: "),
    (spoilt(OPCUA, "unit: W", "unit: Cel"), "parent.yaml:9: points.power.unit: "),
    (spoilt(COAP, "/power", "power here"), "parent.yaml:7: points.power.resource: "),
    (spoilt(COAP, "text", "txt"), "parent.yaml:8: points.power.format: "),
]
IN_THE_VARIANT = [
    (MODBUS, "points:\n  power:\n    register: 'holding:99999'\n", "variant.yaml:5: points.power.register: "),
    (MODBUS, "points:\n  power:\n    type: float31\n", "variant.yaml:5: points.power.type: "),
    (MODBUS, "points:\n  power:\n    unit: Pa\n", "variant.yaml:5: points.power.unit: "),
    (MODBUS, "points:\n  power: {bit: 3}\n", "variant.yaml:4: points.power.bit: "),
    (MODBUS, "points:\n  powr: null\n", "variant.yaml:4: points.powr: "),
    (MODBUS, "protocol: coap\n", "variant.yaml:3: protocol: "),
    (MODBUS, "options: {ordr: CDAB}\n", "variant.yaml:3: options.ordr: "),
    (OPCUA, "points:\n  power:\n    node: 'q=1'\n", "variant.yaml:5: points.power.node: "),
    (COAP, "points:\n  power:\n    key: a.b\n", "variant.yaml:4: points.power: `key` "),
]


def test_the_parents_are_sound(tmp_path):
    """Without a slip there is no fault, so that each case below tests its own."""
    for number, parent in enumerate((MODBUS, OPCUA, COAP)):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert faults(folder, parent, "poll: 20s\n") == []


@pytest.mark.parametrize(("parent", "place"), IN_THE_PARENT)
def test_a_slip_in_the_parent_is_said_there(parent, place, tmp_path):
    """What is impossible in a parent is one fault at the parent's line, though it is read for the variant."""
    found = faults(tmp_path, parent, "points: {}\n")

    assert len(found) == 1
    assert found[0].startswith(place)


@pytest.mark.parametrize(("parent", "child", "place"), IN_THE_VARIANT)
def test_a_slip_in_the_variant_is_said_there(parent, child, place, tmp_path):
    """What is impossible in a variant is a fault at the variant's line."""
    found = faults(tmp_path, parent, child)

    assert any(fault.startswith(place) for fault in found), found
