"""A link to a device that listens: every resource observed or polled, its answers delivered as frames."""

from __future__ import annotations

import asyncio
import zlib
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiocoap

from connectors.coap import blocks, exchange
from connectors.coap.config import address_of, options_of
from connectors.coap.exchange import NoAnswer, Unreachable
from connectors.coap.observation import Order, Pace, next_slot
from connectors.coap.reader import Reader, accepted
from connectors.coap.security import Security
from connectors.coap.writing import Writer
from connectors.payloads.decoding import shown
from twin.errors import TransientError
from twin.quality import Reason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from aiocoap import Message

    from connectors.abilities import Outcome, Setting
    from connectors.base import Sink
    from connectors.coap.config import CoapOptions, CoapPoint
    from connectors.coap.exchange import Exchange, Guard, Line
    from connectors.coap.reader import Samples
    from connectors.home import Home
    from twin.model.bound import BoundDevice, BoundPoint

_AT_ONCE = 4
_TOO_OFTEN = (aiocoap.SERVICE_UNAVAILABLE, aiocoap.TOO_MANY_REQUESTS)
_CORE = "/.well-known/core"


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
    """All devices behind one host and port that share a key. They share a peer, so they are away together.

    `dropped` counts the datagrams that were no answer, by reason, over all runs.
    """

    def __init__(self, devices: Sequence[BoundDevice], home: Home, pace: Pace) -> None:
        self._devices = devices
        self._pace = pace
        self._endpoint = devices[0].device.endpoint
        self._timeout_s = options_of(devices[0].device).timeout
        self._security = Security(self._endpoint, options_of(devices[0].device), home)
        self._session: _Session | None = None
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
        """How the peer is spoken to, for health: `OSCORE`, `DTLS-PSK` or `none`."""
        return self._security.name

    async def run(self, sink: Sink) -> None:
        """Observe and poll until cancelled; TransientError when nothing of the peer answers."""
        async with self._peer() as line:
            line.dropped = self.dropped
            self._session = _Session(self, line, sink, self._pace)
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
                exchange.line_to(self._endpoint.host, self._endpoint.port, security.wrap()) as line,
            ):
                yield line
        except NoAnswer as none:
            raise TransientError(self.name, str(none)) from none

    async def guard(self) -> Guard | None:
        """Return what protects the next request, None where nothing does."""
        return await self._security.guard()

    def request(self, watch: Watch) -> Message:
        """Return the question for a resource, in the format that its profile names (Accept)."""
        message = exchange.request(watch.resource, self._endpoint.host)
        message.opt.accept = accepted(watch.reader.format)
        return message


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

    def __init__(self, link: CoapLink, line: Line, sink: Sink, pace: Pace) -> None:
        self.link = link
        self.line = line
        self.sink = sink
        self.pace = pace
        self.gate = asyncio.Semaphore(_AT_ONCE)
        self._mute: set[_Watcher] = set()
        self._enough = 1
        self._is_up = False

    async def run(self, found: Sequence[Watch]) -> None:
        self._enough = min(len(found), _AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for watch in found:
                group.create_task(_Watcher(self, watch).run(), name=f"{self.link.name}{watch.resource}")

    def heard(self) -> None:
        self._mute.clear()
        if not self._is_up:
            self._is_up = True
            self.sink.up()

    def unheard(self, watcher: _Watcher, none: NoAnswer) -> None:
        """Take note of a silence; TransientError when nobody is there, or resource after resource is mute."""
        self._mute.add(watcher)
        if isinstance(none, Unreachable) or len(self._mute) >= self._enough:
            raise TransientError(self.link.name, str(none)) from none
        self.sink.silent(watcher.watch.reader.ids, Reason.NO_ANSWER, str(none))


class _Watcher:
    """One resource: asked, followed while it notifies, asked again.

    A token is kept as long as the server may hold an observation under it, so that asking again renews that one
    instead of adding another (RFC 7641, section 4.1).
    """

    def __init__(self, session: _Session, watch: Watch) -> None:
        self.watch = watch
        self._session = session
        self._line = session.line
        self._guard: Guard | None = None
        self._token: bytes | None = None
        self._loop = asyncio.get_running_loop()

    async def run(self) -> None:
        await self._session.pace.turn()
        try:
            while True:
                wait_s = await self._round()
                await asyncio.sleep(wait_s)
        finally:
            if self._token is not None:
                self._forget(self._token)

    def _forget(self, token: bytes) -> None:
        """Tell the device to end an observation (RFC 7641, section 3.6); nobody waits for the answer."""
        message = self._session.link.request(self.watch)
        message.opt.observe = 1
        try:
            self._line.tell(message, token, self._guard)
        except NoAnswer:
            return

    async def _round(self) -> float:
        """Ask once and follow what notifications come of it; returns the wait until the next time, in seconds."""
        async with self._session.gate:
            try:
                asked, answer, at_s = await self._answered()
            except NoAnswer as none:
                self._session.unheard(self, none)
                return min(self._until_slot(), self._session.pace.probe_s)
        try:
            await self._deliver(await self._samples(answer), asked=True)
            return await self._after(asked, answer, at_s)
        finally:
            asked.stop()

    async def _answered(self) -> tuple[Exchange, Message, float]:
        """Ask, and return the exchange with its first answer and when that came; `Exchange.stop` must follow."""
        asked = await self._ask()
        try:
            return asked, *await asked.answer(self.watch.timeout_s)
        except BaseException:
            asked.stop()
            raise

    async def _ask(self) -> Exchange:
        self._guard = await self._session.link.guard()
        message = self._session.link.request(self.watch)
        token = self._token or self._line.new_token()
        if self.watch.observe:
            message.opt.observe = 0
            self._token = token
        return self._line.begin(message, token, exchange.USUAL, self._guard)

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
            await self._deliver(await self._samples(message), asked=False)
            if message.opt.observe is None or not message.code.is_successful():
                self._token = None
                return self._rest(message)

    async def _deliver(self, samples: Samples, *, asked: bool) -> None:
        """Hand the older samples of a pack on first, as what the device had kept, then the newest."""
        sink = self._session.sink
        if samples.kept is not None:
            await sink.backfill(samples.kept)
        if samples.newest is None:
            return
        if asked:
            await sink.submit(samples.newest)
        else:
            sink.offer(samples.newest)

    def _patience(self, last: Message) -> float:
        return self._session.pace.patience_s(last.opt.max_age, self.watch.silent_after_s)

    def _rest(self, answer: Message) -> float:
        if answer.code in _TOO_OFTEN and answer.opt.max_age is not None:
            return self._session.pace.retry_s(answer.opt.max_age)
        return self._until_slot()

    def _until_slot(self) -> float:
        now = self._loop.time()
        return next_slot(now, self.watch.period_s, self.watch.phase) - now

    async def _samples(self, message: Message) -> Samples:
        self._session.heard()
        received = self._session.sink.now_ns()
        reader = self.watch.reader
        if message.code != aiocoap.CONTENT:
            # Only 2.05 carries what a GET asked for (RFC 7252, section 5.9.1.5); 2.31 or 2.02 do not answer it.
            return reader.refusal(Reason.DEVICE_EXCEPTION, exchange.said(message), received)
        if message.opt.block2 is not None and message.opt.block2.more:
            try:
                message = await self._whole(message)
            except NoAnswer as none:
                words = f"the answer's further blocks did not come: {none}"
                return reader.refusal(Reason.UNDECODABLE, words, received)
        number = message.opt.content_format
        return reader.samples(message.payload, None if number is None else int(number), received)

    async def _whole(self, first: Message) -> Message:
        guard = await self._session.link.guard()
        async with asyncio.timeout(self.watch.timeout_s * _AT_ONCE) as bound:
            try:
                return await blocks.rest(
                    self._line,
                    first,
                    lambda: self._session.link.request(self.watch),
                    self.watch.timeout_s,
                    guard,
                )
            except asyncio.CancelledError:
                if bound.expired():
                    raise NoAnswer("they took too long") from None
                raise
