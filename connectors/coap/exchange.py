"""One request and what comes back for it: a response, or notifications without end."""

from __future__ import annotations

import asyncio
import random
import socket
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote

import aiocoap

from connectors.payloads.decoding import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.coap.line import Line

_MOST_WAITING = 64
# RFC 7252, section 4.8: sent again after 2 to 3 s, then after twice as long each time. Its section 4.8.1 allows other
# times, and the guidance for UDP stays at one second or more (RFC 8085, section 3.1.1). Here the waits stop growing at
# 2 s, on purpose: a device that comes back must be heard within 5 s, and one small datagram in 2 s hurts no path.
_FIRST_S = 1.0
_LONGEST_S = 2.0
_SPREAD = 1.4


class NoAnswer(Exception):
    """Raised when an exchange ends without a response; the message is for a person."""


class Unreachable(NoAnswer):
    """Raised when the network says that there is nobody: port closed, no route, no such name."""


class Guard(Protocol):
    """What protects a request and reads its protected answers; `keys.Keys` is one."""

    def protect(self, message: aiocoap.Message) -> tuple[aiocoap.Message, object]:
        """Return the message to send and what its answers are recognised by."""

    def unprotect(self, message: aiocoap.Message, asked: object) -> aiocoap.Message:
        """Return what an answer holds; ValueError when it is not what it should be."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """When a confirmable message is sent again until its exchange is over: first after `first_s` to 1.4 times that."""

    first_s: float = _FIRST_S

    def waits(self) -> Iterator[float]:
        """Yield the waits between transmissions, in seconds, without end."""
        wait_s = self.first_s * random.uniform(1.0, _SPREAD)
        while True:
            yield min(wait_s, _LONGEST_S)
            wait_s *= 2


USUAL = Tuning()


class Exchange:
    """One request and what comes back on its token: a response, or notifications without end."""

    def __init__(
        self, line: Line, request: aiocoap.Message, token: bytes, tuned: Tuning, guard: Guard | None
    ) -> None:
        self.request = request
        self.token = token
        self.tuned = tuned
        self.ended = False
        self._line = line
        self._guard = guard
        self._asked: object = None
        self._loop = asyncio.get_running_loop()
        self._inbox: deque[tuple[aiocoap.Message | NoAnswer, float]] = deque(maxlen=_MOST_WAITING)
        self._wake: asyncio.Future[None] | None = None

    def to_send(self) -> aiocoap.Message:
        """Return the message for the wire."""
        if self._guard is None:
            return self.request
        outer, self._asked = self._guard.protect(self.request)
        return outer

    def receive(self, message: aiocoap.Message) -> bool:
        """Take a response; False when it is not what it should be."""
        if self._guard is not None:
            try:
                message = self._guard.unprotect(message, self._asked)
            except ValueError as error:
                self._line.dropped[f"{error}"] += 1
                return False
            if self._is_to_repeat(message):
                return True
        self._inbox.append((message, self._loop.time()))
        if self.request.opt.observe != 0 or message.opt.observe is None:
            self._finish()
        self._rouse()
        return True

    def _is_to_repeat(self, message: aiocoap.Message) -> bool:
        """Send again with the device's nonce when it asks for one: it did nothing yet (RFC 8613, appendix B.1.2)."""
        if message.code is not aiocoap.UNAUTHORIZED or message.opt.echo is None or self.request.opt.echo:
            return False
        self.request.opt.echo = message.opt.echo
        self._line.repeat(self)
        return True

    def put(self, none: NoAnswer) -> None:
        """Take it that the exchange came to nothing."""
        if not self.ended:
            self._inbox.append((none, self._loop.time()))
            self._finish()
            self._rouse()

    def _finish(self) -> None:
        self.ended = True
        self._line.forget(self)

    def _rouse(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    async def next(self, wait_s: float) -> tuple[aiocoap.Message, float] | None:
        """Return the next message and its time of receipt (monotonic); None when nothing came, or no more will.

        Unreachable or NoAnswer when the network or the peer put an end to the exchange.
        """
        if not self._inbox and not self.ended:
            await self._sleep(wait_s)
        if not self._inbox:
            return None
        found, at_s = self._inbox.popleft()
        if isinstance(found, NoAnswer):
            raise found
        return found, at_s

    async def answer(self, timeout_s: float) -> tuple[aiocoap.Message, float]:
        """Return the first message; NoAnswer when none came in time."""
        found = await self.next(timeout_s)
        if found is None:
            raise NoAnswer(f"no answer within {timeout_s:g} s")
        return found

    async def _sleep(self, wait_s: float) -> None:
        self._wake = self._loop.create_future()
        timer = self._loop.call_later(wait_s, self._rouse)
        try:
            await self._wake
        finally:
            timer.cancel()
            self._wake = None

    def stop(self) -> None:
        """Take nothing more, and send nothing more of the request."""
        if not self.ended:
            self._finish()


def request(resource: str, host: str, code: aiocoap.Code = aiocoap.GET) -> aiocoap.Message:
    """Return a request for a resource such as `/a/b?c=d`."""
    message = aiocoap.Message(code=code)
    path, _, query = resource.partition("?")
    if path != "/":
        message.opt.uri_path = tuple(unquote(part) for part in path[1:].split("/"))
    if query:
        message.opt.uri_query = tuple(unquote(part) for part in query.split("&"))
    if not _is_address(host):
        message.opt.uri_host = host
    return message


def _is_address(host: str) -> bool:
    """Whether a host is an IP literal, which needs no Uri-Host (RFC 7252, section 5.10.1)."""
    if host.startswith("["):
        return True
    try:
        socket.inet_pton(socket.AF_INET, host)
    except OSError:
        return False
    return True


async def ask(
    line: Line, message: aiocoap.Message, timeout_s: float, guard: Guard | None = None
) -> aiocoap.Message:
    """Return the one answer to a request; NoAnswer when none came in time."""
    exchange = line.begin(message, line.new_token(), USUAL, guard)
    try:
        answer, _ = await exchange.answer(timeout_s)
    finally:
        exchange.stop()
    return answer


def said(answer: aiocoap.Message) -> str:
    """Return the code of an answer with its diagnostic words (RFC 7252, section 5.5.2)."""
    words = shown(answer.payload.decode("utf-8", "replace"))
    return f"{answer.code}: {words}" if words else str(answer.code)
