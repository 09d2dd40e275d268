from __future__ import annotations

import asyncio

import pytest
from asyncua import ua
from structlog.testing import capture_logs

from connectors.conformance.recording import bind, device, running, supervised
from connectors.home import Home
from connectors.opcua import connector
from tests.connectors.opcua.answers import answers, refused
from tests.connectors.opcua.servers import URI, Bms, wire
from tests.connectors.opcua.sinks import PatientSink
from twin.errors import TransientError
from twin.quality import Reason

Type = ua.VariantType
MANY = 120
VARIABLES = {
    "Level": ua.Variant(1.0, Type.Double),
    "Other": ua.Variant(7, Type.Int32),
    **{f"N{number}": ua.Variant(float(number), Type.Double) for number in range(MANY)},
}
QUICK = {"publishing": "50ms", "sampling": "100ms", "keep_alive": "1s", "timeout": "10s", "namespace": URI}


@pytest.fixture(scope="module")
def bms():
    with Bms(VARIABLES) as server:
        yield server


def plant(endpoint, points, **options):
    return bind(
        device(connector, endpoint, points, name="plant", options={**QUICK, "insecure": "a test", **options})
    )


def nodes(*names, **keys):
    return {name.lower(): {"node": f"s={name}", **keys} for name in names}


def link_of(bound):
    (link,) = connector.links([bound], Home())
    return link


async def test_a_device_can_be_polled(bms):
    """With `mode: poll` nothing is subscribed to, and changes and missing nodes are told all the same."""
    bound = plant(bms.endpoint, nodes("Level", "Gone"), mode="poll")
    sink = PatientSink()
    async with running(link_of(bound), sink):
        await sink.wait_for(lambda: len(sink.latest(bound)) == 2)
        during = len(bms.server.iserver.subscription_service.subscriptions)
        await asyncio.to_thread(bms.write, "Level", ua.Variant(2.0, Type.Double))
        await sink.wait_for(lambda: sink.by_name(bound)["level"] == 2.0)
        found = sink.latest(bound)

    assert during == 0
    assert (found["gone"].reason, found["gone"].detail) == (Reason.BAD_STATUS, "BadNodeIdUnknown")


async def test_reads_are_chunked_and_spread_over_the_period(bms, monkeypatch):
    """A group is read in requests of the size that was asked for, one after the other within the period."""
    service = bms.server.iserver.attribute_service
    read, sizes = service.read, []

    def noted(params):
        sizes.append(len(params.NodesToRead))
        return read(params)

    monkeypatch.setattr(service, "read", noted)
    bound = plant(bms.endpoint, nodes(*(f"N{n}" for n in range(MANY))), mode="poll", chunk=50, history="off")
    sink = PatientSink()
    async with running(link_of(bound), sink):
        await sink.wait_for(lambda: len(sink.latest(bound)) == MANY)

    assert sizes[-3:] in ([50, 50, 20], [50, 20, 50], [20, 50, 50])
    assert max(sizes) <= 50


@pytest.mark.parametrize("code", ["BadTooManySubscriptions", "BadServiceUnsupported"])
async def test_a_server_that_cannot_subscribe_is_polled(bms, monkeypatch, code):
    """Where subscriptions are refused the nodes are read instead, which is said once."""
    service = bms.server.iserver.subscription_service

    async def refuse(*_, **__):
        raise getattr(ua.uaerrors, code)

    monkeypatch.setattr(service, "create_subscription", refuse)
    bound = plant(bms.endpoint, nodes("Level", "Other"))
    sink = PatientSink()
    link = link_of(bound)
    with capture_logs() as logs:
        for _ in range(2):
            async with running(link, sink):
                sink.frames.clear()
                await sink.wait_for(lambda: len(sink.latest(bound)) == 2)

    assert [(one["event"], one["error"]) for one in logs] == [("opcua.polls_instead", code)]


async def test_items_beyond_what_the_server_monitors_are_polled(bms, monkeypatch):
    """When the server has no more monitored items to give, the rest is read."""
    service = bms.server.iserver.subscription_service
    create = service.create_monitored_items

    async def one_only(params):
        results = await create(params)
        for result in results[1:]:
            result.StatusCode = ua.StatusCode(ua.StatusCodes.BadTooManyMonitoredItems)
        return results

    monkeypatch.setattr(service, "create_monitored_items", one_only)
    bound = plant(bms.endpoint, nodes("Level", "Other"))
    sink = PatientSink()
    async with running(link_of(bound), sink):
        await sink.wait_for(lambda: len(sink.latest(bound)) == 2)
        await asyncio.to_thread(bms.write, "Other", ua.Variant(8, Type.Int32))
        await sink.wait_for(lambda: sink.by_name(bound)["other"] == 8)

    assert {reading.reason for reading in sink.readings()} == {Reason.GOOD}


async def test_a_server_that_cannot_subscribe_is_left_where_that_was_asked_for(bms):
    """With `mode: subscribe` nothing is read instead: the refusal is said."""
    bound = plant(bms.endpoint, nodes("Level"), mode="subscribe")
    with (
        answers(bms, ua.CreateSubscriptionResponse, refused("BadTooManySubscriptions")),
        pytest.raises(TransientError, match="the server refused: BadTooManySubscriptions"),
    ):
        await link_of(bound).run(PatientSink())


