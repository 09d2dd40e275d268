"""Our end of all exchanges with one peer: one socket, one message unacknowledged at a time, tokens, and who waits.

Made here, and not taken from aiocoap's `Context`, since its request objects cannot do what a collector of thousands of
observations needs (aiocoap 0.4.17, `protocol.py`): renew an observation under its token (RFC 7641, section 3.3.1), end
one explicitly, keep more than the newest notification, or keep the peers apart. aiocoap encodes and decodes messages.
"""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import socket
from collections import Counter, deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from connectors.coap import wire
from connectors.coap.datagrams import PeerSocket, connect
from connectors.coap.dtls import Plain
from connectors.coap.exchange import Exchange, NoAnswer, Unreachable
from connectors.coap.wire import ACK, CON, NON, RST, NotCoap

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import aiocoap

    from connectors.coap.dtls import Wrap
    from connectors.coap.exchange import Guard, Tuning

_OPEN = 0


def open_lines() -> int:
    """Return how many lines are open, over all event loops."""
    return _OPEN


@asynccontextmanager
async def line_to(host: str, port: int, wrap: Wrap | None = None) -> AsyncIterator[Line]:
    """Lend a line to a peer and close it afterwards; Unreachable when there is no way to it."""
    global _OPEN  # noqa: PLW0603 - a gauge of this process, read by tests for leaks
    try:
        sock = await connect(host, port)
    except socket.gaierror as error:
        raise Unreachable(f"no address for {host!r}") from error
    except OSError as error:
        raise Unreachable(f"no UDP socket: {os.strerror(error.errno or 0).lower()}") from error
    line = Line(sock, wrap)
    _OPEN += 1
    try:
        yield line
    finally:
        _OPEN -= 1
        line.close()


class _Sending:
    """A confirmable message on its way; `NSTART` is one, so it stands alone (RFC 7252, section 4.7)."""

    __slots__ = ("data", "exchange", "mid", "timer", "waits")

    def __init__(self, exchange: Exchange, data: bytes, mid: int, tuned: Tuning) -> None:
        self.exchange = exchange
        self.data = data
        self.mid = mid
        self.waits = tuned.waits()
        self.timer: asyncio.TimerHandle | None = None


