"""The message layer of a server: datagrams to requests, each answered once, all of it bounded.

A retransmitted message gets the same answer again and is not carried out twice (RFC 7252, section 4.5). Every answer to
a confirmable message is piggybacked, however long it takes: until then its retransmissions find it under way.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
from collections import Counter, OrderedDict
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import aiocoap

from connectors.coap import wire
from connectors.coap.datagrams import Share, Shares
from connectors.coap.dtls import Plain, Session
from connectors.coap.wire import ACK, CON, EMPTY, NON, RST, NotCoap

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from connectors.coap.dtls import Channel, Wrap

# RFC 7252, section 4.8.2: EXCHANGE_LIFETIME, as long as a message may come again.
_LIFETIME_S = 247.0
_MOST_REMEMBERED = 8_192
_MOST_AT_ONCE = 256
_MOST_SOURCES = 4_096
_MOST_SESSIONS = 1_024
# What one host may send, and all of them together; behind one address there may be a gateway with hundreds of devices.
_SOURCE_PER_S, _SOURCE_BURST = 500.0, 1_000.0
_ALL_PER_S, _ALL_BURST = 4_000.0, 4_000.0
_BUSY_S = 5
# How many times what it got a server sends to an address that nobody has proved to be the sender's: an answer to a
# forged one (RFC 7252, section 11.3) is not worth the forging then. The factor is that of QUIC (RFC 9000, section 8.1).
_MOST_TIMES = 3

Address = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """One request of `size` bytes. `source` is `host:port`; `identity` is what DTLS made sure of, None without."""

    message: aiocoap.Message
    source: str
    identity: bytes | None
    size: int

    @property
    def room(self) -> int | None:
        """Bytes that an answer without OSCORE may have, None where DTLS has made sure of the address."""
        return None if self.identity is not None else _MOST_TIMES * self.size


@dataclass(slots=True)
class _Remembered:
    at_s: float
    size: int
    answer: bytes | None = None


class Server(asyncio.DatagramProtocol):
    """Answers requests with what `handle` returns. What a datagram does not deserve is counted in `dropped`."""

    def __init__(
        self,
        handle: Callable[[Request], Awaitable[aiocoap.Message]],
        tasks: asyncio.TaskGroup,
        wrap: Wrap | None = None,
    ) -> None:
        self.dropped: Counter[str] = Counter()
        self._handle = handle
        self._tasks = tasks
        self._wrap = wrap
        self._loop = asyncio.get_running_loop()
        self._mid = random.randrange(2**16)
        self._recent: OrderedDict[tuple[Address, int], _Remembered] = OrderedDict()
        self._sessions: OrderedDict[Address, Channel] = OrderedDict()
        self._shares = Shares(_SOURCE_PER_S, _SOURCE_BURST, _MOST_SOURCES)
        self._all = Share(_ALL_PER_S, _ALL_BURST, self._loop.time())
        self._busy = 0
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the socket."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def error_received(self, exc: Exception) -> None:
        """Count what the network says of a device that is gone; nobody waits for it."""
        self.dropped[f"an error of the network: {type(exc).__name__}"] += 1

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Take a datagram, unless its source or all of them send more than their share."""
        now_s = self._loop.time()
        if not self._shares.take(str(addr[0]), now_s) or not self._all.take(now_s):
            self.dropped["more than a source's share"] += 1
            return
        if self._wrap is None:
            self._took(data, addr, None)
        else:
            self._session(addr, self._wrap).feed(data)

    def _session(self, addr: Address, wrap: Wrap) -> Channel:
        session = self._sessions.get(addr)
        if session is None:
            session = self._sessions[addr] = wrap(
                lambda data: self._send(data, addr),
                lambda data: self._took(data, addr, session),
                lambda _words: self._end(addr),
            )
            if len(self._sessions) > _MOST_SESSIONS:
                self._end(_least_known(self._sessions))
        self._sessions.move_to_end(addr)
        return session

    def _end(self, addr: Address) -> None:
        session = self._sessions.pop(addr, None)
        if session is not None:
            session.close()

    def _send(self, data: bytes, addr: Address) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data, addr)

    def _took(self, data: bytes, addr: Address, session: Channel | None) -> None:
        try:
            message = wire.decode(data)
        except NotCoap as error:
            self.dropped[str(error)] += 1
            return
        reply = (session or Plain(lambda out: self._send(out, addr), lambda _: None, lambda _: None)).send
        if message.code.is_request() and message.mtype in (CON, NON):
            identity = session.identity if isinstance(session, Session) else None
            self._request(Request(message, source_of(addr), identity, len(data)), addr, reply)
        elif message.code is EMPTY and message.mtype is CON:
            reply(wire.empty(RST, message.mid))
        else:
            self.dropped["a message that is no request"] += 1

    def _request(self, request: Request, addr: Address, reply: Callable[[bytes], None]) -> None:
        key = (addr, request.message.mid)
        known = self._recent.get(key)
        if known is not None and self._loop.time() - known.at_s < _LIFETIME_S:
            if request.size < known.size:
                self.dropped["a message number that came again with less of a message"] += 1
            elif known.answer is not None and request.message.mtype is CON:
                reply(known.answer)
            return
        remembered = self._remember(key, request.size)
        unknown = next(wire.misunderstood(request.message, wire.REQUEST_OPTIONS), None)
        if unknown is not None:
            self._reject(request, remembered, unknown, reply)
        elif self._busy >= _MOST_AT_ONCE:
            answer = aiocoap.Message(code=aiocoap.SERVICE_UNAVAILABLE, max_age=_BUSY_S)
            self._answer(request, remembered, answer, reply)
        else:
            self._busy += 1
            self._tasks.create_task(self._serve(request, remembered, reply))

    def _remember(self, key: tuple[Address, int], size: int) -> _Remembered:
        now_s = self._loop.time()
        remembered = self._recent[key] = _Remembered(now_s, size)
        self._recent.move_to_end(key)
        while (
            len(self._recent) > _MOST_REMEMBERED
            or next(iter(self._recent.values())).at_s < now_s - _LIFETIME_S
        ):
            self._recent.popitem(last=False)
        return remembered

    def _reject(
        self, request: Request, remembered: _Remembered, option: int, reply: Callable[[bytes], None]
    ) -> None:
        """Refuse what asks for something that is not understood (RFC 7252, section 5.4.1)."""
        self.dropped["a request with a critical option that is not understood"] += 1
        if request.message.mtype is CON:
            words = f"option {option} is not understood"
            answer = aiocoap.Message(code=aiocoap.BAD_OPTION, payload=words.encode())
            self._answer(request, remembered, answer, reply)

    async def _serve(self, request: Request, remembered: _Remembered, reply: Callable[[bytes], None]) -> None:
        try:
            answer = await self._handle(request)
        finally:
            self._busy -= 1
        self._answer(request, remembered, answer, reply)

    def _answer(
        self,
        request: Request,
        remembered: _Remembered,
        answer: aiocoap.Message,
        reply: Callable[[bytes], None],
    ) -> None:
        asked = request.message
        unwanted = (asked.opt.no_response or 0) & 1 << answer.code.class_ - 1
        if asked.mtype is NON:
            self._mid = (self._mid + 1) % 2**16
            data = b"" if unwanted else _encoded(request, answer, NON, self._mid)
        elif unwanted:
            data = wire.empty(ACK, asked.mid)
        else:
            data = _encoded(request, answer, ACK, asked.mid)
        remembered.answer = data
        if data:
            reply(data)

    def close(self) -> None:
        """End all sessions and release the port."""
        for session in self._sessions.values():
            session.close()
        self._sessions.clear()
        if self._transport is not None:
            self._transport.close()


