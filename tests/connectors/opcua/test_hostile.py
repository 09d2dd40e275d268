"""Servers that break the rules, or never stop: what they cost is bounded, and nothing wrong is believed of them."""

from __future__ import annotations

import asyncio
import json
import math
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from asyncua import ua
from asyncua.client import ua_session
from structlog.testing import capture_logs

from connectors.conformance.recording import bind, device, running, supervised
from connectors.home import Home
from connectors.opcua import connector, services
from connectors.opcua.access import LoginRefusedError, Patience
from connectors.opcua.catchup import CatchUp
from connectors.opcua.conditions import Conditions
from connectors.opcua.config import OpcUaOptions
from connectors.opcua.history import Backfill
from connectors.opcua.memory import Heard, Memory
from connectors.opcua.session import Session
from connectors.opcua.subscription import Subscription, items_of
from tests.connectors.opcua.answers import answers
from tests.connectors.opcua.plants import Historian, Plant
from tests.connectors.opcua.servers import URI, Bms, wire
from tests.connectors.opcua.sinks import PatientSink, until
from twin.errors import TransientError

NS = 1_000_000_000
Double = ua.VariantType.Double
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
    with Bms({"Level": ua.Variant(0.0, Double)}) as server:
        yield server


def plant(endpoint, **options):
    points = {"level": {"node": "s=Level"}}
    return bind(device(connector, endpoint, points, name="plant", options={**QUICK, **options}))


def link_of(bound, home=None):
    (link,) = connector.links([bound], home or Home())
    return link


@asynccontextmanager
async def at(server):
    await asyncio.to_thread(server.__enter__)
    try:
        yield server
    finally:
        await asyncio.to_thread(server.__exit__)


async def test_responses_that_are_never_understood_take_few_lines(bms, monkeypatch):
    """However many responses cannot be decoded, what is logged grows with their number of digits only."""
    broken = 0

    def fail(kind, data):
        nonlocal broken
        if kind is ua.PublishResponse:
            broken += 1
            raise ValueError("nonsense")
        return decode(kind, data)

    decode = ua_session.struct_from_binary
    monkeypatch.setattr(ua_session, "struct_from_binary", fail)
    sink = PatientSink()
    with capture_logs() as logs:
        async with supervised(link_of(plant(bms.endpoint)), sink):
            await sink.wait_for(lambda: len(sink.downs) >= 3)

    assert broken >= 8
    assert len(logs) <= 1 + math.log2(broken)
    assert all(one.words.startswith("no keep-alive") for one in sink.downs)


async def test_numbers_that_jump_cost_no_value_and_few_lines(bms, monkeypatch):
    """Where every message claims that others were lost, each newest value still arrives."""
    publish, ahead = Session.publish, 0

    async def jumping(session, acknowledged):
        nonlocal ahead
        result = await publish(session, acknowledged)
        if result.NotificationMessage.NotificationData:
            ahead += 1_000_000
        result.NotificationMessage.SequenceNumber = result.NotificationMessage.SequenceNumber + ahead
        return result

    monkeypatch.setattr(Session, "publish", jumping)
    bound, sink = plant(bms.endpoint), PatientSink()
    with capture_logs() as logs:
        async with running(link_of(bound), sink):
            for number in range(1, 21):
                await asyncio.to_thread(bms.write, "Level", ua.Variant(float(number), Double))
                await sink.wait_for(lambda number=number: sink.by_name(bound).get("level") == number)  # type: ignore[misc]

    assert sink.ups == 1
    assert 1 <= len(logs) <= 6


@pytest.mark.parametrize("interval", [1e300, -1.0, math.nan, math.inf, 0.0])
async def test_an_interval_that_shows_nothing_is_refused(bms, interval):
    """A subscription that would be silent for ever, or for no time at all, ends in words that say what to do."""

    def revised(response):
        response.Parameters.RevisedPublishingInterval = interval
        return response

    with (
        answers(bms, ua.CreateSubscriptionResponse, revised),
        pytest.raises(TransientError, match="poll it"),
    ):
        await link_of(plant(bms.endpoint)).run(PatientSink())


def page(*values, point=None):
    """A result of HistoryRead."""
    data = [ua.DataValue(ua.Variant(value, Double), SourceTimestamp=moment) for moment, value in values]
    return ua.HistoryReadResult(ContinuationPoint=point, HistoryData=ua.HistoryData(data))


async def test_a_continuation_that_leads_nowhere_is_left(monkeypatch):
    """A server that gives the same continuation point with nothing new for ever is asked a few times."""
    asked = 0

    async def again(*_):
        nonlocal asked
        asked += 1
        return [page(point=b"again")]

    async with at(Historian({"Level": ua.Variant(0.0, Double)})) as server:
        monkeypatch.setattr(services, "history", again)
        sink = PatientSink()
        async with running(link_of(plant(server.endpoint)), sink):
            await sink.wait_for(lambda: asked >= 5)
            await asyncio.sleep(1.0)

    assert asked <= 15
    assert sink.fills == []