class Line:
    """Our end of all exchanges with one peer. Nothing that the peer sends raises here; it is counted in `dropped`."""

    def __init__(self, sock: socket.socket, wrap: Wrap | None = None) -> None:
        self.dropped: Counter[str] = Counter()
        self._loop = asyncio.get_running_loop()
        self._mid = random.randrange(2**16)
        self._token = secrets.randbits(32)
        self._exchanges: dict[bytes, Exchange] = {}
        self._waiting: deque[Exchange] = deque()
        self._sending: _Sending | None = None
        self._socket = PeerSocket(sock, self._datagram, self._failed)
        self._channel = (wrap or Plain)(self._socket.send, self._took, self._broke)

    @property
    def pending(self) -> int:
        """How many exchanges and observations wait for something."""
        return len(self._exchanges)

    @property
    def floods(self) -> int:
        """How often the peer sent more than its share."""
        return self._socket.dropped

    def close(self) -> None:
        """Close the socket; exchanges get nothing more."""
        self._silence()
        self._waiting.clear()
        self._channel.close()
        self._socket.close()

    def new_token(self) -> bytes:
        """Return a token that no exchange has; where it begins nobody can guess (RFC 7252, section 5.3.1)."""
        self._token = (self._token + 1) % 2**32
        return self._token.to_bytes(4, "big")

    def begin(
        self, request: aiocoap.Message, token: bytes, tuned: Tuning, guard: Guard | None = None
    ) -> Exchange:
        """Send a request; `Exchange.stop` must follow."""
        exchange = Exchange(self, request, token, tuned, guard)
        self._exchanges[token] = exchange
        self._waiting.append(exchange)
        self._next()
        return exchange

    def repeat(self, exchange: Exchange) -> None:
        """Send an exchange's request again, changed meanwhile, as another message."""
        self._waiting.append(exchange)
        self._next()

    def tell(self, request: aiocoap.Message, token: bytes, guard: Guard | None = None) -> None:
        """Send a request that nobody waits for, once."""
        outer = guard.protect(request)[0] if guard else request
        self._channel.send(wire.encode(outer, NON, self._new_mid(), token))

    def forget(self, exchange: Exchange) -> None:
        """Take nothing more for an exchange, and send nothing more of it."""
        if self._exchanges.get(exchange.token) is exchange:
            del self._exchanges[exchange.token]
        if self._sending is not None and self._sending.exchange is exchange:
            self._silence()
            self._next()

    def _new_mid(self) -> int:
        self._mid = (self._mid + 1) % 2**16
        return self._mid

    def _next(self) -> None:
        while self._sending is None and self._waiting:
            exchange = self._waiting.popleft()
            if not exchange.ended:
                self._start(exchange)

    def _start(self, exchange: Exchange) -> None:
        mid = self._new_mid()
        try:
            data = wire.encode(exchange.to_send(), CON, mid, exchange.token)
        except NoAnswer as none:
            exchange.put(none)
            return
        self._sending = _Sending(exchange, data, mid, exchange.tuned)
        self._transmit(self._sending)

    def _transmit(self, sending: _Sending) -> None:
        self._channel.send(sending.data)
        sending.timer = self._loop.call_later(next(sending.waits), self._late, sending)

    def _late(self, sending: _Sending) -> None:
        if sending is self._sending:
            self._transmit(sending)

    def _silence(self) -> None:
        sending, self._sending = self._sending, None
        if sending is not None and sending.timer is not None:
            sending.timer.cancel()

    def _datagram(self, data: bytes) -> None:
        self._channel.feed(data)

    def _took(self, data: bytes) -> None:
        try:
            message = wire.decode(data)
        except NotCoap as error:
            self.dropped[str(error)] += 1
            return
        self._dispatch(message)

    def _dispatch(self, message: aiocoap.Message) -> None:
        if message.mtype in (ACK, RST):
            self._acknowledged(message)
        if message.code.is_response():
            self._responded(message)
        elif message.mtype is CON:
            # A ping, or a request to us who serve nothing (RFC 7252, section 4.2).
            self._channel.send(wire.empty(RST, message.mid))
            self.dropped["a request to a client"] += 1

    def _acknowledged(self, message: aiocoap.Message) -> None:
        sending = self._sending
        if sending is None or sending.mid != message.mid:
            return
        self._silence()
        if message.mtype is RST:
            sending.exchange.put(NoAnswer("the device refused the request with a reset"))
        self._next()

    def _responded(self, message: aiocoap.Message) -> None:
        exchange = self._exchanges.get(message.token)
        if exchange is None:
            self.dropped["an answer that nobody waits for"] += 1
        taken = exchange is not None and self._take(exchange, message)
        if message.mtype is CON:
            self._channel.send(wire.empty(ACK if taken else RST, message.mid))

    def _take(self, exchange: Exchange, message: aiocoap.Message) -> bool:
        """Hand a response on; False when it must be rejected (RFC 7252, section 5.4.1)."""
        unknown = next(wire.misunderstood(message, wire.RESPONSE_OPTIONS), None)
        if unknown is not None:
            self.dropped["an answer with a critical option that is not understood"] += 1
            if message.mtype is not NON:
                exchange.put(
                    NoAnswer(f"the answer has the critical option {unknown}, which is not understood")
                )
            return False
        if self._sending is not None and self._sending.exchange is exchange:
            self._silence()
            self._next()
        return exchange.receive(message)

    def _failed(self, error: OSError) -> None:
        self._end(Unreachable(os.strerror(error.errno or 0).lower()))

    def _broke(self, words: str) -> None:
        self._end(NoAnswer(words))

    def _end(self, none: NoAnswer) -> None:
        self._silence()
        self._waiting.clear()
        for exchange in list(self._exchanges.values()):
            exchange.put(none)
