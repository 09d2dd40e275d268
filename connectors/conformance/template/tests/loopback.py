"""A device on loopback that answers `GET word` with what a test has set."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Device:
    """What a test sets is what the device says: the text after the word, with its sign."""

    def __init__(self) -> None:
        self.port = 0
        self._says = {"number": "= 7", "state": "= off"}
        self._writers: set[asyncio.StreamWriter] = set()

    async def set(self, point: str, raw: float | str) -> None:
        """Give a word a value."""
        self._says[point] = f"= {raw}"

    async def spoil(self, flaw: str) -> None:
        """Give `number` something that is no value."""
        self._says["number"] = {"refused": "! sensor broken", "empty": "=", "a word": "= much"}[flaw]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one client until it hangs up."""
        self._writers.add(writer)
        with suppress(ConnectionError, ValueError):
            while line := await reader.readline():
                word = line.decode().split()[-1]
                writer.write(f"{word} {self._says.get(word, '! no such word')}\n".encode())
        self._writers.discard(writer)
        writer.close()

    def reset(self) -> None:
        """End all connections."""
        for writer in self._writers:
            writer.transport.abort()


@asynccontextmanager
async def device() -> AsyncIterator[Device]:
    """Run a device while the block runs."""
    made = Device()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        made.reset()
        await asyncio.sleep(0)
