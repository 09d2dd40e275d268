"""Devices and gateways that nobody would build, and everybody meets."""

import asyncio
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from connectors.conformance.recording import RecordingSink, running, supervised
from tests.connectors.modbus.bank import LOOPBACK, Bank, on_a_line, over_tcp
from tests.connectors.modbus.certificates import Authority
from tests.connectors.modbus.links import link_at, open_files
from tests.connectors.modbus.servers import scripted
from twin.errors import TransientError
from twin.quality import Reason

MANY = 100


def units(port, numbers):
    return [f"modbus+tcp://{LOOPBACK}:{port}/{number}" for number in numbers]


def good(sink):
    return [reading for reading in sink.readings() if reading.reason is Reason.GOOD]


async def test_many_units_behind_one_gateway_of_which_half_are_dead():
    """All that live are read, and keep being read; all that are dead are said to be."""
    bank = Bank(spoil=lambda unit, pdu: None if unit % 2 else pdu)
    async with over_tcp(bank) as port:
        link, bound = link_at(*units(port, range(MANY)), poll_s=0.5, timeout=0.2)
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: len({reading.id for reading in good(sink)}) == MANY // 2, timeout=60)
            await sink.wait_for(
                lambda: len({point for silence in sink.silences for point in silence.ids}) == MANY // 2,
                timeout=60,
            )
            before = len(good(sink))
            await asyncio.sleep(2)
            after = len(good(sink))

    dead = {bound[number].points[0].id for number in range(1, MANY, 2)}
    assert {reading.id for reading in good(sink)} & dead == set()
    # Half of what is due, on a machine that is busy.
    assert after - before >= MANY // 2


async def test_a_gateway_that_answers_for_another_unit():
    """No value, whoever it was meant for; the unit that is answered rightly goes on."""

    def script(asked):
        wrong = asked.unit == 2
        return asked.answer(b"\0\x07", unit=1 if wrong else asked.unit)

    async with scripted(script) as server:
        link, (first, _) = link_at(*units(server.port, (1, 2)), timeout=0.2)
        sink = RecordingSink()
        async with supervised(link, sink, wait_s=0.01):
            await sink.wait_for(lambda: len(sink.silences) >= 3 and len(good(sink)) >= 10, timeout=20)

    assert {reading.id for reading in good(sink)} == {first.points[0].id}
    assert {silence.words for silence in sink.silences} == {"unit 1 answered, unit 2 was asked"}


async def test_a_unit_that_answers_every_other_time():
    """It is read when it answers, silent when it does not, and its neighbour does not wait for it."""
    turn = [0]

    def script(asked):
        turn[0] += asked.unit == 2
        return asked.registers(7) if asked.unit == 1 or turn[0] % 2 else None

    async with scripted(script) as server:
        link, (first, second) = link_at(*units(server.port, (1, 2)), timeout=0.2)
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(
                lambda: len([r for r in good(sink) if r.id == second.points[0].id]) >= 3, timeout=30
            )

    assert len(sink.silences) >= 2
    assert len([r for r in good(sink) if r.id == first.points[0].id]) > len(sink.silences)


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5, 6, 99])
async def test_a_storm_of_exceptions_costs_no_more_than_polls(code):
    """Whatever everything is refused with: requests keep to the period, and at its end all values are back at once."""
    refusing = [True]
    points = {f"p{at}": {"register": f"holding:{4 * at}"} for at in range(8)}

    def script(asked):
        return asked.refusal(code) if refusing[0] else asked.registers(*range(asked.count))

    async with scripted(script) as server:
        link, (bound,) = link_at(*units(server.port, (1,)), points=points, poll_s=0.1, retry_after=3600)
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: len(sink.latest(bound)) == 8)
            await asyncio.sleep(0.5)
            settled = len(server.asked)
            await asyncio.sleep(1.0)
            asked = len(server.asked) - settled
            refusing[0] = False
            await sink.wait_for(lambda: len({r.id for r in good(sink)}) == 8, timeout=5)

    assert asked <= 15


async def test_a_handshake_that_stalls(tmp_path):
    """A server that takes the connection and says nothing is no connection, in time, and leaves no socket."""
    authority = Authority(tmp_path)
    certificate, key = authority.issue("client")
    options = {"ca": str(authority.path), "certificate": str(certificate), "key": str(key)}
    held = []

    async def hold(reader, writer):
        held.append(writer)
        await reader.read()

    server = await asyncio.start_server(hold, LOOPBACK, 0)
    port = server.sockets[0].getsockname()[1]
    link, _ = link_at(f"modbus+tls://{LOOPBACK}:{port}/1", connect_timeout=0.3, **options)
    before = open_files()
    for _ in range(3):
        with pytest.raises(TransientError, match=r"no connection within 0\.3 s"):
            async with asyncio.timeout(5):
                await link.run(RecordingSink())
    # A connection that was given up before the loop came to accept it is accepted all the same.
    async with asyncio.timeout(60):
        while len(held) < 3:  # noqa: ASYNC110 - the server sets no event
            await asyncio.sleep(0.01)
    for writer in held:
        writer.transport.abort()
    server.close()
    await asyncio.sleep(0.1)

    assert len(held) == 3
    assert open_files() <= before


@contextmanager
def adapter():
    """Yield a name under /dev that stands for whichever pseudo-terminal is plugged in: a link, as udev makes them."""
    folder = Path(tempfile.mkdtemp(prefix="barrio-", dir="/dev/shm"))
    try:
        yield folder / "tty"
    finally:
        shutil.rmtree(folder)


async def test_an_adapter_that_is_pulled_out_and_put_back():
    """The line is down with words while it is gone, and read again when it is back, whatever file it now is."""
    sink = RecordingSink()
    with adapter() as name:
        # A pseudo-terminal knows no parity.
        link, _ = link_at(f"modbus+rtu://{name}/1", baudrate=115200, parity="N")
        async with supervised(link, sink, wait_s=0.05):
            with on_a_line(Bank(registers=[5])) as line:
                name.symlink_to(line.path)
                await sink.wait_for(lambda: len(good(sink)) > 2, timeout=10)
                name.unlink()
            await sink.wait_for(lambda: len(sink.downs) > 2, timeout=10)
            before = open_files()
            await sink.wait_for(lambda: len(sink.downs) > 12, timeout=10)
            assert open_files() <= before + 1
            with on_a_line(Bank(registers=[6])) as line:
                name.symlink_to(line.path)
                await sink.wait_for(lambda: good(sink)[-1].value == 6, timeout=10)

    words = {error.words for error in sink.downs}
    assert any("no such file" in each for each in words)
