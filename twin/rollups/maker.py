"""The maker of rollups: what is due, and in which order; `twin.rollups.portions` makes it.

What it does is given as iterators; each step reads and writes one portion, whole devices each, and may raise what the
store raises. An iterator that is dropped in the middle is begun anew later: nothing is noted as made before it is.

In the order of what matters: windows that have ended (`forward`), windows for which readings came late (`stale`),
what somebody asked for (`asked`), and what is older than the first window of all, day by day backwards (`backward`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from twin.clock import NS
from twin.resolution import ROLLUPS, Resolution
from twin.rollups.book import DAY_NS, EVERY
from twin.rollups.portions import FINER, Portions, between

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from twin.frame import Ids, Times
    from twin.rollups.book import Book, Job
    from twin.rollups.late import Late
    from twin.rollups.points import Mask
    from twin.rollups.portions import Ground
    from twin.store.port import Store

MOST_MARKS = 500
LONGEST_SILENCE_NS = 31 * DAY_NS
"""When a whole district said nothing for so long, the time has no rows."""
_TOGETHER_NS = 3600 * NS
_NEAR_NS = 2 * _TOGETHER_NS
_NEVER = int(np.iinfo(np.int64).max)


class Maker:
    """Makes the rollups of districts; used from one thread. `portions` does it, and says where it is."""

    def __init__(self, store: Store, book: Book, late: Late, grounds: Sequence[Ground]) -> None:
        self.grounds = grounds
        self.portions = Portions(store, book)
        self._store = store
        self._book = book
        self._late = late
        # What a store takes before `begin` may be late as well: it opens when it is there, the writer does not wait.
        for ground in grounds:
            late.claim(ground.points.ids, book.until(ground.id, Resolution.QUARTER))

    def begin(self, now: int) -> None:
        """Begin with today where nothing was made; go on elsewhere. Asks the store."""
        for ground in self.grounds:
            self.portions.at = ground.id
            until = self._book.until(ground.id, Resolution.QUARTER)
            self._take_back(ground, until, now)
            if not until:
                self._late.claim(ground.points.ids, now)
                today = int(ground.edges(Resolution.DAY, now, now + 1)[0])
                begun = today
                if not len(self._store.asof(ground.points.ids, today - 1)):
                    # Nothing stood at midnight: rows begin with what was read first.
                    _, first = self._store.first(ground.points.ids, today)
                    begun = int(first.min(initial=now))
                quarter = ground.edges(Resolution.QUARTER, begun, begun + 1)[0]
                self._book.begin(ground.id, today, int(quarter))
            elif until > now >= self._book.since(ground.id):
                # The clock was ahead when they were made. One that is behind all that was made is wrong itself.
                for one in ROLLUPS:
                    at = int(ground.edges(one, now, now + 1)[0])
                    self._book.advance(ground.id, one, min(at, self._book.until(ground.id, one)))
                self._late.release(ground.points.ids, now)
            self._keep_again(ground, now)

    def _take_back(self, ground: Ground, until: int, now: int) -> None:
        """Have made what points had said when they were taken out of the district, now that they are read again."""
        back = self._book.returned(ground.id, ground.points.ids)
        for at in sorted(set(back.values())):
            some = np.array([one for one, left in back.items() if left == at], np.int32)
            newest = int(self._store.asof(some, until - 1).time.max(initial=0))
            if newest >= at:
                self._book.ask(ground.id, EVERY, (at, newest + 1), now)
        self._book.reads(ground.id, ground.points.ids)

    def _keep_again(self, ground: Ground, now: int) -> None:
        """Take back what a clock that was ahead let go of the future: what comes from now on is kept."""
        for one in Resolution:
            if self._book.kept(ground.id, one) > now >= self._book.since(ground.id):
                self._book.keeps(ground.id, one, now)

    # --- windows that have ended ----------------------------------------------------------------------------

    def is_due(self, ground: Ground, horizon: int) -> bool:
        """Whether a window has ended by `horizon` that is not made."""
        until = self._book.until(ground.id, Resolution.QUARTER)
        return until < horizon and ground.edges(Resolution.QUARTER, until, until + 1)[-1] <= horizon

    def waiting(self, ground: Ground, resolution: Resolution, horizon: int) -> int:
        """Return how many windows have ended that are not made."""
        until = self._book.until(ground.id, resolution)
        if until + resolution.seconds * NS > horizon:
            return 0
        if horizon - until > LONGEST_SILENCE_NS:
            # Near enough, where the calendar would be a long list.
            return (horizon - until) // (resolution.seconds * NS)
        return max(0, len(between(ground.edges(resolution, until, horizon), until, horizon)) - 1)

    def forward(self, ground: Ground, horizon: int, now: int) -> Iterator[int]:
        """Make the windows that have ended by `horizon`."""
        if not self.is_due(ground, horizon):
            return
        self._keep_again(ground, now)
        until = self._book.until(ground.id, Resolution.QUARTER)
        if until < horizon - LONGEST_SILENCE_NS:
            horizon = self._day_of(ground, until, horizon)
            if horizon == until:
                return
        edges = between(ground.edges(Resolution.QUARTER, until, horizon), until, horizon)
        for some in self.portions.spans(edges, len(ground.points)):
            self._late.claim(ground.points.ids, int(some[-1]))
            low = self.portions.low(ground, Resolution.QUARTER, now)
            yield from self.portions.quarters(ground, ground.points, some[some >= low])
            self._book.advance(ground.id, Resolution.QUARTER, int(some[-1]))
            for resolution, finer in FINER.items():
                yield from self._follow(ground, resolution, finer, now)

    def _day_of(self, ground: Ground, until: int, horizon: int) -> int:
        """Return the end of the day that `until` lies in; `until` itself where a long silence was passed over."""
        begin, end = ground.edges(Resolution.DAY, until, until + 1).tolist()
        if begin < until:
            return int(end)
        self._late.claim(ground.points.ids, horizon)
        _, first = self._store.first(ground.points.ids, until)
        spoke = int(first.min(initial=horizon))
        if spoke < until + LONGEST_SILENCE_NS:
            return int(end)
        at = int(ground.edges(Resolution.DAY, spoke, spoke + 1)[0])
        for one in ROLLUPS:
            self._book.advance(ground.id, one, at)
        return until

    def _follow(self, ground: Ground, resolution: Resolution, finer: Resolution, now: int) -> Iterator[int]:
        """Make the windows of a resolution of which all finer ones are made."""
        until, stop = (self._book.until(ground.id, one) for one in (resolution, finer))
        if until >= stop:
            return
        edges = between(ground.edges(resolution, until, stop), until, stop)
        if len(edges) > 1:
            yield from self.portions.coarser(ground, ground.points, resolution, edges, now)
            self._book.advance(ground.id, resolution, int(edges[-1]))

    # --- windows for which readings came late ---------------------------------------------------------------

    def stale(self, now: int, without: Collection[str] = ()) -> Iterator[int]:
        """Make windows again for which readings came late: those of the oldest day that has any.

        `without` are districts that are left alone.
        """
        left = [ground.points.ids for ground in self.grounds if ground.id in without]
        found = self._book.stale(MOST_MARKS, np.concatenate([np.empty(0, np.int32), *left]))
        if found is None:
            return
        for ground in self.grounds:
            mine = np.isin(found.ids, ground.points.ids)
            if mine.any():
                yield from self._again(ground, found.ids[mine], found.start[mine], found.stop[mine], now)
        self._book.unmark(found)

    def _again(self, ground: Ground, ids: Ids, start: Times, stop: Times, now: int) -> Iterator[int]:
        self._reach_for(ground, int(start.min()))
        end = self._reaches(ground, ids, stop)
        near = end - stop <= _NEAR_NS
        for some in (near, ~near):
            if some.any():
                points = ground.points.of_devices_of(ids[some])
                span = int(start[some].min()), int(end[some].max()) + 1
                yield from self.portions.remake(ground, points, span, ROLLUPS, now)

    def _reach_for(self, ground: Ground, time: int) -> None:
        """Have windows made back to a time, where that is older than what is known of."""
        since, goal = self._book.since(ground.id), self._book.goal(ground.id)
        if goal is not None and time < min(since, goal):
            self._book.reach(ground.id, since, time)

    def _reaches(self, ground: Ground, ids: Ids, stop: Times) -> Times:
        """Return until when readings matter: until the next one of the series, or as long as a value stands.

        The increase of a counter ends at its next reading, a state lasts until then.
        """
        points = ground.points.take(np.searchsorted(ground.points.ids, ids))
        end = stop + points.hold
        lasting = np.flatnonzero(points.is_state | points.is_counter)
        following = self._following(ids[lasting], stop[lasting], points.is_state[lasting])
        end[lasting] = np.maximum(end[lasting], following)
        found: Times = np.minimum(end, self._book.until(ground.id, Resolution.QUARTER))
        return found

    def _following(self, ids: Ids, after: Times, is_state: Mask) -> Times:
        """Return a time by which each series, in rising order, had its next usable reading after a time.

        One that had none: the end of time for a state, which lasts; a counter that is not heard any more grew no
        further. The hour of `after` is looked at as one, since each look costs a query.
        """
        found = np.empty(len(ids), np.int64)
        hour = after // _TOGETHER_NS
        for one in np.unique(hour).tolist():
            mine = np.flatnonzero(hour == one)
            moment = int(after[mine].max())
            found[mine] = np.where(is_state[mine], _NEVER, moment)
            some, time = self._store.first(ids[mine], moment + 1)
            found[mine[np.searchsorted(ids[mine], some)]] = time
        return found

    # --- what somebody asked for ----------------------------------------------------------------------------

    def asked(self, job: Job, ids: Ids, now: int) -> Iterator[int]:
        """Make a day of a job again, or what is left of it; `ids` are the points that it is about."""
        resolutions = ROLLUPS if job.resolution == EVERY else (Resolution(job.resolution),)
        begin, end = job.done, job.stop
        for ground in self.grounds:
            points = ground.points.of_devices_of(ids)
            if not len(points):
                continue
            since = self._book.since(ground.id)
            if begin >= self._book.until(ground.id, Resolution.QUARTER):
                # What has not been made comes by itself.
                continue
            if begin < since:
                self._reach_for(ground, begin)
                end = min(job.stop, since)
                continue
            end = min(job.stop, int(ground.edges(Resolution.DAY, begin, begin + 1)[-1]))
            yield from self.portions.remake(ground, points, (begin, end), resolutions, now)
        self._book.proceed(job.id, end)

    # --- what is older --------------------------------------------------------------------------------------

    def is_behind(self, ground: Ground) -> bool:
        """Whether there are readings from before the first window that was made, or nobody looked."""
        goal = self._book.goal(ground.id)
        return goal is None or goal < self._book.since(ground.id)

    def backward(self, ground: Ground, now: int) -> Iterator[int]:
        """Make the windows of the day before the first one that was made."""
        since, goal = self._book.since(ground.id), self._book.goal(ground.id)
        if goal is None:
            goal = self._oldest(ground, since, now)
            self._book.reach(ground.id, since, goal)
        if goal >= since:
            return
        day = int(ground.edges(Resolution.DAY, since - 1, since)[0])
        low = self.portions.low(ground, Resolution.QUARTER, now)
        edges = ground.edges(Resolution.QUARTER, day, since)
        edges = edges[edges >= low]
        readings = 0
        for some in self.portions.spans(edges, len(ground.points)):
            for count in self.portions.quarters(ground, ground.points, some):
                readings += count
                yield count
        for resolution in FINER:
            edges = ground.edges(resolution, day, since)
            yield from self.portions.coarser(ground, ground.points, resolution, edges, now)
        self._book.reach(ground.id, day if readings else self._before(ground, day, goal), goal)

    def _oldest(self, ground: Ground, since: int, now: int) -> int:
        """Return from when on there are readings of a district; `since` when there are none before it."""
        _, first = self._store.first(ground.points.ids, self.portions.low(ground, Resolution.QUARTER, now))
        return int(first.min(initial=since))

    def _before(self, ground: Ground, day: int, goal: int) -> int:
        """Return where to go on before an empty day: there, or far back where nothing was said for long."""
        newest = int(self._store.asof(ground.points.ids, day - 1).time.max(initial=goal))
        if newest > day - LONGEST_SILENCE_NS:
            return day
        return max(goal, int(ground.edges(Resolution.DAY, newest, newest + 1)[-1]))

    # --- what goes ------------------------------------------------------------------------------------------

    def forget(self, now: int) -> Iterator[int]:
        """Let go of rollups past their retention."""
        for ground in self.grounds:
            for resolution in ROLLUPS:
                before = ground.gone(resolution, now)
                if before:
                    self.portions.at = ground.id
                    self._book.forgets(ground.id, resolution, before)
                    self._store.forget_rollups(resolution, ground.id, before)
                    yield 0
