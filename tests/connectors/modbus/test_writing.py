"""Writes: which requests are sent, what is read back, and what is said when it did not work."""

import asyncio
import struct

import pytest

from connectors.abilities import Done, Writes
from connectors.conformance.recording import RecordingSink, running
from tests.connectors.modbus.bank import LOOPBACK, Bank, on_a_line, over_tcp
from tests.connectors.modbus.links import link_at, settings
from twin.errors import TransientError

POINTS = {
    "a": {"register": "holding:1", "writable": True},
    "b": {"register": "holding:2", "type": "int16", "writable": True},
    "c": {"register": "holding:3", "type": "float32", "writable": True},
    "far": {"register": "holding:20", "type": "uint32", "order": "CDAB", "writable": True},
    "low": {"register": "holding:30", "bit": 0, "writable": True},
    "high": {"register": "holding:30", "bit": 15, "writable": True},
    "nibble": {"register": "holding:30", "bits": "4-7", "writable": True},
    "x": {"register": "coil:5", "writable": True},
    "y": {"register": "coil:6", "writable": True},
    "mode": {"register": "holding:40", "states": {0: "off", 2: "auto"}, "writable": True},
    "name": {
        "register": "holding:50",
        "type": "string",
        "length": 3,
        "states": {"ON": "on"},
        "writable": True,
    },
}


def words(*values):
    return struct.pack(f">{len(values)}H", *values)


async def written(bank, values, **options):
    """Write values of points by name on a link that polls; returns the outcomes by name."""
    async with over_tcp(bank) as port:
        link, (bound,) = link_at(f"modbus+tcp://{LOOPBACK}:{port}/1", points=POINTS, **options)
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: sink.frames)
            assert isinstance(link, Writes)
            async with asyncio.timeout(10):
                outcomes = await link.write(settings(bound, **values))
    assert [outcome.setting.raw for outcome in outcomes] == list(values.values())
    return dict(zip(values, outcomes, strict=True))


async def test_neighbours_go_in_one_request():
    """Registers that touch are one write, coils too, and everything is read back."""
    bank = Bank()
    found = await written(bank, {"c": 1.5, "a": 7, "b": -2, "x": 1, "y": True, "far": 70000})

    assert bank.writes == [
        bytes([15]) + words(5, 2) + b"\x01\x03",
        bytes([16]) + words(1, 4) + b"\x08" + words(7, 0xFFFE, 0x3FC0, 0),
        bytes([16]) + words(20, 2) + b"\x04" + words(4464, 1),
    ]
    assert {name: outcome.read_back for name, outcome in found.items()} == {
        "a": 7,
        "b": -2,
        "c": 1.5,
        "x": 1,
        "y": 1,
        "far": 70000,
    }
    assert {outcome.done for outcome in found.values()} == {Done.WRITTEN}


async def test_single_values_go_by_single_writes():
    """One register goes by function 6, one coil by 5; zero is a value."""
    bank = Bank(registers=[9] * 100, coils=[1] * 100)
    found = await written(bank, {"a": 0, "x": 0})

    assert sorted(bank.writes) == [bytes([5]) + words(5, 0), bytes([6]) + words(1, 0)]
    assert (found["a"].read_back, found["x"].read_back) == (0, 0)
    assert bank.registers[0] == bank.registers[2] == 9


async def test_a_device_that_knows_only_single_writes():
    """With `single_writes` nothing else is sent."""
    bank = Bank()
    await written(bank, {"a": 1, "b": 2, "c": 1.5, "x": 1, "y": 1}, single_writes=True)

    assert {pdu[0] for pdu in bank.writes} == {5, 6}
    assert bank.registers[1:5] == [1, 2, 0x3FC0, 0]


async def test_bits_leave_their_neighbours_alone():
    """Bits of one register are one mask write; the others keep what they have."""
    bank = Bank(registers=[0b0101_0101_0101_0101] * 100)
    found = await written(bank, {"low": 0, "high": 1, "nibble": 10})

    assert bank.writes == [bytes([22]) + words(30, 0x7F0E, 0x80A0)]
    assert bank.registers[30] == 0b1101_0101_1010_0100
    assert {name: outcome.read_back for name, outcome in found.items()} == {"low": 0, "high": 1, "nibble": 10}


async def test_a_device_without_mask_writes():
    """Exception 1 makes it read, change and write, and the outcome says so."""
    bank = Bank(registers=[0x00F0] * 100, knows=frozenset({1, 3, 6, 16}))
    found = await written(bank, {"high": 1})

    assert bank.registers[30] == 0x80F0
    assert found["high"].done is Done.WRITTEN
    assert found["high"].read_back == 1
    assert "has no mask write" in found["high"].words


async def test_write_and_read_back_in_one_go():
    """With `read_write` function 23 does both; no other request is sent for it."""
    bank = Bank()
    found = await written(bank, {"a": 5, "b": 6}, read_write=True)

    assert [pdu[0] for pdu in bank.writes] == [23]
    assert (found["a"].read_back, found["b"].read_back) == (5, 6)


async def test_states_and_texts_are_read_back_as_codes():
    """A state's code and a text come back as they were given."""
    bank = Bank()
    found = await written(bank, {"mode": 2, "name": "ON"})

    assert (found["mode"].read_back, found["name"].read_back) == (2, "ON")


async def test_a_refused_write_has_the_device_s_words():
    """What the device refuses is refused; the other requests are carried out."""
    bank = Bank(knows=frozenset({1, 3, 6, 16}))
    found = await written(bank, {"a": 5, "x": 1})

    assert (found["x"].done, found["x"].words) == (Done.REFUSED, "exception 1: illegal function")
    assert (found["a"].done, found["a"].read_back) == (Done.WRITTEN, 5)


