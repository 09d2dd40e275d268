"""One connection, one request at a time: sends, takes the answer or tells why there is none.

Own code since a library's share of a poll was larger than all the rest (see `docs/decisions`): what comes is compared
with what is due in one step, and nothing is made for a request but its bytes.

- An exchange ends exactly once: with the payload, with what the device refused, with why nothing usable came.
- Bytes that nobody asked for mean that question and answer have lost each other: a connection is closed, so that the
  next one begins clean; a line, which cannot be, is let go quiet.
- One timer serves all requests of a connection; it is moved only when it fires.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any, Protocol, cast

from connectors.modbus.pdu import ConnectionLost, NoAnswer, Refused, Unanswered, WrongReply
from connectors.modbus.tls import tls_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.modbus.framing import Framing
    from connectors.modbus.pdu import Request

    Answer = bytes | Refused | Unanswered
    Done = Callable[[Answer], None]


NEVER_QUIET = "the line is never quiet"


class Wire(Protocol):
    """What a connection needs of a transport of asyncio or of a serial line."""

    def write(self, data: bytes) -> None:
        """Send, now or soon; never blocks."""

    def abort(self) -> None:
        """Close at once; `connection_lost` follows."""

    def get_extra_info(self, name: str) -> Any:
        """Return what asyncio's transports know of themselves, None for what there is not."""


class Connection(asyncio.Protocol):
    """One connection or line."""

    def __init__(self, peer: str, framing: Framing, quiet_s: float = 0.0, *, is_line: bool = False) -> None:
        """Speak to `peer`; `quiet_s` is kept between what came last and the next request."""
        self.peer = peer
        self.numbered = framing.numbered
        self.answered = False
        self.alive = False
        self.is_line = is_line
        self.ready_at = 0.0
        # Timers count milliseconds and may wake one too early.
        self.quiet_s = quiet_s + 0.001 if quiet_s else 0.0
        self.tls_version = ""
        self.words = "connection closed by the device"
        self._framing = framing
        self._loop = asyncio.get_running_loop()
        self._wire: Wire | None = None
        self._done: Done | None = None
        self._deadline = 0.0
        self._timeout_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self, request: Request, timeout_s: float, done: Done) -> None:
        """Send `request`; `done` is called once, later, with the answer or why there is none.

        Only when the exchange before has ended, the connection is `alive` and the loop's time is past `ready_at`.
        """
        if self._wire is None or self._done is not None:
            raise RuntimeError(f"{self.peer}: asked while it was not free")
        self._done = done
        self._timeout_s = timeout_s
        self._deadline = self._loop.time() + timeout_s
        if self._timer is None or self._timer.when() > self._deadline:
            self._arm()
        self._wire.write(self._framing.wrap(request))

    async def ask(self, request: Request, timeout_s: float) -> bytes:
        """Return the payload that answers `request`.

        Raises `Refused` when the device answered with an exception, one of `Unanswered` in every other case.
        """
        until = self._loop.time() + timeout_s
        while (wait_s := self.ready_at - self._loop.time()) > 0:
            if self._loop.time() > until:
                raise WrongReply(self.peer, NEVER_QUIET)
            await asyncio.sleep(wait_s)
        if not self.alive:
            raise ConnectionLost(self.peer, self.words)
        waiting: asyncio.Future[Answer] = self._loop.create_future()
        self.start(request, timeout_s, lambda answer: None if waiting.done() else waiting.set_result(answer))
        try:
            answer = await waiting
        except asyncio.CancelledError:
            # Half an exchange: its answer must meet nobody.
            self.close()
            raise
        if isinstance(answer, bytes):
            return answer
        raise answer

    def close(self) -> None:
        """Close at once; nothing that is still on its way is heard any more."""
        self._done = None
        self.alive = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._wire is not None:
            self._wire.abort()
            self._wire = None

    def connection_made(self, transport: asyncio.BaseTransport | Wire) -> None:
        """Note that it is open."""
        self._wire = cast("Wire", transport)
        secured = self._wire.get_extra_info("ssl_object")
        self.tls_version = "" if secured is None else str(secured.version())
        self.alive = True

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        if self.quiet_s:
            self.ready_at = self._loop.time() + self.quiet_s
        if self._done is None:
            self._unasked()
            return
        try:
            payload = self._framing.feed(data)
        except (Refused, Unanswered) as answer:
            self._finish(answer)
            return
        if payload is not None:
            self._finish(payload)

    def eof_received(self) -> None:
        """Let the transport close: a peer that sends no more will not answer."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that it is closed."""
        if isinstance(exc, ssl.SSLError):
            self.words = tls_words(exc)
        elif self.tls_version and not self.answered:
            self.words = "connection closed by the device, which may not trust the client certificate"
        self._wire = None
        self.alive = False
        self._finish(ConnectionLost(self.peer, self.words))
        self.close()

    def _finish(self, answer: Answer) -> None:
        done, self._done = self._done, None
        if done is None:
            return
        if isinstance(answer, (bytes, Refused)):
            self.answered = True
        done(answer)

    def _unasked(self) -> None:
        if not self.is_line:
            self.words = "the device spoke unasked"
            self.close()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._deadline, self._expire)

    def _expire(self) -> None:
        self._timer = None
        if self._done is None:
            return
        if self._loop.time() < self._deadline:
            self._arm()
            return
        self._finish(NoAnswer(self.peer, f"no answer within {self._timeout_s:g} s"))
