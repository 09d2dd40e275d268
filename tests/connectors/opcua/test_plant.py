"""What a plant's server offers beyond values: structures, browse paths, methods, alarms."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asyncua import ua

from connectors.abilities import Acknowledges, Done, Setting, Writes
from connectors.conformance.recording import bind, device, running, supervised
from connectors.home import Home
from connectors.opcua import connector
from tests.connectors.opcua.answers import answers, refused
from tests.connectors.opcua.plants import Plant
from tests.connectors.opcua.servers import URI, free_port, wire
from tests.connectors.opcua.sinks import PatientSink
from twin.errors import TransientError
from twin.quality import Reason

Type = ua.VariantType
VARIABLES = {
    "Double": ua.Variant(1.5, Type.Double),
    "Float": ua.Variant(1.5, Type.Float),
    "Int16": ua.Variant(1, Type.Int16),
    "Byte": ua.Variant(1, Type.Byte),
    "Flag": ua.Variant(False, Type.Boolean),
    "Text": ua.Variant("AUTO", Type.String),
    "Zones": ua.Variant([1.0, 2.0, 3.0], Type.Double),
    "Locked": ua.Variant(1.0, Type.Double),
    "Range": ua.Variant(ua.Range(Low=1.0, High=9.0), Type.ExtensionObject),
}
QUICK = {"publishing": "50ms", "sampling": "10ms", "keep_alive": "1s", "timeout": "10s", "namespace": URI}
STATES = {"AUTO": "automatic", "MANUAL": "manual"}


@pytest.fixture(scope="module")
def plant():
    with Plant(VARIABLES) as server:
        for name in VARIABLES:
            if name != "Locked":
                node = server.server.get_node(ua.NodeId(name, server.index))
                server.do(node.set_writable())
        yield server


def boiler(endpoint, points, **options):
    return bind(
        device(connector, endpoint, points, name="boiler", options={**QUICK, "insecure": "a test", **options})
    )


def link_of(bound):
    (link,) = connector.links([bound], Home())
    return link


@asynccontextmanager
async def live(bound):
    """The link while it runs, with a sink, once everything was heard of."""
    link, sink = link_of(bound), PatientSink()
    async with running(link, sink):
        await sink.wait_for(
            lambda: len(sink.latest(bound)) == sum(one.point.readable for one in bound.points)
        )
        yield link, sink


def setting(bound, name, raw):
    return Setting(next(one for one in bound.points if one.point.name == name), raw)


async def test_fields_of_structures(plant):
    """Fields of the server's own structures, inner ones and elements too, are read by the server's layout."""
    points = {
        "rate": {"node": "s=Status", "field": "Flow.Rate"},
        "count": {"node": "s=Status", "field": "Count"},
        "high": {"node": "s=Range", "field": "High"},
        "mode": {"node": "s=Status", "field": "Mode", "states": {0: "off", 2: "high"}},
        "typo": {"node": "s=Status", "field": "Flow.Rat"},
        "whole": {"node": "s=Status"},
        "flat": {"node": "s=Double", "field": "Rate"},
    }
    bound = boiler(plant.endpoint, points)
    async with live(bound) as (_, sink):
        found = sink.latest(bound)

    assert {name: found[name].value for name in ("rate", "count", "high")} == {
        "rate": 2.5,
        "count": 7.0,
        "high": 9.0,
    }
    assert found["mode"].value == next(one for one in bound.points if one.point.name == "mode").state_ids[2]
    assert all(found[name].reason is Reason.WRONG_TYPE for name in ("typo", "whole", "flat"))
    assert "did you mean Rate?" in found["typo"].detail


async def test_browse_paths(plant):
    """A path leads to its node whatever id that has; one that leads nowhere is bad with the server's word."""
    points = {
        "here": {"path": "/Objects/Boiler/Temperature"},
        "spelt": {"path": f"/Objects/nsu={URI};Boiler/nsu={URI};Temperature"},
        "gone": {"path": "/Objects/Boiler/Nothing"},
        "alien": {"path": "/Objects/nsu=urn:elsewhere;Boiler"},
    }
    bound = boiler(plant.endpoint, points)
    async with live(bound) as (_, sink):
        found = sink.latest(bound)

    assert (found["here"].value, found["spelt"].value) == (71.5, 71.5)
    assert found["gone"].detail == "BadNoMatch: /Objects/Boiler/Nothing"
    assert found["alien"].detail == "the server has no namespace urn:elsewhere"