async def test_history_without_end_is_left_at_a_limit(monkeypatch):
    """Of a million values a bounded number is read, and nothing beyond them is called filled."""
    monkeypatch.setattr("connectors.opcua.history._MOST_PER_POINT", 2000)
    begun = datetime.now(UTC) - timedelta(days=1)
    given = 0

    async def endless(_session, details, _nodes):
        nonlocal given
        if details.StartTime > details.EndTime:
            return [page()]
        moments = [begun + timedelta(milliseconds=given + one) for one in range(500)]
        given += 500
        return [page(*((moment, 1.0) for moment in moments), point=b"more")]

    async with at(Historian({"Level": ua.Variant(0.0, Double)})) as server:
        monkeypatch.setattr(services, "history", endless)
        home = Home(notes={"heard:test/plant": json.dumps({"level": int(begun.timestamp() * NS)})})
        sink = PatientSink()
        async with running(link_of(plant(server.endpoint), home), sink):
            await sink.wait_for(lambda: sink.fills)
            await asyncio.sleep(0.5)

    ((_, start, stop),) = sink.fills
    assert given <= 3000
    assert stop - start <= 3 * NS


async def test_history_by_another_clock_fills_nothing(monkeypatch):
    """A server whose clock is two years behind is read live; its history is left alone, which is said once."""
    long_ago = timedelta(days=-730)

    async def told(session, node):
        found = await read(session, node)
        return found + long_ago if node == ua.ObjectIds.Server_ServerStatus_CurrentTime else found

    read = Session.read
    monkeypatch.setattr(Session, "read", told)
    async with at(Historian({"Level": ua.Variant(0.0, Double)})) as server:
        home = Home(notes={"heard:test/plant": json.dumps({"level": time.time_ns() - 3600 * NS})})
        bound, sink = plant(server.endpoint), PatientSink()
        with capture_logs() as logs:
            async with running(link_of(bound, home), sink):
                await until(lambda: logs)
                source = datetime.now(UTC) + long_ago
                await asyncio.to_thread(server.write, "Level", ua.Variant(3.0, Double), source=source)
                await sink.wait_for(lambda: sink.by_name(bound)["level"] == 3.0)

    assert (sink.fills, server.archive.asked) == ([], [])
    assert [one["event"] for one in logs] == ["opcua.history_of_another_clock"]


async def test_what_is_lost_faster_than_history_is_read_is_bounded():
    """A server that loses messages for ever makes no list grow: what cannot be asked now is owed as one stretch."""
    one = plant("opc.tcp://h")
    group = Subscription(next(iter(items_of([one]).values())))
    memory = Memory(Heard(Home(), [one]), Conditions())
    node, sink = ua.NodeId("Level", 2), PatientSink()
    catch_up = CatchUp(None, sink, OpcUaOptions(), memory, lambda: [(group, 0, node)])
    catch_up._backfill = Backfill(None, sink, 10, catch_up._filled, memory.seldom)
    catch_up._backfill.readable[node] = True
    for number in range(1, 1000):
        catch_up.again(group, [number * NS], {0: number * NS + 5})
        catch_up.remember()

    assert len(catch_up._backfill._queue) <= 8
    assert len(memory.heard.owed[0]) <= 8
    assert min(owed.start for owed in memory.heard.owed[0]) == NS
    assert max(owed.first for owed in memory.heard.owed[0]) == 999 * NS + 5


async def test_a_stretch_is_asked_for_once():
    """What is noted for the next session while it is on its way is not asked for again in this one."""
    one = plant("opc.tcp://h")
    group = Subscription(next(iter(items_of([one]).values())))
    memory = Memory(Heard(Home(), [one]), Conditions())
    node, sink = ua.NodeId("Level", 2), PatientSink()
    catch_up = CatchUp(None, sink, OpcUaOptions(), memory, lambda: [(group, 0, node)])
    catch_up._backfill = Backfill(None, sink, 10, catch_up._filled, memory.seldom)
    catch_up._backfill.readable[node] = True
    for number in (1, 2, 3):
        catch_up.again(group, [number * NS], {0: number * NS + 5})
        catch_up.remember()

    assert [asked.start for asked in catch_up._backfill._queue] == [NS, 2 * NS, 3 * NS]


async def test_a_link_of_methods_alone_notices_that_its_server_is_gone():
    """Where nothing is read, a server that freezes is noticed all the same."""
    with Plant({}) as server:
        async with wire(server.port) as line:
            points = {"start": {"method": "s=Start", "object": "s=Boiler", "writable": True}}
            endpoint = f"opc.tcp://127.0.0.1:{line.port}"
            bound = bind(device(connector, endpoint, points, options=QUICK))
            sink = PatientSink()
            async with supervised(link_of(bound), sink):
                await sink.wait_for(lambda: sink.ups)
                await until(lambda: server.server.iserver.subscription_service.subscriptions)
                line.freeze()
                await sink.wait_for(lambda: sink.downs)
                line.thaw()

    assert sink.downs[0].words.startswith(("no keep-alive", "no answer"))
    assert sink.frames == []


def test_a_refused_login_is_tried_ever_less_often():
    """The waits double up to a quarter of an hour; other losses ask for none."""
    patience = Patience()
    waits = [patience.after(LoginRefusedError("h", "no")).retry_after_s for _ in range(8)]

    assert waits == [30.0, 60.0, 120.0, 240.0, 480.0, 900.0, 900.0, 900.0]
    assert patience.after(TransientError("h", "away")).retry_after_s is None
