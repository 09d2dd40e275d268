"""Modbus TCP on trial, against pymodbus' own server's shape: a small device whose registers the suite sets."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from connectors.conformance.subject import Subject
from connectors.modbus import connector
from tests.connectors.modbus.servers import Asked, Scripted
from twin.quality import Reason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NUMBER, STATE = 0, 1
_READ_HOLDING = 3
_ILLEGAL_FUNCTION, _ILLEGAL_ADDRESS = 1, 2


@dataclass
class Meter:
    """A device with two holding registers."""

    registers: dict[int, int] = field(default_factory=lambda: {NUMBER: 7, STATE: 0})
    refusal: int = 0
    server: Scripted = field(init=False)

    def __post_init__(self) -> None:
        self.server = Scripted(self._answer)

    @property
    def port(self) -> int:
        return self.server.port

    async def set(self, point: str, raw: object) -> None:
        self.refusal = 0
        self.registers[NUMBER if point == "number" else STATE] = int(str(raw))

    async def spoil(self, flaw: str) -> None:
        if flaw == "not available":
            self.registers[NUMBER] = 0x8000
        else:
            # Not an illegal address, which the connector would set aside for long.
            self.refusal = 4

    def _answer(self, asked: Asked) -> bytes:
        wanted = range(asked.address, asked.address + asked.count)
        if self.refusal:
            return asked.refusal(self.refusal)
        if asked.function != _READ_HOLDING:
            return asked.refusal(_ILLEGAL_FUNCTION)
        if not all(at in self.registers for at in wanted):
            return asked.refusal(_ILLEGAL_ADDRESS)
        return asked.registers(*(self.registers[at] for at in wanted))


class ModbusSubject(Subject):
    """Two registers behind one connection."""

    connector = connector
    points: ClassVar = {
        "number": {"register": "holding:0", "null_values": ["0x8000"]},
        "state": {"register": "holding:1", "states": {0: "off", 1: "on"}},
    }
    options: ClassVar = {"timeout": "400ms", "connect_timeout": "1s"}
    flaws: ClassVar = {"device failure": Reason.DEVICE_EXCEPTION, "not available": Reason.NOT_AVAILABLE}
    poll_s = 0.05
    noticed_s = 2.0
    patience_s = 0.4
    tests = Path(__file__).parents[1] / "modbus"
    wrong_replies: ClassVar = {
        "another transaction": lambda reply: bytes([reply[0] ^ 0x55]) + reply[1:],
        "another unit": lambda reply: reply[:6] + bytes([reply[6] ^ 1]) + reply[7:],
        "another function": lambda reply: reply[:7] + bytes([reply[7] ^ 7]) + reply[8:],
        "another count": lambda reply: reply[:8] + bytes([reply[8] - 2]) + reply[9:],
        "goes on after its end": lambda reply: reply + reply[-2:],
    }
    mistakes: ClassVar = {
        "no such table": ({"register": "memory:0"}, "holding"),
        "beyond the last register": ({"register": "holding:65535", "type": "float64"}, "65535"),
    }
    garbage: ClassVar = {
        "length 0": bytes.fromhex("000100000000"),
        "length 65535": bytes.fromhex("00010000ffff0103"),
        "function 0": bytes.fromhex("0001000000030100ff"),
        "exception of no function": bytes.fromhex("000100000003018002"),
        "another protocol": bytes.fromhex("000100070005010302ffff"),
    }

    def endpoint(self, port: int) -> str:
        return f"modbus+tcp://127.0.0.1:{port}/1"

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[Meter]:
        meter = Meter()
        await meter.server.start()
        try:
            yield meter
        finally:
            await meter.server.stop()

    def probed(self) -> str:
        return "unit 1 answered"
