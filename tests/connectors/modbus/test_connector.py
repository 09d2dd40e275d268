"""The link against real servers and against devices that misbehave."""

import asyncio
import logging
import math
import struct
from functools import partial
from itertools import pairwise

import pytest
import uvloop

from connectors.base import CLOSE_WITHIN_S
from connectors.conformance.recording import RecordingSink, bind, bind_all, device, running, supervised
from connectors.home import Home
from connectors.modbus import connector
from connectors.modbus.client import Connection
from connectors.modbus.registers import Order, ValueType
from connectors.modbus.wire import to_wire as encode
from tests.bench.modbus_server import running as libmodbus
from tests.connectors.modbus.servers import HANG_UP, LOOPBACK, constant, scripted, simulated
from tests.servers import need
from twin.errors import TransientError
from twin.quality import Reason

ONE = {"level": {"register": "holding:0"}}
NUMBERS = [
    kind
    for kind in ValueType
    if kind not in {ValueType.BOOL, ValueType.STRING} and not kind.is_byte and not kind.is_bcd
]
CONTENT = {kind: -1.5 if kind.is_float else 31234 for kind in NUMBERS} | {ValueType.INT32: -70000}


def link_to(port, points=ONE, *, unit="1", poll_s=0.05, **options):
    """Return a link with one device, and that device."""
    options = {"timeout": 0.2, **options}
    bound = bind(
        device(connector, f"modbus+tcp://{LOOPBACK}:{port}/{unit}", points, poll_s=poll_s, options=options)
    )
    (link,) = connector.links([bound], Home())
    return link, bound


def link_to_units(port, units, **options):
    """Return a link with one device for each unit, and the devices by unit."""
    options = {"timeout": 0.2, **options}
    bound = bind_all(
        [
            device(
                connector,
                f"modbus+tcp://{LOOPBACK}:{port}/{unit}",
                ONE,
                name=f"u{unit}",
                poll_s=0.05,
                options=options,
            )
            for unit in units
        ]
    )
    (link,) = connector.links(bound, Home())
    return link, dict(zip(units, bound, strict=True))


def heard_at_least(sink, count):
    return len(sink.frames) >= count


def good_values(sink):
    return {reading.value for reading in sink.readings() if reading.reason is Reason.GOOD}


async def test_zero_is_a_value():
    """A register that holds zero is read as zero, good."""
    async with scripted(constant({})) as server:
        link, bound = link_to(server.port)
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: sink.frames)

    reading = sink.latest(bound)["level"]
    assert (reading.value, reading.reason) == (0.0, Reason.GOOD)


async def test_absence_is_absence():
    """A pattern that means `not available` is no value, and a unit that never answers gives no reading at all."""
    async with scripted(lambda asked: asked.registers(0xFFFF) if asked.unit == 1 else None) as server:
        keys = {"level": {"register": "holding:0", "null_values": ["0xFFFF"]}}
        link, bound = link_to(server.port, keys)
        silent, _ = link_to(server.port, unit=2)
        sink, nothing = RecordingSink(), RecordingSink()
        async with running(link, sink), supervised(silent, nothing):
            await sink.wait_for(lambda: sink.frames)
            await nothing.wait_for(lambda: nothing.downs)

    reading = sink.latest(bound)["level"]
    assert math.isnan(reading.value)
    assert reading.reason is Reason.NOT_AVAILABLE
    assert not nothing.frames


async def test_late_is_normal():
    """An answer that comes after its time is nobody's: not that request's, and not the next one's."""
    slow = 0.3

    def answer(asked):
        return asked.registers(111 if len(server.asked) == 1 else 222)

    async with scripted(answer, lambda _: slow if len(server.asked) == 1 else 0.0) as server:
        link, _ = link_to(server.port, timeout=0.15)
        sink = RecordingSink()
        async with supervised(link, sink):
            await sink.wait_for(lambda: len(sink.frames) > slow / 0.05 + 2)

    assert good_values(sink) == {222.0}
    assert sink.silences[0].reason is Reason.NO_ANSWER
    assert sink.silences[0].words == "no answer within 0.15 s"