async def test_a_path_to_two_nodes_is_no_address(plant):
    """Where two nodes have one path, none of them is taken for the one that was meant."""
    for name in ("Twin.1", "Twin.2"):
        plant.do(
            plant.boiler.add_variable(
                ua.NodeId(name, plant.index), ua.QualifiedName("Twin", plant.index), 1.0
            )
        )
    bound = boiler(plant.endpoint, {"twin": {"path": "/Objects/Boiler/Twin"}})
    async with live(bound) as (_, sink):
        found = sink.latest(bound)["twin"]

    assert (found.reason, found.detail) == (Reason.BAD_STATUS, "2 nodes have the path /Objects/Boiler/Twin")


async def test_a_server_that_follows_no_paths_has_its_nodes(plant):
    """Without the service that looks paths up, points with a node are read, and the others say why they are not."""
    points = {"there": {"node": "s=Double"}, "path": {"path": "/Objects/Boiler/Temperature"}}
    bound = boiler(plant.endpoint, points)
    with answers(plant, ua.TranslateBrowsePathsToNodeIdsResponse, refused("BadServiceUnsupported")):
        async with live(bound) as (_, sink):
            found = sink.latest(bound)

    assert found["there"].reason is Reason.GOOD
    assert found["path"].detail == "BadServiceUnsupported: /Objects/Boiler/Temperature"


async def test_a_path_is_looked_up_anew_after_a_restart():
    """A server that comes back with its namespaces in another order is read under the same paths."""
    port = free_port()
    bound = boiler(f"opc.tcp://127.0.0.1:{port}", {"here": {"path": "/Objects/Boiler/Temperature"}})
    sink = PatientSink()
    async with supervised(link_of(bound), sink):
        for ahead, warm in ((0, 1.0), (3, 2.0)):
            plant = Plant({}, ahead=ahead, port=port)
            plant.temperature = warm
            await asyncio.to_thread(plant.__enter__)
            try:
                await sink.wait_for(lambda warm=warm: sink.by_name(bound) == {"here": warm})  # type: ignore[misc]
            finally:
                await asyncio.to_thread(plant.__exit__)
            await sink.wait_for(lambda: sink.downs)

    assert sink.by_name(bound) == {"here": 2.0}


@pytest.mark.parametrize(
    ("node", "raw", "back"),
    [
        ("Double", 2.25, 2.25),
        ("Float", 2.5, 2.5),
        ("Int16", -7.0, -7),
        ("Byte", 200.0, 200),
        ("Flag", 1.0, True),
    ],
)
async def test_numbers_are_written_as_the_type_that_the_node_holds(plant, node, raw, back):
    """A write takes the node's own type, and what the server has then is read back."""
    bound = boiler(plant.endpoint, {"it": {"node": f"s={node}", "writable": True}})
    async with live(bound) as (link, _):
        (outcome,) = await link.write([setting(bound, "it", raw)])

    assert isinstance(link, Writes)
    assert (outcome.done, outcome.read_back, outcome.words) == (Done.WRITTEN, back, "")


async def test_states_are_written(plant):
    """A state goes out as its code."""
    bound = boiler(plant.endpoint, {"mode": {"node": "s=Text", "writable": True, "states": STATES}})
    async with live(bound) as (link, sink):
        (outcome,) = await link.write([setting(bound, "mode", "MANUAL")])
        await sink.wait_for(lambda: sink.by_name(bound)["mode"] == bound.points[0].state_ids["MANUAL"])

    assert (outcome.done, outcome.read_back) == (Done.WRITTEN, "MANUAL")


async def test_an_element_is_not_written_where_the_server_would_take_it_for_the_array(plant):
    """A server that does not heed index ranges is found out by reading, and its array stays whole."""
    points = {
        "zone": {"node": "s=Zones", "index": 1, "writable": True},
        "all": {"node": "s=Zones", "writable": True},
    }
    bound = boiler(plant.endpoint, points)
    async with live(bound) as (link, _):
        outcomes = await link.write([setting(bound, name, 5.0) for name in points])
    held = plant.do(plant.server.get_node(ua.NodeId("Zones", plant.index)).read_value())

    assert [one.words for one in outcomes] == [
        "the server does not serve element 1 by itself",
        "the node is an array: say which element",
    ]
    assert held == [1.0, 2.0, 3.0]


