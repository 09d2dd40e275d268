"""The publish loop of a session: every message in its turn, none missing, and silence noticed.

Messages of a subscription are numbered. One that does not arrive is asked for again (OPC 10000-4, 5.14.1.4); where the
server has it no more, whoever owns the items is told how many were lost.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from asyncua import ua
from asyncua.ua import uaerrors

from connectors.opcua import services
from connectors.opcua.codec import ns_of, status_name
from connectors.opcua.subscription import changes_of
from twin.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

    from connectors.base import Sink
    from connectors.opcua.memory import Memory
    from connectors.opcua.session import Session
    from connectors.opcua.subscription import Subscription
    from twin.frame import Frame

_MOST_REPUBLISHED = 100
_NUMBERS = 0xFFFF_FFFF  # sequence numbers run from 1 to this, then from 1 again (OPC 10000-4, 7.27)


@dataclass(slots=True)
class Active:
    """A subscription of this run; `heard_s` is the loop's time of its last publish response."""

    id: int
    items: Subscription | None
    silence_s: float
    heard_s: float
    expected: int = 1
    in_turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Publishing:
    """The subscriptions of one run; those without items carry events."""

    def __init__(
        self,
        session: Session,
        sink: Sink,
        memory: Memory,
        recover: Callable[[Subscription | None, int], Awaitable[None]],
        take_events: Callable[[Sequence[ua.EventFieldList], int], Awaitable[None]],
    ) -> None:
        self.active: dict[int, Active] = {}
        self._session = session
        self._sink = sink
        self._memory = memory
        self._recover = recover
        self._take_events = take_events
        self._unacknowledged: list[ua.SubscriptionAcknowledgement] = []

    def tasks(self) -> list[Coroutine[None, None, None]]:
        """Return what has to run: a publish request for each subscription and one more, and the watch over them."""
        if not self.active:
            return []
        return [*(self.publish() for _ in range(len(self.active) + 1)), self.watch()]

    async def publish(self) -> None:
        """Keep one publish request with the server, for ever."""
        while True:
            acknowledged, self._unacknowledged = self._unacknowledged, []
            try:
                result = await self._session.publish(acknowledged)
            except uaerrors.BadTimeout:
                continue
            except uaerrors.BadTooManyPublishRequests:
                await asyncio.sleep(min(active.silence_s for active in self.active.values()) / 2)
            except uaerrors.UaStructParsingError as error:
                self._lose(str(error.__cause__ or error))
            else:
                active = self.active.get(result.SubscriptionId)
                if active is not None:
                    async with active.in_turn:
                        await self._handle(active, result)

    async def _handle(self, active: Active, result: ua.PublishResult) -> None:
        active.heard_s = asyncio.get_running_loop().time()
        message = result.NotificationMessage
        number = message.SequenceNumber
        if number != active.expected:
            await self._mend(active, number)
        received = self._sink.now_ns()
        if message.NotificationData:
            active.expected = number % _NUMBERS + 1
            self._acknowledge(active, number)
            await self._take(active, message, received)
        if active.items is not None and not result.MoreNotifications:
            self._offer(active.items.confirm(ns_of(message.PublishTime), received))

    def _acknowledge(self, active: Active, number: int) -> None:
        self._unacknowledged.append(ua.SubscriptionAcknowledgement(active.id, number))

    async def _take(self, active: Active, message: ua.NotificationMessage, received: int) -> None:
        for notification in message.NotificationData or ():
            if isinstance(notification, ua.DataChangeNotification):
                if active.items is not None:
                    self._offer(active.items.take(changes_of(notification), received))
                    if active.items.overflowed:
                        self._say_overflow(active.items)
            elif isinstance(notification, ua.EventNotificationList):
                await self._take_events(notification.Events or (), received)
            elif isinstance(notification, ua.StatusChangeNotification):
                words = f"subscription ended by the server: {status_name(notification.Status.value)}"
                raise TransientError(self._session.url, words)

    async def _mend(self, active: Active, number: int) -> None:
        """Fetch the messages before `number` that did not arrive (OPC 10000-4, 5.14.1.4), or say that they are lost."""
        missing = (number - active.expected) % _NUMBERS
        if number == 0 or missing > _NUMBERS // 2:
            return  # numbered anew, or a keep-alive that repeats its number
        for _ in range(min(missing, _MOST_REPUBLISHED)):
            message = await services.republish(self._session, active.id, active.expected)
            if message is None:
                break
            self._acknowledge(active, active.expected)
            active.expected = active.expected % _NUMBERS + 1
            await self._take(active, message, self._sink.now_ns())
        lost = (number - active.expected) % _NUMBERS
        active.expected = number
        if lost:
            self._memory.seldom("opcua.notifications_lost", link=self._session.url, messages=lost)
            await self._recover(active.items, lost)

    def _say_overflow(self, items: Subscription) -> None:
        places = sorted(items.overflowed)
        items.overflowed.clear()
        point = items.items[places[0]].bound.point.path
        self._memory.once("opcua.queue_too_short", link=self._session.url, points=len(places), point=point)

    def _lose(self, words: str) -> None:
        self._memory.seldom("opcua.response_not_understood", link=self._session.url, error=words)
        for active in self.active.values():
            if active.items is not None:
                active.items.forget()

    async def watch(self) -> None:
        """Raise when a subscription is silent for too long, however alive the connection looks."""
        loop = asyncio.get_running_loop()
        while True:
            ends = min(
                (active.heard_s + active.silence_s, active.silence_s) for active in self.active.values()
            )
            if ends[0] <= loop.time():
                raise TransientError(self._session.url, f"no keep-alive for {ends[1]:.3g} s")
            await asyncio.sleep(ends[0] - loop.time())

    def _offer(self, frame: Frame | None) -> None:
        if frame is not None:
            self._sink.offer(frame)
