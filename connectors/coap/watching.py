"""The resources of a peer while a link runs: each asked, followed while it notifies, asked again."""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiocoap

from connectors.coap import blocks, exchange
from connectors.coap.config import address_of, options_of
from connectors.coap.exchange import NoAnswer, Unreachable
from connectors.coap.observation import Order, Pace, next_slot
from connectors.coap.reader import Reader, accepted
from twin.errors import TransientError
from twin.quality import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiocoap import Message

    from connectors.base import Sink
    from connectors.coap.config import CoapOptions, CoapPoint
    from connectors.coap.exchange import Exchange, Guard
    from connectors.coap.line import Line
    from connectors.coap.reader import Samples
    from connectors.coap.security import Security
    from twin.model.bound import BoundDevice, BoundPoint
    from twin.model.protocol import Endpoint

_AT_ONCE = 4
_TOO_OFTEN = (aiocoap.SERVICE_UNAVAILABLE, aiocoap.TOO_MANY_REQUESTS)


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


class Session:
    """One run of a link: what its resources share, and what is known of the peer."""

    def __init__(self, line: Line, sink: Sink, pace: Pace, endpoint: Endpoint, security: Security) -> None:
        self.line = line
        self.sink = sink
        self.pace = pace
        self.security = security
        self._endpoint = endpoint
        self.gate = asyncio.Semaphore(_AT_ONCE)
        self._mute: set[_Watcher] = set()
        self._enough = 1
        self._is_up = False

    async def run(self, found: Sequence[Watch]) -> None:
        """Watch until cancelled; a group with TransientError when nothing of the peer answers."""
        self._enough = min(len(found), _AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for watch in found:
                group.create_task(_Watcher(self, watch).run(), name=f"{self._endpoint.peer}{watch.resource}")

    def request(self, watch: Watch) -> Message:
        """Return the question for a resource, in the format that its profile names (Accept)."""
        message = exchange.request(watch.resource, self._endpoint.host)
        message.opt.accept = accepted(watch.reader.format)
        return message

    def heard(self) -> None:
        """Take note that the peer has answered."""
        self._mute.clear()
        if not self._is_up:
            self._is_up = True
            self.sink.up()

    def unheard(self, watcher: _Watcher, none: NoAnswer) -> None:
        """Take note of a silence; TransientError when nobody is there, or resource after resource is mute."""
        self._mute.add(watcher)
        if isinstance(none, Unreachable) or len(self._mute) >= self._enough:
            raise TransientError(self._endpoint.peer, str(none)) from none
        self.sink.silent(watcher.watch.reader.ids, Reason.NO_ANSWER, str(none))


class _Watcher:
    """One resource: asked, followed while it notifies, asked again.

    A token is kept as long as the server may hold an observation under it, so that asking again renews that one
    instead of adding another (RFC 7641, section 4.1).
    """

    def __init__(self, session: Session, watch: Watch) -> None:
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
        message = self._session.request(self.watch)
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
        self._guard = await self._session.security.guard()
        message = self._session.request(self.watch)
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
                return self._session.pace.shortest_s
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
        guard = await self._session.security.guard()
        async with asyncio.timeout(self.watch.timeout_s * _AT_ONCE) as bound:
            try:
                return await blocks.rest(
                    self._line,
                    first,
                    lambda: self._session.request(self.watch),
                    self.watch.timeout_s,
                    guard,
                )
            except asyncio.CancelledError:
                if bound.expired():
                    raise NoAnswer("they took too long") from None
                raise
