"""Rollups on the platform: made in a thread of their own, a portion at a time, with a pause after each.

The pause is as long as the portion took, and nine times as long while readings wait for the store.

What has ended comes first; then what came late, at most every half minute; then what somebody asked for; then what is
older than the first start, day by day backwards. A store that is away, or a disk that is full, is waited for. A window
is made when it ended a minute ago and the spool holds nothing that was taken before that. A district whose rollups the
store denies or refuses is left alone for a minute, so that the others go on.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import structlog

from barrio.moments import rfc3339
from twin.clock import NS
from twin.errors import TransientError
from twin.resolution import ROLLUPS, Resolution
from twin.rollups.book import Book
from twin.rollups.late import Late
from twin.rollups.made import Made
from twin.rollups.maker import MOST_MARKS, Maker
from twin.rollups.points import holds_s, points_of
from twin.rollups.portions import Ground
from twin.store.port import StoreDenied, StoreRefused

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import ExitStack

    from barrio.platform import Platform
    from twin.frame import Ids
    from twin.model.district import District
    from twin.rollups.book import Job

GRACE_S = 60.0
IDLE_S = 1.0
AWAY_S = 5.0
MARKS_S = 30.0
FORGET_S = 3600.0
LEAVE_S = 60.0
LONGEST_PAUSE_S = 3.0
WAITS_S = 2.0
"""Readings that wait for so long go first."""
PAUSE, PAUSE_WHILE_OTHERS_WAIT = 1.0, 9.0
BEHIND = 3
"""So many quarter hours that wait are worth a line in the log."""

log = structlog.get_logger("barrio.rollups")


class RollupDesk:
    """The rollups of one platform. `words` say why none are made now, empty while they are."""

    def __init__(self, platform: Platform, opened: ExitStack) -> None:
        self.words = ""
        self._platform = platform
        self.book = Book(platform.folder.rollups)
        opened.callback(self.book.close)
        aside = self.book.open()
        if aside is not None:
            words = f"set aside as {aside.name}; rollups are made again from what there is"
            platform.note("book_damaged", platform.started, words, platform.folder.rollups.name)
        self.late = Late(self.book, platform.catalogue.size)
        self.maker = Maker(platform.store, self.book, self.late, _grounds(platform))
        self.made = Made(self.book, self.maker.grounds)
        self._begun = self._behind = False
        # What has ended, and the rest, each begun and not yet at its end.
        self._first: Iterator[int] | None = None
        self._rest: Iterator[int] | None = None
        self._marks_s = self._forgot_s = -math.inf
        self._mark_units = 0
        self._refused = False
        # What the log has said of a piece of work that does not come to its end.
        self._said = ""
        # Districts that are left alone, until when.
        self._left: dict[str, float] = {}

    @property
    def horizon(self) -> int:
        """Until when windows may be made: what was taken by then is in the store."""
        platform = self._platform
        waits_s = platform.spool.oldest_age_s
        return platform.clock.now_ns() - round((GRACE_S + waits_s) * NS)

    async def run(self) -> None:
        """Make rollups until cancelled."""
        while True:
            pause_s = AWAY_S
            if not self._platform.store_words:
                try:
                    pause_s = await self._step()
                except StoreDenied as error:
                    self._leave(error.words)
                except TransientError as error:
                    self._stumble(error.words)
                except StoreRefused as error:
                    self._leave(f"the store refuses rollups: {error.words}")
            await asyncio.sleep(pause_s)

    async def _step(self) -> float:
        """Make one portion; returns for how long to leave the machine to others."""
        now, now_s = self._platform.clock.now_ns(), self._platform.clock.monotonic_s()
        if not self._begun:
            await self._in_thread(self._begin, now)
            self._begun = True
        self._left = {district: until_s for district, until_s in self._left.items() if until_s > now_s}
        if self._first is None:
            self._first = self._ended(now)
        work = self._first
        if work is None:
            if self._rest is None:
                self._rest = await self._in_thread(self._further, now, now_s)
            work = self._rest
        self._tell_how_it_stands()
        if work is None:
            return IDLE_S
        if await self._in_thread(next, work, None) is None:
            self._said = ""
            if work is self._first:
                self._first = None
            else:
                self._rest = None
        if not self._left:
            self.words = ""
        others_wait = self._platform.spool.oldest_age_s > WAITS_S
        took_s = self._platform.clock.monotonic_s() - now_s
        return min(took_s * (PAUSE_WHILE_OTHERS_WAIT if others_wait else PAUSE), LONGEST_PAUSE_S)

    async def _in_thread(self, function: Any, *args: Any) -> Any:
        return await self._platform.in_thread("rollups", function, *args)

    def _begin(self, now: int) -> None:
        """Begin or go on; raw readings that were let go before there was a book are known to the models."""
        for ground in self.maker.grounds:
            kept = self._platform.models.kept_from(ground.id)
            if now >= kept > self.book.kept(ground.id, Resolution.RAW):
                self.book.forgets(ground.id, Resolution.RAW, kept)
        self.maker.begin(now)

    def _ended(self, now: int) -> Iterator[int] | None:
        horizon = self.horizon
        for ground in self._willing():
            if self.maker.is_due(ground, horizon):
                return self.maker.forward(ground, horizon, now)
        return None

    def _further(self, now: int, now_s: float) -> Iterator[int] | None:
        """Return what there is to do beside the windows that have ended; asks the book."""
        if self.book.stale_marks and now_s - self._marks_s >= MARKS_S:
            # As many units as there are now: what goes on coming late does not keep all else waiting.
            self._mark_units = self.book.stale_days() + self.book.stale_marks // MOST_MARKS
            self._marks_s = now_s
        if self._mark_units:
            self._mark_units -= 1
            return self.maker.stale(now, self._left)
        for job in self.book.jobs(open_only=True):
            if job.under.split("/")[0] in self._left:
                continue
            return self.maker.asked(job, self.ids_under(job.under), now)
        if now_s - self._forgot_s >= FORGET_S:
            self._forgot_s = now_s
            return self._forget(now)
        behind = [ground for ground in self._willing() if self.maker.is_behind(ground)]
        return self.maker.backward(behind[0], now) if behind else None

    def _forget(self, now: int) -> Iterator[int]:
        """Let go of old rollups; a store that cannot is told of once."""
        try:
            yield from self.maker.forget(now)
        except StoreRefused as error:
            if not self._refused:
                log.warning("rollups.not_forgotten", words=error.words)
            self._refused = True

    def _willing(self) -> list[Ground]:
        return [ground for ground in self.maker.grounds if ground.id not in self._left]

    def _leave(self, words: str) -> None:
        """Leave the district alone of which a portion failed."""
        self._left[self.maker.portions.at] = self._platform.clock.monotonic_s() + LEAVE_S
        self._stumble(f"{self.maker.portions.at}: {words}")

    def _stumble(self, words: str) -> None:
        """Drop what was begun: it is begun anew from what the book says."""
        self._first = self._rest = None
        if words != self._said and not self._platform.store_words and not self._platform.writer.state.words:
            log.warning("rollups.waiting", words=words)
            self._said = words
        self.words = words

    def _tell_how_it_stands(self) -> None:
        """One line when much waits, one when nothing does."""
        horizon = self.horizon
        waiting = max(
            (self.maker.waiting(one, Resolution.QUARTER, horizon) for one in self.maker.grounds), default=0
        )
        older = any(
            self.maker.is_behind(one) for one in self.maker.grounds if self.book.goal(one.id) is not None
        )
        if not self._behind and (waiting >= BEHIND or older):
            self._behind = True
            log.info("rollups.behind", windows=waiting, older_history=older)
        elif self._behind and not waiting and not older:
            self._behind = False
            log.info("rollups.caught_up", rows=self.maker.portions.rows)

    # --- what is asked --------------------------------------------------------------------------------------

    def ids_under(self, under: str) -> Ids:
        """Return the points that are read of a district, a device, or a point's path; none when there is no such."""
        found = [
            item.id
            for item in self._platform.catalogue.points.values()
            if item.point.readable and (item.point.path == under or item.point.path.startswith(f"{under}/"))
        ]
        return np.array(sorted(found), np.int32)

    def rebuild(self, under: str, resolution: str, span: tuple[int, int]) -> int:
        """Keep what somebody asks for; returns the number of the job. Blocks on the disk."""
        return self.book.ask(under, resolution, span, self._platform.clock.now_ns())

    def kept_from(self, district: str) -> int:
        """Return from when on quarter hours of a district can be made again, ns UTC; 0 when nothing is gone."""
        ground = next(one for one in self.maker.grounds if one.id == district)
        return self.maker.portions.low(ground, Resolution.QUARTER, self._platform.clock.now_ns())

    def snapshot(self) -> dict[str, Any]:
        """Return how rollups stand, as plain data for JSON."""
        return {
            "rows": self.maker.portions.rows,
            "late": self.book.stale_marks,
            "words": self.words or self._platform.store_words,
            "districts": [self._standing(ground) for ground in self.maker.grounds],
        }

    def _standing(self, ground: Ground) -> dict[str, Any]:
        since, goal, horizon = self.book.since(ground.id), self.book.goal(ground.id), self.horizon
        older = max(0, since - goal) // (Resolution.DAY.seconds * NS) if goal is not None else None
        return {
            "district": ground.id,
            "from": rfc3339(since),
            "older_days": older,
            "until": {str(one): rfc3339(self.book.until(ground.id, one)) for one in ROLLUPS},
            "waiting": {
                str(one): self.maker.waiting(ground, one, horizon) if self._begun else 0 for one in ROLLUPS
            },
        }

    def jobs(self) -> Sequence[Job]:
        """Return what was asked for, the oldest first. Blocks on the disk."""
        return self.book.jobs()


def _grounds(platform: Platform) -> list[Ground]:
    """Return every district with its points that are read."""
    catalogue = platform.catalogue
    pairs = zip(catalogue.series, catalogue.points.values(), strict=True)
    read = [
        (series, holds_s(item.point.heartbeat_s, item.point.silent_after_s))
        for series, item in pairs
        if item.point.readable
    ]
    return [
        _ground(district, [one for one in read if one[0].district == district.id])
        for district in catalogue.districts
    ]


def _ground(district: District, points: Any) -> Ground:
    return Ground(district.id, district.zone, points_of(points), district.retention)