async def test_all_tables_types_and_orders():
    """What pymodbus' server holds in each table, type and order is read as it is."""
    points: dict[str, dict[str, object]] = {}
    wire = b""
    for kind in NUMBERS:
        for order in Order:
            points[f"{kind}_{order.lower()}"] = {
                "register": f"holding:{len(wire) // 2}",
                "type": kind,
                "order": order,
            }
            wire += encode(kind, order, CONTENT[kind])
    points |= {
        "input": {"register": "input:2"},
        "bit": {"register": "input:1", "bit": 4},
        "on": {"register": "coil:1"},
        "off": {"register": "coil:2"},
        "alarm": {"register": "discrete:9"},
    }
    holding = list(struct.unpack(f">{len(wire) // 2}H", wire))
    bits = [n in {1, 9} for n in range(16)]
    async with simulated(holding, [5, 16, 7], bits, bits) as port:
        link, bound = link_to(port, points, max_registers=20)
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: len(sink.by_name(bound)) == len(points))

    found = sink.by_name(bound)
    assert {name: found[name] for name in ("input", "bit", "on", "off", "alarm")} == {
        "input": 7.0,
        "bit": 1.0,
        "on": 1.0,
        "off": 0.0,
        "alarm": 1.0,
    }
    for kind in NUMBERS:
        assert {found[f"{kind}_{order.lower()}"] for order in Order} == {CONTENT[kind]}


async def test_libmodbus():
    """Against a second implementation: registers that count up are read coherently from all tables."""
    need("libmodbus")
    points = {
        "a": {"register": "holding:0"},
        "b": {"register": "holding:1"},
        "high_first": {"register": "holding:0", "type": "uint32"},
        "low_first": {"register": "holding:0", "type": "uint32", "order": "CDAB"},
        "input": {"register": "input:9"},
        "coil": {"register": "coil:3"},
        "discrete": {"register": "discrete:4"},
    }
    with libmodbus(registers=20) as port:
        link, bound = link_to(port, points)
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: len(sink.frames) >= 40)

    a, b, high, low = [
        [reading.value for reading in sink.readings() if reading.id == number] for number in range(4)
    ]
    assert len(set(a)) == len(a) > 5
    assert b == [value + 1 for value in a]
    assert high == [first * 65536 + second for first, second in zip(a, b, strict=True)]
    assert low == [second * 65536 + first for first, second in zip(a, b, strict=True)]
    coils = {reading.value for reading in sink.readings() if reading.id >= 5}
    assert coils <= {0.0, 1.0}
    assert sink.latest(bound)["input"].reason is Reason.GOOD


