"""Modbus servers on loopback: pymodbus' own with known values, and one that misbehaves as it is told."""

from __future__ import annotations

import asyncio
import struct
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

LOOPBACK = "127.0.0.1"


@asynccontextmanager
async def simulated(
    holding: Sequence[int], inputs: Sequence[int], coils: Sequence[bool], discretes: Sequence[bool]
) -> AsyncIterator[int]:
    """Serve the four tables from address 0 as unit 1 by pymodbus' server; yields the port."""
    registers = DataType.REGISTERS
    tables = (
        [SimData(0, values=list(coils), datatype=DataType.BITS)],
        [SimData(0, values=list(discretes), datatype=DataType.BITS)],
        [SimData(0, values=list(holding), datatype=registers)],
        [SimData(0, values=list(inputs), datatype=registers)],
    )
    server = ModbusTcpServer(SimDevice(1, tables), address=(LOOPBACK, 0))
    await server.serve_forever(background=True)
    try:
        yield cast("asyncio.Server", server.transport).sockets[0].getsockname()[1]
    finally:
        await server.shutdown()


@dataclass(frozen=True, slots=True)
class Asked:
    """One read request as it came."""

    transaction: int
    unit: int
    function: int
    address: int
    count: int
    at: float

    def answer(
        self,
        payload: bytes,
        *,
        transaction: int | None = None,
        unit: int | None = None,
        function: int | None = None,
    ) -> bytes:
        """Return a well-formed answer; what is named differs from what was asked."""
        pdu = bytes([self.function if function is None else function, len(payload)]) + payload
        return self.frame(pdu, transaction=transaction, unit=unit)

    def refusal(self, code: int) -> bytes:
        """Return an exception response."""
        return self.frame(bytes([self.function | 0x80, code]))

    def frame(self, pdu: bytes, *, transaction: int | None = None, unit: int | None = None) -> bytes:
        """Return `pdu` with its header."""
        transaction = self.transaction if transaction is None else transaction
        return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, self.unit if unit is None else unit) + pdu

    def registers(self, *values: int) -> bytes:
        """Return a right answer with these registers."""
        return self.answer(struct.pack(f">{len(values)}H", *values))


HANG_UP = b"hang up"


@dataclass(slots=True)
class Scripted:
    """A device that does what `script` says: the bytes to send, after `delay_s`, nothing, or `HANG_UP`."""

    script: Callable[[Asked], bytes | None]
    delay_s: Callable[[Asked], float] = lambda _: 0.0
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    was_asked: asyncio.Event = field(default_factory=asyncio.Event)
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0
    _server: asyncio.Server | None = None
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def start(self) -> None:
        """Listen, on the same port as before if there was one."""
        self._server = await asyncio.start_server(self._serve, LOOPBACK, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Refuse connections and reset those that are open."""
        if self._server is not None:
            self._server.close()
        self.reset()
        await asyncio.sleep(0)

    def reset(self) -> None:
        """Cut every open connection."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                transaction, _, length, unit = struct.unpack(">HHHB", await reader.readexactly(7))
                pdu = await reader.readexactly(length - 1)
                function, address, count = struct.unpack(">BHH", pdu[:5].ljust(5, b"\0"))
                asked = Asked(transaction, unit, function, address, count, asyncio.get_running_loop().time())
                self.asked.append(asked)
                self.was_asked.set()
                if (reply := self.script(asked)) == HANG_UP:
                    break
                if reply is not None:
                    await asyncio.sleep(self.delay_s(asked))
                    writer.write(reply)
        self.hung_up.set()
        writer.close()


@asynccontextmanager
async def scripted(
    script: Callable[[Asked], bytes | None], delay_s: Callable[[Asked], float] = lambda _: 0.0
) -> AsyncIterator[Scripted]:
    """Run a `Scripted` device."""
    server = Scripted(script, delay_s)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def constant(registers: Mapping[int, int]) -> Callable[[Asked], bytes]:
    """Return a script that answers every read with these registers, 0 where none is named."""

    def script(asked: Asked) -> bytes:
        return asked.registers(*(registers.get(asked.address + n, 0) for n in range(asked.count)))

    return script
