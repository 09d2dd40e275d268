"""Intervals made from what the store holds and the book knows: on the fly, or settled into a version of the book.

A day is settled, in the order of time, once its end is past and the register at its end is known. From then on the book
has the word. Readings that come late for it, and what people decide, make a new version of the days that they change.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from twin.clock import NS
from twin.intervals import source
from twin.intervals.axis import axis_of
from twin.intervals.book import Version
from twin.intervals.edits import EditKind
from twin.intervals.estimate import Reference
from twin.intervals.flags import Edge, Flag, Why
from twin.intervals.grid import day_starts, quarters, slots
from twin.intervals.line import joined, nothing
from twin.intervals.reckon import Ground, reckon
from twin.intervals.stand import around, ends_of, is_off, stand_of, with_spreads
from twin.intervals.sums import checked
from twin.store.port import Aggregate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from twin.frame import Times, Values
    from twin.intervals.axis import Reads
    from twin.intervals.book import IntervalBook, Mark
    from twin.intervals.edits import Edit
    from twin.intervals.line import Line
    from twin.intervals.meters import Meters
    from twin.intervals.register import Register
    from twin.intervals.stand import Stand
    from twin.rollups.late import Late
    from twin.store.port import Store

_DAY, _WEEK = 86_400 * NS, 7 * 86_400 * NS
_LONG = (Edge.REFERENCE, Edge.NO_REFERENCE)
_PATIENCE = 900 * NS
_LOOKS, _NEAR = 8, 6 * 3_600 * NS
_READ_BY_HAND = (EditKind.READ, EditKind.METER_CHANGE)
FOREVER = 2**62
BY_ITSELF, SETTLED, LATE = "barrio", "settled", "late"
AT_ONCE, DAYS_AT_ONCE = 20, 7
"""Registers and days that are settled in one portion: bounds memory, and how long readers wait."""


class ReadingsGone(ValueError):
    """Raised where settled days would have to be made again of readings that are no longer kept: they stay."""


class Maker:
    """Makes the intervals of one district. Methods block on the store and the disk; one thread at a time settles.

    `now` is the present: readings of before it, that come from now on, are late. `kept` says since when readings are
    kept, 0 for ever.
    """

    def __init__(
        self,
        store: Store,
        book: IntervalBook,
        meters: Meters,
        late: Late,
        now: int = 0,
        kept: Callable[[], int] = lambda: 0,
    ) -> None:
        self._store = store
        self._book = book
        self.meters = replace(meters, registers=_in_steps_of(book, meters.registers))
        self._late = late
        self._kept = kept
        self._lock = threading.RLock()
        self._decimals = {one: found.decimals for one, found in self.meters.registers.items()}
        # The day of each register that is to be settled next: its start and end.
        self._next: dict[int, tuple[int, int]] = {}
        # Those that cannot go on until something newer than a time was read.
        self._waits: dict[int, int] = {}
        self._by_hand = {
            one: max((edit.start for edit in edits if edit.kind in _READ_BY_HAND), default=0)
            for one, edits in book.edits(meters.registers).items()
        }
        for one, day in book.settled().items():
            if one in meters.registers:
                self._settled(one, day)
                # By which reading the day's end was had is not known any more: all that was there may have been it.
                self._claim([one], max(self._next[one][0] + self._soon, now))

    # --- on the fly -----------------------------------------------------------------------------------------

    def lines(
        self, ids: Sequence[int], start: int, stop: int, version: int | None = None, newest: int | None = None
    ) -> dict[int, Line]:
        """Return the quarter hours of the days that touch `start <= time < stop`, for each register.

        Settled days as the book has them; with a `version` as they stood with it, and nothing of what was not settled
        by then. Else what is not settled is made now, with version 0, and goes on from where settled days end;
        `newest` is the version that all of an answer goes by, the newest one when left out.
        """
        days = day_starts(start, stop, self.meters.zone)
        upto = version if version is not None else self._book.newest() if newest is None else newest
        kept = self._book.days(ids, int(days[0]), int(days[-1]), upto)
        fresh = self._missing(ids, days, kept, upto) if version is None else {}
        return {one: self._assembled(one, days, kept, fresh.get(one)) for one in ids}

    def _missing(
        self, ids: Sequence[int], days: Times, kept: Mapping[tuple[int, int], Line], upto: int
    ) -> dict[int, Line]:
        """Reckon, for each register that has days that are not settled, from the first of them on."""
        begins: dict[int, list[int]] = {}
        for one in ids:
            first = next((day for day in days[:-1].tolist() if (one, day) not in kept), None)
            if first is not None:
                begins.setdefault(first, []).append(one)
        found: dict[int, Line] = {}
        for first, some in begins.items():
            edits = self._book.edits(some, upto)
            stands = self._stands(some, kept, upto)
            found |= self.reckoned(some, first, int(days[-1]), edits, stands=stands)
        return found

    def _stands(
        self, ids: Sequence[int], kept: Mapping[tuple[int, int], Line], upto: int
    ) -> dict[int, Stand]:
        """Return where settled days of a stretch, and the oldest and newest of all, begin and end."""
        lines = {one: list(ends) for one, ends in self._book.ends(ids, upto).items()}
        for (one, _), line in kept.items():
            if one in lines:
                lines[one].append(line)
        return {one: ends_of(found) for one, found in lines.items()}

    def _assembled(
        self, one: int, days: Times, kept: Mapping[tuple[int, int], Line], fresh: Line | None
    ) -> Line:
        parts = []
        for low, high in pairwise(days.tolist()):
            line = kept.get((one, low))
            if line is None and fresh is not None:
                line = fresh.between(low, high)
            parts.append(
                nothing(quarters(low, high, self.meters.zone), Why.UNSETTLED) if line is None else line
            )
        return joined(parts)

    def reckoned(
        self,
        ids: Sequence[int],
        start: int,
        stop: int,
        edits: Mapping[int, Sequence[Edit]] | None = None,
        last: dict[int, int] | None = None,
        stands: Mapping[int, Stand] | None = None,
    ) -> dict[int, Line]:
        """Return the quarter hours of whole days, made from the readings.

        `edits` are the decisions that hold, those of the book when left out; `last` takes the time of the last reading
        that was looked at; `stands` are the boundaries that are not to be moved.
        """
        held = self._book.edits(ids) if edits is None else edits
        found = self._plain(ids, start, stop, held, {} if last is None else last, stands or {})
        for check in self.meters.sums:
            if check.main in found:
                others = [one for one in check.parts if one not in found]
                lines = found | self._plain(others, start, stop, self._book.edits(others), {}, {})
                main, *parts = [
                    (self.meters.registers[one], lines[one]) for one in (check.main, *check.parts)
                ]
                found[check.main] = checked(main, parts, check.tolerance)
        return found

    def _plain(
        self,
        ids: Sequence[int],
        start: int,
        stop: int,
        edits: Mapping[int, Sequence[Edit]],
        last: dict[int, int],
        stands: Mapping[int, Stand],
    ) -> dict[int, Line]:
        wider: dict[tuple[int, int], dict[int, Register]] = {}
        for one in ids:
            wanted = with_spreads(edits.get(one, ()), start, stop, self.meters.zone)
            wider.setdefault(wanted, {})[one] = self.meters.registers[one]
        found: dict[int, Line] = {}
        for (low, high), registers in wider.items():
            for one, reads in source.reads_of(self._store, registers, low, high, edits):
                stand, held = stands.get(one), edits.get(one, ())
                begin, end = low, high
                if stand is not None:
                    begin, end = around(axis_of(registers[one], reads, held).time, stand.time, low, high)
                edges, bounds = self._grid(begin, end)
                ground = Ground(self.meters.rules_of(one), self.meters.zone, held, days=bounds, stand=stand)
                found[one] = self._reckon(one, reads, edges, ground).between(start, stop)
                if len(reads.time):
                    last[one] = int(reads.time[-1])
        return found

    def _grid(self, start: int, stop: int) -> tuple[Times, list[int]]:
        """Return the quarter hours of whole days, and the positions at which days begin."""
        edges = quarters(start, stop, self.meters.zone)
        return edges, np.searchsorted(edges, day_starts(start, stop, self.meters.zone)).tolist()

    def _reckon(self, one: int, reads: Reads, edges: Times, ground: Ground) -> Line:
        """Reckon; once more with reference days where there is a long gap, or with what flowed where it stood still."""
        register = self.meters.registers[one]
        line = reckon(register, reads, edges, ground)
        if bool((line.edge == Edge.NO_REFERENCE).any()):
            reference = self._reference(register, reads, edges, ground)
            if reference.days:
                ground = replace(ground, reference=reference)
                line = reckon(register, reads, edges, ground)
        if _stands(line, ground.rules.frozen):
            flow = self._flow(one, edges)
            if flow is not None:
                line = reckon(register, reads, edges, replace(ground, flow=flow))
        return line

    def _reference(self, register: Register, reads: Reads, edges: Times, ground: Ground) -> Reference:
        """Return days from before every gap, however long before the stretch the first one began."""
        knots = axis_of(register, reads, ground.edits).time
        at = int(np.searchsorted(knots, edges[0], "right")) - 1
        since = int(knots[at]) if at >= 0 else int(edges[0])
        low = since - ground.rules.weeks * _WEEK - 2 * _DAY
        days = self._book.days([register.id], low, int(edges[-1]))
        by_date = {slots(line.edges, self.meters.zone)[1][0]: line for line in days.values()}
        return Reference(by_date, ground.rules.days, ground.rules.weeks, self.meters.holidays)

    def _flow(self, one: int, edges: Times) -> Values | None:
        """Return what the point beside a register says flowed in each interval, in steps."""
        beside = self.meters.beside.get(one)
        if beside is None:
            return None
        ids = np.array([beside.series], np.int32)
        mean = self._store.windows(ids, edges, [Aggregate.MEAN])[beside.series].columns[Aggregate.MEAN]
        hours = np.diff(edges) / (3_600 * NS)
        steps: Values = np.abs(mean) * beside.factor * hours * 10 ** self.meters.registers[one].decimals
        return steps

    # --- settled --------------------------------------------------------------------------------------------

    def _settled(self, one: int, day: int) -> None:
        """Take note that a day of a register is settled."""
        begin = int(day_starts(day, day + 1, self.meters.zone)[-1])
        self._next[one] = begin, int(day_starts(begin, begin + 1, self.meters.zone)[-1])

    def _claim(self, ids: Sequence[int], until: int) -> None:
        """Say that readings before a time are late from now on."""
        self._late.claim(np.array(ids, np.int32), until)

    @property
    def _soon(self) -> int:
        """How far after the end of a day readings were looked at for its last boundary, at least."""
        return min(source.MARGINS[0], self.meters.usual.settle_after)

    def due(self, newest: Times, horizon: int) -> list[tuple[int, int]]:
        """Return `(start of day, register)` of those whose next day may be settled, the oldest first.

        `newest` is the time of the newest reading by series id: a day needs one at or after its end.
        """
        over = horizon - self.meters.usual.settle_after
        found = []
        for one, (begin, end) in self._next.items():
            read = max(int(newest[one]), self._by_hand.get(one, 0))
            if end <= over and read >= max(end, self._waits.get(one, 0)):
                found.append((begin, one))
        return sorted(found)

    def settle(self, newest: Times, horizon: int, now: int) -> int | None:
        """Settle a portion of what is due; returns how many days of registers it was, None when nothing was due."""
        with self._lock:
            fresh = [one for one in self.meters.registers if one not in self._next and newest[one]]
            if fresh:
                self._begin(fresh, newest)
            due = self.due(newest, horizon)
            if not due:
                return None
            begin = due[0][0]
            ids = [one for first, one in due if first == begin][:AT_ONCE]
            settled = self._settle(ids, begin, horizon, now)
            for one in ids:
                if one not in settled and self._next[one][0] == begin:
                    # Its newest reading was no usable one.
                    self._waits[one] = int(newest[one]) + _PATIENCE
            return sum(settled.values())

    def _begin(self, ids: Sequence[int], newest: Times) -> None:
        """Find the day on which registers were first read."""
        found, times = self._store.first(np.array(ids, np.int32), 0)
        first = dict(zip(found.tolist(), times.tolist(), strict=True))
        for one in ids:
            at = first.get(one, int(newest[one]))
            edges = day_starts(at, at + 1, self.meters.zone).tolist()
            self._next[one] = edges[0], edges[1]

    def _settle(self, ids: Sequence[int], begin: int, horizon: int, now: int) -> dict[int, int]:
        """Settle some registers from a day on; returns how many days of each."""
        over = horizon - self.meters.usual.settle_after
        days = day_starts(begin, min(begin + DAYS_AT_ONCE * _DAY, over), self.meters.zone)
        days = days[days <= over]
        self._claim(ids, int(days[-1]) + self._soon)
        last: dict[int, int] = {}
        lines = self.reckoned(ids, int(days[0]), int(days[-1]), last=last)
        self._mend_seams({one: line for one, line in lines.items() if line.known[0]}, begin, now)
        off = {one: stand for one, stand in self._ends(ids, begin).items() if is_off(lines[one], stand)}
        if off:
            # What was settled cannot be made again: these days go on from there.
            lines |= self.reckoned(list(off), int(days[0]), int(days[-1]), last=last, stands=off)
        rows: dict[tuple[int, int], Line] = {}
        for one in ids:
            rows |= {(one, day): line for day, line in _whole(lines[one], days).items()}
        found: dict[int, int] = {}
        for one, _ in rows:
            found[one] = found.get(one, 0) + 1
        for one in found:
            self._claim([one], last.get(one, int(days[-1])) + 1)
        self._pass_over(
            [one for one in ids if lines[one].between(begin, int(days[1])).edge[-1] == Edge.UNBORN]
        )
        if rows:
            self._book.put(Version(0, now, SETTLED, BY_ITSELF, ""), rows, decimals=self._decimals)
        for one, day in rows:
            self._settled(one, day)
        return found

    def _pass_over(self, ids: Sequence[int]) -> None:
        """Go on with the day of the first reading that is kept, where nothing is known to the end of the next one."""
        found, times = self._store.first(np.array(ids, np.int32), 0)
        for one, at in zip(found.tolist(), times.tolist(), strict=True):
            begin, end = day_starts(at, at + 1, self.meters.zone).tolist()[:2]
            if begin > self._next[one][0]:
                self._next[one] = begin, end

    def _mend_seams(self, lines: Mapping[int, Line], begin: int, now: int) -> None:
        """Make again what was settled before a day where that begins with another register than it ended with.

        So it may be when readings, rules or reference days have become others in between. What one day no longer has,
        the next one must not have a second time, nor both of them not at all.
        """
        for one, stand in self._ends(list(lines), begin).items():
            if is_off(lines[one], stand):
                self.again({one: (begin - 1, begin)}, Version(0, now, LATE, BY_ITSELF, ""))

    def _ends(self, ids: Sequence[int], begin: int) -> dict[int, Stand]:
        """Return where settled days end, of registers of which they end where a day begins."""
        return {
            one: ends_of([line])
            for one, (_, line) in self._book.ends(ids).items()
            if int(line.edges[-1]) == begin and line.known[-1]
        }

    # --- again ----------------------------------------------------------------------------------------------

    def again(
        self,
        spans: Mapping[int, tuple[int, int]],
        version: Version,
        edits: Sequence[Edit] = (),
        *,
        withdrawn: Sequence[int] = (),
        seen: Sequence[Mark] = (),
    ) -> int:
        """Make the settled days again that stretches of readings may have changed; returns the new version.

        0 when nothing changed and there is nothing to write beside it. `ReadingsGone` where that cannot be had any
        more; what came late for such days changes nothing.
        """
        late = version.cause == LATE
        with self._lock:
            rows: dict[tuple[int, int], Line] = {}
            held = {
                one: [edit for edit in found if edit.number not in withdrawn]
                for one, found in self._book.edits(spans).items()
            }
            for edit in edits:
                held.setdefault(edit.series, []).append(edit)
            for one, span in spans.items():
                try:
                    rows |= self._changed(one, span, held, late=late)
                except ReadingsGone:
                    if not late:
                        raise
            if not rows and not edits and not withdrawn:
                self._book.looked(seen)
                return 0
            number = self._book.put(
                version, rows, edits, withdrawn=withdrawn, seen=seen, decimals=self._decimals
            )
            for edit in edits:
                self._waits.pop(edit.series, None)
                if edit.kind in _READ_BY_HAND:
                    self._by_hand[edit.series] = max(edit.start, self._by_hand.get(edit.series, 0))
            return number

    def _changed(
        self, one: int, span: tuple[int, int], held: Mapping[int, Sequence[Edit]], *, late: bool
    ) -> dict[tuple[int, int], Line]:
        """Return the settled days of a register that are other than they were."""
        ahead = self._next.get(one, (0, 0))[0]
        edits = held.get(one, ())
        begin, end = source.reach(self._store, self.meters.registers[one], *span, edits)
        if begin >= ahead:
            return {}
        days = day_starts(begin, max(min(end + 1, ahead), begin + 1), self.meters.zone)
        before = self._book.days([one], int(days[0]), int(days[-1]))
        if not before:
            return {}
        if self._are_gone(one, before, edits):
            raise ReadingsGone
        stands = {one: stand_of(before.values(), begin, end)}
        made = self.reckoned([one], int(days[0]), int(days[-1]), held, stands=stands)[one]
        if self._are_lost(one, before, made):
            raise ReadingsGone
        found = {}
        for (_, day), old in before.items():
            line = _marked(made.between(day, int(old.edges[-1])), old, late=late)
            if not _same(line, old):
                found[one, day] = line
        return found

    def _are_gone(self, one: int, days: Mapping[tuple[int, int], Line], edits: Sequence[Edit]) -> bool:
        """Whether readings that some settled days were made of are no longer there."""
        if min(day for _, day in days) < self._kept():
            return True
        _, times = self._store.first(np.array([one], np.int32), 0)
        by_hand = [edit.start for edit in edits if edit.kind in _READ_BY_HAND]
        since = min([*times.tolist(), *by_hand], default=FOREVER)
        return any(bool((line.edges[line.edge <= Edge.BETWEEN] < since).any()) for line in days.values())

    def _are_lost(self, one: int, days: Mapping[tuple[int, int], Line], made: Line) -> bool:
        """Whether a boundary that was measured lies where nothing is stored any more, whoever let it go."""
        measured = {int(at) for line in days.values() for at in line.edges[line.edge <= Edge.BETWEEN]}
        turned = [at for at in made.edges[made.edge > Edge.BETWEEN].tolist() if at in measured]
        ids = np.array([one], np.int32)
        for at in turned[:: max(1, len(turned) // _LOOKS)]:
            last = self._store.asof(ids, at + _NEAR)
            if not len(last) or int(last.time[0]) < at - _NEAR:
                return True
        return False

    def look(self, marks: Iterable[Mark], now: int) -> int:
        """Make again what came late; returns how many versions that made."""
        made = 0
        for mark in marks:
            if mark.series not in self.meters.registers:
                continue
            spans = {mark.series: (mark.low, mark.high)}
            made += self.again(spans, Version(0, now, LATE, BY_ITSELF, ""), seen=[mark]) > 0
        return made


def _in_steps_of(book: IntervalBook, registers: Mapping[int, Register]) -> Mapping[int, Register]:
    """Return registers in the steps in which the book began to keep them, whatever the files say now."""
    kept = book.decimals(registers)
    return {one: found.in_steps(kept.get(one, found.decimals)) for one, found in registers.items()}


def _whole(line: Line, days: Times) -> dict[int, Line]:
    """Return the days of a line that can be settled now, by their start."""
    found: dict[int, Line] = {}
    for low, high in pairwise(days.tolist()):
        part = line.between(low, high)
        if part.edge[-1] >= Edge.UNREAD:
            break
        if low > days[0] and np.isin(part.edge, _LONG).any():
            # Its reference days have to be in the book first: it is made with the next portion.
            break
        found[low] = part
    return found


def _marked(line: Line, old: Line, *, late: bool) -> Line:
    """Return a line with what came late called so: what is new of it, and what was called so before."""
    if len(line) != len(old):
        return line
    other = (line.delta != old.delta) | (line.register[1:] != old.register[1:])
    came_late = (other & late) | (old.flag == Flag.LATE)
    where = came_late & (line.flag == Flag.VALID)
    flag, why = line.flag.copy(), line.why.copy()
    flag[where], why[where] = Flag.LATE, Why.CAME_LATE
    return replace(line, flag=flag, why=why)


def _same(line: Line, old: Line) -> bool:
    return (
        len(line) == len(old)
        and bool((line.delta == old.delta).all())
        and bool((line.register == old.register).all())
        and bool((line.flag == old.flag).all())
        and bool((line.why == old.why).all())
        and bool((line.edge == old.edge).all())
    )


def _stands(line: Line, frozen: int | None) -> bool:
    """Whether a register stood still for so long."""
    if frozen is None:
        return False
    still = line.counted & (line.delta == 0)
    bounds = np.flatnonzero(np.diff(np.concatenate(([False], still, [False])).astype(np.int8))).reshape(-1, 2)
    return bool(len(bounds)) and bool((line.edges[bounds[:, 1]] - line.edges[bounds[:, 0]] >= frozen).any())
