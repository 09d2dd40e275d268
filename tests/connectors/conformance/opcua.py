"""OPC UA on trial: a real asyncua server, which lives as long as the module since it is slow to start."""

from __future__ import annotations

import asyncio
import struct
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from asyncua import ua

from connectors.conformance.subject import Subject
from connectors.opcua import connector
from tests.connectors.opcua.servers import URI, Bms
from twin.quality import Reason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from connectors.home import Home

FLAWS = {
    "bad": 0x808C0000,
    "uncertain": 0x40000000,
}  # OPC 10000-4, table 177: BadSensorFailure; and Uncertain


def variables() -> dict[str, ua.Variant]:
    """Return what the server has when a trial begins."""
    return {"number": ua.Variant(7, ua.VariantType.Int32), "state": ua.Variant(0, ua.VariantType.Int32)}


class Plant:
    """Two variables of a server that runs in a thread of its own."""

    def __init__(self, bms: Bms) -> None:
        self._bms = bms

    @property
    def port(self) -> int:
        return self._bms.port

    async def set(self, point: str, raw: object) -> None:
        value = ua.Variant(int(str(raw)), ua.VariantType.Int32)
        await asyncio.to_thread(self._bms.write, point, value)

    async def spoil(self, flaw: str) -> None:
        value = ua.Variant(1, ua.VariantType.Int32)
        await asyncio.to_thread(self._bms.write, "number", value, FLAWS[flaw])


def messages(data: bytes) -> Iterator[bytes]:
    """Yield the chunks of a stream (OPC 10000-6, 6.7.2: three letters, F, C or A, and the size)."""
    while len(data) >= 8:
        (size,) = struct.unpack_from("<I", data, 4)
        yield data[:size]
        data = data[max(size, 1) :]
    if data:
        yield data


def changed(at: int) -> Callable[[bytes], bytes]:
    """Return a mutation that makes another number of the one at `at` in every MSG chunk."""

    def other(message: bytes) -> bytes:
        if message[:3] != b"MSG" or len(message) < at + 4:
            return message
        (number,) = struct.unpack_from("<I", message, at)
        return message[:at] + struct.pack("<I", number ^ 0x5555) + message[at + 4 :]

    return lambda data: b"".join(map(other, messages(data)))


class OpcUaSubject(Subject):
    """Two nodes, subscribed."""

    connector = connector
    points: ClassVar = {
        "number": {"node": f"nsu={URI};s=number"},
        "state": {"node": f"nsu={URI};s=state", "states": {0: "off", 1: "on"}},
    }
    options: ClassVar = {
        "publishing": "50ms",
        "sampling": "50ms",
        "timeout": "500ms",
        "keep_alive": "300ms",
        "insecure": "a test on loopback",
    }
    noticed_s = 6.0
    flaws: ClassVar = {"bad": Reason.BAD_STATUS, "uncertain": Reason.UNCERTAIN_STATUS}
    wrong_replies: ClassVar = {
        # OPC 10000-6, 6.7.2: channel id, token id, sequence number, request id.
        "another channel": changed(8),
        "another token": changed(12),
        "another request": changed(20),
    }
    mistakes: ClassVar = {"no node id": ({"node": "number"}, "number")}
    garbage: ClassVar = {
        "chunk of size 0": b"MSGF" + bytes(4),
        "chunk of size 2^32-1": b"MSGF" + b"\xff" * 4,
        "endless chunks": (b"MSGC" + struct.pack("<I", 24) + bytes(16)) * 50,
        "error": b"ERRF" + struct.pack("<IIi", 16, 0x80010000, -1),
    }
    # The server, in this process, keeps a session that was cut off for its timeout of a minute.
    residue = 100
    tests = Path(__file__).parents[1] / "opcua"
    bms: ClassVar[Bms | None] = None

    def endpoint(self, port: int) -> str:
        return f"opc.tcp://127.0.0.1:{port}/bms"

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[Plant]:
        if self.bms is None:
            raise RuntimeError("the server has not been started")
        plant = Plant(self.bms)
        await plant.set("number", 7)
        await plant.set("state", 0)
        yield plant

    def probed(self) -> str:
        return "namespaces"

    @property
    def guarded(self) -> Subject:
        return LoggedIn()


class LoggedIn(OpcUaSubject):
    """The same nodes, encrypted, by user and password; `keys` has our certificate, and trusts the server's."""

    options: ClassVar = {
        **{key: value for key, value in OpcUaSubject.options.items() if key != "insecure"},
        "timeout": "2s",
        "user": "operator",
        "password": "${secret:bms}",
    }
    secrets: ClassVar = {"bms": "open sesame"}
    bms: ClassVar[Bms | None] = None
    keys: ClassVar[Path | None] = None

    def home(self, folder: Path | None = None, seen: Callable[[str], None] = lambda _: None) -> Home:
        return super().home(self.keys or folder, seen)
