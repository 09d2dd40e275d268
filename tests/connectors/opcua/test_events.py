from __future__ import annotations

from datetime import UTC, datetime

import pytest
from asyncua import ua
from hypothesis import given
from hypothesis import strategies as st

from connectors.conformance.recording import bind, device
from connectors.home import Home
from connectors.opcua import connector
from connectors.opcua.conditions import FIELDS, Condition, Conditions
from connectors.opcua.events import Events
from connectors.opcua.memory import Heard, Memory
from connectors.opcua.nodes import NodeAddress
from tests.connectors.opcua.sinks import PatientSink
from twin.events import DeviceEvent

URIS = {"urn:plant": 3}


def told(handle=0, **fields):
    """An event as it stands in a publish response."""
    return ua.EventFieldList(handle, [ua.Variant(fields.get(name)) for name, _, _ in FIELDS])


def alarm(**fields):
    usual = {"type": ua.NodeId(2915), "condition": ua.NodeId("high", 3), "retain": True, "id": b"1"}
    return told(**{**usual, **fields})


@pytest.fixture
def heard():
    one = bind(
        device(connector, "opc.tcp://h", {"a": {"node": "i=1"}}, name="boiler", options={"events": True})
    )
    sink, conditions = PatientSink(), Conditions()
    return Events(None, sink, [one], Memory(Heard(Home(), []), conditions)), sink, conditions


async def test_a_plain_event_has_no_key(heard):
    """What is no condition is told once, with the device's words and time."""
    events, sink, _ = heard
    moment = datetime(2026, 5, 1, tzinfo=UTC)
    fields = {"type": ua.NodeId(2041), "source": "Boiler", "time": moment, "severity": 5000}
    await events.take([told(message=ua.LocalizedText("Filter changed"), **fields)], 7, URIS)

    at = int(moment.timestamp()) * 10**9
    assert sink.events == [
        DeviceEvent("test/boiler", "BaseEventType", at, 7, 1000, "Boiler", "Filter changed")
    ]


async def test_a_condition_is_named_by_uri_and_branch(heard):
    """The name of a condition does not depend on the server's namespace index; branches are conditions of their own."""
    events, sink, _ = heard
    await events.take([alarm(), alarm(branch=ua.NodeId("b", 3))], 7, URIS)
    await events.take([alarm(condition=ua.NodeId("high", 9))], 8, {"urn:plant": 9})

    assert [one.key for one in sink.events] == [
        "nsu=urn:plant;s=high",
        "nsu=urn:plant;s=high#ns=3;s=b",
        "nsu=urn:plant;s=high",
    ]


async def test_the_newest_telling_is_what_is_acknowledged(heard):
    """The EventId of the last event of a condition is kept, until the condition is over."""
    events, _, conditions = heard
    await events.take([alarm(id=b"1"), alarm(id=b"2")], 7, URIS)
    kept = conditions.get("test/boiler", "nsu=urn:plant;s=high")
    await events.take([alarm(id=b"3", retain=False)], 7, URIS)

    assert kept.event_id == b"2"
    assert len(conditions) == 0


async def test_a_refresh_ends_what_is_not_told_again(heard):
    """Conditions that a refresh leaves out have ended; those that it tells stand."""
    events, sink, conditions = heard
    await events.take([alarm(), alarm(condition=ua.NodeId("low", 3))], 7, URIS)
    sink.events.clear()
    await events.take([told(type=ua.NodeId(2787)), alarm(), told(type=ua.NodeId(2788))], 9, URIS)

    assert [(one.key, one.active) for one in sink.events] == [
        ("nsu=urn:plant;s=high", True),
        ("nsu=urn:plant;s=low", False),
    ]
    assert len(conditions) == 1


async def test_a_handle_of_somebody_else_is_not_taken(heard):
    """An event under a handle that was never given changes nothing."""
    events, sink, _ = heard
    await events.take([told(handle=5)], 7, URIS)

    assert sink.events == []


async def test_a_refresh_that_tells_of_too_much_ends_nothing(heard, monkeypatch):
    """When a refresh names more conditions than are kept, what it left out may stand all the same."""
    monkeypatch.setattr("connectors.opcua.events.MOST_CONDITIONS", 2)
    events, sink, conditions = heard
    await events.take([alarm()], 7, URIS)
    sink.events.clear()
    others = [alarm(condition=ua.NodeId(f"c{number}", 3)) for number in range(3)]
    await events.take([told(type=ua.NodeId(2787)), *others, told(type=ua.NodeId(2788))], 9, URIS)

    assert [one.active for one in sink.events] == [True, True, True]
    assert conditions.get("test/boiler", "nsu=urn:plant;s=high") is not None


@pytest.mark.parametrize("told_id", [None, 7, b"x" * 5000])
async def test_an_event_without_a_usable_id_is_a_condition_all_the_same(heard, told_id):
    """What cannot be named when it is acknowledged is kept without a name: the server will refuse it."""
    events, sink, conditions = heard
    await events.take([alarm(id=told_id)], 7, URIS)

    assert conditions.get("test/boiler", sink.events[0].key).event_id == b""


async def test_names_of_types_are_bounded(heard, monkeypatch):
    """A server that invents types for ever is not asked for the name of each."""
    monkeypatch.setattr("connectors.opcua.events._MOST_KINDS", 0)
    events, sink, _ = heard
    await events.take([told(type=ua.NodeId("Odd", 3)), told(type="Odd")], 7, URIS)

    assert [one.kind for one in sink.events] == ["Event", "Event"]


async def test_a_condition_of_a_namespace_that_is_gone_is_not_acknowledged(heard):
    """After a restart without that namespace there is nobody to send it to, and the words say which it was."""
    events, sink, _ = heard
    await events.take([alarm()], 7, URIS)
    words = await events.acknowledge("test/boiler", sink.events[0].key, "seen", {})

    assert words == "the server has no namespace urn:plant"


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**6), 10**6),
    st.floats(),
    st.text(max_size=5),
    st.binary(max_size=5),
)


@given(st.lists(ANYTHING, max_size=15))
async def test_no_field_of_an_event_can_do_harm(values):
    """Fields of wrong types, too few or too many of them give an event all the same, and nothing is raised."""
    one = bind(device(connector, "opc.tcp://h", {"a": {"node": "i=1"}}, options={"events": True}))
    sink = PatientSink()
    fields = [
        ua.Variant(value) if not isinstance(value, float) else ua.Variant(value, ua.VariantType.Double)
        for value in values
    ]
    await Events(None, sink, [one], Memory(Heard(Home(), []), Conditions())).take(
        [ua.EventFieldList(0, fields)], 7, {}
    )

    (event,) = sink.events
    assert 1 <= event.severity <= 1000
    assert event.at == 7


def test_conditions_are_bounded(monkeypatch):
    """A server that invents conditions for ever takes a bounded part of memory: the oldest go."""
    monkeypatch.setattr("connectors.opcua.conditions.MOST_CONDITIONS", 3)
    conditions = Conditions()
    for number in range(10):
        event = DeviceEvent("test/a", "x", 1, 1, 1, "", "", key=str(number))
        conditions.note(Condition(NodeAddress(number), b"", event), over=False)

    assert [key for key in map(str, range(10)) if conditions.get("test/a", key)] == ["7", "8", "9"]
