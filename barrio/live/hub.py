"""The hub: takes what happens, and gives it to whoever listens.

It follows the intake: what it is told is durable already, and the live twin has it. Readings that are stored are
given, not those that only said again what the last one said; so a stream and the history of its points agree.

What must hold:

- Taking costs a copy into the ring, however many listen, and nothing until the first one came: nobody who listens
  holds up the intake, and where nobody does the ring takes no memory.
- Events are given in the order of their numbers, each once; `place` of a subscriber and `given` of the hub say how far.
- What a group of equal listeners is given is put together once; what is told of a reading is written once.
- A round of giving that took long is followed by as long a pause, so that others have their half of the core.
- Whoever comes back with an id is given what is after it, or told with `lost` what is gone.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
import structlog

from barrio.errors import AskError
from barrio.history.permitted import SETTLED_S
from barrio.live.catchup import Reader
from barrio.live.group import Group
from barrio.live.notes import Note, Notes
from barrio.live.ring import Ring, Rows
from barrio.live.rounds import Rounds
from barrio.live.spread import Spread
from barrio.live.subscriber import Subscriber
from barrio.live.words import ALARM, GAP, Place, Readings, data_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from barrio.access.who import Who
    from barrio.live.selection import Selection
    from barrio.live.words import Dialect
    from barrio.platform import Platform
    from twin.alarms.alarm import Alarm
    from twin.alarms.change import Change
    from twin.frame import Ids, Times
    from twin.ingest.settle import Settled
    from twin.quality import Reason

MOST_STREAMS = 2_000
MOST_OF_A_TOKEN = 100
MOST_OF_THE_PUBLIC = 500
BEAT_S = 15.0
LOOK_S = 1.0
SHORTEST_PAUSE_S = 0.02
A_BREATH = 50
"""Subscribers that are woken before others have a turn."""
_WHO = frozenset({"who", "comment"})

log = structlog.get_logger("barrio")


class TooMany(Exception):
    """Raised when there is no room for another listener; the words say which limit was met."""


class Hub:
    """The one hub of a platform; used from the event loop's thread."""

    def __init__(self, platform: Platform, grace_s: float = SETTLED_S) -> None:
        now = platform.clock.now_ns()
        self.epoch = f"{platform.started // 1_000_000:x}"
        self.most = MOST_STREAMS
        self.readings = Readings(platform.catalogue)
        self._platform = platform
        self._last = self.given = now // 1000
        self.ring = Ring(self._last)
        self.notes = Notes(self._last)
        self.rounds = Rounds(platform.catalogue.districts, self._last, now, grace_s)
        self.reader = Reader(self, platform)
        self._spread = Spread(self)
        self._groups: dict[tuple[object, ...], Group] = {}
        self._of: Counter[str] = Counter()
        self._news = asyncio.Event()
        self._listened = False
        self._beat_s = platform.clock.monotonic_s()
        self.closed = ""

    def attach(self) -> None:
        """Follow the platform, which runs from now on: what it restores before that is no news."""
        platform = self._platform
        platform.intake.followers.append(self.follow)
        platform.gaps.listeners.append(self.gap)
        if platform.living.alarms is not None:
            platform.living.alarms.listeners.append(self.alarmed)

    # --- what happens ---------------------------------------------------------------------------------------

    def follow(self, settled: Settled) -> None:
        """Take a flush."""
        changed = settled.changed
        batch = settled.readings if changed.all() else settled.readings.take(changed)
        if not len(batch):
            return
        first = self.numbers(len(batch))
        if not self._listened:
            self.ring.floor = self._last
            return
        number = np.arange(first, first + len(batch), dtype=np.int64)
        self.ring.add(Rows(number, batch.ids, batch.time, batch.value, batch.quality))
        self._news.set()

    def alarmed(self, change: Change, alarm: Alarm) -> None:
        """Take what happened to an alarm."""
        from barrio.api.alarm_answers import change as described

        point, body = alarm.subject.point, described(change)
        item = None if point is None else self._platform.catalogue.points.get(point.path)
        series = 0 if item is None else item.id
        private = {key: value for key, value in body.items() if key not in _WHO}
        self._note(ALARM, series, data_of(private), alarm.what, data_of(body))

    def gap(self, ids: Ids, at: Times, reason: Reason | None, words: str) -> None:
        """Take gaps that began for a reason, or ended."""
        for series, moment in zip(ids.tolist(), at.tolist(), strict=True):
            if series in self.readings:
                said = [self.readings.gap(series, moment, reason, told) for told in ("", words)]
                self._note(GAP, series, said[0], on_duty=said[1])

    def numbers(self, count: int) -> int:
        """Return the first of so many numbers that follow each other and were never given before."""
        first = max(self._last + 1, self._platform.clock.now_ns() // 1000)
        self._last = first + count - 1
        return first

    def _note(self, kind: str, series: int, data: str, path: str = "", on_duty: str = "") -> None:
        self.notes.add(Note(self.numbers(1), kind, series, data, path, on_duty))
        self._news.set()

    # --- who listens ----------------------------------------------------------------------------------------

    def join(
        self, selection: Selection, dialect: Dialect, who: Who, after: Place | None = None
    ) -> Subscriber:
        """Return a new listener, who is given what comes after a place, or from now on; `TooMany` without room.

        AskError when the place was never reached in this life of the ring.
        """
        if after is not None and after.epoch == self.epoch and after.number > self._last:
            raise AskError("Last-Event-ID", f"there was no event {after} yet")
        self._make_room(who)
        if not self._listened:
            self._listened, self.given = True, self._last
        group = self._groups.setdefault((dialect.name, *selection.key), Group(selection, dialect))
        place = self.given if after is None else after.number
        subscriber = Subscriber(self, group, who, place, behind=after is not None)
        subscriber.stranger = after is not None and after.epoch != self.epoch
        if not group.members:
            self._spread.add(group)
        group.members.add(subscriber)
        self._of[_name(who)] += 1
        return subscriber

    def leave(self, subscriber: Subscriber) -> None:
        """Let a listener go; a second time does nothing."""
        group = subscriber.group
        if subscriber not in group.members:
            return
        group.members.discard(subscriber)
        self._of[_name(subscriber.who)] -= 1
        if not group.members:
            self._spread.remove(group)
            self._groups = {key: one for key, one in self._groups.items() if one is not group}

    def close(self, words: str) -> None:
        """End all listeners; nobody is taken any more."""
        self.closed = words
        for one in list(self._everybody()):
            one.end(words)

    @property
    def count(self) -> int:
        """How many listen."""
        return sum(self._of.values())

    def holds(self, who: Who) -> bool:
        """Whether somebody's token, and their session, are still good; no disk is asked."""
        if who.session is not None and not who.session():
            return False
        platform = self._platform
        return not who.token or platform.keys.by_id(who.token, platform.clock.now_ns()) is not None

    def _make_room(self, who: Who) -> None:
        if self.closed:
            raise TooMany(self.closed)
        if self.count >= self.most:
            raise TooMany(f"{self.most:,} streams are open, which is the most that this platform serves")
        if who.sight.whole and not who.token:
            return
        most = MOST_OF_A_TOKEN if who.token else MOST_OF_THE_PUBLIC
        if self._of[_name(who)] >= most:
            whose = "of this token" if who.token else "without a token"
            raise TooMany(f"{most} streams {whose} are open, which is the most")

    def _everybody(self) -> Iterator[Subscriber]:
        return (member for group in self._groups.values() for member in group.members)

    # --- giving ---------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Give until cancelled."""
        clock, looked_s = self._platform.clock, -LOOK_S
        try:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):
                        await self._news.wait()
                self._news.clear()
                begun = clock.monotonic_s()
                await self._give(self._last)
                if clock.monotonic_s() - looked_s >= LOOK_S:
                    looked_s = clock.monotonic_s()
                    await self._look()
                await asyncio.sleep(max(SHORTEST_PAUSE_S, clock.monotonic_s() - begun))
        finally:
            self.close("barrio stops")

    async def _look(self) -> None:
        """Once a second: windows that ended, tokens that are good no more, those who have heard nothing for long."""
        for ended in self.rounds.due(self._platform.clock.now_ns(), lambda: self.numbers(self.size)):
            await self._give(ended.number - 1)
            await self._hand_out(await self._spread.windows(ended, self.reader), ended.number + self.size - 1)
        verdicts: dict[str, bool] = {}
        for one in list(self._everybody()):
            key = one.who.token
            if one.who.session is None and key not in verdicts:
                verdicts[key] = self.holds(one.who)
            if not (self.holds(one.who) if one.who.session is not None else verdicts[key]):
                one.end(REVOKED)
        now_s = self._platform.clock.monotonic_s()
        if now_s - self._beat_s >= BEAT_S:
            self._beat_s = now_s
            self._beat()

    def _beat(self) -> None:
        """Let everybody know how far it is, so that whoever hears little has no old id to come back with."""
        for group in self._groups.values():
            message = group.dialect.beat(str(Place(self.epoch, self.given)))
            for member in group.members:
                member.beat(self.given, message)

    async def _give(self, until: int) -> None:
        """Give what happened since the last time, until a number."""
        while self.given < until:
            if self.ring.floor > self.given or self.notes.floor > self.given:
                for one in self._everybody():
                    one.fall_behind(self.given)
            touched, number = self._spread.next(self.given, until)
            await self._hand_out(touched, number)

    async def _hand_out(self, touched: list[Group], number: int) -> None:
        before, self.given = self.given, number
        woken = 0
        for group in touched:
            message = group.put_together()
            for member in list(group.members):
                member.offer(before, number, message)
                woken += 1
                if woken % A_BREATH == 0:
                    await asyncio.sleep(0)

    @property
    def size(self) -> int:
        """One more than the highest series id."""
        return self._platform.catalogue.size


REVOKED = "the token was revoked or has expired"


def _name(who: Who) -> str:
    return who.token or who.name
