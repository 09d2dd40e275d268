"""One run of a link: learning from refusals, full buffers, and links that come back in time."""

import asyncio
import itertools
import random
import re
import struct
from functools import partial

import pytest

from connectors.conformance.recording import RecordingSink, running, supervised
from connectors.home import Home
from connectors.modbus.session import Session
from tests.connectors.modbus.bank import LOOPBACK, Bank, over_tcp, relayed, rtu_over_tcp
from tests.connectors.modbus.links import link_at, open_files
from twin.errors import TransientError
from twin.quality import Reason

POINTS = {f"p{at}": {"register": f"holding:{at}"} for at in range(8)}


def at(port, unit=1, scheme="modbus+tcp"):
    return f"{scheme}://{LOOPBACK}:{port}/{unit}"


def with_holes(*holes):
    """Return a bank that refuses requests which cover one of these registers."""
    bank = Bank(registers=list(range(100)))

    def refusing(_, right):
        first, count = struct.unpack_from(">HH", bank.asked[-1][1], 1)
        covered = any(first <= hole < first + count for hole in holes)
        return bytes([right[0] | 0x80, 2]) if covered else right

    bank.spoil = refusing
    return bank


async def test_a_device_with_holes_is_read_around_them():
    """In the first polls the plan splits; the offender is bad once with the device's words, the others have values."""
    notes: dict[str, str] = {}
    async with over_tcp(with_holes(3)) as port:
        link, (bound,) = link_at(at(port), points=POINTS, home=Home(notes=notes))
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: len(sink.latest(bound)) == 8)
            await sink.wait_for(lambda: sum(r.id == 0 for r in sink.readings()) > 5)
        again, (bound_again,) = link_at(at(port), points=POINTS, home=Home(notes=notes))
        restarted = RecordingSink()
        async with running(again, restarted):
            await restarted.wait_for(lambda: len(restarted.latest(bound_again)) == 8)

    found = sink.latest(bound)
    assert found["p3"].reason is Reason.DEVICE_EXCEPTION
    assert re.fullmatch(
        r"exception 2: illegal data address; set aside until [0-9-]+ [0-9:]+ UTC", found["p3"].detail
    )
    others = {f"p{number}": float(number) for number in range(8) if number != 3}
    assert {name: found[name].value for name in others} == others
    assert sum(reading.id == 3 for reading in sink.readings()) == 1
    assert restarted.latest(bound_again)["p3"].reason is Reason.DEVICE_EXCEPTION


async def test_what_is_set_aside_is_told_again_after_a_silence():
    """A unit that was silent for a while and is back: its points that are set aside are refused, not silent."""
    bank = with_holes(3)
    refusing, mute = bank.spoil, set()
    bank.spoil = lambda unit, pdu: None if unit in mute else refusing(unit, pdu)
    async with over_tcp(bank) as port:
        link, (bound, _) = link_at(at(port), at(port, 2), points=POINTS, timeout=0.2)
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: len(sink.latest(bound)) == 8)
            mute.add(1)
            await sink.wait_for(lambda: sink.silences, timeout=20)
            mute.clear()
            heard = len(sink.frames)
            await sink.wait_for(
                lambda: any(3 in frame.ids for frame in list(sink.frames)[heard:]), timeout=20
            )

    assert sink.latest(bound)["p3"].reason is Reason.DEVICE_EXCEPTION


async def test_a_poll_that_learns_reads_nothing_twice():
    """What was read before a refusal is not read again in the same poll."""
    bank = with_holes(6)
    async with over_tcp(bank) as port:
        link, (bound,) = link_at(at(port), points=POINTS, poll_s=60, max_gap=0, max_registers=3)
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: len(sink.latest(bound)) == 8)

    assert sorted(reading.id for reading in sink.readings()) == list(range(8))