WRONG = {
    "transaction": lambda asked: asked.answer(b"\0\x63", transaction=asked.transaction + 1),
    "the transaction before": lambda asked: asked.answer(b"\0\x63", transaction=asked.transaction - 1),
    "no transaction": lambda asked: asked.answer(b"\0\x63", transaction=0),
    "unit": lambda asked: asked.answer(b"\0\x63", unit=7),
    "function": lambda asked: asked.answer(b"\0\x63", function=4),
    "an unknown function": lambda asked: asked.answer(b"\0\x63", function=99),
    "exception of another function": lambda asked: asked.frame(b"\x84\x02"),
    "too many registers": lambda asked: asked.answer(b"\0\x63\0\x63"),
    "too few bytes": lambda asked: asked.answer(b"\x63"),
    "no bytes": lambda asked: asked.answer(b""),
    "byte count too large": lambda asked: asked.frame(b"\x03\x04\0\x63"),
    "bytes beyond the byte count": lambda asked: asked.frame(b"\x03\x02\0\x63\0\x63"),
    "byte count too small": lambda asked: asked.frame(b"\x03\x00\0\x63"),
    "bytes after its end": lambda asked: asked.registers(99) + b"\0",
    "a second answer": lambda asked: asked.registers(99) + asked.registers(98),
    "truncated": lambda asked: asked.registers(99)[:-1],
    "half a header": lambda asked: asked.registers(99)[:5],
    "another protocol": lambda asked: asked.registers(99)[:2] + b"\0\1" + asked.registers(99)[4:],
    "length 0": lambda asked: asked.registers(99)[:4] + b"\0\0" + asked.registers(99)[6:],
    "length 65535": lambda asked: asked.registers(99)[:4] + b"\xff\xff" + asked.registers(99)[6:],
    "function 0": lambda asked: asked.frame(b"\0"),
    "exception without code": lambda asked: asked.frame(b"\x83"),
    "garbage": lambda _: b"\xff" * 300,
    "http": lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "nothing": lambda _: None,
    "the end": lambda _: HANG_UP,
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
async def test_a_wrong_answer_is_never_a_value(wrong, caplog):
    """Between right answers a wrong one comes now and then: only right values are read, and it goes on."""
    bad = {2, 5}
    async with scripted(
        lambda asked: wrong(asked) if len(server.asked) in bad else asked.registers(1)
    ) as server:
        link, _ = link_to(server.port, timeout=0.1)
        sink = RecordingSink()
        async with supervised(link, sink, wait_s=0.01):
            await sink.wait_for(lambda: len(server.asked) > 7)

    assert good_values(sink) == {1.0}
    assert all(math.isfinite(reading.value) for reading in sink.readings())
    assert server.connections >= 3
    assert not [record for record in caplog.records if record.levelno > logging.INFO]


async def test_unit_0_answers_for_itself():
    """A request to unit 0 takes no answer of another unit, though pymodbus would."""
    async with scripted(lambda asked: asked.answer(b"\0\x63", unit=9)) as server:
        link, _ = link_to(server.port, unit="0")
        sink = RecordingSink()
        with pytest.raises(TransientError, match="unit 9 answered, unit 0 was asked"):
            await asyncio.wait_for(link.run(sink), 5)

    assert not sink.frames


async def test_a_device_may_refuse():
    """An exception gives bad readings with the device's words, and the other blocks are read all the same."""
    points = {
        "missing": {"register": "holding:0"},
        "also": {"register": "holding:1"},
        "there": {"register": "input:0"},
    }
    async with scripted(
        lambda asked: asked.refusal(2) if asked.function == 3 else asked.registers(5)
    ) as server:
        link, bound = link_to(server.port, points)
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: len(sink.latest(bound)) == 3)

    found = sink.latest(bound)
    assert found["there"].value == 5.0
    for name in ("missing", "also"):
        assert math.isnan(found[name].value)
        assert found[name].reason is Reason.DEVICE_EXCEPTION
        assert found[name].detail.startswith("exception 2: illegal data address")
    assert not sink.silences
    assert server.connections == 1


async def test_it_comes_back_after_a_refused_connection():
    """A device that is not there yet, then there, then gone, then there again."""
    async with scripted(constant({0: 4})) as server:
        await server.stop()
        link, _ = link_to(server.port)
        sink = RecordingSink()
        async with supervised(link, sink):
            await sink.wait_for(lambda: sink.downs)
            await server.start()
            await sink.wait_for(lambda: sink.frames)
            await server.stop()
            await sink.wait_for(lambda: len(sink.downs) > 3)
            heard = len(sink.frames)
            await server.start()
            await sink.wait_for(lambda: len(sink.frames) > heard)

    assert sink.downs[0].words == "connection refused"
    assert sink.downs[0].peer == f"modbus+tcp://127.0.0.1:{server.port}"
    assert sink.ups >= 2


