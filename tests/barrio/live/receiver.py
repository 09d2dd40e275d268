"""A receiver of webhooks on loopback, which answers as a test says."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any


class Receiver:
    """Keeps what it was sent, as (headers, body); `answers` are statuses for the next deliveries, 204 after them."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: list[int] = []
        self.got: list[tuple[dict[str, str], bytes]] = []

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]

    def names(self) -> set[str]:
        """The names of all events that came."""
        return {one["event"] for body in self.bodies for one in body["data"]["events"]}

    def values(self) -> list[float]:
        """The values of all readings, of deliveries that were told apart by their ids."""
        known = {body["delivery"]: body for body in self.bodies}
        events = [one for body in known.values() for one in body["data"]["events"]]
        return [one["data"]["value"] for one in events if one["event"] == "reading"]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                lines = head.split("\r\n")[1:]
                headers = {
                    line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in lines if line
                }
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                self.got.append((headers, body))
                status = self.answers.pop(0) if self.answers else 204
                extra = "Location: http://127.0.0.1:1/\r\n" if status == 302 else ""
                writer.write(f"HTTP/1.1 {status} X\r\n{extra}Content-Length: 0\r\n\r\n".encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Listen on loopback."""
    found = Receiver()
    server = await asyncio.start_server(found._serve, "127.0.0.1", 0)
    found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    try:
        yield found
    finally:
        server.close()
