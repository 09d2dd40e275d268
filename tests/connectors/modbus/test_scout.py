"""One dead meter behind a gateway costs its neighbours nothing."""

import asyncio
import itertools
from contextlib import suppress

from connectors.conformance.recording import RecordingSink, running
from tests.connectors.modbus.bank import LOOPBACK, Bank, over_tcp, relayed, serving
from tests.connectors.modbus.links import link_at
from twin.quality import Reason

GATEWAY_TARGET_SILENT, PATH_UNAVAILABLE = 11, 10


def units(port, count):
    return [f"modbus+tcp://{LOOPBACK}:{port}/{unit}" for unit in range(1, count + 1)]


def waits(sink, point):
    """Return the seconds between the readings of a point."""
    times = [reading.received / 1e9 for reading in sink.readings() if reading.id == point]
    return [later - earlier for earlier, later in itertools.pairwise(times)]


async def test_neighbours_do_not_wait_for_a_dead_unit():
    """While a unit takes its full timeout again and again, its neighbour is read in every one of its slots."""
    dead = {2}
    bank = Bank(spoil=lambda unit, pdu: None if unit in dead else pdu)
    async with over_tcp(bank) as port:
        link, bound = link_at(*units(port, 2), poll_s=0.05, timeout=1.0)
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: sink.silences, timeout=10)
            seen, asked = len(sink.frames), len(bank.asked)
            await sink.wait_for(lambda: len(sink.silences) > 2, timeout=15)
            neighbour = waits(sink, bound[0].points[0].id)[seen:]
            tries = [unit for unit, _ in bank.asked[asked:] if unit == 2]
            dead.clear()
            await sink.wait_for(lambda: sink.by_name(bound[1]), timeout=15)
            heard = len(sink.frames)
            await sink.wait_for(lambda: len(sink.frames) > heard + 10)

    assert len(neighbour) > 20
    assert max(neighbour) < 0.5
    assert len(tries) <= 4
    assert {silence.ids for silence in sink.silences} == {(bound[1].points[0].id,)}


async def test_a_gateway_that_speaks_for_a_silent_unit():
    """Exceptions 10 and 11 are silence of the unit, with the gateway's words, and no reason to reconnect."""
    codes = {2: PATH_UNAVAILABLE, 3: GATEWAY_TARGET_SILENT}
    bank = Bank(spoil=lambda unit, pdu: bytes([0x83, codes[unit]]) if unit in codes else pdu)
    async with over_tcp(bank) as port:
        link, bound = link_at(*units(port, 3))
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: len(sink.silences) >= 4)
            heard = len(sink.frames)
            await sink.wait_for(lambda: len(sink.frames) > heard + 5)

    assert {silence.words for silence in sink.silences} == {
        "exception 10: gateway path unavailable",
        "exception 11: gateway target device failed to respond",
    }
    assert {silence.reason for silence in sink.silences} == {Reason.NO_ANSWER}
    assert {reading.id for reading in sink.readings()} == {bound[0].points[0].id}
    # The polls' and the scout's.
    assert bank.connections <= 2


async def test_a_gateway_that_takes_one_connection():
    """Where the newest connection ends the one before, the scout stands down: silent units are asked in between."""
    dead = {2}
    bank = Bank(spoil=lambda unit, pdu: None if unit in dead else pdu)

    async def forward(data, writer):
        writer.write(data)

    async with over_tcp(bank) as inner, relayed(inner, forward, only_one=True) as port:
        link, bound = link_at(*units(port, 2), timeout=0.2)
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: len(sink.silences) >= 4, timeout=20)
            dead.clear()
            await sink.wait_for(lambda: sink.by_name(bound[1]), timeout=20)
            connections = bank.connections
            heard = len(sink.frames)
            await sink.wait_for(lambda: len(sink.frames) > heard + 20)
            still = bank.connections

    assert still == connections
    assert {silence.ids for silence in sink.silences} == {(bound[1].points[0].id,)}


async def test_a_gateway_that_answers_on_one_connection():
    """Where a second connection is taken and never answered, dead units are asked in between, and found again."""
    dead, line = {2}, asyncio.Lock()
    bank = Bank(spoil=lambda unit, pdu: None if unit in dead else pdu)

    async def serve(reader, writer):
        async with line, asyncio.TaskGroup() as pumps:
            there, back = await asyncio.open_connection("127.0.0.1", inner)
            pumps.create_task(pump(reader, back))
            pumps.create_task(pump(there, writer))

    async def pump(source, sink):
        with suppress(ConnectionError):
            while data := await source.read(1000):
                sink.write(data)
        sink.close()

    async with over_tcp(bank) as inner, serving(serve) as port:
        link, bound = link_at(*units(port, 2), timeout=0.3)
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: len(sink.silences) >= 3, timeout=20)
            dead.clear()
            await sink.wait_for(lambda: sink.by_name(bound[1]), timeout=20)

    assert {silence.ids for silence in sink.silences} == {(bound[1].points[0].id,)}


async def test_nothing_is_left_behind():
    """A link that is stopped while the scout waits leaves no task."""
    bank = Bank(spoil=lambda unit, pdu: None if unit == 2 else pdu)
    async with over_tcp(bank) as port:
        link, _ = link_at(*units(port, 2), timeout=0.2)
        before = asyncio.all_tasks()
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: sink.silences)
        await asyncio.sleep(0.05)

        assert {task.get_name() for task in asyncio.all_tasks() - before if "_look" in repr(task)} == set()