async def test_a_device_that_refuses_at_random_does_not_starve_its_neighbours():
    """However often a plan splits, the others behind the same connection have their turn."""
    count = 0

    def moody(unit, pdu):
        nonlocal count
        count += 1
        return bytes([0x83, 2 + count % 2]) if unit == 2 and count % 3 else pdu

    points = {f"p{at}": {"register": f"holding:{at}"} for at in range(90)}
    async with over_tcp(Bank(spoil=moody)) as port:
        link, bound = link_at(at(port, 1), at(port, 2), points=points, poll_s=0.02)
        sink = RecordingSink()
        async with running(link, sink):
            mine = bound[0].points[0].id
            await sink.wait_for(lambda: sum(r.id == mine for r in sink.readings()) > 10, timeout=20)


async def test_rtu_over_tcp():
    """RTU frames through a TCP connection are read; a wrong checksum renews the connection and is no value."""
    bank = Bank(registers=[5] * 10)
    spoiled = iter(range(1000))

    def spoil(frame):
        return frame[:-1] + bytes([frame[-1] ^ 1]) if next(spoiled) in {3, 6} else frame

    async with rtu_over_tcp(bank, spoil) as port:
        link, (bound,) = link_at(at(port, 7, "modbus+rtu+tcp"))
        sink = RecordingSink()
        async with supervised(link, sink, wait_s=0.01):
            await sink.wait_for(lambda: len(sink.downs) >= 2 and len(sink.frames) > 8)

    assert sink.by_name(bound) == {"level": 5.0}
    assert {reading.value for reading in sink.readings()} == {5.0}
    assert {error.words for error in sink.downs} == {"the checksum of the answer is wrong"}
    assert bank.connections == 3
    assert {unit for unit, _ in bank.asked} == {7}


@pytest.mark.parametrize("scheme", ["modbus+tcp", "modbus+rtu+tcp"])
async def test_one_byte_at_a_time_is_put_together(scheme):
    """An answer in single bytes is an answer, as long as it is complete in time; slower than that it is none."""
    serving = over_tcp if scheme == "modbus+tcp" else rtu_over_tcp
    pause_s = 0.005

    async def drip(data, writer):
        for byte in data:
            writer.write(bytes([byte]))
            await asyncio.sleep(pause_s)

    async with serving(Bank(registers=[5])) as inner, relayed(inner, drip) as port:
        link, _ = link_at(at(port, 1, scheme), timeout=0.4)
        sink = RecordingSink()
        async with supervised(link, sink, wait_s=0.01):
            await sink.wait_for(lambda: len(sink.frames) > 2)
            pause_s = 1.0
            await sink.wait_for(lambda: sink.downs, timeout=10)

    assert {reading.value for reading in sink.readings()} == {5.0}
    assert "no answer within 0.4 s" in {error.words for error in sink.downs}


async def test_a_pause_between_requests():
    """A device that needs time between two requests gets it."""
    bank = Bank()
    times: list[float] = []

    def timed(_, pdu):
        times.append(asyncio.get_running_loop().time())
        return pdu

    bank.spoil = timed
    async with over_tcp(bank) as port:
        link, _ = link_at(at(port), points=POINTS, poll_s=0.01, max_registers=1, delay="40ms")
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: len(times) > 6)

    assert min(later - earlier for earlier, later in itertools.pairwise(times)) >= 0.039


async def test_a_sink_that_fails_ends_the_link():
    """What goes wrong where frames are handed over is raised by the link, not lost in a callback."""

    class Broken(RecordingSink):
        async def submit(self, frame):
            raise ZeroDivisionError

    async with over_tcp(Bank()) as port:
        link, _ = link_at(at(port))
        with pytest.raises(ZeroDivisionError):
            async with asyncio.timeout(5):
                await link.run(Broken())


async def test_frames_that_wait_for_room_keep_their_order():
    """A sink that makes every frame wait gets all of them, in order."""

    class Slow(RecordingSink):
        async def submit(self, frame):
            await asyncio.sleep(0.002)
            self.offer(frame)

    bank = Bank()
    counted = iter(range(1, 10_000))
    bank.spoil = lambda _, pdu: pdu[:2] + next(counted).to_bytes(2, "big")
    async with over_tcp(bank) as port:
        link, _ = link_at(at(port), poll_s=0.01)
        sink = Slow()
        async with running(link, sink):
            await sink.wait_for(lambda: len(sink.frames) > 20)

    values = [reading.value for reading in sink.readings()]
    assert values == [float(number) for number in range(1, len(values) + 1)]


