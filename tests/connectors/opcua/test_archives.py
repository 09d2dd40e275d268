"""Archives that are late, cut short or out of order: what they prove is claimed, and nothing beyond it."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from structlog.testing import capture_logs

from connectors.conformance.recording import bind, device, running, supervised
from connectors.home import Home
from connectors.opcua import connector
from connectors.opcua.codec import ns_of
from tests.connectors.opcua.answers import answers, without_results
from tests.connectors.opcua.plants import Archive, Historian
from tests.connectors.opcua.servers import URI
from tests.connectors.opcua.sinks import PatientSink, until

NS = 1_000_000_000
Double = ua.VariantType.Double
LAST = 30
STEP = timedelta(milliseconds=10)
QUICK = {
    "publishing": "50ms",
    "sampling": "10ms",
    "queue_size": 1000,
    "keep_alive": "1s",
    "timeout": "10s",
    "namespace": URI,
    "insecure": "a test",
}


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Do not wait for what an archive may still get."""
    monkeypatch.setattr("connectors.opcua.catchup.SETTLE_S", 0.0)
    monkeypatch.setattr("connectors.opcua.history._RETRIES_S", (0.0, 0.01, 0.01))


@asynccontextmanager
async def archived(page=10_000):
    """A server whose archive has a value every ten milliseconds since it started, the newest of them the live one."""
    server = Historian({"Level": ua.Variant(0.0, Double)}, Archive(page))
    await asyncio.to_thread(server.__enter__)
    try:
        begun = datetime.now(UTC)
        times = [begun + number * STEP for number in range(LAST + 1)]
        await until(lambda: datetime.now(UTC) > times[-1])
        await asyncio.to_thread(server.write, "Level", ua.Variant(float(LAST), Double), source=times[-1])
        kept = server.archive._datachanges[ua.NodeId("Level", server.index)]
        await until(lambda: kept and kept[-1].SourceTimestamp == times[-1])
        kept[:] = [
            ua.DataValue(ua.Variant(float(number), Double), SourceTimestamp=time)
            for number, time in enumerate(times)
        ]
        yield server, [ns_of(time) for time in times]
    finally:
        await asyncio.to_thread(server.__exit__)


def link_to(server, since):
    """A link that has heard its only point until `since`, with its home."""
    points = {"level": {"node": "s=Level"}}
    bound = bind(device(connector, server.endpoint, points, name="plant", options=QUICK))
    home = Home(notes={"heard:test/plant": json.dumps({"level": since})})
    (link,) = connector.links([bound], home)
    return link, bound, home


async def filled(server, since):
    """What was read from history, by time, and the interval that was called filled."""
    sink = PatientSink()
    link, _, _ = link_to(server, since)
    async with running(link, sink):
        await sink.wait_for(lambda: sink.fills)
    ((_, start, stop),) = sink.fills
    found: dict[int, float] = {}
    for frame in sink.backfilled:
        found |= dict(zip(np.atleast_1d(frame.time).tolist(), frame.values.tolist(), strict=True))
    return found, start, stop


def values_of(response):
    (result,) = response.Results
    return result.HistoryData.DataValues


@pytest.mark.parametrize("late", [2, 1_000])
async def test_an_archive_that_is_behind_is_asked_again(late):
    """The gap is filled to its end once the archive has the live value; until then only as far as it reaches."""
    reads = 0

    def behind(response):
        nonlocal reads
        values = values_of(response)
        if len(values) > 1:
            reads += 1
            if reads <= late:
                del values[-1]
        return response

    async with archived() as (server, times):
        with answers(server, ua.HistoryReadResponse, behind):
            found, start, stop = await filled(server, times[0])

    assert list(found.values()) == [float(number) for number in range(1, LAST)]
    assert start == times[0]
    assert stop == times[-2] + 1 if late > 3 else stop > times[-1]
    assert reads == (4 if late > 3 else 3)


async def test_an_archive_with_pages_for_ever_is_left_at_a_limit(monkeypatch):
    """After so many pages no more are asked for, and the rest of the gap is not called filled."""
    monkeypatch.setattr("connectors.opcua.history._MOST_PAGES", 3)
    async with archived(page=5) as (server, times):
        found, start, stop = await filled(server, times[0])

    assert 5 < len(found) < LAST - 2
    assert (start, stop) == (times[0], max(found) + 1)


async def test_a_value_of_no_time_proves_nothing(monkeypatch):
    """A value that the archive cannot date is left out, and the gap is filled only as far as there are others."""

    def undated(response):
        values = values_of(response)
        if len(values) > 1:
            values[7].SourceTimestamp = None
            del values[-1]
        return response

    async with archived() as (server, times):
        with answers(server, ua.HistoryReadResponse, undated):
            found, start, stop = await filled(server, times[0])

    assert 7.0 not in found.values()
    assert (start, stop) == (times[0], times[-2] + 1)


