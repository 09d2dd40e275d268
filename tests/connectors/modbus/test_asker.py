"""How often and how long an unknown device is asked."""

from pathlib import Path

import pytest

from connectors.modbus import asker
from connectors.modbus.asker import Asker, Spent, numbers
from connectors.modbus.config import ModbusOptions
from connectors.modbus.pdu import NoAnswer, Refused, read
from connectors.modbus.registers import Table
from connectors.modbus.transport import Dialler, way_of
from tests.connectors.modbus.servers import HANG_UP, LOOPBACK, constant, scripted
from twin.model.protocol import Endpoint

ONE = read(1, Table.HOLDING, 0, 1)


def asking(port, timeout_s=0.2):
    options = ModbusOptions()
    return Asker(
        Dialler(way_of(Endpoint("modbus+tcp", LOOPBACK, port), options, Path()), 2.0, 0.0), 1, timeout_s
    )


async def test_requests_are_counted(monkeypatch):
    """After so many there is an end."""
    monkeypatch.setattr(asker, "MOST_REQUESTS", 3)
    async with scripted(constant({0: 7})) as server:
        one = asking(server.port)
        answers = [await one.ask(ONE) for _ in range(3)]
        with pytest.raises(Spent, match="3 requests"):
            await one.ask(ONE)
        one.close()

    assert answers == [b"\0\7"] * 3
    assert len(server.asked) == 3


async def test_refusals_and_silence_are_answers_of_a_kind():
    """They are returned, not raised: what they mean is for whoever asked."""
    script = iter([b"refuse", None, b"read"])

    def answer(asked):
        turn = next(script)
        return {b"refuse": asked.refusal(2), b"read": asked.registers(7), None: None}[turn]

    async with scripted(answer) as server:
        one = asking(server.port)
        answers = [await one.ask(ONE) for _ in range(3)]
        one.close()

    assert [type(each) for each in answers] == [Refused, NoAnswer, bytes]


async def test_a_device_that_has_answered_and_is_gone(monkeypatch):
    """What was found counts: the look has ended, it has not failed."""
    monkeypatch.setattr(asker, "PAUSE_S", 0.0)
    async with scripted(constant({0: 7})) as server:
        one = asking(server.port)
        await one.ask(ONE)
        await server.stop()
        with pytest.raises(Spent, match="it is gone: connection refused"):
            await one.ask(ONE)
        one.close()


async def test_a_device_that_hangs_up_is_asked_anew():
    """Once: the answer is what counts."""
    script = iter([False, True, False])
    async with scripted(lambda asked: HANG_UP if next(script) else asked.registers(7)) as server:
        one = asking(server.port)
        answers = [await one.ask(ONE) for _ in range(2)]
        one.close()

    assert answers == [b"\0\7"] * 2
    assert server.connections == 2


def test_numbers_of_a_payload():
    """Registers most significant byte first, bits least significant first."""
    assert numbers(b"\1\2\xff\xff", 2, of_bits=False) == [0x102, 0xFFFF]
    assert numbers(b"\x05\x01", 9, of_bits=True) == [1, 0, 1, 0, 0, 0, 0, 0, 1]
