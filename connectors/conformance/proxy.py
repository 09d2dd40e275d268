"""Troubles between a link and its device: a TCP proxy on loopback that does to replies what networks do.

`Proxy` is what this proxy and the one for UDP have in common: what becomes of the bytes that the device sends.
The same seed gives the same troubles.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import Self

LOOPBACK = "127.0.0.1"

Mutation = Callable[[bytes], bytes]
Shape = Callable[[bytes], AsyncIterator[bytes]]
"""What becomes of one piece that the device sent: the pieces that are passed on, with pauses in between."""

_AT_ONCE = 65536
_NOTHING: tuple[bytes, ...] = ()
_NO_LINGER = struct.pack("ii", 1, 0)


class Proxy:
    """What becomes of replies. Each method replaces what was so before; `calm` ends them all."""

    def __init__(self, target: int, seed: int = 0) -> None:
        """Stand before `target`, a port of loopback."""
        self.target = target
        self.port = free_port()
        self.arrivals = 0
        """Connections (TCP) or datagrams of clients (UDP) so far."""
        self.replies = 0
        """Pieces that the device has sent so far."""
        self._random = random.Random(seed)
        self._shape: Shape = straight

    async def __aenter__(self) -> Self:
        """Listen."""
        await self.allow()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Refuse, and end what is left."""
        raise NotImplementedError

    async def allow(self) -> None:
        """Listen again after `refuse`, at the same port."""
        raise NotImplementedError

    async def refuse(self) -> None:
        """Stop listening; who comes is refused."""
        raise NotImplementedError

    async def emptied(self) -> None:
        """Return when nothing is kept for clients that are gone."""
        raise NotImplementedError

    def half_open(self) -> None:
        """Forget who is connected without a word; those that come are served."""
        raise NotImplementedError

    def cut(self, share: float = 0.5) -> None:
        """Pass on only the beginning of each reply."""
        raise NotImplementedError

    def calm(self) -> None:
        """Pass everything on as it is."""
        self._shape = straight

    def silence(self) -> None:
        """Swallow every reply, on connections that are and on those that come."""

        async def shape(_: bytes) -> AsyncIterator[bytes]:
            for nothing in _NOTHING:
                yield nothing

        self._shape = shape

    def drip(self, each_s: float) -> None:
        """Pass replies on byte by byte."""

        async def shape(data: bytes) -> AsyncIterator[bytes]:
            for at in range(len(data)):
                yield data[at : at + 1]
                await asyncio.sleep(each_s)

        self._shape = shape

    def delay(self, seconds: float, jitter_s: float = 0.0) -> None:
        """Pass replies on late."""

        async def shape(data: bytes) -> AsyncIterator[bytes]:
            await asyncio.sleep(seconds + self._random.random() * jitter_s)
            yield data

        self._shape = shape

    def mutate(self, mutation: Mutation) -> None:
        """Pass on what `mutation` makes of each reply."""

        async def shape(data: bytes) -> AsyncIterator[bytes]:
            yield mutation(data)

        self._shape = shape

    def answer_with(self, pieces: Sequence[bytes]) -> None:
        """Send these in turn, one instead of each reply."""
        self._turn = 0

        async def shape(_: bytes) -> AsyncIterator[bytes]:
            yield pieces[self._turn % len(pieces)]
            self._turn += 1

        self._shape = shape

    def corrupt(self, share: float = 1.0) -> None:
        """Flip one bit of this share of the replies."""

        async def shape(data: bytes) -> AsyncIterator[bytes]:
            if data and self._random.random() < share:
                at, bit = self._random.randrange(len(data)), 1 << self._random.randrange(8)
                data = data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]
            yield data

        self._shape = shape

    def drop(self, share: float) -> None:
        """Lose this share of the replies."""

        async def shape(data: bytes) -> AsyncIterator[bytes]:
            if self._random.random() >= share:
                yield data

        self._shape = shape


