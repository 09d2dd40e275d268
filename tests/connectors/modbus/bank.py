"""A small Modbus device of our own, for what pymodbus' servers cannot be told: over TCP, TLS, RTU over TCP, a line."""

from __future__ import annotations

import asyncio
import os
import struct
import tty
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from connectors.modbus.framing import crc

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

LOOPBACK = "127.0.0.1"
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS = 1, 2


@dataclass
class Bank:
    """Registers and coils from address 0; `knows` are the functions, `spoil` may change what goes out."""

    registers: list[int] = field(default_factory=lambda: [0] * 100)
    coils: list[int] = field(default_factory=lambda: [0] * 100)
    knows: frozenset[int] = frozenset({1, 2, 3, 4, 5, 6, 15, 16, 22, 23})
    asked: list[tuple[int, bytes]] = field(default_factory=list)
    spoil: Callable[[int, bytes], bytes | None] = lambda _, pdu: pdu
    delay_s: Callable[[int], float] = lambda _: 0.0
    connections: int = 0
    was_asked: asyncio.Event = field(default_factory=asyncio.Event)
    was_written: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def functions(self) -> list[int]:
        """The functions that were asked, in order."""
        return [pdu[0] for _, pdu in self.asked]

    @property
    def writes(self) -> list[bytes]:
        """The requests that change something, in order."""
        return [pdu for _, pdu in self.asked if pdu[0] not in {1, 2, 3, 4}]

    def answer(self, unit: int, pdu: bytes) -> bytes | None:
        """Return the answer's PDU; None for none."""
        self.asked.append((unit, pdu))
        self.was_asked.set()
        if pdu[0] not in {1, 2, 3, 4}:
            self.was_written.set()
        return self.spoil(unit, self._answer(pdu))

    def _answer(self, pdu: bytes) -> bytes:
        function = pdu[0]
        if function not in self.knows:
            return bytes([function | 0x80, ILLEGAL_FUNCTION])
        first, second = struct.unpack_from(">HH", pdu, 1)
        count = 1 if function in {5, 6, 22} else second
        if first + count > len(self.coils if function in {1, 2, 5, 15} else self.registers):
            return bytes([function | 0x80, ILLEGAL_ADDRESS])
        if function in {1, 2}:
            bits = sum(bit << at for at, bit in enumerate(self.coils[first : first + second]))
            return bytes([function, (second + 7) // 8]) + bits.to_bytes((second + 7) // 8, "little")
        if function in {3, 4}:
            return self._read(function, first, second)
        self._write(function, first, second, pdu)
        if function == 23:
            return self._read(function, first, second)
        return pdu if function in {5, 6, 22} else pdu[:5]

    def _read(self, function: int, first: int, count: int) -> bytes:
        return struct.pack(f">BB{count}H", function, 2 * count, *self.registers[first : first + count])

    def _write(self, function: int, first: int, second: int, pdu: bytes) -> None:
        if function == 5:
            self.coils[first] = int(second == 0xFF00)
        elif function == 6:
            self.registers[first] = second
        elif function == 15:
            bits = int.from_bytes(pdu[6:], "little")
            self.coils[first : first + second] = [bits >> at & 1 for at in range(second)]
        elif function == 16:
            self.registers[first : first + second] = struct.unpack(f">{second}H", pdu[6:])
        elif function == 22:
            (or_mask,) = struct.unpack(">H", pdu[5:])
            self.registers[first] = self.registers[first] & second | or_mask & ~second
        elif function == 23:
            start, count = struct.unpack_from(">HH", pdu, 5)
            self.registers[start : start + count] = struct.unpack(f">{count}H", pdu[10:])


def request_size(begin: bytes) -> int:
    """Return the length of a request's PDU from its first bytes, 0 while they are too few."""
    counts_at = {15: 5, 16: 5, 23: 9}
    if not begin:
        return 0
    if begin[0] not in counts_at:
        return {22: 7, 43: 4}.get(begin[0], 5)
    at = counts_at[begin[0]]
    return at + 1 + begin[at] if len(begin) > at else 0


@dataclass
class RtuEnd:
    """The device's end of RTU frames: bytes in, bytes out."""

    bank: Bank
    buffer: bytes = b""

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Return what is to be sent, with the unit; requests with a wrong checksum are ignored."""
        self.buffer += data
        answers = []
        while (size := request_size(self.buffer[1:])) and len(self.buffer) >= size + 3:
            frame, self.buffer = self.buffer[: size + 3], self.buffer[size + 3 :]
            if crc(frame[:-2]) != frame[-2:]:
                continue
            answer = self.bank.answer(frame[0], frame[1:-2])
            if answer is not None:
                body = frame[:1] + answer
                answers.append((frame[0], body + crc(body)))
        return answers


@asynccontextmanager
async def over_tcp(bank: Bank, context: ssl.SSLContext | None = None, port: int = 0) -> AsyncIterator[int]:
    """Serve over TCP with headers, or TLS; yields the port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        bank.connections += 1
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                header = await reader.readexactly(7)
                unit = header[6]
                pdu = await reader.readexactly(max(int.from_bytes(header[4:6], "big"), 2) - 1)
                answer = bank.answer(unit, pdu)
                await asyncio.sleep(bank.delay_s(unit))
                if answer is not None:
                    writer.write(header[:4] + struct.pack(">HB", len(answer) + 1, unit) + answer)
        writer.close()

    async with serving(serve, context, port) as found:
        yield found


@asynccontextmanager
async def rtu_over_tcp(
    bank: Bank, spoil: Callable[[bytes], bytes | None] = lambda frame: frame
) -> AsyncIterator[int]:
    """Serve RTU frames over TCP; `spoil` may change them, None sends nothing. Yields the port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        bank.connections += 1
        end = RtuEnd(bank)
        with suppress(ConnectionError):
            while data := await reader.read(1000):
                for unit, frame in end.feed(data):
                    await asyncio.sleep(bank.delay_s(unit))
                    if (spoiled := spoil(frame)) is not None:
                        writer.write(spoiled)
        writer.close()

    async with serving(serve, None, 0) as found:
        yield found


@asynccontextmanager
async def relayed(
    inner: int, forward: Callable[[bytes, asyncio.StreamWriter], Awaitable[None]], *, only_one: bool = False
) -> AsyncIterator[int]:
    """Stand before the device at port `inner`; `forward` passes its bytes on. Yields the port.

    With `only_one` a new connection ends the one before, as some gateways do.
    """
    open_now: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while only_one and open_now:
            open_now.pop().transport.abort()
        there, back = await asyncio.open_connection(LOOPBACK, inner)
        open_now.extend([writer, back])

        async def requests() -> None:
            while data := await reader.read(1000):
                back.write(data)
            back.close()

        async def answers() -> None:
            while data := await there.read(1000):
                await forward(data, writer)
            writer.close()

        try:
            await asyncio.gather(requests(), answers(), return_exceptions=True)
        finally:
            back.transport.abort()

    async with serving(serve, None, 0) as port:
        yield port


@asynccontextmanager
async def serving(serve, context: ssl.SSLContext | None = None, port: int = 0) -> AsyncIterator[int]:
    """Serve, and leave neither a connection nor a task behind."""
    tasks: set[asyncio.Task[None]] = set()

    async def kept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (task := asyncio.current_task()) is not None:
            tasks.add(task)
        try:
            await serve(reader, writer)
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(kept, LOOPBACK, port, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0.01)


@dataclass
class Terminal:
    """The device's end of a pseudo-terminal pair; `path` is the other end. `times` are when requests came."""

    bank: Bank
    master: int
    path: str
    spoil: Callable[[bytes], bytes | None] = lambda frame: frame
    times: list[float] = field(default_factory=list)
    end: RtuEnd = field(init=False)

    def __post_init__(self) -> None:
        self.end = RtuEnd(self.bank)

    def send(self, data: bytes) -> None:
        """Put bytes on the line."""
        os.write(self.master, data)

    def take(self) -> None:
        """Answer what came."""
        loop = asyncio.get_running_loop()
        try:
            data = os.read(self.master, 4096)
        except OSError:
            # Nobody has the other end open.
            loop.remove_reader(self.master)
            loop.call_later(0.02, loop.add_reader, self.master, self.take)
            return
        for unit, frame in self.end.feed(data):
            self.times.append(loop.time())
            loop.call_later(self.bank.delay_s(unit), self._send, self.spoil(frame))

    def _send(self, frame: bytes | None) -> None:
        if frame is not None:
            with suppress(OSError):
                self.send(frame)


@contextmanager
def on_a_line(bank: Bank) -> Iterator[Terminal]:
    """Serve RTU on a pseudo-terminal pair."""
    master, slave = os.openpty()
    tty.setraw(slave)
    terminal = Terminal(bank, master, os.ttyname(slave))
    loop = asyncio.get_running_loop()
    os.set_blocking(master, False)
    loop.add_reader(master, terminal.take)
    try:
        yield terminal
    finally:
        loop.remove_reader(master)
        os.close(slave)
        os.close(master)
