"""Discovery against a server with an address space full of traps."""

from __future__ import annotations

import pytest
import yaml
from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds

from connectors.home import Home
from connectors.opcua import connector, discover
from connectors.opcua.access import Access
from connectors.opcua.discover import Survey
from connectors.opcua.draft import Kind
from connectors.opcua.nodes import NodeAddress
from connectors.opcua.security import Door
from connectors.opcua.session import Session
from connectors.opcua.unece import NAMESPACE, unit_id
from tests.connectors.opcua.servers import URI, Bms
from twin.errors import TransientError
from twin.model.protocol import parse_endpoint

T = ua.VariantType
MANY = 300


@pytest.fixture(scope="module")
def bms():
    with Bms({"Many." + str(at): ua.Variant(0.0, T.Double) for at in range(MANY)}, ahead=2) as server:
        server.do(furnish(server))
        yield server


async def furnish(server):
    """Variables of all kinds, a loop and a deep chain."""
    index, objects = server.index, server.server.nodes.objects
    plant = await objects.add_object(index, "Ahu")
    supply = await plant.add_variable(index, "SupplyAirTemperature", 21.5)
    unit = ua.EUInformation(NamespaceUri=NAMESPACE, UnitId=unit_id("CEL"), DisplayName=ua.LocalizedText("°C"))
    await supply.add_property(0, "EngineeringUnits", unit)
    await supply.add_property(0, "EURange", ua.Range(-20.0, 60.0))
    await supply.set_writable()
    mode = await plant.add_variable(index, "Mode", ua.Variant(1, T.UInt32))
    await mode.add_property(0, "EnumStrings", [ua.LocalizedText("Off"), ua.LocalizedText("Auto Mode")])
    door = await plant.add_variable(index, "Door", False)
    await door.add_property(0, "TrueState", ua.LocalizedText("Open"))
    await door.add_property(0, "FalseState", ua.LocalizedText("Shut"))
    zones = await plant.add_variable(index, "Zones", [1.0, 2.0, 3.0])
    await zones.write_array_dimensions([3])
    await zones.write_value_rank(1)
    await plant.add_variable(index, "Label", "text")
    enum = await server.server.nodes.enum_data_type.add_data_type(index, "State")
    fields = [ua.EnumField(Value=3, Name="Idle"), ua.EnumField(Value=7, Name="Hot Run")]
    definition = ua.DataValue(ua.Variant(ua.EnumDefinition(fields), T.ExtensionObject))
    await enum.write_attribute(AttributeIds.DataTypeDefinition, definition)
    await plant.add_variable(index, "State", 3, T.Int32, datatype=enum.nodeid)
    old = await server.server.nodes.enum_data_type.add_data_type(index, "OldState")
    await old.add_property(0, "EnumStrings", [ua.LocalizedText("Cold"), ua.LocalizedText("Warm")])
    await plant.add_variable(index, "OldState", 1, T.Int32, datatype=old.nodeid)
    ratio = await server.server.get_node(ua.NodeId(ua.Int32(ObjectIds.Double))).add_data_type(index, "Ratio")
    await plant.add_variable(index, "Ratio", 0.5, T.Double, datatype=ratio.nodeid)
    inner = await plant.add_object(index, "Inner")
    await inner.add_reference(plant, ObjectIds.Organizes)
    await inner.add_reference(inner, ObjectIds.Organizes, bidirectional=False)
    await inner.add_reference(objects, ObjectIds.HasEventSource)
    below = plant
    for level in range(25):
        below = await below.add_object(index, f"Level{level}")
    await below.add_variable(index, "TooDeep", 1.0)


async def surveyed(bms, most=20_000, longest_s=30.0):
    session = Session(Door(Access(insecure="a test"), Home(), bms.endpoint), 5.0, 5.0)
    await session.open()
    try:
        survey = Survey(session, most, longest_s)
        return {one.path[-1]: one for one in await survey.run()}, survey.remarks
    finally:
        await session.close()


async def test_variables_are_found_with_what_the_server_says_of_them(bms):
    """Types, units, ranges, arrays, names of states and writability; nodes by the URI of their namespace."""
    found, remarks = await surveyed(bms)
    supply = found["SupplyAirTemperature"]

    assert (supply.path, supply.unit, supply.low, supply.high) == (
        ("Ahu", "SupplyAirTemperature"),
        "Cel",
        -20.0,
        60.0,
    )
    assert isinstance(supply.node, NodeAddress)
    assert supply.node.namespace == URI
    assert [name for name, one in found.items() if one.writable] == ["SupplyAirTemperature"]
    assert (found["Zones"].length, supply.length) == (3, None)
    assert found["Label"].type.kind is Kind.OTHER
    assert found["Ratio"].type.kind is Kind.NUMBER
    assert {name: dict(found[name].type.states) for name in ("Mode", "Door", "State", "OldState")} == {
        "Mode": {0: "off", 1: "auto_mode"},
        "Door": {0: "shut", 1: "open"},
        "State": {3: "idle", 7: "hot_run"},
        "OldState": {0: "cold", 1: "warm"},
    }
    assert {str(at) for at in range(MANY)} <= found.keys()
    assert "TooDeep" not in found
    assert remarks == ["nodes deeper than 20 levels were left out"]


@pytest.mark.parametrize(
    ("bounds", "remark"),
    [({"most": 50}, "stopped after 50 nodes"), ({"longest_s": 0.0}, "stopped after 0 s")],
)
async def test_discovery_ends(bms, bounds, remark):
    """A server without end is left off at a number of nodes, or after a time, and the draft says so."""
    found, remarks = await surveyed(bms, **bounds)

    assert len(found) <= 50
    assert remarks == [remark]


async def test_a_draft_of_a_whole_server(bms):
    """The text is a profile with the options that were used to read the server."""
    endpoint = parse_endpoint(bms.endpoint, connector.schemes)
    draft = await connector.discover(endpoint, {"insecure": "a test"}, Home())
    profile = yaml.safe_load(draft.text)

    assert profile["protocol"] == "opcua"
    assert profile["options"] == {"insecure": "a test"}
    assert profile["source"].startswith(f"browsed at {bms.endpoint}: FreeOpcUa Python Server")
    assert profile["points"]["supply_air_temperature"]["quantity"] == "supply_air_temperature"
    assert profile["points"]["door"]["states"] == {False: "shut", True: "open"}


async def test_a_server_that_is_away_is_said(monkeypatch):
    """Nothing there is an error with words, as for a link."""
    endpoint = parse_endpoint("opc.tcp://127.0.0.1:1", connector.schemes)

    with pytest.raises(TransientError, match="connection refused"):
        await discover.discover(endpoint, {"insecure": "a test"}, Home())
