from __future__ import annotations

import asyncio
from itertools import pairwise
from statistics import median

import pytest
from asyncua import ua
from structlog.testing import capture_logs

from connectors.conformance.recording import bind, device, running
from connectors.home import Home
from connectors.opcua import connector
from connectors.opcua.session import Session
from tests.connectors.opcua.servers import URI, Bms
from tests.connectors.opcua.sinks import PatientSink
from twin.quality import Reason

Type = ua.VariantType
QUICK = {
    "publishing": "50ms",
    "sampling": "10ms",
    "queue_size": 100,
    "keep_alive": "1s",
    "timeout": "10s",
    "namespace": URI,
    "insecure": "a test",
}


@pytest.fixture(scope="module")
def bms():
    with Bms({"Level": ua.Variant(0.0, Type.Double), "Still": ua.Variant(5.0, Type.Double)}) as server:
        yield server


def plant(endpoint, *names, **options):
    points = {name.lower(): {"node": f"s={name}"} for name in names}
    return bind(device(connector, endpoint, points, name="plant", options={**QUICK, **options}))


def link_of(bound):
    (link,) = connector.links([bound], Home())
    return link


async def count_up(server, first, last):
    for number in range(first, last + 1):
        await asyncio.to_thread(server.write, "Level", ua.Variant(float(number), Type.Double))
        await asyncio.sleep(0.06)


def values_of(sink, one):
    values = [reading.value for reading in sink.readings() if reading.id == one]
    return values[:1] + [late for early, late in pairwise(values) if late != early]


class Loss:
    """Loses publish responses that carry something, one after the other, before anybody looks at them."""

    def __init__(self, monkeypatch):
        self.left = 0
        publish = Session.publish

        async def lossy(session, acknowledged):
            while True:
                result = await publish(session, acknowledged)
                acknowledged = []
                if not self.left or not result.NotificationMessage.NotificationData:
                    return result
                self.left -= 1

        monkeypatch.setattr(Session, "publish", lossy)


async def test_lost_messages_are_asked_for_again(bms, monkeypatch):
    """A gap in the sequence numbers is closed by Republish: every value, once, in order, over the same session."""
    loss = Loss(monkeypatch)
    await asyncio.to_thread(bms.write, "Level", ua.Variant(0.0, Type.Double))
    bound = plant(bms.endpoint, "Level", "Still")
    sink = PatientSink()
    async with running(link_of(bound), sink):
        await sink.wait_for(lambda: len(sink.latest(bound)) == 2)
        loss.left, last = 3, 0
        while loss.left:
            last += 1
            await count_up(bms, last, last)
        last += 3
        await count_up(bms, last - 2, last)
        await sink.wait_for(lambda: sink.by_name(bound)["level"] == last)

    assert values_of(sink, 0) == [float(number) for number in range(last + 1)]
    assert (sink.ups, sink.silences) == (1, [])


async def test_messages_that_the_server_has_no_more_are_a_gap_that_says_so(bms, monkeypatch):
    """What cannot be sent again is said to be lost, and the values of now are read."""
    loss = Loss(monkeypatch)
    service = bms.server.iserver.subscription_service
    monkeypatch.setattr(service, "republish", lambda _: ua.NotificationMessage())
    await asyncio.to_thread(bms.write, "Level", ua.Variant(0.0, Type.Double))
    bound = plant(bms.endpoint, "Level", "Still")
    sink = PatientSink()
    with capture_logs() as logs:
        async with running(link_of(bound), sink):
            await sink.wait_for(lambda: len(sink.latest(bound)) == 2)
            loss.left = 1
            await count_up(bms, 100, 101)
            await sink.wait_for(lambda: sink.silences)
            await sink.wait_for(lambda: sink.by_name(bound) == {"level": 101.0, "still": 5.0})

    ((ids, reason, words),) = [(one.ids, one.reason, one.words) for one in sink.silences]
    assert (set(ids), reason) == ({0, 1}, Reason.NO_ANSWER)
    assert words == "lost on the way: 1 message of the server"
    assert [one["event"] for one in logs] == ["opcua.notifications_lost"]
    assert sink.ups == 1


async def test_a_queue_that_was_too_short_is_told(bms):
    """Samples that the server discarded are not lost silently: the overflow bit is noticed and said once."""
    overflow = 0x0000_0480
    bound = plant(bms.endpoint, "Level")
    sink = PatientSink()
    with capture_logs() as logs:
        async with running(link_of(bound), sink):
            await sink.wait_for(lambda: sink.by_name(bound))
            for value in (200.0, 201.0):
                await asyncio.to_thread(bms.write, "Level", ua.Variant(value, Type.Double), overflow)
                await sink.wait_for(lambda value=value: sink.by_name(bound)["level"] == value)  # type: ignore[misc]

    assert [(one["event"], one["point"]) for one in logs] == [("opcua.queue_too_short", "test/plant/level")]
    assert sink.latest(bound)["level"].reason is Reason.GOOD


async def test_a_server_that_returns_is_read_within_seconds(bms):
    """From the call of `run` to the first value takes well under five seconds, again and again."""
    bound = plant(bms.endpoint, "Level")
    loop = asyncio.get_running_loop()
    took = []
    link = link_of(bound)
    for _ in range(20):
        sink, begun = PatientSink(), loop.time()
        async with running(link, sink):
            await sink.wait_for(lambda sink=sink: sink.by_name(bound))  # type: ignore[misc]
            took.append(loop.time() - begun)

    assert median(took) < 5.0
