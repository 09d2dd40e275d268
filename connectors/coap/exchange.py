"""The only file that moves datagrams: one UDP socket an event loop, and exchanges over it.

aiocoap's `Context` sends requests through a `Pipe`. This module makes the pipes itself, since the ready-made request
objects cannot do what a collector of thousands of observations needs (aiocoap 0.4.17, `protocol.py`): renew an
observation under its token (RFC 7641, section 3.3.1), end one explicitly, or keep more than the newest notification.
Without a task for each request it also costs a third (0.2 ms of CPU instead of 0.6 to 0.7).
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from weakref import WeakKeyDictionary

import aiocoap
from aiocoap import error as coap_error
from aiocoap.numbers.constants import TransportTuning
from aiocoap.pipe import Pipe
from aiocoap.transports.simple6 import MessageInterfaceSimple6
from aiocoap.transports.udp6 import MessageInterfaceUDP6, UDP6EndpointAddress

from connectors.coap.payload import shown

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_LOG = "barrio.coap.aiocoap"
_MOST_WAITING = 64
_SIMPLE6_SOCKETS = 65_536
# RFC 7252, section 4.8: four retransmissions, the first after 2 to 3 s. Its section 4.8.1 allows other times; the
# guidance for UDP stays at one second or more (RFC 8085, section 3.1.1).
_MOST_RETRANSMISSIONS = 4
_USUAL_ACK_S = 2.0
_SHORTEST_ACK_S = 1.0
_ACK_SPREAD = 1.4


class NoAnswer(Exception):
    """Raised when an exchange ends without a response; the message is for a person."""


class Unreachable(NoAnswer):
    """Raised when the network says that there is nobody: port closed, no route, no such name."""


def tuning(timeout_s: float) -> TransportTuning:
    """Return retransmission times that end within `timeout_s`, so that nothing of an exchange outlives it."""
    for count in range(_MOST_RETRANSMISSIONS, -1, -1):
        ack_s = timeout_s / (_ACK_SPREAD * (2 ** (count + 1) - 1))
        if ack_s >= _SHORTEST_ACK_S or count == 0:
            return _tuned(min(ack_s, _USUAL_ACK_S), count)
    raise AssertionError


def _tuned(ack_s: float, count: int) -> TransportTuning:
    made = TransportTuning()
    made.ACK_TIMEOUT = ack_s
    made.ACK_RANDOM_FACTOR = _ACK_SPREAD
    made.MAX_RETRANSMIT = count
    return made


class _Unicast(UDP6EndpointAddress):  # type: ignore[misc]
    """A resolved peer. Whether it is multicast was asked for every message, at a tenth of its cost."""

    is_multicast = False


class _Socket(MessageInterfaceUDP6):  # type: ignore[misc]
    """One UDP socket for all peers, safe against errors of one peer that surface while sending to another.

    With IP_RECVERR an unconnected socket reports a pending ICMP error at the next send, whomever that goes to (udp(7)).
    aiocoap blames that send's peer and, in a retransmission, loses its own books. The first failure is therefore
    sent again, the error queue names the peer who meant it, and a lasting one is reported from the loop.
    """

    _failed: OSError | None = None

    def send(self, message: aiocoap.Message) -> None:
        failed = self._attempt(message) and self._attempt(message)
        if failed is not None:
            self.loop.call_soon(self._report, failed, message.remote)

    def _attempt(self, message: aiocoap.Message) -> OSError | None:
        self._failed = None
        super().send(message)
        return self._failed

    def _report(self, failed: OSError, remote: Any) -> None:
        if self._shutting_down is None:
            self._ctx.dispatch_error(failed, remote)

    def error_received(self, exc: OSError) -> None:
        self._failed = exc

    def datagram_msg_received(self, data: bytes, ancdata: Any, flags: int, address: Any) -> None:
        # aiocoap 0.4.17 lets UnicodeDecodeError of a text option out of Message.decode.
        try:
            super().datagram_msg_received(data, ancdata, flags, address)
        except UnicodeDecodeError:
            self.log.info("datagram from %s is not CoAP", address)


@dataclass(slots=True)
class _Shared:
    """The endpoint of one event loop, and how many use it."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0
    endpoint: Endpoint | None = None


