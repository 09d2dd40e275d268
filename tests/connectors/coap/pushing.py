"""Devices that push, for tests: a link that listens, and requests sent to it."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiocoap

from connectors.coap import connector, exchange
from connectors.coap.line import line_to
from connectors.coap.listen import ListenLink
from connectors.conformance.recording import RecordingSink, bind_all, device, running
from connectors.home import Home
from tests.servers import LOOPBACK, free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from connectors.coap.line import Line
    from twin.model.bound import BoundDevice

JSON, CBOR, LINKS = 110, 112, 40
POINTS: dict[str, dict[str, Any]] = {"t": {"name": "temp"}, "h": {"name": "hum"}}


@dataclass
class Field:
    """A link that listens for devices `names`, what it delivered, and a line to it."""

    line: Line
    sink: RecordingSink
    devices: Sequence[BoundDevice]
    port: int
    link: ListenLink

    async def post(self, path: str, payload: bytes = b"", **options: Any) -> aiocoap.Message:
        return await self.ask(aiocoap.POST, path, payload, **options)

    async def ask(
        self, code: aiocoap.Code, path: str, payload: bytes = b"", **options: Any
    ) -> aiocoap.Message:
        message = exchange.request(path, LOOPBACK, code)
        message.payload = payload
        for name, value in options.items():
            setattr(message.opt, name, value)
        return await exchange.ask(self.line, message, 5)


def pack(*records: Mapping[str, Any]) -> bytes:
    """Return a SenML JSON pack."""
    return json.dumps(records).encode()


@asynccontextmanager
async def listening(
    *names: str,
    sink: RecordingSink | None = None,
    home: Home | None = None,
    options: Mapping[str, Any] | None = None,
    points: dict[str, dict[str, Any]] | None = None,
) -> AsyncIterator[Field]:
    """Listen for devices with these endpoint names while the block runs."""
    port = free_port()
    made = [
        device(
            connector, f"coap+listen://{LOOPBACK}:{port}/{name}", points or POINTS, name=name, options=options
        )
        for name in names
    ]
    bound = bind_all(made)
    (link,) = connector.links(bound, home or Home())
    assert isinstance(link, ListenLink)
    heard = sink or RecordingSink()
    async with running(link, heard):
        await heard.wait_for(lambda: heard.ups)
        async with line_to(LOOPBACK, port) as line:
            yield Field(line, heard, bound, port, link)