async def test_an_element_is_written_by_itself(plant, monkeypatch):
    """Where the server heeds index ranges, one element is written and read back."""
    space = plant.server.iserver.attribute_service
    read = space.read
    written: list[Any] = []
    zones = ua.NodeId("Zones", plant.index)

    def ranged(params):
        return [
            ua.DataValue(ua.Variant([data.Value.Value[int(wanted.IndexRange)]], data.Value.VariantType))
            if wanted.IndexRange
            else data
            for wanted, data in zip(params.NodesToRead, read(params), strict=True)
        ]

    async def noted(params, **_):
        # The server writes its own status now and then.
        ours = [one for one in params.NodesToWrite if one.NodeId == zones]
        written.extend((one.IndexRange, one.Value.Value.Value) for one in ours)
        return [ua.StatusCode() for _ in params.NodesToWrite]

    monkeypatch.setattr(space, "read", ranged)
    monkeypatch.setattr(space, "write", noted)
    bound = boiler(plant.endpoint, {"zone": {"node": "s=Zones", "index": 1, "writable": True}})
    async with live(bound) as (link, _):
        (outcome,) = await link.write([setting(bound, "zone", 5.0)])

    assert written == [("1", [5.0])]
    assert (outcome.done, outcome.read_back) == (Done.WRITTEN, 2.0)


async def test_what_cannot_be_written_is_refused_with_words(plant):
    """Values that do not fit are never sent, and what the server refuses comes with its words; the rest is written."""
    points = {
        "small": {"node": "s=Byte", "writable": True},
        "text": {"node": "s=Text", "writable": True},
        "locked": {"node": "s=Locked", "writable": True},
        "gone": {"node": "s=Gone", "writable": True},
        "fine": {"node": "s=Double", "writable": True},
    }
    bound = boiler(plant.endpoint, points)
    async with live(bound) as (link, _):
        outcomes = await link.write([setting(bound, name, 256.0) for name in points])

    assert [one.done for one in outcomes] == [Done.REFUSED] * 4 + [Done.WRITTEN]
    assert outcomes[0].words == "Byte takes 0 to 255, found 256"
    assert "text" in outcomes[1].words
    assert outcomes[2].words.startswith(("BadUserAccessDenied", "BadNotWritable"))


async def test_methods_are_called_with_typed_arguments(plant):
    """Writing a point that is a method calls it; the point itself gives no reading at all."""
    points = {
        "start": {"method": "s=Start", "object": "s=Boiler", "writable": True},
        "move": {
            "method": "s=Move",
            "object": "s=Boiler",
            "arguments": ["{value}", "slow"],
            "writable": True,
        },
        "never": {"method": "s=Never", "object": "s=Boiler", "writable": True},
        "short": {"method": "s=Move", "object": "s=Boiler", "writable": True},
    }
    measured = {"double": {"node": "s=Double"}}
    bound = boiler(plant.endpoint, points | measured)
    plant.calls.clear()
    async with live(bound) as (link, sink):
        outcomes = await link.write([setting(bound, name, 3.0) for name in points])
        heard = set(sink.latest(bound))

    assert [one.done for one in outcomes] == [Done.WRITTEN, Done.WRITTEN, Done.REFUSED, Done.REFUSED]
    assert plant.calls == [(), (3, "slow")]
    assert outcomes[2].words.startswith("BadInvalidState")
    assert outcomes[3].words == "the method takes 2 arguments, the profile gives 1"
    assert heard == {"double"}


async def test_a_write_that_is_not_answered_is_unknown(plant):
    """When the answer does not come, nobody knows whether it was written, and it is not sent again."""
    async with wire(plant.port) as line:
        points = {"it": {"node": "s=Double", "writable": True}}
        bound = boiler(f"opc.tcp://127.0.0.1:{line.port}", points, timeout="2s", keep_alive="20s")
        async with live(bound) as (link, _):
            await link.write([setting(bound, "it", 1.0)])
            line.freeze()
            (outcome,) = await link.write([setting(bound, "it", 4.0)])
            line.thaw()

    assert outcome.done is Done.UNKNOWN
    assert "no answer within 2 s" in outcome.words


