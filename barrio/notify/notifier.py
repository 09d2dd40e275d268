"""The sender of notifications: hands what is due in the outbox to the channels, each of which has a task of its own.

A receiver that never answers holds up its own channel and no other. Whatever is not known to be delivered when the
platform stops is delivered again at the next start, with the same delivery id.
"""

from __future__ import annotations

import asyncio
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING

from barrio.errors import UnknownName
from barrio.notify.lane import WHOLE_S, Lane
from barrio.notify.outcome import Outcome, Way, unreachable
from twin.model.source import suggest
from twin.outbox_rows import Entry
from twin.sqlite import DatabaseBusy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from barrio.notify.lane import InThread, OnAnswer
    from twin.clock import Clock
    from twin.notify_spec import ChannelSpec
    from twin.outbox import Outbox

LOOK_S = 1.0
EXPIRE_S = 3600.0
TEST = "test"


class Notifier:
    """Sends what the outbox holds for `channels`, by qualified id (`district/channel`)."""

    def __init__(
        self,
        outbox: Outbox,
        channels: Mapping[str, ChannelSpec],
        secrets: Callable[[str], str],
        clock: Clock,
        in_thread: InThread,
        on_answer: OnAnswer | None = None,
    ) -> None:
        self.channels = channels
        self.on_answer = on_answer or _unheard
        self._outbox = outbox
        self._secrets = secrets
        self._clock = clock
        self._in_thread = in_thread
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Send until cancelled; any failure but a receiver's ends it with that failure."""
        loop = asyncio.get_running_loop()

        def on_put() -> None:
            with suppress(RuntimeError):
                # The loop is closed: the entry is kept for the next start.
                loop.call_soon_threadsafe(self._news.set)

        lanes = {channel: self._lane(channel, spec) for channel, spec in self.channels.items()}
        self._outbox.on_put = on_put
        self._outbox.recall()
        async with asyncio.TaskGroup() as group:
            for lane in lanes.values():
                group.create_task(lane.run(self._news.set), name=f"notify {lane.channel}")
            group.create_task(self._dispatch(lanes), name="notify")

    async def test(self, channel: str) -> Outcome:
        """Send a test message past the queue and return what came of it; UnknownName when there is no such channel."""
        spec = self.channels.get(channel)
        if spec is None:
            raise UnknownName(f"there is no channel {channel!r}{suggest(channel, list(self.channels))}")
        name = str(uuid.uuid4())
        entry = Entry(0, channel, f"{TEST}-{name}", name, TEST, "{}", self._clock.now_ns(), 1)
        way = self._way(spec)
        try:
            async with asyncio.timeout(WHOLE_S):
                return await way.deliver(entry)
        except TimeoutError:
            return unreachable(f"no whole answer within {WHOLE_S:.0f} s")
        finally:
            await way.close()

    async def _dispatch(self, lanes: Mapping[str, Lane]) -> None:
        expired_s = -EXPIRE_S
        while True:
            self._news.clear()
            try:
                if self._clock.monotonic_s() - expired_s >= EXPIRE_S:
                    expired_s = self._clock.monotonic_s()
                    await self._in_thread("ledger", self._outbox.expire, self._clock.now_ns(), list(lanes))
                await self._hand_out(lanes)
            except DatabaseBusy:
                await asyncio.sleep(LOOK_S)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._news.wait()

    async def _hand_out(self, lanes: Mapping[str, Lane]) -> None:
        ready = [channel for channel, lane in lanes.items() if lane.may_send()]
        for channel in ready:
            await lanes[channel].condense()
        due = await self._in_thread("ledger", self._outbox.due, self._clock.now_ns(), ready)
        for entry in due:
            lanes[entry.channel].take(entry)

    def _lane(self, channel: str, spec: ChannelSpec) -> Lane:
        way = self._way(spec)
        return Lane(channel, spec, way, self._outbox, self._clock, self._in_thread, self._answered)

    def _answered(self, channel: str, key: str, status: int, body: str) -> None:
        self.on_answer(channel, key, status, body)

    def _way(self, spec: ChannelSpec) -> Way:
        """Return the way of a channel; only its own library is imported."""
        if spec.webhook is not None:
            from barrio.notify.webhook import Webhook

            return Webhook(spec, self._secrets, self._clock)
        if spec.email is not None:
            from barrio.notify.email import Email

            return Email(spec, spec.email, self._secrets)
        from barrio.notify.apprise import Apprise

        return Apprise(spec, self._secrets)


def _unheard(channel: str, key: str, status: int, body: str) -> None:
    """Nobody waits for answers."""
