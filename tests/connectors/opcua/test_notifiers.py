"""Servers whose events do not come as they should: notifiers that are not there, refreshes that fail, storms."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from asyncua import ua
from structlog.testing import capture_logs

from connectors.conformance.recording import bind, device, running, supervised
from connectors.home import Home
from connectors.opcua import connector
from tests.connectors.opcua.answers import answers, cut_short, refused, without_results
from tests.connectors.opcua.plants import Plant
from tests.connectors.opcua.servers import URI, wire
from tests.connectors.opcua.sinks import PatientSink, until
from twin.errors import TransientError

Type = ua.VariantType
QUICK = {
    "publishing": "50ms",
    "sampling": "10ms",
    "keep_alive": "1s",
    "timeout": "10s",
    "namespace": URI,
    "insecure": "a test",
    "events": True,
}


@pytest.fixture(scope="module")
def plant():
    with Plant({"Double": ua.Variant(1.5, Type.Double)}) as server:
        yield server


@pytest.fixture
def refreshes(plant):
    """The answers to ConditionRefresh, as they go out."""
    seen = []

    def note(response):
        seen.append(response)
        return response

    with answers(plant, ua.CallResponse, note):
        yield seen


def link_to(endpoint, **options):
    points = {"it": {"node": "s=Double"}}
    bound = bind(device(connector, endpoint, points, name="boiler", options={**QUICK, **options}))
    (link,) = connector.links([bound], Home())
    return link, bound


@asynccontextmanager
async def live(endpoint, runs=running, **options):
    """The link while it runs, once its only node was heard of."""
    link, bound = link_to(endpoint, **options)
    sink = PatientSink()
    async with runs(link, sink):
        await sink.wait_for(lambda: sink.latest(bound))
        yield link, sink


async def alarm(plant, words, **state):
    await asyncio.to_thread(plant.raise_alarm, words, **state)


@asynccontextmanager
async def alarmed(endpoint, plant, **options):
    """A link with its newest event, an alarm that stands."""
    async with live(endpoint, **options) as (link, sink):
        await alarm(plant, "too hot")
        await sink.wait_for(lambda: any(one.words == "too hot" for one in sink.events))
        yield link, sink.events[-1]


async def heard(link, plant, words):
    """Run the link until it has told of an alarm with these words."""
    sink = PatientSink()
    async with running(link, sink):
        await sink.wait_for(lambda: sink.frames)
        await alarm(plant, words)
        await sink.wait_for(lambda: words in [one.words for one in sink.events])


@pytest.mark.parametrize(
    ("notifier", "error"),
    [
        ("nsu=urn:elsewhere;s=x", "the server has no namespace urn:elsewhere"),
        ("s=Nowhere", f"nsu={URI};s=Nowhere: Bad"),
    ],
)
async def test_a_notifier_that_is_not_there_is_said_once(plant, notifier, error):
    """Values go on to come, and the other notifiers tell of their events."""
    link, _ = link_to(plant.endpoint, events=[notifier, "ns=0;i=2253"])
    with capture_logs() as logs:
        for words in ("too hot", "hotter"):
            await heard(link, plant, words)

    ((event, said),) = [(one["event"], one["error"]) for one in logs]
    assert event == "opcua.no_events"
    assert said.startswith(error)


async def test_a_server_without_room_for_events_is_read_all_the_same(plant, monkeypatch):
    """When the subscription for events is one too many, that is said once, and values come."""
    service = plant.server.iserver.subscription_service
    create = service.create_subscription

    async def one_only(*args, **named):
        if any(one.pub_request_callback for one in service.subscriptions.values()):
            raise ua.uaerrors.BadTooManySubscriptions
        return await create(*args, **named)

    monkeypatch.setattr(service, "create_subscription", one_only)
    await until(lambda: not any(one.pub_request_callback for one in service.subscriptions.values()))
    with capture_logs() as logs:
        async with live(plant.endpoint) as (_, sink):
            ups = sink.ups

    assert [(one["event"], one["error"]) for one in logs] == [("opcua.no_events", "BadTooManySubscriptions")]
    assert ups == 1


async def test_events_that_were_lost_are_made_up_for_by_a_refresh(plant, refreshes, monkeypatch):
    """After a message of events that nobody has any more, the state of all conditions is asked for again."""
    monkeypatch.setattr("connectors.opcua.events._REFRESH_PAUSE_S", 0.0)
    await alarm(plant, "stands", active=True)
    ahead, subscriptions = 0, plant.server.iserver.subscription_service.subscriptions

    def lost(response):
        nonlocal ahead
        message = response.Parameters.NotificationMessage
        if ahead == 1 and any(
            isinstance(one, ua.EventNotificationList) for one in message.NotificationData or ()
        ):
            message.NotificationData, ahead = [], 2
        if response.Parameters.SubscriptionId == max(subscriptions):
            message.SequenceNumber += ahead // 2
        return response

    with (
        answers(plant, ua.PublishResponse, lost),
        answers(plant, ua.RepublishResponse, refused("BadMessageNotAvailable")),
    ):
        async with live(plant.endpoint) as (_, sink):
            await sink.wait_for(lambda: sink.events)
            before = len(refreshes)
            ahead = 1
            await alarm(plant, "hotter")
            await sink.wait_for(lambda: sink.events[-1].words == "hotter")

    assert len(refreshes) > before
    assert sink.ups == 1


async def test_a_server_may_ask_for_a_refresh(plant, refreshes, monkeypatch):
    """When the server says that it has lost count itself, its conditions are asked for again."""
    monkeypatch.setattr("connectors.opcua.events._REFRESH_PAUSE_S", 0.0)
    node = plant.server.get_node(ua.NodeId(ua.ObjectIds.RefreshRequiredEventType))
    generator = plant.do(plant.server.get_event_generator(node, plant.server.nodes.server))
    async with live(plant.endpoint) as (_, sink):
        await until(lambda: refreshes)
        before = len(refreshes)
        await asyncio.to_thread(plant.do, generator.trigger(message="again"))
        await until(lambda: len(refreshes) > before)

    assert "again" not in [one.words for one in sink.events]


@pytest.mark.parametrize("change", [refused("BadServiceUnsupported"), without_results])
async def test_a_server_that_cannot_refresh_still_tells_of_events(plant, change):
    """Conditions that began before are not told then; the others are."""
    with answers(plant, ua.CallResponse, change):
        async with live(plant.endpoint) as (_, sink):
            await alarm(plant, "too hot")
            await sink.wait_for(lambda: any(one.words == "too hot" for one in sink.events))

    assert sink.ups == 1


async def test_the_end_of_a_storm_is_said_and_asks_for_the_state_of_now(plant, refreshes, monkeypatch):
    """Of a storm a bounded number is delivered; what it cost is said, and the newest state arrives all the same."""
    monkeypatch.setattr("connectors.opcua.events._BURST", 5)
    monkeypatch.setattr("connectors.opcua.events._PER_S", 1.0)
    monkeypatch.setattr("connectors.opcua.events._REFRESH_PAUSE_S", 0.2)

    async def storm():
        for number in range(300):
            plant.alarm.event.Severity = number + 1
            await plant.alarm.trigger(message=f"storm {number}")

    def said(event):
        return [one for one in logs if one["event"] == event]

    with capture_logs() as logs:
        async with live(plant.endpoint) as (_, sink):
            await until(lambda: refreshes)
            await asyncio.to_thread(plant.do, storm())
            await until(lambda: said("opcua.events_dropped"))
            told, before = len(sink.events), len(refreshes)
            await until(lambda: len(refreshes) > before)
            await sink.wait_for(lambda: sink.events[-1].words == "storm 299")

    assert 1 <= told <= 60
    assert len(said("opcua.event_storm")) >= 1
    assert said("opcua.events_dropped")[0]["events"] > 200


async def test_an_event_of_the_servers_own_type_is_told_by_its_name(plant, monkeypatch):
    """The name of a type is asked for once; one that the server does not tell is an event all the same."""
    kinds = [
        plant.do(plant.server.create_custom_event_type(plant.index, name, ua.ObjectIds.BaseEventType))
        for name in ("BurnerTripped", "FilterChanged")
    ]
    tripped, changed = (
        plant.do(plant.server.get_event_generator(kind, plant.server.nodes.server)) for kind in kinds
    )
    asked = []

    def named(response):
        if isinstance(getattr(response.Results[0].Value, "Value", None), ua.QualifiedName):
            asked.append(response)
            return response if len(asked) == 1 else cut_short(response)
        return response

    with answers(plant, ua.ReadResponse, named):
        async with live(plant.endpoint) as (_, sink):
            for number, generator in enumerate((tripped, tripped, changed), start=1):
                await asyncio.to_thread(plant.do, generator.trigger(message=f"n{number}"))
                await sink.wait_for(
                    lambda number=number: sink.events and sink.events[-1].words == f"n{number}"
                )

    assert [one.kind for one in sink.events if one.words.startswith("n")] == ["BurnerTripped"] * 2 + ["Event"]
    assert len(asked) == 2
    assert sink.ups == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (refused("BadUserAccessDenied"), "the server refused: BadUserAccessDenied"),
        (lambda _: None, "no answer within 2 s: it may be acknowledged or not"),
    ],
)
async def test_an_acknowledgement_that_is_not_taken(plant, change, words):
    """A refusal is one, and silence leaves it open."""
    async with alarmed(plant.endpoint, plant, timeout="2s", keep_alive="20s") as (link, event):
        with answers(plant, ua.CallResponse, change):
            said = await link.acknowledge(event.device, event.key, "seen")

    assert said == words


async def test_an_acknowledgement_that_is_not_understood_is_the_servers_fault(plant):
    """An answer to something else is told as what ended the session."""
    async with alarmed(plant.endpoint, plant) as (link, event):
        with answers(plant, ua.CallResponse, without_results), pytest.raises(TransientError) as caught:
            await link.acknowledge(event.device, event.key, "seen")

    assert caught.value.words == "0 results for 1 operation"


async def test_an_acknowledgement_over_a_cut_wire_says_so(plant):
    """A connection that breaks while the answer is on its way is a loss with words."""
    async with wire(plant.port) as line:
        endpoint = f"opc.tcp://127.0.0.1:{line.port}"
        async with alarmed(endpoint, plant, runs=supervised) as (link, event):
            line.freeze()
            waiting = asyncio.create_task(link.acknowledge(event.device, event.key, "seen"))
            await asyncio.sleep(0)
            line.cut()
            with pytest.raises(TransientError, match="connection closed by the server"):
                await waiting
            line.thaw()