async def test_a_device_that_keeps_another_value():
    """What is read back is what the device has, not what was asked for."""
    bank = Bank()
    bank.spoil = lambda _, pdu: words_of(bank, pdu)
    found = await written(bank, {"a": 5})

    assert (found["a"].done, found["a"].read_back) == (Done.WRITTEN, 3)


def words_of(bank, pdu):
    """Cut what was written down to 3."""
    bank.registers[1] = min(bank.registers[1], 3)
    return pdu


async def test_no_answer_is_unknown_and_nothing_follows():
    """A write that is not answered may have happened: it is sent once, and nothing after it."""
    bank = Bank(spoil=lambda _, pdu: None if pdu[0] == 6 else pdu)
    found = await written(bank, {"a": 5, "far": 1}, timeout=0.2)

    assert (found["a"].done, found["a"].words) == (Done.UNKNOWN, "no answer within 0.2 s")
    assert found["far"].done is Done.REFUSED
    assert found["far"].words.startswith("not sent")
    assert [pdu[0] for pdu in bank.writes] == [6]


@pytest.mark.parametrize(
    ("code", "done"), [(2, Done.REFUSED), (5, Done.UNKNOWN), (10, Done.REFUSED), (11, Done.UNKNOWN)]
)
async def test_what_exceptions_mean_for_a_write(code, done):
    """A device that is still at it, and a gateway whose unit is silent, leave it unknown."""
    bank = Bank(spoil=lambda _, pdu: bytes([0x86, code]) if pdu[0] == 6 else pdu)
    found = await written(bank, {"a": 5})

    assert found["a"].done is done
    assert found["a"].words.startswith(f"exception {code}: ")


async def test_a_wrong_echo_is_unknown():
    """An answer that repeats another value than was sent is no success."""
    bank = Bank(spoil=lambda _, pdu: pdu[:-1] + b"\x63" if pdu[0] == 6 else pdu)
    found = await written(bank, {"a": 5})

    assert found["a"].done is Done.UNKNOWN
    assert "was due" in found["a"].words


async def test_what_does_not_fit_is_never_sent():
    """A value that its registers cannot hold is refused with words, and the rest is written."""
    bank = Bank()
    found = await written(bank, {"a": 70000, "b": 4})

    assert found["a"].done is Done.REFUSED
    assert "70000" in found["a"].words
    assert found["b"].read_back == 4
    assert bank.registers[1] == 0


async def test_a_link_that_is_down_sends_nothing():
    """Before there is an answer, and after the link has ended, writing raises and the device hears nothing."""
    bank = Bank(spoil=lambda *_: None)
    async with over_tcp(bank) as port:
        link, (bound,) = link_at(f"modbus+tcp://{LOOPBACK}:{port}/1", points=POINTS, timeout=5)
        with pytest.raises(TransientError, match="nothing was sent"):
            await link.write(settings(bound, a=1))
        async with running(link, RecordingSink()):
            await bank.was_asked.wait()
            with pytest.raises(TransientError, match="nothing was sent"):
                await link.write(settings(bound, a=1))

    assert not bank.writes


async def test_a_write_waits_for_the_answer_that_is_due():
    """A write while a poll is on its way goes out after its answer: one request at a time."""
    bank = Bank(delay_s=lambda _: 0.05)
    async with over_tcp(bank) as port:
        link, (bound,) = link_at(f"modbus+tcp://{LOOPBACK}:{port}/1", points=POINTS, poll_s=0.02, timeout=2)
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: len(sink.frames) > 2)
            async with asyncio.timeout(10):
                both = await asyncio.gather(
                    link.write(settings(bound, a=1)), link.write(settings(bound, b=2))
                )
            heard = len(sink.frames)
            await sink.wait_for(lambda: len(sink.frames) > heard + 2)

    assert [outcome.read_back for outcomes in both for outcome in outcomes] == [1, 2]
    assert bank.connections == 1
    assert not sink.silences


async def test_a_link_that_stops_says_what_it_does_not_know():
    """A write under way when the link is stopped is unknown, one that waits was not sent."""
    bank = Bank(spoil=lambda _, pdu: None if pdu[0] == 6 else pdu)
    async with over_tcp(bank) as port:
        link, (bound,) = link_at(f"modbus+tcp://{LOOPBACK}:{port}/1", points=POINTS, timeout=30)
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: sink.frames)
            under_way = asyncio.create_task(link.write(settings(bound, a=1)))
            waiting = asyncio.create_task(link.write(settings(bound, b=1)))
            await bank.was_written.wait()
        (outcome,) = await under_way
        with pytest.raises(TransientError, match="nothing was sent"):
            await waiting

    assert (outcome.done, outcome.words) == (Done.UNKNOWN, "the link was stopped")


async def test_writes_on_a_serial_line():
    """A line is written to like a connection, with checksums and one at a time."""
    bank = Bank()
    with on_a_line(bank) as line:
        link, (bound,) = link_at(
            f"modbus+rtu://{line.path}/1", points=POINTS, parity="N", baudrate=115200, timeout=1
        )
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: sink.frames)
            found = await link.write(settings(bound, a=5, b=6, low=1, x=1))

    assert [outcome.read_back for outcome in found] == [5, 6, 1, 1]


async def test_points_of_two_devices_are_a_mistake_of_the_caller():
    """Settings are for one device."""
    async with over_tcp(Bank()) as port:
        ends = [f"modbus+tcp://{LOOPBACK}:{port}/{unit}" for unit in (1, 2)]
        link, bound = link_at(*ends, points=POINTS)
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: sink.frames)
            with pytest.raises(ValueError, match="not of one device"):
                await link.write(settings(bound[0], a=1) + settings(bound[1], a=1))
