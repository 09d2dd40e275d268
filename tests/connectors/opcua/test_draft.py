from __future__ import annotations

import math

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.opcua.draft import CHOOSE, Kind, Type, Variable, draft, states_of
from connectors.opcua.nodes import NodeAddress, parse_node
from connectors.registry import Connectors
from twin.errors import ConfigError
from twin.model.loader import load_district

NUMBER, FLAG = Type(Kind.NUMBER), Type(Kind.FLAG)
DISTRICT = """
district: demo
name: Demo
timezone: America/Mexico_City
location: {lat: 20, lon: -100}
sites: [{id: hall}]
"""
DEVICES = """
devices: [{id: one, profile: discovered-opcua, site: hall, endpoint: "opc.tcp://10.0.0.1:4840"}]
"""


def variable(*path, kind=NUMBER, **known):
    return Variable(path or ("Plant", "Value"), NodeAddress("x", "urn:plant"), kind, **known)


def text_of(*variables, options=None):
    return draft("opc.tcp://10.0.0.1:4840", "BMS 1.0", options or {}, variables)


def point_of(one, options=None):
    """The only point of the draft, as YAML reads it."""
    (found,) = yaml.safe_load(text_of(one, options=options))["points"].values()
    return found


def faults_of(folder, text):
    """What `barrio check` says of a district whose only device has this profile."""
    (folder / "profiles").mkdir()
    (folder / "profiles" / "discovered-opcua.yaml").write_text(text)
    (folder / "district.yaml").write_text(DISTRICT)
    (folder / "devices.yaml").write_text(DEVICES)
    try:
        load_district(folder, Connectors(), [])
    except ConfigError as error:
        return [fault.message for fault in error.faults]
    return []


def chosen_for(line):
    """What a person chooses for a line of the draft."""
    chosen = {"kW": "active_power", "Cel": "air_temperature", '"V"': "voltage", "true:": "fan_state"}
    return next((quantity for sign, quantity in chosen.items() if sign in line), "uv_index")


def test_a_draft_passes_the_check_once_the_quantities_are_chosen(tmp_path):
    """Only the quantities that are not certain are faults; with those chosen the profile is one."""
    text = text_of(
        variable("Ahu", "SupplyAirTemperature", unit="Cel", low=-20.0, high=60.0, writable=True),
        variable("Ahu", "Strange", unit="kW"),
        variable("Ahu", "Zones", length=3, unit="Cel"),
        variable("Ahu", "Running", kind=Type(Kind.FLAG, states={0: "off", 1: "on"})),
        variable("Ahu", "on", unit="V"),
        variable("Ahu", "7", unit="V"),
        variable(
            "Ahu", "Status", kind=Type(Kind.STRUCTURE, fields={"Flow": NUMBER, "Text": Type(Kind.OTHER)})
        ),
        options={"insecure": "a test", "publishing": "1s"},
    )
    chosen = "\n".join(line.replace(CHOOSE, chosen_for(line)) for line in text.splitlines())
    (tmp_path / "draft").mkdir()
    (tmp_path / "chosen").mkdir()
    faults = faults_of(tmp_path / "draft", text)

    assert faults
    assert all(fault.startswith(f"there is no quantity '{CHOOSE}'") for fault in faults)
    assert text.count(f"quantity: {CHOOSE}") == len(faults)
    assert faults_of(tmp_path / "chosen", chosen) == []


@pytest.mark.parametrize(
    ("one", "quantity"),
    [
        (variable("Ahu", "SupplyAirTemperature", unit="Cel"), "supply_air_temperature"),
        (variable("Ahu", "SupplyAirTemperature", unit="[degF]"), "supply_air_temperature"),
        (variable("Ahu", "SupplyAirTemperature", unit="kW"), CHOOSE),
        (variable("Ahu", "SupplyAirTemperature"), CHOOSE),
        (variable("Ahu", "Temperature", unit="Cel"), CHOOSE),
        (variable("Ahu", "FanState", kind=Type(Kind.STATES, states={0: "off", 1: "on"})), "fan_state"),
        (variable("Ahu", "FanState", kind=Type(Kind.STATES, states={0: "off", 1: "turbo"})), CHOOSE),
        (variable("Ahu", "FanState", kind=FLAG), CHOOSE),
    ],
)
def test_a_quantity_is_written_only_where_name_and_unit_agree(one, quantity):
    """Where the server leaves a doubt, a person chooses."""

    assert point_of(one)["quantity"] == quantity


