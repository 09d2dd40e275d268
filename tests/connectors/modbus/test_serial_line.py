"""RTU on a serial line, played by a pseudo-terminal pair."""

import asyncio
from functools import partial
from itertools import cycle, pairwise

import pytest
import uvloop

from connectors.conformance.recording import RecordingSink, running, supervised
from connectors.modbus.framing import crc
from connectors.modbus.serial_line import Line
from tests.connectors.modbus.bank import Bank, on_a_line
from tests.connectors.modbus.links import link_at, open_files
from twin.errors import TransientError
from twin.quality import Reason

# A pseudo-terminal knows no parity, and glibc says so the second time that it is asked for one.
at_a_line = partial(link_at, parity="N")


def endpoint(line, unit=1):
    return f"modbus+rtu://{line.path}/{unit}"


def good(sink):
    return {reading.value for reading in sink.readings() if reading.reason is Reason.GOOD}


async def test_registers_and_coils_are_read():
    """Values of two units on one line are read over a real terminal, on both loops."""

    async def main():
        bank = Bank(registers=[7, 8, 9], coils=[0, 1, 0])
        with on_a_line(bank) as line:
            points = {"a": {"register": "holding:1"}, "b": {"register": "coil:1"}}
            link, bound = at_a_line(endpoint(line, 3), endpoint(line, 4), points=points, baudrate=19200)
            sink = RecordingSink()
            async with running(link, sink):
                await sink.wait_for(lambda: all(len(sink.by_name(one)) == 2 for one in bound))
        return link.name == f"modbus+rtu://{line.path}", [sink.by_name(one) for one in bound]

    expected = True, [{"a": 8.0, "b": 1.0}] * 2
    assert await main() == expected
    assert await asyncio.to_thread(uvloop.run, main()) == expected


@pytest.mark.parametrize(
    ("baudrate", "parity", "stopbits", "least_ms"),
    [(9600, "E", 1, 4.01), (1200, "N", 2, 32.08), (19200, "E", 1, 2.0), (38400, "E", 1, 1.75)],
)
def test_silence_between_frames(baudrate, parity, stopbits, least_ms):
    """Three and a half characters of 11 bits, and a fixed time for fast lines."""
    assert 1000 * Line("/dev/x", baudrate, parity, stopbits, 8).quiet_s == pytest.approx(least_ms, abs=0.01)


async def test_the_line_is_quiet_between_two_frames():
    """However often it is polled, the next request waits for the silence after the last answer."""
    with on_a_line(Bank()) as line:
        link, _ = at_a_line(endpoint(line), poll_s=0.01, baudrate=1200)
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: len(line.times) >= 6)

    assert min(later - earlier for earlier, later in pairwise(line.times)) >= 3.5 * 10 / 1200 - 0.001


SPOILED = {
    "a wrong checksum": lambda frame: frame[:-1] + bytes([frame[-1] ^ 1]),
    "a flipped bit": lambda frame: frame[:4] + bytes([frame[4] ^ 0x10]) + frame[5:],
    "noise before": lambda frame: b"\xff\x00" + frame,
    "noise after": lambda frame: frame + b"\xff\xff",
    "half": lambda frame: frame[: len(frame) // 2],
    "another unit": lambda frame: b"\x09" + frame[1:-2] + crc(b"\x09" + frame[1:-2]),
    "another function": lambda _: b"\x01\x04\x02\0\x63" + crc(b"\x01\x04\x02\0\x63"),
    "another length": lambda _: b"\x01\x03\x04\0\x63\0\x63" + crc(b"\x01\x03\x04\0\x63\0\x63"),
    "nothing": lambda _: None,
    "garbage": lambda _: b"\x55" * 300,
}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED.keys())
async def test_noise_is_never_a_value(spoil):
    """What was damaged is a gap with a reason; when the line is quiet again, values come again."""
    bank = Bank(registers=[1])
    with on_a_line(bank) as line:
        line.spoil = lambda frame: spoil(frame) if len(bank.asked) in {4, 7} else frame
        link, _ = at_a_line(endpoint(line), baudrate=115200, timeout=0.1)
        sink = RecordingSink()
        async with supervised(link, sink, wait_s=0.01):
            await sink.wait_for(lambda: len(bank.asked) > 7 and len(sink.frames) > 4)

    assert good(sink) == {1.0}
    assert len(good(sink)) == len({reading.value for reading in sink.readings()})
    # What comes after a right answer is noise between two frames, and costs nothing.
    assert sink.silences or spoil is SPOILED["noise after"]


