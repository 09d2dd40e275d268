"""One channel at work: one delivery at a time, so many in a minute, and none of its troubles is another channel's."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

import structlog

from barrio.notify.outcome import LIMIT_S, Outcome, unreachable
from twin.sqlite import DatabaseBusy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from barrio.notify.outcome import Way
    from twin.clock import Clock
    from twin.notify_spec import ChannelSpec
    from twin.outbox import Outbox
    from twin.outbox_rows import Entry

    InThread = Callable[..., Awaitable[Any]]
    OnAnswer = Callable[[str, str, int, str], None]

MINUTE_S = 60.0
WHOLE_S = 4 * LIMIT_S
"""How long a delivery may take as a whole; a mail is several questions and answers."""
DISK_S = 1.0

log = structlog.get_logger("barrio")


class Lane:
    """The deliveries of one channel."""

    def __init__(
        self,
        channel: str,
        spec: ChannelSpec,
        way: Way,
        outbox: Outbox,
        clock: Clock,
        in_thread: InThread,
        on_answer: OnAnswer,
    ) -> None:
        self.channel = channel
        self.spec = spec
        self._way = way
        self._outbox = outbox
        self._clock = clock
        self._in_thread = in_thread
        self._on_answer = on_answer
        self._entries: asyncio.Queue[Entry] = asyncio.Queue(1)
        self._sent: deque[float] = deque(maxlen=spec.at_most)
        self._held = False
        self._up = True

    def may_send(self) -> bool:
        """Whether the minute has room for another delivery."""
        full = len(self._sent) >= self.spec.at_most
        free = not full or self._clock.monotonic_s() - self._sent[0] >= MINUTE_S
        self._held = self._held or not free
        return free

    def take(self, entry: Entry) -> None:
        """Take an entry that the outbox handed out: it hands out one at a time."""
        self._entries.put_nowait(entry)

    async def run(self, wake: Callable[[], None]) -> None:
        """Deliver what `take` is given until cancelled; `wake` is called when another one may come."""
        try:
            while True:
                entry = await self._entries.get()
                await self._one(entry)
                wake()
        finally:
            await self._way.close()

    async def condense(self) -> None:
        """Fold what came while the minute was full, so that what matters does not wait for what does not."""
        if not self._held:
            return
        self._held = False
        await self._in_thread("ledger", self._outbox.condense, self.channel, self.spec.at_most)

    async def _one(self, entry: Entry) -> None:
        self._sent.append(self._clock.monotonic_s())
        outcome = await self._try(entry)
        if outcome.status:
            self._on_answer(entry.channel, entry.key, outcome.status, outcome.body)
        await self._record(entry, outcome)
        self._tell(outcome)

    async def _try(self, entry: Entry) -> Outcome:
        try:
            async with asyncio.timeout(WHOLE_S):
                return await self._way.deliver(entry)
        except TimeoutError:
            await self._way.close()
            return unreachable(f"no whole answer within {WHOLE_S:.0f} s")

    async def _record(self, entry: Entry, outcome: Outcome) -> None:
        """Write down what came of it, as soon as the disk lets us: until then nothing else is sent here."""
        while True:
            try:
                await self._write(entry, outcome)
            except DatabaseBusy:
                await asyncio.sleep(DISK_S)
            else:
                return

    async def _write(self, entry: Entry, outcome: Outcome) -> None:
        if outcome.verdict == "delivered":
            await self._in_thread("ledger", self._outbox.done, entry, outcome.words)
        elif outcome.verdict == "refused":
            await self._in_thread("ledger", self._outbox.failed, entry, outcome.words)
        else:
            later, asked_s = self._outbox.later, outcome.retry_after_s
            await self._in_thread("ledger", later, entry, outcome.words, asked_s, answered=outcome.answered)

    def _tell(self, outcome: Outcome) -> None:
        """Log once when a channel does not take what it is sent, and once when it does again."""
        up = outcome.verdict == "delivered"
        if up != self._up:
            self._up = up
            event = "notify.channel_back" if up else "notify.not_delivered"
            log.log(20 if up else 30, event, channel=self.channel, words=outcome.words)
