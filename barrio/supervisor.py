"""Keeps every link running: one task a link, one place that decides what is tried again.

Only `TransientError` is tried again, after a jittered wait that grows up to `MAX_WAIT_S`, which is short enough that a
peer is read again within 5 s of its return, also when the try before has just missed it. It begins anew once a link
was up for `STEADY_S`, so that a peer which answers and hangs up, for ever, does not flood log and ledger.

A link that drops is said once when it drops and once when it is back. Any other exception is a bug: it stops the
platform loudly. So does one in anything else, but for work that people ask for and that is made later (`asked`): a
question must not end what reads the devices.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import structlog

from barrio.strangers import Strangers
from twin.errors import BarrioError, TransientError
from twin.quality import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from barrio.desk import EventDesk
    from connectors.base import Link
    from twin.clock import Clock
    from twin.events import DeviceEvent
    from twin.frame import Frame, Ids
    from twin.gaps import Gaps
    from twin.ingest.intake import Intake

FIRST_WAIT_S = 0.5
MAX_WAIT_S = 2.5
START_SPREAD_S = 0.5
STEADY_S = 10.0

T = TypeVar("T")

log = structlog.get_logger("barrio.links")


class AskedInVain(BarrioError):
    """Raised in place of a bug in work that somebody asked for."""


@dataclass(slots=True)
class Bugs:
    """Bugs that ended what somebody asked for, since the start. `words` and `since`, ns UTC, are of the newest."""

    count: int = 0
    words: str = ""
    since: int = 0


@dataclass(slots=True)
class LinkStatus:
    """What is known of one link. `since` is ns UTC of the last change; `words` say why it is down.

    `devices` are the ids of its devices, `owners` the same with their district, `district/device`.
    """

    name: str
    protocol: str
    devices: tuple[str, ...]
    owners: tuple[str, ...]
    ids: Ids
    up: bool = False
    since: int = 0
    words: str = "not connected yet"
    attempts: int = 0
    up_since_s: float = 0.0
    drops: int = 0
    ever_up: bool = field(default=False)


class LinkSink:
    """`connectors.base.Sink` of one link."""

    def __init__(self, status: LinkStatus, keeper: Supervisor) -> None:
        self._status = status
        self._keeper = keeper
        self._intake = keeper.intake

    def now_ns(self) -> int:
        """Time of receipt."""
        return self._keeper.clock.now_ns()

    def up(self) -> None:
        """The peer has answered."""
        if not self._status.up:
            self._keeper.mark_up(self._status)

    async def submit(self, frame: Frame) -> None:
        """Take a polled frame."""
        await self._intake.submit(frame)

    def offer(self, frame: Frame) -> bool:
        """Take a frame that the device sent by itself."""
        return self._intake.offer(frame)

    async def commit(self, frame: Frame) -> None:
        """Take a frame, return when it is durable."""
        await self._intake.commit(frame)

    def silent(self, ids: Ids, reason: Reason, words: str) -> None:
        """These points gave no answer."""
        self._keeper.gaps.silent(ids, reason, words, self._keeper.clock.now_ns())

    async def backfill(self, frame: Frame) -> None:
        """Take what a device had kept."""
        await self._intake.backfill(frame)

    def filled(self, ids: Ids, start: int, stop: int) -> None:
        """These points' history is complete: said to the ledger once all of it is settled."""
        self._intake.afterwards(partial(self._keeper.gaps.filled, ids, start, stop))

    def event(self, event: DeviceEvent) -> None:
        """Take what a device reported of itself."""
        self._keeper.desk.take(event)

    def stranger(self, identity: str, words: str) -> None:
        """Somebody who is not configured has spoken."""
        self._keeper.strangers.seen(self._status.name, identity, words, self.now_ns())


