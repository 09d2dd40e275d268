"""Many expressions as one program: evaluated together, in columns, whichever of them an event concerns.

Called in this order with each batch: `observe` (windows take readings in), `affected` (whom it concerns), `evaluate`.
Between batches `advance` tells whose windows or clocks moved on by time alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from twin.clock import NS
from twin.expressions import core
from twin.expressions.calendar import clock
from twin.expressions.evaluate import MISSING, UNCERTAIN, Flags, Rows, evaluate, settle
from twin.expressions.layout import Columns, Group, LiveSlots, Moment, group, ragged
from twin.expressions.windows import Windows
from twin.quality import FIRST_UNCERTAIN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from zoneinfo import ZoneInfo

    import numpy.typing as npt

    from twin.expressions.checked import Checked
    from twin.frame import Batch, Ids, Qualities, Times, Values

__all__ = ["Columns", "Program", "Result"]

_MINUTE_NS = 60 * NS
_NEVER = np.iinfo(np.int64).min // 2
_NO_PACE = np.iinfo(np.int64).max // 4


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What expressions gave, in the order in which they were asked for.

    `value` is NaN exactly where `quality` is bad; a condition is 0 or 1, a state its id. `time` is that of the newest
    input, ns UTC, 0 where there is none.
    """

    value: Values
    quality: Qualities
    time: Times


