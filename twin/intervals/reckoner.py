"""Quarter hours of many registers, made from what the store holds now; `twin.intervals.reckon` reckons one of them.

It brings together what a register's days are reckoned from: its readings, decisions and rules, reference days out of
the book, what flowed beside it, the meters that it feeds. It keeps nothing and writes nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from twin.clock import NS
from twin.intervals import source
from twin.intervals.axis import axis_of
from twin.intervals.estimate import Reference
from twin.intervals.flags import Edge
from twin.intervals.grid import day_starts, quarters, slots
from twin.intervals.reckon import Ground, reckon
from twin.intervals.stand import around, with_spreads
from twin.intervals.sums import checked
from twin.store.port import Aggregate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from twin.frame import Times, Values
    from twin.intervals.axis import Reads
    from twin.intervals.book import IntervalBook
    from twin.intervals.edits import Edit
    from twin.intervals.line import Line
    from twin.intervals.meters import Meters
    from twin.intervals.register import Register
    from twin.intervals.stand import Stand
    from twin.store.port import Store

_DAY, _WEEK = 86_400 * NS, 7 * 86_400 * NS


class Reckoner:
    """Reckons the intervals of one district's registers. Methods block on the store and the disk."""

    def __init__(self, store: Store, book: IntervalBook, meters: Meters) -> None:
        self._store = store
        self._book = book
        self._meters = meters

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
        for check in self._meters.sums:
            if check.main in found:
                others = [one for one in check.parts if one not in found]
                lines = found | self._plain(others, start, stop, self._book.edits(others), {}, {})
                main, *parts = [
                    (self._meters.registers[one], lines[one]) for one in (check.main, *check.parts)
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
            wanted = with_spreads(edits.get(one, ()), start, stop, self._meters.zone)
            wider.setdefault(wanted, {})[one] = self._meters.registers[one]
        found: dict[int, Line] = {}
        for (low, high), registers in wider.items():
            for one, reads in source.reads_of(self._store, registers, low, high, edits):
                stand, held = stands.get(one), edits.get(one, ())
                begin, end = low, high
                if stand is not None:
                    begin, end = around(axis_of(registers[one], reads, held).time, stand.time, low, high)
                edges, bounds = self._grid(begin, end)
                ground = Ground(self._meters.rules_of(one), self._meters.zone, held, days=bounds, stand=stand)
                found[one] = self._reckon(one, reads, edges, ground).between(start, stop)
                if len(reads.time):
                    last[one] = int(reads.time[-1])
        return found

    def _grid(self, start: int, stop: int) -> tuple[Times, list[int]]:
        """Return the quarter hours of whole days, and the positions at which days begin."""
        edges = quarters(start, stop, self._meters.zone)
        return edges, np.searchsorted(edges, day_starts(start, stop, self._meters.zone)).tolist()

    def _reckon(self, one: int, reads: Reads, edges: Times, ground: Ground) -> Line:
        """Reckon; once more with reference days where there is a long gap, or with what flowed where it stood still."""
        register = self._meters.registers[one]
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
        by_date = {slots(line.edges, self._meters.zone)[1][0]: line for line in days.values()}
        return Reference(by_date, ground.rules.days, ground.rules.weeks, self._meters.holidays)

    def _flow(self, one: int, edges: Times) -> Values | None:
        """Return what the point beside a register says flowed in each interval, in steps."""
        beside = self._meters.beside.get(one)
        if beside is None:
            return None
        ids = np.array([beside.series], np.int32)
        mean = self._store.windows(ids, edges, [Aggregate.MEAN])[beside.series].columns[Aggregate.MEAN]
        hours = np.diff(edges) / (3_600 * NS)
        steps: Values = np.abs(mean) * beside.factor * hours * 10 ** self._meters.registers[one].decimals
        return steps


def _stands(line: Line, frozen: int | None) -> bool:
    """Whether a register stood still for so long."""
    if frozen is None:
        return False
    still = line.counted & (line.delta == 0)
    bounds = np.flatnonzero(np.diff(np.concatenate(([False], still, [False])).astype(np.int8))).reshape(-1, 2)
    return bool(len(bounds)) and bool((line.edges[bounds[:, 1]] - line.edges[bounds[:, 0]] >= frozen).any())