class TcpProxy(Proxy):
    """A TCP proxy: `async with TcpProxy(device.port) as proxy`, then dial `proxy.port`."""

    def __init__(self, target: int, seed: int = 0) -> None:
        """Stand before `target`, a port of loopback."""
        super().__init__(target, seed)
        self._server: asyncio.Server | None = None
        self._open: set[_Passage] = set()

    @property
    def connections(self) -> int:
        """Connections that are open now."""
        return len(self._open)

    async def __aexit__(self, *_: object) -> None:
        """Refuse, and end what is left."""
        passages = list(self._open)
        await self.refuse()
        await asyncio.gather(*(passage.ended() for passage in passages))

    async def allow(self) -> None:
        """Listen again after `refuse`, at the same port."""
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, LOOPBACK, self.port)

    async def refuse(self) -> None:
        """Stop listening and reset what is open."""
        if self._server is not None:
            server, self._server = self._server, None
            await _stop_accepting(server)
        self.reset()

    async def emptied(self) -> None:
        """Return when every client has hung up and its connection has ended."""
        for passage in list(self._open):
            await passage.ended()

    def reset(self) -> None:
        """End every connection with an RST, in the middle of whatever was said."""
        for passage in list(self._open):
            passage.reset()

    def hang_up(self) -> None:
        """End every connection in good order."""
        for passage in list(self._open):
            passage.close()

    def half_open(self) -> None:
        """Forget the connections that are open without a word; those that come are served."""
        for passage in self._open:
            passage.forgotten = True

    def cut(self, share: float = 0.5) -> None:
        """Pass on the beginning of each reply, then reset."""

        async def shape(data: bytes) -> AsyncIterator[bytes]:
            yield data[: int(len(data) * share)]
            await asyncio.sleep(0.01)
            self.reset()

        self._shape = shape

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        passage = _Passage(writer)
        if self._server is None:
            # It had been taken by the kernel when the door was closed.
            passage.reset()
            return
        self.arrivals += 1
        self._open.add(passage)
        try:
            await passage.join(reader, self)
        finally:
            self._open.discard(passage)

    async def pass_on(self, data: bytes, passage: _Passage) -> None:
        """Give a client what becomes of a piece that the device sent."""
        self.replies += 1
        async for piece in self._shape(data):
            if passage.forgotten:
                return
            await passage.say(piece)


class _Passage:
    """One connection through the proxy."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.forgotten = False
        self._client = writer
        self._device: asyncio.StreamWriter | None = None
        self._over = asyncio.Event()

    async def join(self, client: asyncio.StreamReader, proxy: TcpProxy) -> None:
        try:
            reader, self._device = await asyncio.open_connection(LOOPBACK, proxy.target)
            ways = (self._up(client, self._device), self._down(reader, proxy))
            tasks = [asyncio.create_task(way) for way in ways]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        except OSError:
            pass
        finally:
            self.close()
            self._over.set()

    async def _up(self, client: asyncio.StreamReader, device: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await client.read(_AT_ONCE):
                if not self.forgotten:
                    device.write(data)
                    await device.drain()

    async def _down(self, device: asyncio.StreamReader, proxy: TcpProxy) -> None:
        with suppress(ConnectionError):
            while data := await device.read(_AT_ONCE):
                await proxy.pass_on(data, self)
        if self.forgotten:
            await asyncio.Event().wait()

    async def say(self, piece: bytes) -> None:
        self._client.write(piece)
        await self._client.drain()

    def close(self) -> None:
        self._client.close()
        if self._device is not None:
            self._device.close()

    def reset(self) -> None:
        for writer in filter(None, (self._client, self._device)):
            sock: socket.socket | None = writer.get_extra_info("socket")
            if sock is not None and sock.fileno() >= 0:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            writer.transport.abort()

    async def ended(self) -> None:
        await self._over.wait()


async def _stop_accepting(server: asyncio.Server) -> None:
    """Close a server with no connection halfway in: asyncio forgets one that it has accepted when it is closed then."""
    loop = asyncio.get_running_loop()
    for one in server.sockets:
        loop.remove_reader(one.fileno())
    for _ in range(3):
        await asyncio.sleep(0)
    server.close()


async def straight(data: bytes) -> AsyncIterator[bytes]:
    """Pass a piece on as it is."""
    yield data


def free_port() -> int:
    """Return a port of loopback that nothing listens on, neither TCP nor UDP.

    Below the range that Linux takes from for outgoing connections, so that none takes it while the proxy refuses.
    """
    picks = random.SystemRandom()
    for _ in range(1_000):
        port = picks.randrange(20_000, 32_000)
        if all(_is_free(port, kind) for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM)):
            return port
    raise RuntimeError("no port is free")


def _is_free(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as trial:
        try:
            trial.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