async def test_a_polled_node_that_appears_later_is_read(bms):
    """A path that led nowhere is looked up again, and read as soon as it leads somewhere."""
    points = {"new": {"path": "/Objects/0:Plant/0:Appeared"}}
    bound = plant(bms.endpoint, points, mode="poll", recheck="200ms")
    sink = PatientSink()
    async with running(link_of(bound), sink):
        await sink.wait_for(lambda: sink.latest(bound))
        first = sink.latest(bound)["new"]
        await asyncio.to_thread(bms.add, "Appeared", ua.Variant(4.0, Type.Double))
        await sink.wait_for(lambda: sink.by_name(bound)["new"] == 4.0)

    assert (first.reason, first.detail) == (Reason.BAD_STATUS, "BadNoMatch: /Objects/Plant/Appeared")
    assert sink.ups == 1


async def test_an_item_that_appears_when_the_server_monitors_no_more_is_polled(bms, monkeypatch):
    """What can be had only by reading is read from then on, also in the middle of a session."""
    service = bms.server.iserver.subscription_service
    create = service.create_monitored_items
    full: list[ua.CreateMonitoredItemsParameters] = []

    async def filled_up(params):
        results = await create(params)
        for result in results if full else ():
            result.StatusCode = ua.StatusCode(ua.StatusCodes.BadTooManyMonitoredItems)
        full.append(params)
        return results

    monkeypatch.setattr(service, "create_monitored_items", filled_up)
    bound = plant(bms.endpoint, nodes("Level", "Late"), recheck="200ms")
    sink = PatientSink()
    async with running(link_of(bound), sink):
        await sink.wait_for(lambda: len(sink.latest(bound)) == 2)
        await asyncio.to_thread(bms.add, "Late", ua.Variant(5.0, Type.Double))
        await sink.wait_for(lambda: sink.by_name(bound)["late"] == 5.0)
        await asyncio.to_thread(bms.write, "Late", ua.Variant(6.0, Type.Double))
        await sink.wait_for(lambda: sink.by_name(bound)["late"] == 6.0)

    assert sink.ups == 1


async def test_a_polled_server_that_freezes_is_noticed(bms):
    """A read without an answer ends the run with words, and the next one reads again."""
    async with wire(bms.port) as line:
        bound = plant(
            f"opc.tcp://127.0.0.1:{line.port}", nodes("Level"), mode="poll", timeout="400ms", history="off"
        )
        sink = PatientSink()
        async with supervised(link_of(bound), sink):
            await sink.wait_for(lambda: sink.by_name(bound))
            line.freeze()
            await sink.wait_for(lambda: sink.downs)
            line.thaw()
            await sink.wait_for(lambda: sink.ups >= 2)

    assert sink.downs[0].words == "no answer within 0.4 s"


async def test_dead_bands_are_the_servers(bms):
    """A change within the absolute dead band is not reported, one beyond it is."""
    await asyncio.to_thread(bms.write, "Level", ua.Variant(10.0, Type.Double))
    bound = plant(bms.endpoint, nodes("Level", deadband=2))
    sink = PatientSink()
    async with running(link_of(bound), sink):
        await sink.wait_for(lambda: sink.by_name(bound))
        for value in (11.0, 11.5, 20.0):
            await asyncio.to_thread(bms.write, "Level", ua.Variant(value, Type.Double))
            await asyncio.sleep(0.15)
        await sink.wait_for(lambda: sink.by_name(bound)["level"] == 20.0)

    assert {reading.value for reading in sink.readings()} == {10.0, 20.0}


async def test_a_dead_band_that_the_server_refuses_is_left_out_and_said_once(bms, monkeypatch):
    """Without an EURange a percent dead band is refused: the node is subscribed to without it."""
    service = bms.server.iserver.subscription_service
    create, filters = service.create_monitored_items, []

    async def refuse(params):
        results = await create(params)
        for item, result in zip(params.ItemsToCreate, results, strict=True):
            filters.append(item.RequestedParameters.Filter)
            if hasattr(item.RequestedParameters.Filter, "DeadbandType"):
                result.StatusCode = ua.StatusCode(ua.StatusCodes.BadDeadbandFilterInvalid)
        return results

    monkeypatch.setattr(service, "create_monitored_items", refuse)
    bound = plant(bms.endpoint, nodes("Level", deadband="2%"))
    sink = PatientSink()
    link = link_of(bound)
    with capture_logs() as logs:
        for _ in range(2):
            async with running(link, sink):
                sink.frames.clear()
                await sink.wait_for(lambda: sink.by_name(bound))

    assert (filters[0].DeadbandType, filters[0].DeadbandValue) == (ua.DeadbandType.Percent, 2.0)
    assert [(one["event"], one.get("error")) for one in logs] == [
        ("opcua.deadband_refused", "BadDeadbandFilterInvalid")
    ]
