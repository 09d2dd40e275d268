"""A CoAP device for tests: real aiocoap on loopback, whose resources do as they are told."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import aiocoap
from aiocoap import resource

from tests.servers import LOOPBACK, free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Thing(resource.ObservableResource):  # type: ignore[misc]
    """A resource that answers what the test sets; counts its `observers` and how often it was `asked`."""

    def __init__(
        self,
        payload: bytes = b"21.5",
        *,
        content_format: int | None = None,
        max_age: int | None = None,
        code: aiocoap.Code | None = None,
        observable: bool = True,
        hangs: bool = False,
    ) -> None:
        super().__init__()
        self.payload = payload
        self.content_format = content_format
        self.max_age = max_age
        self.code = code
        self.observable = observable
        self.hangs = hangs
        self.observers = 0
        self.asked = 0

    async def render_get(self, request: aiocoap.Message) -> aiocoap.Message:
        self.asked += 1
        if self.hangs:
            await asyncio.sleep(600)
        return self.message()

    def message(self) -> aiocoap.Message:
        made = aiocoap.Message(payload=self.payload, code=self.code or aiocoap.CONTENT)
        made.opt.content_format = self.content_format
        if self.max_age is not None:
            made.opt.max_age = self.max_age
        return made

    async def add_observation(self, request: aiocoap.Message, serverobservation: object) -> None:
        if self.observable:
            await super().add_observation(request, serverobservation)

    def update_observation_count(self, newcount: int) -> None:
        self.observers = newcount

    def say(self, payload: bytes) -> None:
        """Take a new value and notify."""
        self.payload = payload
        self.updated_state()


@dataclass
class Device:
    """A server with these resources by path; `start` and `stop` keep the port, tokens are forgotten in between."""

    things: dict[str, Thing]
    port: int = field(default_factory=free_port)
    host: str = LOOPBACK
    _context: aiocoap.Context | None = None

    @property
    def endpoint(self) -> str:
        return f"coap://{LOOPBACK}:{self.port}"

    async def start(self) -> None:
        site = resource.Site()
        site.add_resource([".well-known", "core"], resource.WKCResource(site.get_resources_as_linkheader))
        for path, thing in self.things.items():
            site.add_resource(path.strip("/").split("/"), thing)
        self._context = await aiocoap.Context.create_server_context(
            site, bind=(self.host, self.port), transports=["udp6"]
        )

    async def stop(self) -> None:
        """End without a word to the observers."""
        if self._context is not None:
            context, self._context = self._context, None
            await asyncio.sleep(
                0.05
            )  # what was asked last is answered; aiocoap drops it with a warning otherwise
            await context.shutdown()
            for thing in self.things.values():
                thing._observations.clear()
                thing.observers = 0


@asynccontextmanager
async def serving(**things: Thing) -> AsyncIterator[Device]:
    """Serve resources while the block runs: `serving(temp=Thing(b"21.5"))` has `/temp`."""
    device = Device({f"/{name}": thing for name, thing in things.items()})
    await device.start()
    try:
        yield device
    finally:
        await device.stop()


class Proxy(asyncio.DatagramProtocol):
    """A UDP relay to one server; the test says which datagrams pass, by direction and number."""

    def __init__(self, server: int) -> None:
        self.server = (LOOPBACK, server)
        self.client: tuple[str, int] | None = None
        self.seen: list[tuple[str, bytes]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if addr == self.server:
            self.seen.append(("down", data))
            self.down(data)
        else:
            self.client = addr
            self.seen.append(("up", data))
            self.up(data)

    def down(self, data: bytes) -> None:
        """Pass a datagram on to the client."""
        if self.client is not None:
            self.transport.sendto(data, self.client)

    def up(self, data: bytes) -> None:
        """Pass a datagram on to the server."""
        self.transport.sendto(data, self.server)


@asynccontextmanager
async def through(made: Proxy) -> AsyncIterator[str]:
    """Relay while the block runs; yields the endpoint to dial."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: made, local_addr=(LOOPBACK, 0), family=socket.AF_INET
    )
    try:
        yield f"coap://{LOOPBACK}:{transport.get_extra_info('sockname')[1]}"
    finally:
        transport.close()
        await asyncio.sleep(0)