class Supervisor:
    """Runs links until cancelled."""

    def __init__(
        self,
        links: Sequence[tuple[str, Link]],
        intake: Intake,
        gaps: Gaps,
        clock: Clock,
        note: Callable[[str, int, str, str], object],
        desk: EventDesk,
    ) -> None:
        self.intake = intake
        self.gaps = gaps
        self.clock = clock
        self.links = [(_status(protocol, link), link) for protocol, link in links]
        self.desk = desk
        self.listeners: list[Callable[[LinkStatus], object]] = []
        self.strangers = Strangers(note)
        self.bugs = Bugs()
        self._note = note
        self._by_device = {
            f"{bound.device.district}/{bound.device.id}": link
            for _, link in self.links
            for bound in link.devices
        }

    def link_of(self, device: str) -> Link | None:
        """Return the link that reads `district/device`, None when there is none."""
        return self._by_device.get(device)

    async def run(self) -> None:
        """Keep all links running; ends only by cancellation or by a bug."""
        async with asyncio.TaskGroup() as group:
            for status, link in self.links:
                group.create_task(self._keep(status, link), name=f"link {status.name}")
            if not self.links:
                await asyncio.Event().wait()

    def asked(self, what: str, work: Callable[[], T]) -> T:
        """Do work that somebody asked for, and end only that with `AskedInVain` where it meets a bug; blocks.

        The one place where a bug does not stop the platform. It is logged with its traceback and counted, and barrio
        says of itself that it is not well until the next start. What is no bug is raised as it is.
        """
        try:
            return work()
        except (BarrioError, OSError):
            raise
        except Exception as error:
            log.exception("supervisor.bug", what=what)
            self.bugs.count += 1
            self.bugs.words, self.bugs.since = f"{what}: {type(error).__name__}", self.clock.now_ns()
            raise AskedInVain("a fault of barrio; its log says more") from error

    def mark_up(self, status: LinkStatus) -> None:
        """Say once that a link is up."""
        status.up, status.words = True, ""
        status.up_since_s = self.clock.monotonic_s()
        status.since = self.clock.now_ns()
        if status.drops or not status.ever_up:
            self._note("link_up", status.since, "", status.name)
        if status.drops:
            log.info("link.back", link=status.name)
        status.ever_up = True
        self._tell(status)

    async def _keep(self, status: LinkStatus, link: Link) -> None:
        status.since = self.clock.now_ns()
        await asyncio.sleep(random.uniform(0, START_SPREAD_S))
        sink = LinkSink(status, self)
        while True:
            try:
                await _heeding(link.run(sink))
            except TransientError as error:
                self._mark_down(status, error.words)
                asked = error.retry_after_s or 0.0
            else:
                message = f"link {status.name} returned; run() ends only by cancellation or TransientError"
                raise RuntimeError(message)
            wait_s = min(FIRST_WAIT_S * 2 ** min(status.attempts, 8), MAX_WAIT_S)
            status.attempts += 1
            await asyncio.sleep(max(wait_s * random.uniform(0.5, 1.0), asked))

    def _mark_down(self, status: LinkStatus, words: str) -> None:
        now = self.clock.now_ns()
        if status.up and self.clock.monotonic_s() - status.up_since_s >= STEADY_S:
            status.attempts = 0
        if status.up or not status.drops:
            status.since = now
            status.drops += 1
            self._note("link_down", now, words, status.name)
            log.warning("link.down", link=status.name, words=words, devices=len(status.devices))
        status.up, status.words = False, words
        self.gaps.silent(status.ids, Reason.LINK_DOWN, words, now)
        self._tell(status)

    def _tell(self, status: LinkStatus) -> None:
        for listener in self.listeners:
            listener(status)


async def _heeding(work: Coroutine[Any, Any, None]) -> None:
    """Do `work`, and end as cancelled when that was asked for, also where `work` tells of a loss instead.

    A TaskGroup of Python 3.11 that is cancelled while one of its tasks fails tells of the failure only: the link would
    be tried again, and a stop would wait for it. In a task of its own, cancellations that `work` leaves are not ours.
    """
    before = _cancellations()
    try:
        await asyncio.create_task(work)
    except TransientError:
        if _cancellations() > before:
            raise asyncio.CancelledError from None
        raise
    if _cancellations() > before:
        raise asyncio.CancelledError


def _cancellations() -> int:
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def _status(protocol: str, link: Link) -> LinkStatus:
    ids = np.array(
        [item.id for device in link.devices for item in device.points if item.point.readable], np.int32
    )
    devices = [bound.device for bound in link.devices]
    owners = tuple(f"{device.district}/{device.id}" for device in devices)
    return LinkStatus(link.name, protocol, tuple(device.id for device in devices), owners, ids)
