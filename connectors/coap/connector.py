"""Links: every resource of a peer observed or polled, its answers delivered as frames."""

from __future__ import annotations

import asyncio
import ipaddress
import zlib
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiocoap

from connectors.coap import exchange
from connectors.coap.config import CoapOptions, CoapPoint, address_of, options_of, resources_of
from connectors.coap.exchange import NoAnswer, Unreachable
from connectors.coap.observation import Order, Pace, next_slot
from connectors.coap.payload import Reader, shown
from twin.errors import TransientError
from twin.quality import Reason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

    from aiocoap import Message

    from connectors.base import Sink
    from connectors.coap.exchange import Endpoint, Exchange
    from connectors.home import Home
    from twin.frame import Frame
    from twin.model.bound import BoundDevice, BoundPoint
    from twin.model.district import Device
    from twin.model.protocol import Endpoint as PeerAddress

_AT_ONCE = 4
_CONTENT_TOO_OFTEN = (aiocoap.SERVICE_UNAVAILABLE, aiocoap.TOO_MANY_REQUESTS)
_CORE = "/.well-known/core"


class CoapConnector:
    """CoAP over UDP, as the twin and the supervisor see it."""

    name = "coap"
    schemes: Mapping[str, int] = {"coap": 5683}
    point_model = CoapPoint
    options_model = CoapOptions

    def check(self, device: Device) -> Iterator[tuple[str, str]]:
        """Yield what the schemas alone cannot see of a device."""
        if device.endpoint.path.strip("/"):
            yield (
                "endpoint",
                f"a CoAP endpoint has no path, {device.endpoint.path!r} belongs into a point's resource",
            )
        if _is_multicast(device.endpoint.host):
            yield "endpoint", f"{device.endpoint.host} is a multicast address, a device has its own"
        for path, points in resources_of(device).items():
            written = {address.format for _, address in points if address.format}
            if len(written) > 1:
                names = " and ".join(sorted(written))
                yield (
                    f"points.{points[-1][0].name}.format",
                    f"resource {path} is one payload, it cannot be {names}",
                )

    def links(
        self, devices: Sequence[BoundDevice], home: Home, pace: Pace | None = None
    ) -> Sequence[CoapLink]:
        """Return one link for each host and port. No network, no tasks."""
        peers: dict[str, list[BoundDevice]] = {}
        for device in devices:
            peers.setdefault(device.device.endpoint.peer, []).append(device)
        return [CoapLink(tuple(same), pace or Pace()) for same in peers.values()]


def _is_multicast(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]").partition("%")[0]).is_multicast
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Watch:
    """What is read of one resource of one device, fixed once; `phase` places its polls inside the period."""

    resource: str
    reader: Reader
    timeout_s: float
    period_s: float
    silent_after_s: float
    observe: bool
    phase: float


def watches(bound: BoundDevice) -> list[Watch]:
    """Return the resources of a device in the order of its profile, each with all of its points."""
    options = options_of(bound.device)
    phase = zlib.crc32(bound.device.id.encode()) / 2**32
    found: dict[str, list[BoundPoint]] = {}
    for one in bound.points:
        found.setdefault(address_of(one.point).resource, []).append(one)
    return [
        Watch(
            resource=path,
            reader=Reader(points, options.format),
            timeout_s=options.timeout,
            period_s=min(address_of(one.point).poll or bound.device.poll_s for one in points),
            silent_after_s=min(one.point.silent_after_s for one in points),
            observe=any(_observes(address_of(one.point), options) for one in points),
            phase=phase,
        )
        for path, points in found.items()
    ]


def _observes(address: CoapPoint, options: CoapOptions) -> bool:
    return options.observe if address.observe is None else address.observe


class CoapLink:
    """All devices behind one host and port. They share a peer, so they are away together."""

    def __init__(self, devices: Sequence[BoundDevice], pace: Pace) -> None:
        self._devices = devices
        self._pace = pace
        self._endpoint = devices[0].device.endpoint

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
        """How the peer is spoken to, for health."""
        return "none"

    async def run(self, sink: Sink) -> None:
        """Observe and poll until cancelled; TransientError when nothing of the peer answers."""
        async with self._peer() as (endpoint, remote):
            session = _Session(self._endpoint, remote, endpoint, sink, self._pace)
            try:
                await session.run([watch for device in self._devices for watch in watches(device)])
            except BaseExceptionGroup as group:
                raise _of(group) from None

    async def probe(self) -> str:
        """Ask for the list of resources (RFC 6690), once; TransientError when the peer is away."""
        async with self._peer() as (endpoint, remote):
            timeout_s = options_of(self._devices[0].device).timeout
            message = exchange.request(_CORE, self._endpoint.host, remote, exchange.tuning(timeout_s))
            answer = await endpoint.whole(message, timeout_s)
        if not answer.code.is_successful():
            return f"answers, without a list of resources ({answer.code})"
        return f"serves {shown(answer.payload.decode('utf-8', 'replace'))}"

    @asynccontextmanager
    async def _peer(self) -> AsyncIterator[tuple[Endpoint, object]]:
        """Lend the socket and the peer's address; what is no answer here is TransientError to the supervisor."""
        try:
            async with exchange.shared_endpoint() as endpoint:
                yield endpoint, await endpoint.resolve(self._endpoint.host, self._endpoint.port)
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