async def test_a_reset_costs_no_reading():
    """A connection that was cut is made anew, without a gap, when the device is still there."""
    async with scripted(constant({0: 4})) as server:
        link, _ = link_to(server.port)
        sink = RecordingSink()
        async with running(link, sink):
            for count in (1, 3, 5):
                await sink.wait_for(partial(heard_at_least, sink, count))
                server.reset()
            await sink.wait_for(lambda: len(sink.frames) >= 8)

    assert not sink.silences
    assert server.connections >= 4


async def test_a_device_that_hangs_up_each_time_is_down():
    """A peer that takes connections and drops every request is told apart from one that idles out."""
    async with scripted(lambda _: HANG_UP) as server:
        link, _ = link_to(server.port, timeout=60)
        sink = RecordingSink()
        with pytest.raises(TransientError, match="connection closed by the device"):
            await asyncio.wait_for(link.run(sink), 5)

    assert server.connections == 1


async def test_it_comes_back_after_silence():
    """A device that is connected and says nothing is down; when it speaks again, it is heard."""
    mute = asyncio.Event()
    async with scripted(lambda asked: None if mute.is_set() else asked.registers(4)) as server:
        link, bound = link_to(server.port, timeout=0.1)
        sink = RecordingSink()
        async with supervised(link, sink):
            await sink.wait_for(lambda: sink.frames)
            mute.set()
            await sink.wait_for(lambda: len(sink.downs) >= 2)
            mute.clear()
            heard = len(sink.frames)
            await sink.wait_for(lambda: len(sink.frames) > heard)

    assert {error.words for error in sink.downs} == {"no answer within 0.1 s"}
    assert sink.silences[0].ids == (bound.points[0].id,)


async def test_one_dead_unit_does_not_stop_its_neighbours():
    """Behind one connection unit 2 is dead: it is reported, asked again later, and the others are read in time."""
    async with scripted(lambda asked: None if asked.unit == 2 else asked.registers(asked.unit)) as server:
        link, bound = link_to_units(server.port, (1, 2, 3))
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: len(sink.silences) >= 2)
            heard = len(sink.frames)
            await sink.wait_for(lambda: len(sink.frames) >= heard + 10)

    assert good_values(sink) == {1.0, 3.0}
    assert {silence.ids for silence in sink.silences} == {(bound[2].points[0].id,)}
    assert {silence.reason for silence in sink.silences} == {Reason.NO_ANSWER}
    assert len([asked for asked in server.asked if asked.unit == 2]) <= 4
    assert server.connections > len(sink.silences)


async def test_a_dead_unit_comes_back():
    """A unit that was silent is heard again, on a link that never went down."""
    dead = {2}
    async with scripted(lambda asked: None if asked.unit in dead else asked.registers(asked.unit)) as server:
        link, _ = link_to_units(server.port, (1, 2))
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: sink.silences)
            dead.clear()
            await sink.wait_for(lambda: 2.0 in good_values(sink))


async def test_an_idle_connection_that_was_closed_is_no_fault():
    """A device that closes after each answer is read without a gap."""
    async with scripted(constant({0: 4})) as server:
        link, _ = link_to(server.port)
        sink = RecordingSink()
        async with running(link, sink):
            for count in range(1, 5):
                await sink.wait_for(partial(heard_at_least, sink, count))
                server.reset()
                await asyncio.sleep(0.01)

    assert not sink.silences
    assert good_values(sink) == {4.0}


async def test_polls_keep_their_period():
    """A quick device is asked once a period, not more often, on the loop that the platform runs on too."""

    async def main():
        async with scripted(constant({})) as server:
            link, _ = link_to(server.port, poll_s=0.02)
            sink = RecordingSink()
            async with running(link, sink):
                await sink.wait_for(lambda: len(sink.frames) >= 20)
            return server.asked[-1].at - server.asked[0].at

    assert await main() > 18 * 0.02
    assert await asyncio.to_thread(uvloop.run, main()) > 18 * 0.02


