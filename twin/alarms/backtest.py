"""A rule over recorded history: how often it would have been raised, for how long, and what that would have cost.

Each alarm is taken by itself: causes, groups and shelving are left out, so a backtest says what a rule would notice and
not what people would be told of a fault that stands above many devices. Blocks on the store and the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

import numpy as np

from twin.alarms.replay import UNKNOWN, Episode, Replay, Standstill, with_gaps
from twin.alarms.rule import Frozen, InStates, Limits, Silent
from twin.alarms.verdict import NO, YES, Bounds, of_members, padded
from twin.clock import NS
from twin.frame import join
from twin.quality import FIRST_BAD, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from twin.alarms.rule import Rule, Subject
    from twin.alarms.verdict import Verdicts
    from twin.expressions.checked import Checked
    from twin.frame import Batch, Ids, Times
    from twin.ledger import Gap
    from twin.model.district import District, Point

CHATTER_S = 600.0
MOST_SUBJECTS = 1_000
MOST_READINGS = 20_000_000
_PORTION_NS = 15 * 86_400 * NS
_LOST = frozenset({Reason.LINK_DOWN, Reason.NO_ANSWER, Reason.SILENT})


class Archive(Protocol):
    """Where recorded readings come from, see `twin.store.port.Store`."""

    def raw(self, ids: Ids, start: int, stop: int) -> Batch:
        """Return readings ordered by (series, time)."""

    def before(self, ids: Ids, moment: int) -> Batch:
        """Return the newest usable reading of each series before a moment."""


class TooMuch(ValueError):
    """Raised when a backtest would take too long; the message says how to ask for less."""


@dataclass(frozen=True, slots=True)
class History:
    """What a backtest reads; `gaps` returns those of series that touch an interval."""

    archive: Archive
    gaps: Callable[[Ids, int, int], Sequence[Gap]]
    ids: Mapping[str, int]
    states: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one alarm would have done. `stop` is the end of the time that was looked at, ns UTC."""

    owner: str
    what: str
    readings: int
    episodes: tuple[Episode, ...]
    stop: int
    needs_ack: bool

    @property
    def lasted_s(self) -> list[float]:
        """How long each episode lasted, within the time that was looked at."""
        return [((self.stop if one.stop is None else one.stop) - one.start) / NS for one in self.episodes]

    @property
    def chattering(self) -> int:
        """How many times it would have been raised within `CHATTER_S` of its end."""
        near = CHATTER_S * NS
        return sum(
            first.stop is not None and then.start - first.stop <= near
            for first, then in pairwise(self.episodes)
        )

    @property
    def acknowledgements(self) -> int:
        """How many acknowledgements it would have asked for."""
        return len(self.episodes) if self.needs_ack else 0


def backtest(
    rule: Rule, district: District, history: History, start: int, stop: int, owner: str | None = None
) -> list[Outcome]:
    """Return what each alarm of a rule, or that of one owner, would have done in `start <= time < stop`.

    LookupError when the rule is not about the owner; TooMuch when it is about too many, or there are too many readings.
    """
    subjects = [one for one in rule.subjects if owner in {None, one.owner}]
    if not subjects:
        raise LookupError(f"rule {rule.id} is not about {owner!r}")
    if len(subjects) > MOST_SUBJECTS:
        raise TooMuch(
            f"rule {rule.id} is about {len(subjects):,}, at most {MOST_SUBJECTS:,} can be looked at: name one"
        )
    found, readings = [], 0
    for subject in subjects:
        outcome = _Test(rule, subject, district, history, start, stop).outcome()
        readings += outcome.readings
        if readings > MOST_READINGS:
            raise TooMuch(f"more than {MOST_READINGS:,} readings: ask for a shorter time, or name one device")
        found.append(outcome)
    return found


