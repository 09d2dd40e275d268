"""The maker of rollups: what is due, in portions that are bounded, from the store into the store.

What it does is given as iterators; each step reads and writes one portion, whole devices each, and may raise what the
store raises. An iterator that is dropped in the middle is begun anew later: nothing is noted as made before it is.

In the order of what matters: windows that have ended (`forward`), windows for which readings came late (`stale`),
what somebody asked for (`asked`), and what is older than the first window of all, day by day backwards (`backward`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from twin.clock import NS
from twin.resolution import ROLLUPS, Resolution
from twin.rollups.book import DAY_NS, EVERY
from twin.rollups.coarser import coarser
from twin.rollups.source import TooMany, directions, from_readings
from twin.store import windows

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from twin.frame import Ids, Times
    from twin.rollups.book import Book, Job
    from twin.rollups.late import Late
    from twin.rollups.points import Mask, Points
    from twin.store.port import Store

MOST_READINGS = 50_000
MOST_CELLS = 50_000
MOST_SERIES = 2_000
MOST_WINDOWS = 96
MOST_MARKS = 500
TOO_MANY = 4 * MOST_READINGS
LONGEST_SILENCE_NS = 31 * DAY_NS
"""When a whole district said nothing for so long, the time has no rows."""
_TOGETHER_NS = 3600 * NS
_NEAR_NS = 2 * _TOGETHER_NS
_MARGIN_NS = 7_200 * NS
_FIRST_RATE = 1.0
_LEAST_RATE = 0.01
_NEVER = int(np.iinfo(np.int64).max)
_FINER = {Resolution.HOUR: Resolution.QUARTER, Resolution.DAY: Resolution.HOUR}
_SOURCE = {Resolution.QUARTER: Resolution.RAW, **_FINER}


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """A district: its zone, the points that are read, and how long (s) each resolution is kept, None for ever."""

    id: str
    zone: ZoneInfo
    points: Points
    retention: Mapping[Resolution, float | None]


class Maker:
    """Makes the rollups of districts; used from one thread. `at` is the district of the portion that was begun last."""

    def __init__(self, store: Store, book: Book, late: Late, grounds: Sequence[Ground]) -> None:
        self.grounds = grounds
        self.rows = 0
        self.at = ""
        self._store = store
        self._book = book
        self._late = late
        # Readings of a series in a second, as it was lately.
        self._rate = _FIRST_RATE
        # What a store takes before `begin` may be late as well: it opens when it is there, the writer does not wait.
        for ground in grounds:
            late.claim(ground.points.ids, book.until(ground.id, Resolution.QUARTER))

    def begin(self, now: int) -> None:
        """Begin with today where nothing was made; go on elsewhere. Asks the store."""
        for ground in self.grounds:
            self.at = ground.id
            until = self._book.until(ground.id, Resolution.QUARTER)
            self._take_back(ground, until, now)
            if not until:
                self._late.claim(ground.points.ids, now)
                today = int(self._edges(ground, Resolution.DAY, now, now + 1)[0])
                _, first = self._store.first(ground.points.ids, today)
                begun = int(first.min(initial=now))
                quarter = self._edges(ground, Resolution.QUARTER, begun, begun + 1)[0]
                self._book.begin(ground.id, today, int(quarter))
            elif until > now >= self._book.since(ground.id):
                # The clock was ahead when they were made. One that is behind all that was made is wrong itself.
                for one in ROLLUPS:
                    at = int(self._edges(ground, one, now, now + 1)[0])
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
        return until < horizon and self._edges(ground, Resolution.QUARTER, until, until + 1)[-1] <= horizon

    def waiting(self, ground: Ground, resolution: Resolution, horizon: int) -> int:
        """Return how many windows have ended that are not made."""
        until = self._book.until(ground.id, resolution)
        if until + resolution.seconds * NS > horizon:
            return 0
        if horizon - until > LONGEST_SILENCE_NS:
            # Near enough, where the calendar would be a long list.
            return (horizon - until) // (resolution.seconds * NS)
        return max(0, len(_between(self._edges(ground, resolution, until, horizon), until, horizon)) - 1)

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
        edges = _between(self._edges(ground, Resolution.QUARTER, until, horizon), until, horizon)
        for some in self._spans(edges, len(ground.points)):
            self._late.claim(ground.points.ids, int(some[-1]))
            low = self.low(ground, Resolution.QUARTER, now)
            yield from self._from_readings(ground, ground.points, _from(some, low))
            self._book.advance(ground.id, Resolution.QUARTER, int(some[-1]))
            for resolution, finer in _FINER.items():
                yield from self._follow(ground, resolution, finer, now)

    def _day_of(self, ground: Ground, until: int, horizon: int) -> int:
        """Return the end of the day that `until` lies in; `until` itself where a long silence was passed over."""
        begin, end = self._edges(ground, Resolution.DAY, until, until + 1).tolist()
        if begin < until:
            return int(end)
        self._late.claim(ground.points.ids, horizon)
        _, first = self._store.first(ground.points.ids, until)
        spoke = int(first.min(initial=horizon))
        if spoke < until + LONGEST_SILENCE_NS:
            return int(end)
        at = int(self._edges(ground, Resolution.DAY, spoke, spoke + 1)[0])
        for one in ROLLUPS:
            self._book.advance(ground.id, one, at)
        return until

    def _follow(self, ground: Ground, resolution: Resolution, finer: Resolution, now: int) -> Iterator[int]:
        """Make the windows of a resolution of which all finer ones are made."""
        until, stop = (self._book.until(ground.id, one) for one in (resolution, finer))
        if until >= stop:
            return
        edges = _between(self._edges(ground, resolution, until, stop), until, stop)
        if len(edges) > 1:
            yield from self._coarser(ground, ground.points, resolution, edges, now)
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
                yield from self._remake(ground, points, span, ROLLUPS, now)

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
            end = min(job.stop, int(self._edges(ground, Resolution.DAY, begin, begin + 1)[-1]))
            yield from self._remake(ground, points, (begin, end), resolutions, now)
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
        day = int(self._edges(ground, Resolution.DAY, since - 1, since)[0])
        low = self.low(ground, Resolution.QUARTER, now)
        edges = _from(self._edges(ground, Resolution.QUARTER, day, since), low)
        readings = 0
        for some in self._spans(edges, len(ground.points)):
            for count in self._from_readings(ground, ground.points, some):
                readings += count
                yield count
        for resolution in _FINER:
            edges = self._edges(ground, resolution, day, since)
            yield from self._coarser(ground, ground.points, resolution, edges, now)
        self._book.reach(ground.id, day if readings else self._before(ground, day, goal), goal)

    def _oldest(self, ground: Ground, since: int, now: int) -> int:
        """Return from when on there are readings of a district; `since` when there are none before it."""
        _, first = self._store.first(ground.points.ids, self.low(ground, Resolution.QUARTER, now))
        return int(first.min(initial=since))

    def _before(self, ground: Ground, day: int, goal: int) -> int:
        """Return where to go on before an empty day: there, or far back where nothing was said for long."""
        newest = int(self._store.asof(ground.points.ids, day - 1).time.max(initial=goal))
        if newest > day - LONGEST_SILENCE_NS:
            return day
        return max(goal, int(self._edges(ground, Resolution.DAY, newest, newest + 1)[-1]))

    # --- what goes ------------------------------------------------------------------------------------------

    def forget(self, now: int) -> Iterator[int]:
        """Let go of rollups past their retention."""
        for ground in self.grounds:
            for resolution in ROLLUPS:
                before = self._gone(ground, resolution, now)
                if before:
                    self.at = ground.id
                    self._book.forgets(ground.id, resolution, before)
                    self._store.forget_rollups(resolution, ground.id, before)
                    yield 0

    # --- in detail ------------------------------------------------------------------------------------------

    def _remake(
        self,
        ground: Ground,
        points: Points,
        span: tuple[int, int],
        resolutions: Sequence[Resolution],
        now: int,
    ) -> Iterator[int]:
        """Make the windows again that touch a span and were made."""
        for resolution in resolutions:
            low = max(self._book.since(ground.id), self.low(ground, resolution, now))
            until = self._book.until(ground.id, resolution)
            start, stop = max(span[0], low), min(span[1], until)
            if start >= stop:
                continue
            edges = _between(self._edges(ground, resolution, start, stop), low, until)
            if resolution is not Resolution.QUARTER:
                yield from self._coarser(ground, points, resolution, edges, now)
                continue
            for some in self._spans(edges, len(points)):
                yield from self._from_readings(ground, points, some)

    def _from_readings(self, ground: Ground, points: Points, edges: Times) -> Iterator[int]:
        """Make quarter hours; yields how many readings each portion had."""
        if len(edges) < 2:
            return
        span_s = float(edges[-1] - edges[0]) / NS
        most = min(round(MOST_READINGS / (self._rate * span_s)), MOST_CELLS // (len(edges) - 1), MOST_SERIES)
        for some in _portions(points, most):
            yield from self._portion(ground, some, edges)

    def _portion(self, ground: Ground, points: Points, edges: Times) -> Iterator[int]:
        """Make one portion, or several where it has too many readings for one."""
        span_s, number = float(edges[-1] - edges[0]) / NS, len(edges) - 1
        devices = len(np.unique(points.device))
        self.at = ground.id
        most = TOO_MANY if devices > 1 or number > 1 else None
        try:
            found = from_readings(self._store, points, edges, Resolution.QUARTER, most)
        except TooMany as error:
            self._rate = max(self._rate, error.readings / (len(points) * span_s))
            if devices > 1:
                for some in _portions(points, 1):
                    yield from self._portion(ground, some, edges)
            else:
                for half in (edges[: number // 2 + 1], edges[number // 2 :]):
                    yield from self._portion(ground, points, half)
            return
        self._store.write_rollups(found)
        count = int(np.nansum(found.columns["count"]))
        self._rate = max((self._rate + count / (len(points) * span_s)) / 2, _LEAST_RATE)
        self.rows += len(points) * number
        yield count

    def _coarser(
        self, ground: Ground, points: Points, resolution: Resolution, edges: Times, now: int
    ) -> Iterator[int]:
        """Make hours or days; yields 0 for each portion."""
        finer = _FINER[resolution]
        edges = _from(edges, self.low(ground, resolution, now))
        if len(edges) < 2:
            return
        fine = self._edges(ground, finer, int(edges[0]), int(edges[-1]))
        for some in _portions(points, min(MOST_CELLS // len(fine), MOST_SERIES)):
            self.at = ground.id
            if np.isin(edges, fine).all():
                found = coarser(self._store.rollups(finer, some.ids, fine), edges, resolution)
                self._turn(ground, some, found.columns["mean"], edges, resolution, now)
            else:
                found = from_readings(self._store, some, edges, resolution)
            self._store.write_rollups(found)
            self.rows += len(some) * (len(edges) - 1)
            yield 0

    def _turn(
        self,
        ground: Ground,
        points: Points,
        mean: np.ndarray,
        edges: Times,
        resolution: Resolution,
        now: int,
    ) -> None:
        """Put mean directions, made from readings, where means of means stand; those whose readings are gone stay."""
        if np.isnan(points.period).all():
            return
        kept = max(self._book.kept(ground.id, Resolution.RAW), self._gone(ground, Resolution.RAW, now))
        gone = edges[:-1] < kept
        ids, found = directions(self._store, points, edges)
        if gone.any():
            before = self._store.rollups(resolution, ids, edges).columns["mean"]
            found[:, gone] = before[:, gone]
        mean[np.searchsorted(points.ids, ids)] = found

    def low(self, ground: Ground, resolution: Resolution, now: int) -> int:
        """Return from when on a resolution may be made: what it is made of is there, and it is kept itself."""
        source = _SOURCE[resolution]
        gone = self._gone(ground, source, now)
        if gone:
            # What goes in the middle of a long piece of work is not counted upon.
            gone += min(_MARGIN_NS, (now - gone) // 10)
        kept = (self._book.kept(ground.id, one) for one in (source, resolution))
        return max(gone, self._gone(ground, resolution, now), *kept)

    def _gone(self, ground: Ground, resolution: Resolution, now: int) -> int:
        """Return before when nothing is kept, 0 when all is."""
        age = ground.retention.get(resolution)
        return 0 if age is None else max(0, now - round(age * NS))

    def _edges(self, ground: Ground, resolution: Resolution, start: int, stop: int) -> Times:
        return windows.edges(start, stop, resolution.value, ground.zone)

    def _spans(self, edges: Times, points: int) -> Iterator[Times]:
        """Yield edges of spans of windows, as many as one portion of many series may have readings."""
        at_once = min(points, MOST_SERIES)
        most = min(MOST_READINGS / (self._rate * 900 * max(at_once, 1)), MOST_CELLS / max(at_once, 1))
        step = int(min(max(most, 1), MOST_WINDOWS))
        for first in range(0, len(edges) - 1, step):
            yield edges[first : first + step + 1]


def _between(edges: Times, start: int, stop: int) -> Times:
    """Return the edges from `start` to `stop`, both included."""
    return edges[(edges >= start) & (edges <= stop)]


def _from(edges: Times, low: int) -> Times:
    return edges[edges >= low]


def _portions(points: Points, most: int) -> Iterator[Points]:
    """Yield points in portions of whole devices, about `most` of them each."""
    if not len(points):
        return
    number = np.bincount(points.device)
    portion = (np.cumsum(number) - number) // max(most, 1)
    where = portion[points.device]
    for one in np.unique(where):
        yield points.take(where == one)