async def test_slots_that_were_missed_are_left_out():
    """A device slower than its period is asked as often as it answers, one request at a time."""
    async with scripted(constant({}), lambda _: 0.08) as server:
        link, _ = link_to(server.port, poll_s=0.02)
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: len(sink.frames) >= 4)

    gaps = [later.at - earlier.at for earlier, later in pairwise(server.asked)]
    assert min(gaps) >= 0.08
    assert server.connections == 1


async def test_a_full_buffer_slows_polling_down():
    """While the sink has no room nothing more is asked."""
    async with scripted(constant({})) as server:
        link, _ = link_to(server.port, poll_s=0.01)
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: sink.frames)
            sink.full = True
            await asyncio.sleep(0.05)
            asked = len(server.asked)
            await asyncio.sleep(0.1)
            still = len(server.asked)
            sink.full = False
            await sink.wait_for(lambda: len(server.asked) > still)

    assert still == asked


async def test_cancelling_closes_the_connection_at_once():
    """A link that waits for an answer ends when it is told to, and the device sees it."""
    async with scripted(lambda _: None) as server:
        link, _ = link_to(server.port, timeout=60)
        task = asyncio.create_task(link.run(RecordingSink()))
        async with asyncio.timeout(CLOSE_WITHIN_S):
            await server.was_asked.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await server.hung_up.wait()

    assert len(server.asked) == 1


async def test_cancelling_is_never_swallowed_by_an_answer(monkeypatch):
    """A link that is told to end in the very moment of an answer ends (python/cpython#86296)."""
    received = Connection.data_received

    def receive_and_cancel(self, data):
        received(self, data)
        task.cancel()

    monkeypatch.setattr(Connection, "data_received", receive_and_cancel)
    async with scripted(constant({})) as server:
        link, _ = link_to(server.port, poll_s=60)
        task = asyncio.create_task(link.run(RecordingSink()))
        await asyncio.wait([task], timeout=2)

        assert task.cancelled()


async def test_probe():
    """Probing tells what answered, what was refused, and what was not there."""
    async with scripted(
        lambda asked: asked.refusal(77) if asked.unit == 9 else asked.registers(1, 2)
    ) as server:
        points = {"a": {"register": "holding:4"}, "b": {"register": "holding:5"}}
        assert await link_to(server.port, points)[0].probe() == "unit 1 answered holding 4 to 5"
        refused = await link_to(server.port, points, unit="9")[0].probe()
        await server.stop()
        with pytest.raises(TransientError, match="connection refused"):
            await link_to(server.port)[0].probe()

    assert refused == "unit 9 answered with exception 77: not one of the standard"


def test_links_share_connections():
    """Devices of one host and port share a link, and nothing else does."""
    endpoints = ["modbus+tcp://10.0.0.1:502/1", "modbus+tcp://10.0.0.1/2", "modbus+tcp://10.0.0.1:503/1"]
    bound = bind_all([device(connector, text, ONE, name=f"d{n}") for n, text in enumerate(endpoints)])

    links = connector.links(bound, Home())

    assert [(link.name, len(link.devices)) for link in links] == [
        ("modbus+tcp://10.0.0.1:502", 2),
        ("modbus+tcp://10.0.0.1:503", 1),
    ]


def test_on_uvloop():
    """On the loop that the platform runs on: values, a reset, a dead device, a quiet end."""

    async def main():
        async with scripted(constant({0: 4})) as server:
            link, _ = link_to(server.port)
            sink = RecordingSink()
            async with supervised(link, sink):
                await sink.wait_for(lambda: sink.frames)
                server.reset()
                heard = len(sink.frames)
                await sink.wait_for(lambda: len(sink.frames) > heard + 1)
                await server.stop()
                await sink.wait_for(lambda: sink.downs)
            return sink

    sink = uvloop.run(main())

    assert sink.downs[0].words in {"connection refused", "connection closed by the device"}
    assert good_values(sink) == {4.0}