class Program:
    """Expressions by position. Used from one thread.

    `ids` and `states` give the numbers of paths and state names, `size` is that of all columns by series id. `require`
    is the share of an aggregate's inputs that must be usable, NaN (or nothing) where the rule of the language stands.
    """

    def __init__(
        self,
        expressions: Sequence[Checked],
        ids: Mapping[str, int],
        states: Mapping[str, int],
        size: int,
        require: Sequence[float] = (),
    ) -> None:
        self._count, self._size = len(expressions), max(size, 1)
        self._zones: dict[str, ZoneInfo] = {str(one.zone): one.zone for one in expressions}
        self._lay_out_windows(expressions, ids, states)
        self._lay_out_groups(expressions, ids, states, require or [np.nan] * len(expressions))
        # Series id 0 is nobody's: it stands for the inputs of expressions that have none.
        self._reads = ragged([[ids[path] for path in one.inputs] or [0] for one in expressions])
        # What reads nothing is asked again now and then, like a clock.
        self._clocked = np.array([not one.inputs or _has_calendar(one) for one in expressions], np.bool_)
        self._evaluated = np.full(self._count, _NEVER, np.int64)

    def _lay_out_windows(
        self, expressions: Sequence[Checked], ids: Mapping[str, int], states: Mapping[str, int]
    ) -> None:
        found = [_windows_of(one) for one in expressions]
        self._window_rows = {
            window: row for row, window in enumerate(dict.fromkeys(w for one in found for w in one))
        }
        self._windows = Windows(list(self._window_rows), ids, states, self._size)
        lists = [[self._window_rows[window] for window in one] for one in found]
        self._moving = ragged(lists)
        pace = self._windows.pace_ns
        self._pace = np.array(
            [min((int(pace[w]) for w in rows), default=_NO_PACE) for rows in lists], np.int64
        )

    def _lay_out_groups(
        self,
        expressions: Sequence[Checked],
        ids: Mapping[str, int],
        states: Mapping[str, int],
        require: Sequence[float],
    ) -> None:
        members: dict[tuple[core.Node, str], list[int]] = {}
        for position, one in enumerate(expressions):
            members.setdefault((one.core, str(one.zone)), []).append(position)
        self._groups: list[Group] = []
        self._group_of = np.zeros(self._count, np.intp)
        self._place = np.zeros(self._count, np.intp)
        for positions in members.values():
            some = [expressions[position] for position in positions]
            shares = [require[position] for position in positions]
            self._group_of[positions] = len(self._groups)
            self._place[positions] = np.arange(len(positions))
            self._groups.append(group(some, ids, states, self._window_rows, shares))

    @property
    def inputs(self) -> Ids:
        """Series ids of all points that are read."""
        found = np.unique(self._reads.ids)
        return found[found > 0].astype(np.int32)

    @property
    def needs(self) -> Sequence[tuple[int, float]]:
        """Series ids with the seconds of history that windows want at the start (`warm`)."""
        longest: dict[int, float] = {}
        for series, span_s in zip(self._windows.series.tolist(), self._windows.span_s.tolist(), strict=True):
            longest[series] = max(longest.get(series, 0.0), span_s)
        return list(longest.items())

    def warm(self, rows: Batch) -> None:
        """Take in that history, in any order of points."""
        self.observe(rows)

    def observe(self, readings: Batch) -> None:
        """Let windows take in a settled batch."""
        if self._windows.count:
            self._windows.observe(readings)

    def affected(self, touched: npt.NDArray[np.bool_]) -> Rows:
        """Return the positions of expressions that read a touched series."""
        if not self._count:
            return np.empty(0, np.intp)
        return np.flatnonzero(np.logical_or.reduceat(touched[self._reads.ids], self._reads.starts))

    def advance(self, now_ns: int) -> Rows:
        """Return the positions of expressions whose window, or whose clock, moved on since they were evaluated.

        A window that was never asked for waits for its first reading; a clock does not.
        """
        due = (now_ns - self._evaluated >= self._pace) & (self._evaluated != _NEVER)
        due |= self._clocked & (now_ns // _MINUTE_NS != self._evaluated // _MINUTE_NS)
        return np.flatnonzero(due)

    def evaluate(self, which: Rows | None, now: Columns, now_ns: int) -> Result:
        """Return what expressions give now, all of them for None."""
        rows = np.arange(self._count) if which is None else np.asarray(which, np.intp)
        value, flags = np.empty(len(rows)), np.zeros(len(rows), np.uint8)
        moment = self._moment(rows, now, now_ns)
        order = np.argsort(self._group_of[rows], kind="stable")
        numbers = self._group_of[rows[order]]
        edges = np.flatnonzero(np.diff(numbers)) + 1
        with np.errstate(all="ignore"):
            for part in np.split(order, edges) if len(rows) else ():
                found = self._groups[self._group_of[rows[part[0]]]]
                place = self._place[rows[part]]
                whole = len(place) == len(found.require) and bool((place == np.arange(len(place))).all())
                slots = LiveSlots(found if whole else found.take(place), moment)
                value[part], flags[part] = evaluate(found.core, slots)
        self._evaluated[rows] = now_ns
        return Result(*settle(value, flags), self._newest(rows, now.time))

    def _moment(self, rows: Rows, now: Columns, now_ns: int) -> Moment:
        flags = np.where(now.usable & ~np.isnan(now.value), 0, MISSING).astype(np.uint8)
        flags[(now.quality >= FIRST_UNCERTAIN) & (flags == 0)] = np.uint8(UNCERTAIN)
        moved, share = np.empty(0), np.empty(0)
        doubt: Flags = np.empty(0, np.uint8)
        if self._windows.count:
            moved = np.full(self._windows.count, np.nan)
            share = np.zeros(self._windows.count)
            wanted = np.unique(self._moving.take(rows).ids)
            moved[wanted], share[wanted] = self._windows.value(wanted, now_ns)
            doubt = flags[self._windows.series] & np.uint8(UNCERTAIN)
        clocks = (
            {name: clock(zone, now_ns) for name, zone in self._zones.items()} if self._clocked.any() else {}
        )
        return Moment(now.value, flags, moved, share, doubt, clocks)

    def _newest(self, rows: Rows, time: Times) -> Times:
        if not len(rows):
            return np.empty(0, np.int64)
        reads = self._reads.take(rows)
        newest: Times = np.maximum.reduceat(time[reads.ids], reads.starts)
        return newest


def _windows_of(expression: Checked) -> list[core.Window]:
    found = list(expression.windows)
    for selection in expression.selections:
        found += [window for each in selection.windows for window in each]
    return found


def _has_calendar(expression: Checked) -> bool:
    waiting = [expression.core]
    while waiting:
        node = waiting.pop()
        if isinstance(node, core.Calendar):
            return True
        waiting.extend(core.operands(node))
    return False