class _Session:
    """One run of a link: what its resources share, and what is known of the peer."""

    def __init__(self, peer: PeerAddress, remote: object, endpoint: Endpoint, sink: Sink, pace: Pace) -> None:
        self.sink = sink
        self.endpoint = endpoint
        self.pace = pace
        self.gate = asyncio.Semaphore(_AT_ONCE)
        self._peer = peer.peer
        self._host = peer.host
        self._remote = remote
        self._mute: set[_Watcher] = set()
        self._enough = 1
        self._is_up = False

    async def run(self, found: Sequence[Watch]) -> None:
        self._enough = min(len(found), _AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for watch in found:
                group.create_task(_Watcher(self, watch).run(), name=f"{self._peer}{watch.resource}")

    def request(self, watch: Watch) -> Message:
        return exchange.request(watch.resource, self._host, self._remote, exchange.tuning(watch.timeout_s))

    def heard(self) -> None:
        self._mute.clear()
        if not self._is_up:
            self._is_up = True
            self.sink.up()

    def unheard(self, watcher: _Watcher, none: NoAnswer) -> None:
        """Take note of a silence; TransientError when nobody is there, or resource after resource is mute."""
        self._mute.add(watcher)
        if isinstance(none, Unreachable) or len(self._mute) >= self._enough:
            raise TransientError(self._peer, str(none)) from none
        self.sink.silent(watcher.watch.reader.ids, Reason.NO_ANSWER, str(none))


class _Watcher:
    """One resource: asked, followed while it notifies, asked again.

    A token is kept as long as the server may hold an observation under it, so that asking again renews that one
    instead of adding another (RFC 7641, section 4.1).
    """

    def __init__(self, session: _Session, watch: Watch) -> None:
        self.watch = watch
        self._session = session
        self._token: bytes | None = None
        self._loop = asyncio.get_running_loop()

    async def run(self) -> None:
        await self._session.endpoint.turn(self._session.pace.spread_s)
        try:
            while True:
                wait_s = await self._round()
                await asyncio.sleep(wait_s)
        finally:
            if self._token is not None:
                self._session.endpoint.forget(self._session.request(self.watch), self._token)

    async def _round(self) -> float:
        """Ask once and follow what notifications come of it; returns the wait until the next time, in seconds."""
        async with self._session.gate:
            asked = self._ask()
            try:
                answer, at_s = await asked.answer(self.watch.timeout_s)
            except NoAnswer as none:
                asked.stop()
                self._session.unheard(self, none)
                return self._until_slot()
            except BaseException:
                asked.stop()
                raise
        try:
            await self._session.sink.submit(await self._frame(answer))
            return await self._after(asked, answer, at_s)
        finally:
            asked.stop()

    def _ask(self) -> Exchange:
        message = self._session.request(self.watch)
        token = self._token or self._session.endpoint.new_token()
        if self.watch.observe:
            message.opt.observe = 0
            self._token = token
        return self._session.endpoint.begin(message, token)

    async def _after(self, asked: Exchange, answer: Message, at_s: float) -> float:
        if answer.code.is_successful() and answer.opt.observe is not None and not asked.ended:
            return await self._follow(asked, answer, Order(answer.opt.observe, at_s))
        self._token = None
        return self._rest(answer)

    async def _follow(self, asked: Exchange, last: Message, order: Order) -> float:
        """Deliver notifications as they come; returns when they stop, with the wait until the next question."""
        while True:
            try:
                found = await asked.next(self._patience(last))
            except NoAnswer:
                return 0.0
            if found is None:
                return 0.0
            message, at_s = found
            if message.opt.observe is not None and not order.is_news(message.opt.observe, at_s):
                continue
            last = message
            self._session.sink.offer(await self._frame(message))
            if message.opt.observe is None or not message.code.is_successful():
                self._token = None
                return self._rest(message)

    def _patience(self, last: Message) -> float:
        return self._session.pace.patience_s(last.opt.max_age, self.watch.silent_after_s)

    def _rest(self, answer: Message) -> float:
        if answer.code in _CONTENT_TOO_OFTEN and answer.opt.max_age is not None:
            return self._session.pace.retry_s(answer.opt.max_age)
        return self._until_slot()

    def _until_slot(self) -> float:
        now = self._loop.time()
        return next_slot(now, self.watch.period_s, self.watch.phase) - now

    async def _frame(self, message: Message) -> Frame:
        self._session.heard()
        received = self._session.sink.now_ns()
        reader = self.watch.reader
        if message.code != aiocoap.CONTENT:
            # Only 2.05 carries what a GET asked for (RFC 7252, section 5.9.1.5); 2.31 or 2.02 do not answer it.
            said = shown(message.payload.decode("utf-8", "replace"))
            words = f"{message.code}: {said}" if said else str(message.code)
            return reader.refused(Reason.DEVICE_EXCEPTION, words, received)
        if message.opt.block2 is not None and message.opt.block2.more:
            try:
                message = await self._session.endpoint.whole(
                    self._session.request(self.watch), self.watch.timeout_s
                )
            except NoAnswer as none:
                return reader.refused(
                    Reason.UNDECODABLE, f"the answer's further blocks did not come: {none}", received
                )
        content_format = message.opt.content_format
        return reader.read(message.payload, None if content_format is None else int(content_format), received)