async def test_an_unasked_answer_renews_the_connection():
    """Bytes that nobody asked for cost the connection, never a value or a gap."""
    bank = Bank(registers=[5])
    extra = iter(range(1000))

    async def chatty(data, writer):
        writer.write(data)
        await asyncio.sleep(0.01)
        if next(extra) % 3 == 1:
            writer.write(data[:-1] + b"\x63")

    async with over_tcp(bank) as inner, relayed(inner, chatty) as port:
        link, _ = link_at(at(port))
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: len(sink.frames) > 8)

    assert {reading.value for reading in sink.readings()} == {5.0}
    assert not sink.silences
    assert bank.connections > 2


async def test_it_is_read_again_in_time_twenty_times_out_of_twenty():
    """A server that was away until the waits stood at their cap is read within the cap and a little of its return."""
    cap_s, allowed_s = 0.1, 1.0
    bank = Bank()
    sink = RecordingSink()
    late = []
    async with over_tcp(bank) as port:
        link, _ = link_at(at(port))
    async with supervised(link, sink, wait_s=cap_s):
        for _ in range(20):
            downs = len(sink.downs)
            await sink.wait_for(partial(lambda count: len(sink.downs) > count, downs + 1))
            async with over_tcp(bank, None, port):
                began, heard = asyncio.get_running_loop().time(), len(sink.frames)
                await sink.wait_for(partial(lambda count: len(sink.frames) > count, heard))
                late.append(asyncio.get_running_loop().time() - began)

    assert len(late) == 20
    assert max(late) < cap_s + allowed_s


async def test_no_task_and_no_socket_is_left_over_many_reconnects():
    """Fifty connections later there are as many tasks and files as before."""
    async with over_tcp(Bank()) as port:
        link, _ = link_at(at(port), poll_s=60)
        await _one_run(link)
        before = len(asyncio.all_tasks()), open_files()
        for _ in range(50):
            await _one_run(link)
        await asyncio.sleep(0.05)
        after = len(asyncio.all_tasks()), open_files()

    assert after[0] <= before[0] + 1
    assert after[1] <= before[1] + 1


async def _one_run(link):
    sink = RecordingSink()
    async with running(link, sink):
        await sink.wait_for(lambda: sink.frames)


async def test_a_session_says_what_it_is_asked_when_it_is_down():
    """Orders that come too late are told that nothing was sent."""
    link, _ = link_at("modbus+tcp://127.0.0.1:9/1", connect_timeout=0.5)
    session = Session(link._dialler, link.units(), RecordingSink())
    with pytest.raises(TransientError, match="connection refused"):
        await session.run()


@pytest.mark.parametrize("seed", range(6))
async def test_a_server_that_sends_anything_gives_no_value(seed):
    """Whatever comes back, in whatever pieces, no wrong value is read, every loss has words, and it ends when told."""
    chance = random.Random(seed)
    bank = Bank(registers=[1] * 10)

    async def garble(data, writer):
        kind = chance.randrange(6)
        if kind == 0:
            data = chance.randbytes(chance.randrange(1, 600))
        elif kind == 1:
            at = chance.randrange(min(len(data), 9))
            data = data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
        elif kind == 2:
            data = data[: chance.randrange(len(data))]
        elif kind == 3:
            data += chance.randbytes(chance.randrange(1, 20))
        writer.write(data)

    async with over_tcp(bank) as inner, relayed(inner, garble) as port:
        link, _ = link_at(at(port), poll_s=0.01, timeout=0.05)
        sink = RecordingSink()
        async with supervised(link, sink, wait_s=0.001):
            await sink.wait_for(lambda: len(sink.silences) > 30, timeout=30)

    assert {reading.value for reading in sink.readings() if reading.reason is Reason.GOOD} <= {1.0}
    assert all(silence.reason is Reason.NO_ANSWER and silence.words for silence in sink.silences)
