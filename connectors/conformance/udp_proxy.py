"""Troubles between a link and its device: a UDP proxy on loopback that loses, repeats, swaps and spoils datagrams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any, cast

from connectors.conformance.proxy import LOOPBACK, Proxy

Address = tuple[str, int]


class UdpProxy(Proxy):
    """A UDP proxy: `async with UdpProxy(device.port) as proxy`, then dial `proxy.port`.

    Each client has a socket of its own towards the device, as behind a NAT.
    """

    def __init__(self, target: int, seed: int = 0) -> None:
        """Stand before `target`, a port of loopback."""
        super().__init__(target, seed)
        self._front: asyncio.DatagramTransport | None = None
        self._backs: dict[Address, _Back] = {}
        self._forgotten: list[_Back] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: bytes | None = None

    async def __aexit__(self, *_: object) -> None:
        """Close all sockets and end all tasks."""
        ending = list(self._tasks)
        await self.refuse()
        await asyncio.gather(*ending, return_exceptions=True)

    async def allow(self) -> None:
        """Listen again after `refuse`, at the same port."""
        if self._front is None:
            loop = asyncio.get_running_loop()
            self._front, _ = await loop.create_datagram_endpoint(
                lambda: _Front(self), local_addr=(LOOPBACK, self.port)
            )

    async def refuse(self) -> None:
        """Close the port: the kernel answers with ICMP port unreachable."""
        if self._front is not None:
            self._front.close()
            self._front = None
        await self.emptied()

    async def emptied(self) -> None:
        """Forget all clients; whoever speaks again is new."""
        for back in (*self._backs.values(), *self._forgotten):
            back.close()
        self._backs.clear()
        self._forgotten.clear()
        for task in list(self._tasks):
            task.cancel()
        # A transport closes its socket in the next turn of the loop.
        await asyncio.sleep(0)

    def half_open(self) -> None:
        """Forget who spoke to the device: what it still sends to them is lost, those who speak again are served."""
        for back in self._backs.values():
            back.forgotten = True
        self._forgotten += self._backs.values()
        self._backs.clear()

    def duplicate(self, share: float = 1.0) -> None:
        """Send this share of the replies twice."""

        async def shape(data: bytes) -> AsyncIterator[bytes]:
            yield data
            if self._random.random() < share:
                yield data

        self._shape = shape

    def reorder(self, share: float = 0.5) -> None:
        """Hold this share of the replies back until after the next one."""
        self._held = None

        async def shape(data: bytes) -> AsyncIterator[bytes]:
            if self._held is None and self._random.random() < share:
                self._held = data
                return
            yield data
            if self._held is not None:
                held, self._held = self._held, None
                yield held

        self._shape = shape

    def cut(self, share: float = 0.5) -> None:
        """Pass on the beginning of each reply."""
        self.mutate(lambda data: data[: int(len(data) * share)])

    def from_client(self, data: bytes, client: Address) -> None:
        """Pass a client's datagram on to the device."""
        self.arrivals += 1
        if client not in self._backs:
            self._backs[client] = _Back(self, client)
        self._backs[client].send(data)

    def from_device(self, data: bytes, client: Address) -> None:
        """Give a client what becomes of a datagram of the device."""
        self.replies += 1
        self.start(self._pass_on(data, client))

    async def _pass_on(self, data: bytes, client: Address) -> None:
        async for piece in self._shape(data):
            if self._front is not None and piece:
                self._front.sendto(piece, client)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` beside, until the proxy ends."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Front(asyncio.DatagramProtocol):
    """The socket that clients speak to."""

    def __init__(self, proxy: UdpProxy) -> None:
        self._proxy = proxy

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._proxy.from_client(data, addr)


class _Back(asyncio.DatagramProtocol):
    """The socket towards the device for one client; holds what is said before it stands."""

    def __init__(self, proxy: UdpProxy, client: Address) -> None:
        self.forgotten = False
        self._proxy = proxy
        self._client = client
        self._closed = False
        self._waiting: list[bytes] = []
        self._transport: asyncio.DatagramTransport | None = None
        proxy.start(self._stand())

    async def _stand(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, remote_addr=(LOOPBACK, self._proxy.target))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)
        if self._closed:
            self._transport.close()
            return
        for data in self._waiting:
            self._transport.sendto(data)

    def datagram_received(self, data: bytes, _: Address) -> None:
        if not self.forgotten:
            self._proxy.from_device(data, self._client)

    def send(self, data: bytes) -> None:
        if self._transport is None:
            self._waiting.append(data)
        else:
            self._transport.sendto(data)

    def close(self) -> None:
        self._closed = True
        if self._transport is not None:
            self._transport.close()
