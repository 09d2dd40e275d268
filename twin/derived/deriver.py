"""The engine of derived points: which of them a batch concerns, what they are then, in one pass over all levels.

It keeps columns of its own, since it is asked before the live twin takes a batch. They follow the rules of
`twin.live.Live.apply`: an older reading never replaces a newer one.

- A batch concerns the derived points that read something that is stored: a value that did not change says nothing new.
- A point in a gap has no usable value. A usable reading ends its gap here at once; the gap ledger follows when the
  batch is durable, and what it says in between about the time before is not believed again.
- The time of a derived reading is that of its newest input, or now where time itself changed it (a gap, a window, a
  clock), and never before the one that it had.
- What a value out of its range means is settled by ingest; for derived points that read it, it is bad here as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from twin.clock import NS
from twin.derived.order import levels
from twin.expressions.program import Program
from twin.expressions.rings import ns
from twin.frame import Batch, Frame
from twin.quality import FIRST_BAD, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from twin.derived.point import Derived
    from twin.expressions.evaluate import Rows
    from twin.expressions.program import Result
    from twin.frame import Ids, Qualities, Times, Values
    from twin.ingest.settle import Settled
    from twin.live import Live

    Mask = npt.NDArray[np.bool_]

_BELIEVED_AGAIN_NS = 5 * NS
_NO_GAP = 0
_SLACK = 1e-9


class Own:
    """The newest reading of every point as the engine knows it."""

    def __init__(self, size: int) -> None:
        self.value = np.full(size, np.nan)
        self.quality = np.full(size, Reason.NOT_HEARD_YET, np.uint8)
        self.time = np.zeros(size, np.int64)
        self.received = np.zeros(size, np.int64)
        self.gap = np.zeros(size, np.bool_)

    @property
    def usable(self) -> Mask:
        """Whether a value counts now."""
        return (self.quality < FIRST_BAD) & ~self.gap

    def take(self, readings: Batch) -> None:
        """Take readings, the newest of each point standing."""
        self.value[readings.ids] = readings.value
        self.quality[readings.ids] = readings.quality
        self.time[readings.ids] = readings.time
        self.received[readings.ids] = readings.received


class _Level:
    """Derived points that read nothing of their own level or a later one."""

    def __init__(
        self, derived: Sequence[Derived], ids: Mapping[str, int], states: Mapping[str, int], size: int
    ) -> None:
        self.ids = np.array([ids[one.point.path] for one in derived], np.int32)
        expressions = [one.expression for one in derived]
        self.program = Program(expressions, ids, states, size, [one.require for one in derived])
        self.heartbeat = np.array([ns(one.point.heartbeat_s) for one in derived], np.int64)
        slack = [_SLACK * max(_size(one.point.minimum), _size(one.point.maximum)) for one in derived]
        self.minimum = np.array([one.point.minimum for one in derived]) - slack
        self.maximum = np.array([one.point.maximum for one in derived]) + slack


def _size(limit: float) -> float:
    return abs(limit) if np.isfinite(limit) else 0.0


class Deriver:
    """Computes derived points. Used from the event loop's thread.

    `gap_reason` is `twin.gaps.Gaps.reason`, uint8 by series id, which is looked at and never written.
    """

    def __init__(
        self,
        derived: Sequence[Derived],
        ids: Mapping[str, int],
        states: Mapping[str, int],
        size: int,
        gap_reason: Qualities,
    ) -> None:
        by_path = {one.point.path: one for one in derived}
        ordered, _ = levels({path: one.expression.inputs for path, one in by_path.items()})
        self._levels = [_Level([by_path[path] for path in level], ids, states, size) for level in ordered]
        self._size = size
        self._own = Own(size)
        self._gap_reason = gap_reason
        self._seen = gap_reason.copy()
        self._heard = np.zeros(size, np.int64)
        self._given = np.zeros(size, np.int64)
        self._derived = np.zeros(size, np.bool_)
        self._derived[self.ids] = True
        self._follow(gap_reason != _NO_GAP)

    @property
    def ids(self) -> Ids:
        """Series ids of all derived points."""
        return np.concatenate([level.ids for level in self._levels] or [np.empty(0, np.int32)])

    @property
    def needs(self) -> Sequence[tuple[int, float]]:
        """Series ids with the seconds of history that windows want at the start (`warm`)."""
        longest: dict[int, float] = {}
        for level in self._levels:
            for series, span_s in level.program.needs:
                longest[series] = max(longest.get(series, 0.0), span_s)
        return list(longest.items())

    def warm(self, rows: Batch) -> None:
        """Take in that history."""
        for level in self._levels:
            level.program.warm(rows)

    def restore(self, live: Live) -> None:
        """Take over what the twin knows at the start, and which points are in a gap."""
        own = self._own
        own.value[:], own.quality[:] = live.value, live.quality
        own.time[:], own.received[:] = live.time, live.received
        self._given[self.ids] = live.time[self.ids]
        self._seen = self._gap_reason.copy()
        self._follow(np.ones(self._size, np.bool_))

    def step(self, settled: Settled, now_ns: int) -> Frame | None:
        """Take a settled batch that is not durable yet; returns the readings that follow from it, None for none."""
        readings, kept = settled.readings, settled.kept
        changed = settled.changed
        derived = self._derived[readings.ids]
        if derived.any():
            # What was computed here was known here first.
            readings, changed = readings.take(~derived), changed[~derived]
            kept = None if kept is None else kept[~derived]
        newest = self._take(readings, kept, now_ns)
        touched = np.zeros(self._size, np.bool_)
        touched[readings.ids[newest & changed]] = True
        return self._derive(touched, readings, now_ns, by_time=False)

    def tick(self, now_ns: int) -> Frame | None:
        """Look at gaps, windows and clocks; returns the readings that changed by them, None for none."""
        before = self._own.gap.copy()
        raw = self._gap_reason
        stale = (raw != _NO_GAP) != self._own.gap
        stale &= self._heard < now_ns - _BELIEVED_AGAIN_NS
        self._follow((raw != self._seen) | stale)
        self._seen = raw.copy()
        return self._derive(self._own.gap != before, None, now_ns, by_time=True)

    def _follow(self, where: Mask) -> None:
        """Believe the gap ledger about some points. What the store refused is known here all the same."""
        gap = (self._gap_reason != _NO_GAP) & (self._gap_reason != Reason.STORE_REFUSED)
        self._own.gap[where] = gap[where]

    def _take(self, readings: Batch, kept: Mask | None, now_ns: int) -> Mask:
        """Take readings into the columns; returns which of them are not older than what was there."""
        own = self._own
        older: Mask = (readings.time == readings.device) & (readings.time < own.time[readings.ids])
        backwards = own.received[readings.ids] > readings.received
        older &= ~backwards if kept is None else ~backwards | kept
        newest = readings.take(~older) if older.any() else readings
        if newest.time is not newest.received and len(newest) > 1:
            newest = newest.take(np.argsort(newest.time, kind="stable"))
        own.take(newest)
        usable = readings.quality < FIRST_BAD if kept is None else (readings.quality < FIRST_BAD) & ~kept
        heard = readings.ids[usable]
        own.gap[heard] = False
        self._heard[heard] = now_ns
        return ~older

    def _derive(self, touched: Mask, readings: Batch | None, now_ns: int, *, by_time: bool) -> Frame | None:
        given: list[Batch] = []
        for level in self._levels:
            for batch in ([readings] if readings is not None else []) + given:
                level.program.observe(batch)
            which = level.program.affected(touched)
            if by_time:
                which = np.union1d(which, level.program.advance(now_ns))
            if len(which):
                batch = self._level(level, which, now_ns, by_time=by_time)
                if len(batch):
                    given.append(batch)
                    touched[batch.ids] = True
        return _frame(given, now_ns)

    def _level(self, level: _Level, which: Rows, now_ns: int, *, by_time: bool) -> Batch:
        """Evaluate some points of a level and keep them; those that only time asked for are told when they changed."""
        result = level.program.evaluate(which, self._own, now_ns)
        ids = level.ids[which]
        time = np.maximum(np.full(len(ids), now_ns, np.int64) if by_time else result.time, self._given[ids])
        value, quality = self._judged(level, which, result)
        own = self._own
        changed = (quality != own.quality[ids]) | ((value != own.value[ids]) & ~np.isnan(value))
        changed |= own.gap[ids] & (quality < FIRST_BAD)
        changed |= now_ns - own.received[ids] >= level.heartbeat[which]
        if by_time and not changed.all():
            ids, time, value, quality = ids[changed], time[changed], value[changed], quality[changed]
            result = _take(result, changed)
        received = np.full(len(ids), now_ns, np.int64)
        self._given[ids] = time
        own.take(Batch(ids, time, received, time, value, quality))
        own.gap[ids] = False
        self._heard[ids] = now_ns
        return Batch(ids, time, received, time, result.value, result.quality)

    def _judged(self, level: _Level, which: Rows, result: Result) -> tuple[Values, Qualities]:
        """Return what other derived points see of a result: nothing outside of its plausible range."""
        outside = (result.value < level.minimum[which]) | (result.value > level.maximum[which])
        if not outside.any():
            return result.value, result.quality
        quality = np.where(outside, np.uint8(Reason.OUT_OF_RANGE), result.quality)
        return np.where(outside, np.nan, result.value), quality


def _take(result: Result, rows: Mask) -> Result:
    return type(result)(result.value[rows], result.quality[rows], result.time[rows])


def _frame(given: Sequence[Batch], now_ns: int) -> Frame | None:
    """Return the readings of all levels as one frame, as ingest takes it."""
    if not given:
        return None
    times: Times = np.concatenate([batch.time for batch in given])
    return Frame(
        np.concatenate([batch.ids for batch in given]),
        np.concatenate([batch.value for batch in given]),
        now_ns,
        times,
        np.concatenate([batch.quality for batch in given]),
    )