async def test_without_a_session_nothing_is_sent(plant):
    """A link that does not run refuses to write and to acknowledge as transient."""
    bound = boiler(plant.endpoint, {"it": {"node": "s=Double", "writable": True}})

    with pytest.raises(TransientError):
        await link_of(bound).write([setting(bound, "it", 1.0)])
    with pytest.raises(TransientError):
        await link_of(bound).acknowledge("test/boiler", "x", "")


async def test_an_alarm_arrives_and_is_acknowledged(plant):
    """An alarm comes with its state; acknowledging it names its newest event to the server."""
    bound = boiler(plant.endpoint, {"it": {"node": "s=Double"}}, events=True)
    plant.acknowledged.clear()
    async with live(bound) as (link, sink):
        await asyncio.to_thread(plant.raise_alarm, "too hot", 900)
        await sink.wait_for(lambda: any(one.words == "too hot" for one in sink.events))
        await asyncio.to_thread(plant.raise_alarm, "hotter", 950)
        await sink.wait_for(lambda: any(one.words == "hotter" for one in sink.events))
        event = sink.events[-1]
        done = await link.acknowledge(event.device, event.key, "seen")
        unknown = await link.acknowledge(event.device, "nsu=urn:x;s=y", "seen")
        await asyncio.to_thread(plant.raise_alarm, "cool", 1, active=False, acked=True)
        await sink.wait_for(lambda: sink.events[-1].active is False)
        over = await link.acknowledge(event.device, event.key, "seen")

    assert isinstance(link, Acknowledges)
    assert (event.device, event.key) == ("test/boiler", f"nsu={URI};s=HighTemperature")
    assert (event.kind, event.severity, event.source) == ("AlarmConditionType", 950, "Boiler")
    assert (event.active, event.acknowledged) == (True, False)
    assert done == ""
    assert [comment for _, comment in plant.acknowledged] == ["seen"]
    assert unknown == over == "the server tells of no such condition any more"


async def test_alarms_that_stand_are_told_after_a_connect(plant):
    """A new session is told of conditions that began before it, and one that ended meanwhile is said to have ended."""
    bound = boiler(plant.endpoint, {"it": {"node": "s=Double"}}, events=True)
    await asyncio.to_thread(plant.raise_alarm, "since yesterday", 500)
    link, sink = link_of(bound), PatientSink()
    async with running(link, sink):
        await sink.wait_for(lambda: any(one.active for one in sink.events))
    await asyncio.to_thread(plant.raise_alarm, "over", 500, active=False, acked=True)
    before = len(sink.events)
    async with running(link, sink):
        await sink.wait_for(lambda: len(sink.events) > before)

    assert sink.events[before - 1].words == "since yesterday"
    assert (sink.events[-1].key, sink.events[-1].active) == (sink.events[before - 1].key, False)


@pytest.mark.parametrize(
    ("points", "path", "words"),
    [
        ({"a": {"path": "Objects/Boiler"}}, "points.a.path", "is not a browse path"),
        ({"a": {"path": "/Objects//Boiler"}}, "points.a.path", "is not a browse path"),
        ({"a": {"path": "/Objects/70000:x"}}, "points.a.path", "no namespace index"),
        ({"a": {"method": "x", "object": "s=B", "writable": True}}, "points.a.method", "not a node id"),
        ({"a": {"method": "s=x", "object": "s=B"}}, "points.a.method", "writable"),
        ({"a": {"node": "s=x", "field": "F", "writable": True}}, "points.a.writable", "field"),
    ],
)
def test_check_finds_addresses_that_cannot_be(points, path, words):
    """What no server could have is found without one."""
    (found,) = connector.check(boiler("opc.tcp://h", points).device)

    assert found[0] == path
    assert words in found[1]


def test_check_finds_notifiers_that_cannot_be():
    """A node id among `events` that cannot be made out is named."""
    one = boiler("opc.tcp://h", {"a": {"node": "i=1"}}, events=["nonsense"]).device

    assert [path for path, _ in connector.check(one)] == ["options.events"]