def test_a_person_is_told_what_would_fit():
    """A point without a certain quantity names those of its unit, or that the server gives none."""

    assert "# in lx: illuminance" in text_of(variable(unit="lx"))
    assert "# the server gives no unit" in text_of(variable())
    assert "the server's unit is 'furlong'" in text_of(variable(unit_name="furlong"))
    assert "# supply_air_temperature if its unit is Cel" in text_of(variable("SupplyAirTemperature"))


@pytest.mark.parametrize(
    ("low", "high", "written"),
    [
        (-20.0, 60.0, True),
        (0.0, 0.0, False),
        (60.0, -20.0, False),
        (math.nan, 5.0, False),
        (0.0, math.inf, False),
    ],
)
def test_a_range_is_written_where_it_is_one(low, high, written):
    """Limits that hold nothing, or everything, are left out."""
    found = point_of(variable(unit="Cel", low=low, high=high))

    assert ({"minimum", "maximum"} <= found.keys()) is written


def test_a_range_that_does_not_fit_the_quantity_is_said():
    """A server's range outside of what is plausible is left to a person."""
    text = text_of(variable("SupplyAirTemperature", unit="Cel", low=5_000.0, high=6_000.0))

    assert "minimum" not in text
    assert "# the server's range 5000 to 6000 does not fit the quantity" in text


def test_flags_have_their_names_by_true_and_false():
    """The names that a server gives to both states of a flag stand in the profile."""
    kind = Type(Kind.FLAG, states=states_of([(0, "Closed"), (1, "Wide Open")]))

    assert point_of(variable(kind=kind))["states"] == {False: "closed", True: "wide_open"}


def test_points_have_names_of_their_own():
    """Equal browse names are told apart by what is above them, then by a number."""
    text = text_of(variable("A", "Power"), variable("B", "Power"), variable("B", "Power"), variable("ñ"))

    assert list(yaml.safe_load(text)["points"]) == ["power", "b_power", "b_power_2", "point"]


def test_what_is_no_point_is_listed():
    """Texts and the like are named at the end, not all of many."""
    text = text_of(*(variable("Plant", f"Label{at}", kind=Type(Kind.OTHER)) for at in range(60)), variable())

    assert "#   Plant/Label0 (other)" in text
    assert text.endswith("#   and 10 more\n")


@settings(max_examples=200, deadline=None)
@given(
    name=st.text(min_size=1, max_size=80),
    node=st.text(min_size=1, max_size=40),
    words=st.text(max_size=40),
    unit=st.text(max_size=20),
)
def test_no_name_breaks_the_draft(name, node, words, unit):
    """Whatever a server calls its nodes, the draft is YAML with one point that leads to that node."""
    address = NodeAddress(node, "urn:a;b%c")
    one = Variable(("Plant", name), address, NUMBER, unit_name=unit, description=words)
    found = point_of(one, options={"insecure": words})

    assert found["quantity"] in (CHOOSE, *found["quantity"].split())
    if node.isprintable():
        assert parse_node(found["node"].replace("{{", "{").replace("}}", "}")) == address


def test_states_are_bounded_and_each_has_a_name():
    """An enumeration of a thousand codes is cut off, and a name without a letter becomes one of its code."""
    found = states_of((code, "Hot Run" if code % 2 else "*") for code in range(1000))

    assert len(found) == 200
    assert (found[0], found[1]) == ("state_0", "hot_run")
