"""CoAP on trial: a real aiocoap server, observed, behind the UDP proxy."""

from __future__ import annotations

import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import aiocoap

from connectors.coap import connector
from connectors.coap.observation import Pace
from connectors.conformance.subject import Subject
from tests.connectors.coap import oscore
from tests.connectors.coap.server import Device, Thing, serving
from twin.quality import Reason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from connectors.base import Link
    from connectors.home import Home
    from twin.model.bound import BoundDevice


def _things() -> dict[str, Thing]:
    return {"number": Thing(b"7", max_age=0), "state": Thing(b"off", max_age=0)}


class Lamp:
    """A device of two resources."""

    def __init__(self, device: Device) -> None:
        self._device = device

    @property
    def port(self) -> int:
        return self._device.port

    async def set(self, point: str, raw: object) -> None:
        thing = self._device.things[f"/{point}"]
        thing.code = None
        thing.say(str(raw).encode())

    async def spoil(self, flaw: str) -> None:
        thing = self._device.things["/number"]
        if flaw == "not found":
            thing.code = aiocoap.NOT_FOUND
        thing.say({"not found": b"gone", "empty": b"", "a word": b"broken"}[flaw])


class CoapSubject(Subject):
    """Two resources that are observed."""

    connector = connector
    transport = "udp"
    points: ClassVar = {
        "number": {"resource": "/number", "format": "text"},
        "state": {"resource": "/state", "format": "text", "states": {"off": "off", "on": "on"}},
    }
    options: ClassVar = {"timeout": "1s"}
    poll_s = 0.2
    noticed_s = 5.0
    flaws: ClassVar = {
        "not found": Reason.DEVICE_EXCEPTION,
        "empty": Reason.NOT_AVAILABLE,
        "a word": Reason.WRONG_TYPE,
    }
    wrong_replies: ClassVar = {
        # RFC 7252, section 3: the token follows the four bytes of the header.
        "another token": lambda reply: (
            reply[:4] + bytes([reply[4] ^ 0x55]) + reply[5:] if len(reply) > 4 else reply
        ),
        "another version": lambda reply: bytes([reply[0] ^ 0x80]) + reply[1:],
    }
    mistakes: ClassVar = {"no path": ({"resource": "number"}, "path")}
    garbage: ClassVar = {
        "token of nine bytes": bytes.fromhex("69450001") + bytes(9) + b"\xff61",
        "option delta 15": bytes.fromhex("60450001f0"),
        "no payload after the marker": bytes.fromhex("60450001ff"),
    }
    residue = 200
    excused: ClassVar = {
        "unexpected keyword argument 'exception'": "aiocoap 0.4.17's server, pipe.py, Pipe._add_event: calls its log "
        "with an argument that logging does not know when a client is gone",
    }
    tests = Path(__file__).parents[1] / "coap"

    def endpoint(self, port: int) -> str:
        return f"coap://127.0.0.1:{port}"

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[Lamp]:
        async with serving(**_things()) as device:
            yield Lamp(device)

    def probed(self) -> str:
        return "serves"

    @property
    def guarded(self) -> Subject:
        return GuardedCoapSubject()

    def links(self, devices: Sequence[BoundDevice], home: Home) -> Sequence[Link]:
        return connector.links(devices, home, Pace(margin_s=0.2, shortest_s=0.3))


class GuardedCoapSubject(CoapSubject):
    """The same under OSCORE, which leaves nothing that a wrong reply could be made of."""

    options: ClassVar = {"timeout": "1s", **oscore.OPTIONS}
    secrets: ClassVar = {"lamp": oscore.SECRET}

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[Lamp]:
        things = _things()
        with tempfile.TemporaryDirectory() as folder:
            async with oscore.protected(Path(folder), **things) as endpoint:
                paths = {f"/{name}": thing for name, thing in things.items()}
                yield Lamp(Device(paths, port=int(endpoint.rpartition(":")[2])))

    def probed(self) -> str:
        return ""