_SHARED: WeakKeyDictionary[asyncio.AbstractEventLoop, _Shared] = WeakKeyDictionary()


@asynccontextmanager
async def shared_endpoint() -> AsyncIterator[Endpoint]:
    """Lend the one endpoint of the running event loop; the last one to give it back closes it, within 3 s."""
    shared = _SHARED.setdefault(asyncio.get_running_loop(), _Shared())
    shared.users += 1
    try:
        async with shared.lock:
            if shared.endpoint is None:
                shared.endpoint = await Endpoint.open()
        yield shared.endpoint
    finally:
        shared.users -= 1
        if shared.users == 0 and shared.endpoint is not None:
            endpoint, shared.endpoint = shared.endpoint, None
            await endpoint.close()


def open_endpoints() -> int:
    """Return how many endpoints are open, over all event loops."""
    return sum(shared.endpoint is not None for shared in _SHARED.values())


class Endpoint:
    """Our end of all exchanges: a socket, tokens and retransmissions, kept by an aiocoap context."""

    def __init__(self, context: aiocoap.Context) -> None:
        self.context = context
        self._loop = asyncio.get_running_loop()
        self._tokens = context.request_interfaces[0]
        self._turn_s = 0.0

    @classmethod
    async def open(cls) -> Endpoint:
        """Open a UDP socket; where the machine has no IPv6 at all, one socket for each peer instead."""
        logging.getLogger(_LOG).setLevel(logging.CRITICAL)
        try:
            return cls(await _context(_Socket))
        except OSError as error:
            if error.errno != errno.EAFNOSUPPORT:
                words = f"no UDP socket: {os.strerror(error.errno or 0).lower()}"
                raise Unreachable(words) from error
            return cls(await _context(MessageInterfaceSimple6))

    @property
    def pending(self) -> int:
        """How many exchanges and observations wait for something."""
        return len(self._tokens.outgoing_requests)

    async def close(self) -> None:
        """Close the socket."""
        await self.context.shutdown()

    async def resolve(self, host: str, port: int) -> Any:
        """Return the network address of a peer; Unreachable when its name has none."""
        message = aiocoap.Message(code=aiocoap.GET, uri=f"coap://{host}:{port}/")
        try:
            await self.context.find_remote_and_interface(message)
        except (coap_error.NetworkError, ValueError) as error:
            words = f"no address for {host!r}"
            raise Unreachable(words) from error
        remote = message.remote
        if isinstance(remote, UDP6EndpointAddress):
            return _Unicast(remote.sockaddr, remote.interface, pktinfo=remote.pktinfo)
        return remote

    async def turn(self, spread_s: float) -> None:
        """Wait for one's place in the queue of first requests, `spread_s` apart, so that they are no burst."""
        now = self._loop.time()
        self._turn_s = max(self._turn_s + spread_s, now)
        await asyncio.sleep(self._turn_s - now)

    def new_token(self) -> bytes:
        """Return a token that no exchange has."""
        token: bytes = self._tokens.next_token()
        return token

    def begin(self, request: aiocoap.Message, token: bytes) -> Exchange:
        """Send a request; `Exchange.stop` must follow."""
        return Exchange(self._tokens, request, token, self._loop)

    def forget(self, request: aiocoap.Message, token: bytes) -> None:
        """Tell a server to end the observation of that token (RFC 7641, section 3.6); nobody waits for the answer."""
        request.opt.observe = 1
        request.token = token
        request.transport_tuning = aiocoap.Unreliable()
        self._tokens.token_interface.send_message(request, lambda: None)

    async def whole(self, request: aiocoap.Message, timeout_s: float) -> aiocoap.Message:
        """Return a representation that takes several blocks (RFC 7959), assembled by aiocoap."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self.context.request(request).response
        except TimeoutError:
            raise NoAnswer(_no_answer(timeout_s)) from None
        except coap_error.Error as error:
            raise NoAnswer(_words(error, timeout_s)) from error
        except (AssertionError, ValueError) as error:
            # aiocoap 0.4.17 asserts what it should check: that blocks come without a break, each as large as it says.
            raise NoAnswer("the blocks do not fit together") from error


async def _context(transport: Any) -> aiocoap.Context:
    """Return a context with this one transport, where the ready-made one opens TCP, TLS and WebSockets too."""
    loop = asyncio.get_running_loop()
    context = aiocoap.Context(loop=loop, loggername=_LOG)
    made = partial(transport.create_client_transport_endpoint, log=context.log, loop=loop)
    await context._append_tokenmanaged_messagemanaged_transport(made)  # noqa: SLF001 - as create_client_context does it
    if transport is MessageInterfaceSimple6:
        # It closes the oldest of more than 64 sockets, and an observation with it.
        interface = context.request_interfaces[0].token_interface.message_interface
        interface._pool.max_sockets = _SIMPLE6_SOCKETS  # noqa: SLF001 - no public way leads there
    return context


class Exchange:
    """One request and what comes back on its token: a response, or notifications without end."""

    def __init__(
        self, tokens: Any, request: aiocoap.Message, token: bytes, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.request = request
        self.ended = False
        self._loop = loop
        self._inbox: deque[tuple[aiocoap.Message | BaseException, float]] = deque(maxlen=_MOST_WAITING)
        self._wake: asyncio.Future[None] | None = None
        request.token = token
        pipe = Pipe(request, tokens.log)
        self._end = pipe.on_event(self._take)
        tokens.outgoing_requests[token, request.remote] = pipe
        pipe.on_interest_end(partial(_drop, tokens, (token, request.remote), pipe))
        tokens.token_interface.send_message(request, self._reset)

    def _take(self, event: Any) -> bool:
        self._inbox.append((event.message or event.exception, self._loop.time()))
        self.ended = self.ended or event.is_last
        self._rouse()
        return not event.is_last

    def _reset(self) -> None:
        """Take it that the peer answered with a reset: it lives and wants none of this."""
        if not self.ended:
            self._inbox.append((coap_error.MessageError(), self._loop.time()))
            self._rouse()

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
        if isinstance(found, BaseException):
            raise _as_no_answer(found, wait_s)
        return found, at_s

    async def answer(self, timeout_s: float) -> tuple[aiocoap.Message, float]:
        """Return the first message; NoAnswer when none came in time."""
        found = await self.next(timeout_s)
        if found is None:
            raise NoAnswer(_no_answer(timeout_s))
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
        """Take nothing more. What is still to be sent of the request will not register an observation."""
        if not self.ended:
            self.ended = True
            self.request.opt.observe = None
            self._end()


def _drop(tokens: Any, key: Any, pipe: Pipe) -> None:
    if tokens.outgoing_requests is not None and tokens.outgoing_requests.get(key) is pipe:
        del tokens.outgoing_requests[key]


def request(resource: str, host: str, remote: Any, tuned: TransportTuning | None = None) -> aiocoap.Message:
    """Return a GET of a resource such as `/a/b?c=d`."""
    message = aiocoap.Message(code=aiocoap.GET, transport_tuning=tuned)
    path, _, query = resource.partition("?")
    if path != "/":
        message.opt.uri_path = tuple(unquote(part) for part in path[1:].split("/"))
    if query:
        message.opt.uri_query = tuple(unquote(part) for part in query.split("&"))
    if not _is_address(host):
        message.opt.uri_host = host
    message.remote = remote
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


def _as_no_answer(found: BaseException, waited_s: float) -> NoAnswer:
    kind = Unreachable if isinstance(found.__cause__, OSError) else NoAnswer
    made = kind(_words(found, waited_s))
    made.__cause__ = found
    return made


def _no_answer(timeout_s: float) -> str:
    return f"no answer within {timeout_s:g} s"


def _words(found: BaseException, timeout_s: float) -> str:
    cause = found.__cause__
    if isinstance(cause, OSError) and cause.errno:
        return os.strerror(cause.errno).lower()
    if isinstance(found, coap_error.MessageError):
        return "the device refused the request with a reset"
    if isinstance(found, coap_error.TimeoutError):
        return _no_answer(timeout_s)
    return shown(str(found))
