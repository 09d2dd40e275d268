"""What a connection may do before it has asked anything: little, and not for long.

uvicorn waits for the end of a request as long as a peer likes to take, and keeps what came so far. So whoever opens
connections and says nothing, or says it byte by byte (slowloris), would take the place of all others:

- The head of a request is `MOST_HEAD` bytes at most (431), and is there after `LONGEST_S`, else the connection ends.
- A request with all that belongs to its body on the wire is `MOST_REQUEST` bytes at most.
- Where connections run out, those make room that have waited longest without a whole request. Whoever asks at once is
  served, however many wait.
"""

from __future__ import annotations

import asyncio
import heapq
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_HEAD = 65_536
MOST_REQUEST = 1_000_000
"""A body of `barrio.api.gate.MOST_BYTES` in chunks of a byte is half of it."""
LONGEST_S = 10.0
ROOM = 64
"""How many connections make room at once."""

_MEDIA = "application/problem+json"


class TooMuch(ValueError):
    """Raised while a head is read that is longer than it may be."""


class Wire(HttpToolsProtocol):
    """One connection. `since_s` is since when a whole request is waited for, None while one is answered."""

    since_s: float | None = None
    _came = 0
    _read = 0
    _head = 0
    _in_head = True
    _too_long = False
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Begin to wait, and make room for it."""
        most = self.limit_concurrency
        if most is not None and len(self.connections) >= most - ROOM:
            make_room(self.connections)
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless it is too much."""
        self._came = len(data)
        self._read += len(data)
        super().data_received(data)
        if self._read > (MOST_HEAD if self._in_head else MOST_REQUEST):
            self._too_long = True
            self.send_400_response("")

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request, as a problem like any other, and end the connection."""
        status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE if self._too_long else HTTPStatus.BAD_REQUEST
        words = f"the head of a request has at most {MOST_HEAD:,} bytes" if self._too_long else msg
        if self._too_long and not self._in_head:
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            words = f"a request has at most {MOST_REQUEST:,} bytes"
        self._refuse(status, words)

    def on_message_begin(self) -> None:
        """Begin with a head."""
        super().on_message_begin()
        # What came with the end of the request before is not counted.
        self._in_head, self._read, self._head = True, self._came, 0
        self._wait()

    def on_url(self, url: bytes) -> None:
        """Take a piece of the target."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a line of the head, or one that follows a body in chunks."""
        self._count(len(name) + len(value) + 4)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Go on to the body."""
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Wait no more: a whole request is there."""
        self._stop_waiting()
        self._came = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next one; uvicorn ends a connection on which nothing comes even sooner."""
        is_last = not self.pipeline and self.since_s is None
        super().on_response_complete()
        if is_last and not self.transport.is_closing():
            self._in_head, self._read = True, 0
            self._wait()

    def handle_websocket_upgrade(self) -> None:
        """Leave it to the protocol of WebSockets."""
        self._stop_waiting()
        super().handle_websocket_upgrade()

    def _wait(self) -> None:
        self._stop_waiting()
        self.since_s = self.loop.time()
        self._timer = self.loop.call_later(LONGEST_S, self._give_up)

    def _stop_waiting(self) -> None:
        self.since_s = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        """End what has no whole head; the gate looks after bodies."""
        if self._in_head and not self.transport.is_closing():
            words = f"the head of the request was not complete after {LONGEST_S:g} s"
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, words)

    def _count(self, size: int) -> None:
        self._head += size
        if self._head > MOST_HEAD:
            self._too_long = self._in_head = True
            raise TooMuch

    def _refuse(self, status: HTTPStatus, words: str) -> None:
        begun = getattr(self.cycle, "response_started", False) and not self.cycle.response_complete
        if begun or self.transport.is_closing():
            self.transport.close()
            return
        body = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": words}
        said = orjson.dumps(body)
        head = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {_MEDIA}\r\n"
        head += f"Content-Length: {len(said)}\r\nConnection: close\r\n\r\n"
        self.transport.write(head.encode() + said)
        self.transport.close()


def make_room(connections: Iterable[Any]) -> None:
    """End those connections that have waited longest for a whole request."""
    waiting = [one for one in connections if isinstance(one, Wire) and one.since_s is not None]
    for one in heapq.nsmallest(ROOM, waiting, key=lambda wire: wire.since_s or 0.0):
        one.transport.close()