async def test_a_late_answer_is_not_taken_for_the_next_one():
    """A unit that answers after its time, now more and now less, never gives one request the value of another."""
    delays = cycle([0.09, 0.1, 0.11, 0.12, 0.14, 0.16])
    bank = Bank(registers=list(range(100, 200)), delay_s=lambda _: next(delays))
    points = {"a": {"register": "holding:0"}, "b": {"register": "holding:50"}}
    with on_a_line(bank) as line:
        link, bound = at_a_line(endpoint(line), points=points, baudrate=115200, timeout=0.08, max_gap=0)
        sink = RecordingSink()
        async with supervised(link, sink, wait_s=0.01):
            await sink.wait_for(lambda: len(sink.silences) > 20, timeout=20)
            bank.delay_s = lambda _: 0.0
            await sink.wait_for(lambda: len(sink.by_name(bound[0])) == 2, timeout=20)

    assert {reading.value for reading in sink.readings() if reading.id == 0} == {100.0}
    assert {reading.value for reading in sink.readings() if reading.id == 1} == {150.0}


async def test_one_dead_unit_on_a_line():
    """A silent unit is a gap of its own, its neighbours on the line are read on, and it comes back."""
    dead = {2}
    bank = Bank(registers=[5], spoil=lambda unit, pdu: None if unit in dead else pdu)
    with on_a_line(bank) as line:
        link, bound = at_a_line(endpoint(line, 1), endpoint(line, 2), baudrate=115200, timeout=0.1)
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: len(sink.silences) >= 2)
            heard = len(sink.frames)
            await sink.wait_for(lambda: len(sink.frames) > heard + 5)
            alive = sink.by_name(bound[1])
            dead.clear()
            await sink.wait_for(lambda: sink.by_name(bound[1]), timeout=10)

    assert not alive
    assert {silence.ids for silence in sink.silences} == {(bound[1].points[0].id,)}


async def test_a_line_that_is_never_quiet():
    """A device that babbles is not waited for without end."""
    with on_a_line(Bank()) as line:
        link, _ = at_a_line(endpoint(line), baudrate=300, connect_timeout=0.2)
        sink = RecordingSink()

        async def babble():
            while True:
                line.send(b"\xff" * 20)
                await asyncio.sleep(0.01)

        babbling = asyncio.create_task(babble())
        async with supervised(link, sink):
            await sink.wait_for(lambda: len(sink.downs) > 1)
        babbling.cancel()

    assert not sink.frames
    assert {error.words for error in sink.downs} <= {
        "the line is never quiet",
        "unit 255 answered, unit 1 was asked",
    }


async def test_what_cannot_be_opened_is_said(tmp_path):
    """A missing device file and one that is no terminal are named, and tried again."""
    plain = tmp_path / "file"
    plain.touch()
    with on_a_line(Bank()) as line:
        link, _ = at_a_line(endpoint(line))
        async with running(link, RecordingSink()):
            await asyncio.sleep(0.2)
            for path, words in (
                ("/dev/ttyNone0", "no such file or directory"),
                (line.path, "in use by another program"),
            ):
                other, _ = at_a_line(f"modbus+rtu://{path}/1")
                with pytest.raises(TransientError, match=f"{path}: {words}"):
                    await other.probe()


async def test_an_adapter_that_is_pulled_out():
    """A line whose other end goes away ends the link with words, not with a bug."""
    bank = Bank()
    sink = RecordingSink()
    with on_a_line(bank) as line:
        link, _ = at_a_line(endpoint(line), baudrate=115200)
        task = asyncio.create_task(link.run(sink))
        await sink.wait_for(lambda: sink.frames)
    with pytest.raises(TransientError, match=r"no such file|the serial line is gone|input/output"):
        async with asyncio.timeout(5):
            await task


async def test_a_terminal_without_parity():
    """What a line cannot be set to is said as technicians write it."""
    with on_a_line(Bank()) as line:
        link, _ = link_at(endpoint(line), parity="E")
        await link.probe()
        with pytest.raises(TransientError, match="cannot be set to 9600 8E1"):
            await link.probe()


async def test_no_file_stays_open():
    """Fifty times opened and closed, the process has no more files than before."""
    with on_a_line(Bank()) as line:
        link, _ = at_a_line(endpoint(line), baudrate=115200, timeout=1.0)
        before = open_files()
        for _ in range(50):
            await link.probe()
        await asyncio.sleep(0)

        assert open_files() <= before + 1
