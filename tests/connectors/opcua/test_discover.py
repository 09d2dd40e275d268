"""Discovery against a server with an address space full of traps."""

from __future__ import annotations

import copy
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
import yaml
from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.uaerrors._base import UaStatusCodeError

from connectors.home import Home
from connectors.opcua import connector, discover
from connectors.opcua.access import Access
from connectors.opcua.browse import Browser, local, standard
from connectors.opcua.discover import Survey
from connectors.opcua.draft import Kind
from connectors.opcua.nodes import NodeAddress
from connectors.opcua.security import Door
from connectors.opcua.session import Session
from connectors.opcua.unece import NAMESPACE, unit_id
from tests.connectors.opcua.answers import answers, fault
from tests.connectors.opcua.plants import Plant
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
    level = await server.server.nodes.enum_data_type.add_data_type(index, "OldLevel")
    values = [(4, "Low"), (9, "Very High")]
    named = [ua.EnumValueType(Value=code, DisplayName=ua.LocalizedText(name)) for code, name in values]
    await level.add_property(0, "EnumValues", named)
    await plant.add_variable(index, "OldLevel", 4, T.Int32, datatype=level.nodeid)
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


@asynccontextmanager
async def opened(endpoint, timeout_s=20.0):
    session = Session(Door(Access(insecure="a test"), Home(), endpoint), timeout_s, 5.0)
    try:
        await session.open()
        yield session
    finally:
        await session.close()


async def surveyed(bms, most=20_000, longest_s=60.0):
    async with opened(bms.endpoint) as session:
        survey = Survey(session, most, longest_s)
        return {one.path[-1]: one for one in await survey.run()}, survey.remarks


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
    assert {name: dict(found[name].type.states) for name in found if found[name].type.states} == {
        "Mode": {0: "off", 1: "auto_mode"},
        "Door": {0: "shut", 1: "open"},
        "State": {3: "idle", 7: "hot_run"},
        "OldState": {0: "cold", 1: "warm"},
        "OldLevel": {4: "low", 9: "very_high"},
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


async def test_structures_are_points_by_their_fields():
    """Each field that is a number or a state may be a point; inner structures and arrays are none."""
    with Plant({}) as plant:
        found, _ = await surveyed(plant)
    status = found["Status"].type

    assert status.kind is Kind.STRUCTURE
    assert {name: kind.kind for name, kind in status.fields.items()} == {
        "Name": Kind.OTHER,
        "Flow": Kind.STRUCTURE,
        "Count": Kind.NUMBER,
        "Mode": Kind.STATES,
    }
    assert dict(status.fields["Mode"].states) == {0: "off", 1: "low", 2: "high"}
    assert {name: kind.kind for name, kind in status.fields["Flow"].fields.items()} == {"Rate": Kind.NUMBER}


async def test_a_server_that_keeps_quiet_about_types_has_its_nodes_listed(bms):
    """Variables whose data type is not told are named, and none of them is taken for a number."""

    def untold(response):
        for one in response.Results:
            if isinstance(getattr(one.Value, "Value", None), ua.NodeId):
                one.StatusCode = ua.StatusCode(ua.StatusCodes.BadUserAccessDenied)
        return response

    with answers(bms, ua.ReadResponse, untold):
        found, _ = await surveyed(bms, most=100)

    assert found
    assert {one.type.kind for one in found.values() if not one.type.states} == {Kind.OTHER}


async def test_nodes_of_other_servers_and_without_a_name_are_left_out(bms):
    """What a reference leads to beyond this server, or names nothing, is no point."""

    def odd(response):
        for result in response.Results:
            if any(one.BrowseName.Name == "Ahu" for one in result.References):
                node = ua.NodeId("Elsewhere", 3)
                away = ua.ExpandedNodeId("Away", 3, ua.NodeIdType.String, "urn:other", 5)
                for number, (target, name) in enumerate(((node, None), (away, "Away"))):
                    other = copy.deepcopy(result.References[-1])
                    other.NodeId, other.BrowseName = target, ua.QualifiedName(name, number)
                    result.References.append(other)
        return response

    with answers(bms, ua.BrowseResponse, odd):
        found, _ = await surveyed(bms)

    assert "SupplyAirTemperature" in found
    assert not {"Away", "None", ""} & found.keys()


async def test_browsing_ends_at_a_number_of_references(bms):
    """A server that lists more than was asked for is cut off, and that is said."""
    async with opened(bms.endpoint) as session:
        browser = Browser(session, 20, 60.0)
        objects = standard(ObjectIds.ObjectsFolder)
        (found,) = await browser.references([objects], ObjectIds.HierarchicalReferences)
        (plant,) = [node for one in found if one.BrowseName.Name == "Plant" and (node := local(one.NodeId))]
        (many,) = await browser.references([plant], ObjectIds.HierarchicalReferences)
        after = await browser.references([plant, objects], ObjectIds.HierarchicalReferences)

    assert len(found) + len(many) == 20
    assert browser.stopped == "stopped after 20 references"
    assert after == [[], []]


@pytest.mark.parametrize("code", ["BadTooManyOperations", "BadEncodingLimitsExceeded"])
async def test_a_server_that_browses_few_nodes_at_a_time_is_asked_for_few(bms, code):
    """A request that the server calls too large is halved until it fits; one node that is too many is said."""
    sizes: list[int] = []
    most = 3

    def limited(response):
        sizes.append(len(response.Results))
        return fault(code) if len(response.Results) > most else response

    with answers(bms, ua.BrowseResponse, limited):
        found, remarks = await surveyed(bms)
        most = 0
        with pytest.raises(UaStatusCodeError, match=code):
            await surveyed(bms)

    assert {str(at) for at in range(MANY)} <= found.keys()
    assert remarks == ["nodes deeper than 20 levels were left out"]
    cut = [(early, late) for early, late in pairwise(sizes) if early > 3]
    assert cut
    assert all(late == early // 2 for early, late in cut)


async def test_a_continuation_without_references_ends(bms):
    """A server that has more to come, and then nothing, does not hold up the survey."""
    asked: list[None] = []

    def continued(response):
        for result in response.Results:
            result.ContinuationPoint = b"more"
        return response

    def nothing(_):
        asked.append(None)
        response = ua.BrowseNextResponse()
        response.Parameters.Results = [ua.BrowseResult()]
        return response

    with answers(bms, ua.BrowseResponse, continued), answers(bms, ua.ServiceFault, nothing):
        _, remarks = await surveyed(bms, most=50)

    assert asked
    assert remarks == ["stopped after 50 nodes"]


@pytest.mark.parametrize(
    ("timeout_s", "longest_s", "error", "words"),
    [(30.0, 0.3, TransientError, "did not tell what it has within 0.3 s"), (1.0, 30.0, TimeoutError, "^$")],
)
async def test_a_server_that_answers_too_slowly_is_given_up(bms, timeout_s, longest_s, error, words):
    """Discovery as a whole has an end, with words; one answer that does not come is told as that."""
    async with opened(bms.endpoint, timeout_s) as session:
        survey = Survey(session, 20_000, 60.0)
        with answers(bms, ua.ReadResponse, lambda _: None), pytest.raises(error, match=words):
            await survey.within(longest_s)


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
