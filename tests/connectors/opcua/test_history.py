from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from asyncua import ua

from connectors.conformance.recording import bind, device, running, supervised
from connectors.home import Home
from connectors.opcua import connector
from connectors.opcua.memory import Heard
from tests.connectors.opcua.plants import Archive, Historian
from tests.connectors.opcua.servers import URI, free_port, wire
from tests.connectors.opcua.sinks import PatientSink, until

NS = 1_000_000_000
Double = ua.VariantType.Double
QUICK = {
    "publishing": "50ms",
    "sampling": "10ms",
    "queue_size": 1000,
    "keep_alive": "1s",
    "timeout": "10s",
    "namespace": URI,
    "insecure": "a test",
}


def plant(endpoint, *names, **options):
    points = {name.lower(): {"node": f"s={name}"} for name in names}
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


def level(value):
    return ua.Variant(float(value), Double)


async def count_up(server, first, last):
    """Write each number once, a few milliseconds apart, each with a time of its own."""
    for number in range(first, last + 1):
        await asyncio.to_thread(server.write, "Level", level(number), source=datetime.now(UTC))
        await asyncio.sleep(0.01)


def backfilled(sink):
    return [
        (int(when), value)
        for frame in sink.backfilled
        for when, value in zip(frame.time, frame.values.tolist(), strict=True)
    ]


def live(sink):
    """The changes that were delivered live: a confirmation repeats the value before it."""
    values = [reading.value for reading in sink.readings()]
    return values[:1] + [late for early, late in pairwise(values) if late != early]


async def test_what_was_missed_behind_a_cut_wire_is_read_from_history():
    """After a cut every value is there exactly once, those of the cut as backfill, and the stretch is called filled."""
    async with at(Historian({"Level": level(0)})) as server, wire(server.port) as line:
        bound = plant(f"opc.tcp://127.0.0.1:{line.port}", "Level")
        sink = PatientSink()
        async with supervised(link_of(bound), sink, wait_s=1.0):
            await sink.wait_for(lambda: sink.by_name(bound).get("level") == 0)
            await count_up(server, 1, 20)
            await sink.wait_for(lambda: sink.by_name(bound)["level"] == 20)
            last = sink.latest(bound)["level"].time
            line.cut()
            await count_up(server, 21, 60)
            before = time.time_ns()
            await sink.wait_for(lambda: sink.ups == 2)
            await sink.wait_for(
                lambda: any(start == last and stop >= before for _, start, stop in sink.fills)
            )
            await count_up(server, 61, 70)
            await sink.wait_for(lambda: sink.by_name(bound)["level"] == 70)

    missed = [value for _, value in backfilled(sink)]
    assert sorted(set(live(sink)) | set(missed)) == [float(number) for number in range(71)]
    assert len(missed) == len(set(missed))
    assert not set(live(sink)) & set(missed)
    assert min(missed) == 21
    assert [ids for ids, start, stop in sink.fills if start == last and stop >= before] == [(0,)]


async def test_a_restarted_server_fills_what_it_kept_and_no_more():
    """What the server had before it stopped is read; the time in which it was away is not called filled."""
    port = free_port()
    archive = Archive()
    async with wire(port) as line:
        bound = plant(f"opc.tcp://127.0.0.1:{line.port}", "Level")
        sink = PatientSink()
        link = link_of(bound)
        async with at(Historian({"Level": level(0)}, archive, port=port)) as server:
            async with running(link, sink):
                await sink.wait_for(lambda: sink.by_name(bound).get("level") == 0)
                await count_up(server, 1, 5)
                await sink.wait_for(lambda: sink.by_name(bound)["level"] == 5)
                last = sink.latest(bound)["level"].time
            await count_up(server, 6, 15)
            kept = archive._datachanges[ua.NodeId("Level", server.index)]
            await until(lambda: kept[-1].Value == level(15))
            stopped = time.time_ns()
        async with at(Historian({"Level": level(100)}, archive, ahead=2, port=port)) as server:
            begun = time.time_ns()
            sink.fills.clear()
            sink.backfilled.clear()
            async with running(link, sink):
                await sink.wait_for(lambda: len(sink.fills) >= 2)

    assert [value for _, value in backfilled(sink)] == [float(number) for number in range(6, 16)]
    first, second = (one for one in sink.fills if one[1] >= last)
    assert first[1] == last
    assert first[2] == backfilled(sink)[-1][0] + 1 <= stopped
    assert stopped < second[1] <= begun