@dataclass(frozen=True, slots=True)
class _Test:
    """The backtest of one alarm."""

    rule: Rule
    subject: Subject
    district: District
    history: History
    start: int
    stop: int

    def outcome(self) -> Outcome:
        rule = self.rule
        replay = Replay(round(rule.on_delay_s * NS), round(rule.off_delay_s * NS))
        readings = 0
        for time, verdicts, count in self._parts():
            replay.feed(time, verdicts)
            readings += count
        episodes = tuple(replay.finish(self.stop))
        what = self.subject.point.path if self.subject.point else f"{self.district.id}/{self.subject.owner}"
        return Outcome(self.subject.owner, what, readings, episodes, self.stop, rule.needs_ack)

    def _parts(self) -> Iterator[tuple[Times, Verdicts, int]]:
        """Yield times and verdicts, one portion of time after the other, with the number of readings."""
        if isinstance(self.subject.condition, Silent):
            yield self._silences()
        elif self.subject.expression is not None:
            yield self._formula(self.subject.expression)
        elif self.subject.point is not None:
            yield from self._point(self.subject.point)

    # --- points ---------------------------------------------------------------------------------------------

    def _point(self, point: Point) -> Iterator[tuple[Times, Verdicts, int]]:
        ids = np.array([self.history.ids[point.path]], np.int32)
        judge = self._judge()
        first = self.history.archive.before(ids, self.start)
        if len(first):
            value, usable = first.value, first.quality < FIRST_BAD
            yield np.array([self.start]), judge(first.time, value, usable), 0
        for begin in range(self.start, self.stop, _PORTION_NS):
            end = min(begin + _PORTION_NS, self.stop)
            rows = self.history.archive.raw(ids, begin, end)
            verdicts = judge(rows.time, rows.value, rows.quality < FIRST_BAD)
            gaps = [
                (max(gap.start, begin), end if gap.stop is None else min(gap.stop, end))
                for gap in self.history.gaps(ids, begin, end)
                if gap.reason in _LOST
            ]
            yield *with_gaps(rows.time, verdicts, gaps), len(rows)

    def _judge(self) -> Callable[..., Verdicts]:
        condition = self.subject.condition
        if isinstance(condition, Frozen):
            states = self.history.states
            exempt = [float(states[one]) if isinstance(one, str) else one for one in condition.exempt]
            band = self.subject.point.dead_band if self.subject.point else 0.0
            return Standstill(round(condition.after_s * NS), band, np.array(exempt)).verdicts
        if isinstance(condition, InStates):
            states = self.history.states
            rows = padded([[float(states[name]) for name in condition.states]])
            return lambda _, value, usable: _known(np.where(of_members(value, rows), YES, NO), usable)
        limits = condition if isinstance(condition, Limits) else Limits(above=0.5)
        bounds = Bounds.of([limits])
        return lambda _, value, usable: _known(bounds.verdicts(value), usable)

    # --- expressions ----------------------------------------------------------------------------------------

    def _formula(self, checked: Checked) -> tuple[Times, Verdicts, int]:
        """Evaluate an expression over all readings of its inputs, with the time before that its windows want."""
        from twin.expressions.program import Program
        from twin.expressions.replay import replay

        history = self.history
        numbers = [history.ids[path] for path in checked.inputs]
        ids = np.array(sorted(numbers), np.int32)
        size = max(numbers, default=0) + 1
        program = Program([checked], history.ids, history.states, size)
        window_s = max((seconds for _, seconds in program.needs), default=0.0)
        begin = self.start - round(window_s * NS)
        rows = join([history.archive.before(ids, begin), history.archive.raw(ids, begin, self.stop)])
        if len(rows) > MOST_READINGS:
            raise TooMuch(f"more than {MOST_READINGS:,} readings: ask for a shorter time")
        time, value, quality = replay(checked, history.ids, history.states, rows)
        inside = time >= self.start
        verdicts = self._judge()(time, value, quality < FIRST_BAD)
        earlier = verdicts[~inside][-1:]
        times = np.concatenate([np.full(len(earlier), self.start, np.int64), time[inside]])
        return times, np.concatenate([earlier, verdicts[inside]]), len(rows)

    # --- silence --------------------------------------------------------------------------------------------

    def _silences(self) -> tuple[Times, Verdicts, int]:
        """Return when every point of the device was in a gap because nothing came, by the ledger."""
        condition = self.subject.condition
        after_s = condition.after_s if isinstance(condition, Silent) else 0.0
        points = [one for one in self.district.devices[self.subject.owner].points.values() if one.readable]
        ids = np.array([self.history.ids[one.path] for one in points], np.int32)
        patience = {self.history.ids[one.path]: min(one.silent_after_s, after_s) for one in points}
        steps: list[tuple[int, int]] = []
        for gap in self.history.gaps(ids, self.start, self.stop):
            if gap.reason not in _LOST:
                continue
            # A device that sends by itself is known to be silent only after a while.
            late = round(patience[gap.series] * NS) if gap.reason == Reason.SILENT else 0
            begin = max(gap.start + late, self.start)
            end = self.stop if gap.stop is None else min(gap.stop, self.stop)
            if begin < end:
                steps.append((begin, 1))
                # What lasts until the end of the time that is looked at is not over.
                steps += [(end, -1)] if end < self.stop else []
        time = np.array([self.start, *sorted({at for at, _ in steps})], np.int64)
        change = np.zeros(len(time), np.intp)
        for at, step in steps:
            change[np.searchsorted(time, at, "right") - 1] += step
        return time, np.where(np.cumsum(change) == len(ids), YES, NO).astype(np.int8), 0


def _known(verdicts: Verdicts, usable: np.ndarray) -> Verdicts:
    return np.where(usable, verdicts, UNKNOWN).astype(np.int8)
