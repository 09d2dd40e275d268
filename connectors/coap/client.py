"""A link to a device that listens: its line, its key, and the resources that are watched on it."""

from __future__ import annotations

from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from connectors.coap import exchange
from connectors.coap.config import options_of
from connectors.coap.exchange import NoAnswer
from connectors.coap.line import line_to
from connectors.coap.security import Security
from connectors.coap.watching import Session, watches
from connectors.coap.writing import Writer
from connectors.payloads.decoding import shown
from twin.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from connectors.abilities import Outcome, Setting
    from connectors.base import Sink
    from connectors.coap.line import Line
    from connectors.coap.observation import Pace
    from connectors.home import Home
    from twin.model.bound import BoundDevice

_CORE = "/.well-known/core"


class CoapLink:
    """All devices behind one host and port that share a key. They share a peer, so they are away together.

    `dropped` counts the datagrams that were no answer, by reason, over all runs.
    """

    def __init__(self, devices: Sequence[BoundDevice], home: Home, pace: Pace) -> None:
        self._devices = devices
        self._pace = pace
        self._endpoint = devices[0].device.endpoint
        self._timeout_s = options_of(devices[0].device).timeout
        self._security = Security(self._endpoint, options_of(devices[0].device), home)
        self._session: Session | None = None
        self.dropped: Counter[str] = Counter()

    @property
    def name(self) -> str:
        """The peer, as in endpoints."""
        return self._endpoint.peer

    @property
    def devices(self) -> Sequence[BoundDevice]:
        """The devices that this link reads."""
        return self._devices

    @property
    def security(self) -> str:
        """How the peer is spoken to, for health: `OSCORE`, `DTLS-PSK` or `none`, with the reason why that is enough."""
        why = self._security.stand_in
        return f"{self._security.name}: {why}" if why else self._security.name

    async def run(self, sink: Sink) -> None:
        """Observe and poll until cancelled; TransientError when nothing of the peer answers."""
        async with self._peer() as line:
            line.dropped = self.dropped
            self._session = Session(line, sink, self._pace, self._endpoint, self._security)
            try:
                await self._session.run([watch for device in self._devices for watch in watches(device)])
            except BaseExceptionGroup as group:
                raise _of(group) from None
            finally:
                self._session = None

    async def probe(self) -> str:
        """Ask for the list of resources (RFC 6690), once; TransientError when the peer is away."""
        async with self._peer() as line:
            return await self._probe(line)

    async def _probe(self, line: Line) -> str:
        message = exchange.request(_CORE, self._endpoint.host)
        guard = await self._security.guard()
        answer = await exchange.ask(line, message, self._timeout_s, guard)
        if not answer.code.is_successful():
            return f"answers, without a list of resources ({answer.code})"
        return f"serves {shown(answer.payload.decode('utf-8', 'replace'))}"

    async def write(self, settings: Sequence[Setting]) -> Sequence[Outcome]:
        """Set points by PUT or POST in their resource's format and read them back; never over plain CoAP.

        TransientError when the link is down: then nothing was sent.
        """
        session = self._session
        if session is None:
            raise TransientError(self.name, "the link is down")
        try:
            writer = Writer(session.line, self._endpoint.host, self._timeout_s, self._security)
            return await writer.write(settings)
        except NoAnswer as none:
            raise TransientError(self.name, str(none)) from none

    @asynccontextmanager
    async def _peer(self) -> AsyncIterator[Line]:
        """Lend a line to the peer; what is no answer here is TransientError to the supervisor."""
        try:
            async with (
                self._security as security,
                line_to(self._endpoint.host, self._endpoint.port, security.wrap()) as line,
            ):
                yield line
        except NoAnswer as none:
            raise TransientError(self.name, str(none)) from none


def _of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return what ended a link: a peer that is away, or the group as it is when there was a bug as well."""
    away, bugs = group.split(TransientError)
    if bugs is not None or away is None:
        return group
    first: BaseException = away
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first