async def test_what_is_not_read_to_its_end_is_let_go(monkeypatch):
    """Asked for the one value before a gap, a server that would go on is told that nobody will."""
    async with archived() as (server, times):
        manager = server.server.iserver.history_manager
        read = manager.read_history
        released: list[bytes] = []

        async def going_on(params):
            if params.ReleaseContinuationPoints:
                released.extend(one.ContinuationPoint for one in params.NodesToRead)
                return [ua.HistoryReadResult() for _ in params.NodesToRead]
            results = await read(params)
            if params.HistoryReadDetails.StartTime > params.HistoryReadDetails.EndTime:
                results[0].ContinuationPoint = b"more of it"
            return results

        monkeypatch.setattr(manager, "read_history", going_on)
        between = times[10] + NS // 200
        found, start, _ = await filled(server, between)

    assert released == [b"more of it"]
    assert min(found.values()) == 11.0
    assert start == between


async def test_an_archive_that_answers_something_else_costs_nothing_else():
    """Results that nobody asked for fill nothing, are said, and leave the live readings as they are."""
    async with archived() as (server, times):
        link, bound, _ = link_to(server, times[0])
        sink = PatientSink()
        with capture_logs() as logs, answers(server, ua.HistoryReadResponse, without_results):
            async with running(link, sink):
                await until(lambda: any(one["event"] == "opcua.history_refused" for one in logs))
                await asyncio.to_thread(
                    server.write, "Level", ua.Variant(99.0, Double), source=datetime.now(UTC)
                )
                await sink.wait_for(lambda: sink.by_name(bound)["level"] == 99.0)

    assert {one["error"] for one in logs} == {"BadNoCommunication"}
    assert (sink.fills, sink.backfilled, sink.ups) == ([], [], 1)


async def test_an_archive_that_knows_no_session_ends_it(monkeypatch):
    """When history is refused because the session is gone, there is a new one, which reads it."""
    async with archived() as (server, times):
        read = server.archive.read_node_history
        told: list[tuple[object, ...]] = []

        async def forgotten(*args):
            if not told:
                told.append(args)
                raise ua.uaerrors.BadSessionIdInvalid
            return await read(*args)

        monkeypatch.setattr(server.archive, "read_node_history", forgotten)
        link, _, _ = link_to(server, times[0])
        sink = PatientSink()
        async with supervised(link, sink):
            await sink.wait_for(lambda: times[0] in [start for _, start, _ in sink.fills])

    assert [one.words for one in sink.downs] == ["session closed by the server: BadSessionIdInvalid"]
    assert sink.ups == 2


async def test_what_cannot_be_learned_of_history_is_owed_to_the_next_session(monkeypatch):
    """A server that does not say what has history is read live; the gap is filled by a session to which it does."""
    async with archived() as (server, times):
        service = server.server.iserver.attribute_service
        read, refused = service.read, []

        def secretive(params):
            if any(one.AttributeId == AttributeIds.UserAccessLevel for one in params.NodesToRead):
                refused.append(params)
                raise ua.uaerrors.BadUserAccessDenied
            return read(params)

        monkeypatch.setattr(service, "read", secretive)
        link, bound, _ = link_to(server, times[0])
        first, second = PatientSink(), PatientSink()
        async with running(link, first):
            await first.wait_for(lambda: first.by_name(bound))
            await until(lambda: refused)
            await asyncio.to_thread(server.write, "Level", ua.Variant(99.0, Double), source=datetime.now(UTC))
            await first.wait_for(lambda: first.by_name(bound)["level"] == 99.0)
        monkeypatch.setattr(service, "read", read)
        async with running(link, second):
            await second.wait_for(lambda: times[0] in [start for _, start, _ in second.fills])

    assert (first.ups, first.fills, len(refused)) == (1, [], 1)


async def test_how_far_was_heard_is_noted_while_it_runs(monkeypatch):
    """A platform that is switched off without a word knows after its start how far it had come."""
    monkeypatch.setattr("connectors.opcua.catchup._NOTE_EVERY_S", 0.05)
    async with archived() as (server, times):
        link, _, home = link_to(server, times[0])
        before = home.notes["heard:test/plant"]
        async with running(link, PatientSink()):
            await until(lambda: home.notes["heard:test/plant"] != before)
            noted = json.loads(home.notes["heard:test/plant"])

    assert noted == {"level": times[-1]}