async def test_history_is_read_in_pages():
    """A server that gives a few values at a time, with continuation points, is asked until all are there."""
    async with at(Historian({"Level": level(0)}, Archive(page=7))) as server:
        bound = plant(server.endpoint, "Level")
        begun = datetime.now(UTC) - timedelta(minutes=10)
        node = ua.NodeId("Level", server.index)
        for number in range(100):
            moment = begun + timedelta(seconds=number)
            server.archive._datachanges[node].insert(
                number, ua.DataValue(level(number + 1000), SourceTimestamp=moment)
            )
        home = Home(notes={"heard:test/plant": json.dumps({"level": int(begun.timestamp()) * NS})})
        sink = PatientSink()
        async with running(link_of(bound, home), sink):
            await sink.wait_for(lambda: sink.fills)

    assert [value for _, value in backfilled(sink)][-99:] == [float(number) for number in range(1001, 1100)]
    assert len(server.archive.asked) > 10


async def test_history_that_begins_later_than_the_gap_is_claimed_from_its_beginning():
    """An archive younger than the gap fills the part that it has."""
    async with at(Historian({"Level": level(0)})) as server:
        long_ago = time.time_ns() - 3600 * NS
        await count_up(server, 1, 3)
        home = Home(notes={"heard:test/plant": json.dumps({"level": long_ago})})
        sink = PatientSink()
        bound = plant(server.endpoint, "Level")
        async with running(link_of(bound, home), sink):
            await sink.wait_for(lambda: sink.fills)

    ((_, start, _),) = sink.fills[-1:]
    assert start > long_ago + 3500 * NS


async def test_what_one_session_could_not_ask_for_is_asked_for_by_the_next():
    """A second cut, before history of the first was read, loses nothing: the next session reads both stretches."""
    async with at(Historian({"Level": level(0)})) as server, wire(server.port) as line:
        bound = plant(f"opc.tcp://127.0.0.1:{line.port}", "Level")
        sink = PatientSink()
        async with supervised(link_of(bound), sink, wait_s=0.5):
            await sink.wait_for(lambda: sink.by_name(bound).get("level") == 0)
            await count_up(server, 1, 3)
            await sink.wait_for(lambda: sink.by_name(bound)["level"] == 3)
            for ups, first in ((2, 10), (3, 20)):
                line.cut()
                await count_up(server, first, first + 5)
                await sink.wait_for(lambda ups=ups: sink.ups == ups)  # type: ignore[misc]
                await sink.wait_for(lambda first=first: sink.by_name(bound)["level"] == first + 5)  # type: ignore[misc]
            await sink.wait_for(lambda: {*range(10, 15), *range(20, 25)} <= {v for _, v in backfilled(sink)})

    missed = [value for _, value in backfilled(sink)]
    assert set(live(sink)) | set(missed) == {0, 1, 2, 3, *range(10, 16), *range(20, 26)}
    assert len(missed) == len(set(missed))


async def test_history_can_be_left_alone():
    """With `history: off` the server's history is not asked for."""
    async with at(Historian({"Level": level(0)})) as server:
        bound = plant(server.endpoint, "Level", history="off")
        sink = PatientSink()
        async with running(link_of(bound), sink):
            await sink.wait_for(lambda: sink.by_name(bound))
            await asyncio.sleep(1.5)

    assert (sink.backfilled, sink.fills, server.archive.asked) == ([], [], [])


async def test_a_history_that_is_refused_costs_nothing_else(monkeypatch):
    """A server that fails on HistoryRead goes on being read, and nothing is called filled."""
    async with at(Historian({"Level": level(0)})) as server:

        async def refuse(*_):
            raise ua.uaerrors.BadHistoryOperationUnsupported

        monkeypatch.setattr(server.archive, "read_node_history", refuse)
        bound = plant(server.endpoint, "Level")
        sink = PatientSink()
        async with running(link_of(bound), sink):
            await sink.wait_for(lambda: sink.by_name(bound))
            await asyncio.sleep(1.5)
            await count_up(server, 1, 2)
            await sink.wait_for(lambda: sink.by_name(bound)["level"] == 2)

    assert sink.fills == []
    assert sink.ups == 1


@pytest.mark.parametrize("note", ["", "[]", "{", '{"level": "x"}', '{"level": -5}', '{"other": 5}', "nul"])
def test_a_note_that_makes_no_sense_is_no_note(note):
    """What was kept for another run and cannot be read is as if it were not there."""
    bound = plant("opc.tcp://h", "Level")

    assert Heard(Home(notes={"heard:test/plant": note}), [bound]).last == {}


def test_what_was_heard_is_noted_for_the_next_start():
    """The last times of points with history survive a restart of the platform."""
    bound = plant("opc.tcp://h", "Level", "Other")
    home = Home()
    heard = Heard(home, [bound])
    heard.last.update({0: 5, 1: 7})
    heard.save({0})

    assert Heard(home, [bound]).last == {0: 5}