def _least_known(sessions: Mapping[Address, Channel]) -> Address:
    """Return the session to give up: the longest idle one without a key; the longest idle when all have one."""
    idle = (addr for addr, one in sessions.items() if isinstance(one, Session) and one.identity is None)
    return next(idle, next(iter(sessions)))


def _encoded(request: Request, answer: aiocoap.Message, kind: int, mid: int) -> bytes:
    """Return the datagram of an answer; only its code where it is too large for an address without proof."""
    token = request.message.token
    data = wire.encode(answer, kind, mid, token)
    if request.room is None or answer.opt.oscore is not None or len(data) <= request.room:
        return data
    return wire.encode(aiocoap.Message(code=answer.code, max_age=answer.opt.max_age), kind, mid, token)


def source_of(addr: Address) -> str:
    """Return an address as it stands in URIs; IPv4 in IPv6 as IPv4."""
    host = str(addr[0]).removeprefix("::ffff:")
    return f"[{host}]:{addr[1]}" if ":" in host else f"{host}:{addr[1]}"


def bound(host: str, port: int) -> socket.socket:
    """Return a UDP socket that is bound to an address of ours; OSError when it is taken, or not ours.

    It takes no multicast: a question to everybody is not for us (RFC 7252, section 8).
    """
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if family == socket.AF_INET:
            # IP_MULTICAST_ALL (ip(7)), which the socket module does not name: only groups that this socket has joined.
            sock.setsockopt(socket.IPPROTO_IP, 49, 0)
        sock.settimeout(0)
        sock.bind((host, port))
    except BaseException:
        sock.close()
        raise
    return sock


@asynccontextmanager
async def serving(
    sock: socket.socket,
    handle: Callable[[Request], Awaitable[aiocoap.Message]],
    tasks: asyncio.TaskGroup,
    wrap: Wrap | None = None,
) -> AsyncIterator[Server]:
    """Answer requests on a bound socket while the block runs; the port is free afterwards."""
    loop = asyncio.get_running_loop()
    _, server = await loop.create_datagram_endpoint(lambda: Server(handle, tasks, wrap), sock=sock)
    try:
        yield server
    finally:
        server.close()
        # The transport closes its socket in the loop's next turn.
        await asyncio.sleep(0)
        await asyncio.sleep(0)


def taken(error: OSError) -> str:
    """Return why a socket could not be bound, for a person."""
    return os.strerror(error.errno or 0).lower()
