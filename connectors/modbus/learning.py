"""The read plan of one device, and what its refusals teach.

A request that covers an address which the device does not have is refused as a whole (exception 2), and some devices
refuse long ones (exception 3). What is done about it:

- A block that is refused is cut in two, and so on with the half that is refused (`search`): after at most log2(n) + 1
  refusals, n being its spans, one offender is known.
- A single span that is refused is *set aside*: not read any more, and tried again alone after `retry_after`. When one
  answers again, the others are tried at once: the device was busy with itself, or has new firmware.
- Two halves that answer where the whole was refused show a border that must not be crossed, often a bridged gap.
- A device that refuses the length of a block gets blocks of half of that length.
- Of a device that refuses everything the last span stays: its refusals say that the device is there.

All of it is remembered in a note, so that after a restart nothing is learned twice. A silent device teaches nothing.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from connectors.modbus.config import options_of
from connectors.modbus.facts import Refusal, digest_of, read, write
from connectors.modbus.pdu import exception_words
from connectors.modbus.plan import block_of, groups_of, limits_of, merge
from connectors.modbus.registers import Table
from connectors.modbus.search import Search

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from connectors.home import Home
    from connectors.modbus.plan import Block, Extent, Span
    from connectors.modbus.search import Piece, Run
    from twin.model.bound import BoundDevice

ILLEGAL_ADDRESS = 2
ILLEGAL_VALUE = 3
_TEACH = frozenset({ILLEGAL_ADDRESS, ILLEGAL_VALUE})
# The last second that has a date.
_LAST_S = 253_402_300_799


class DevicePlan:
    """What is read of one device. `blocks` changes as the device refuses; look before each poll."""

    def __init__(self, bound: BoundDevice, home: Home) -> None:
        """Plan the device's points with what was learned before, from `home.notes`."""
        device = bound.device
        self._groups = groups_of(bound)
        self._limits = {table: limits_of(device, table) for table in Table}
        self._retry_ns = round(options_of(device).retry_after * 1e9)
        self._spans = {span.key: span for spans in self._groups.values() for span in spans}
        self._notes, self._key = home.notes, f"plan/{device.district}/{device.id}"
        self._digest = digest_of(self._spans, self._limits)
        self._facts = read(self._notes.get(self._key), self._digest)
        if not self._spans.keys() - self._facts.aside.keys():
            self._facts.aside.clear()
        self._search = Search(self._believe)
        self._trial: Block | None = None
        self._trial_patience = 0
        self._refuses_all = False
        self._blocks: dict[float, tuple[Block, ...]] = {}
        self._runs: dict[Block, Run] = {}
        self._parts: dict[Block, Piece] = {}
        # Nothing is looked at between these two times, so that an answer usually costs one comparison.
        self._looked_ns, self._look_ns = 0, math.inf
        self._replan()
        if self._facts.aside:
            self._look_ns = 0

    @property
    def periods(self) -> tuple[float, ...]:
        """Periods of the poll groups in seconds, the shortest first."""
        return tuple(self._groups)

    def blocks(self, period_s: float) -> Sequence[Block]:
        """Return what one poll of a group reads: the same tuple as before unless something was learned.

        A block stays the same object as long as it reads the same points.
        """
        return self._blocks[period_s]

    @property
    def any_block(self) -> Block:
        """A block of the fastest group that still has one: something to ask whether the device is there."""
        return next(blocks[0] for blocks in self._blocks.values() if blocks)

    def set_aside(self) -> Mapping[int, str]:
        """Return the ids of the points that are not read, each with the device's words and until when."""
        return {
            bound.id: _words(self._facts.aside[span.key])
            for span in self._all_spans()
            if span.key in self._facts.aside
            for bound in span.points
        }

    def not_crossed(self) -> Sequence[tuple[Table, int, int]]:
        """Return the pairs of addresses that no request covers both, because the device refused that."""
        return [(table, *pair) for table in Table for pair in sorted(self._facts.apart.get(table, ()))]

    def longest(self, table: Table) -> int:
        """Return how many registers or bits of a table one request asks for at most."""
        return min(self._limits[table].most, self._facts.most.get(table.of_bits, 2000))

    def answered(self, block: Block, now_ns: int) -> None:
        """Say that a block was answered, `now_ns` being the time in ns UTC. Cheap while there is nothing to learn."""
        if not self._looked_ns <= now_ns < self._look_ns:
            self._looked_ns = now_ns
            self._look(block, now_ns)

    def refused(self, block: Block, code: int, now_ns: int) -> Sequence[int] | None:
        """Say that a block was refused with an exception code; returns what became of it.

        None: nothing was learned, the refusal stands for all of its points. Else the plan has changed, and these
        positions of `block.points` are set aside now; the others are read by other blocks from the next look on.
        """
        if code not in _TEACH:
            return None
        self._looked_ns = now_ns
        if block is self._trial:
            return self._still_refused(block, code, now_ns)
        run = self._runs.get(block)
        if run is None:
            return ()
        if len(run) == 1:
            return self._put_aside(block, run[0], code, now_ns)
        if code == ILLEGAL_VALUE:
            self._shorten(block)
        else:
            self._search.split(run, self._parts.get(block))
            self._replan()
        return ()

    def _look(self, block: Block, now_ns: int) -> None:
        """Learn from an answer, and see whether something that was set aside is due."""
        if block is self._trial:
            self._come_back(block, now_ns)
        elif (part := self._parts.get(block)) is not None:
            if self._search.answered(part):
                self._replan()
        elif block in self._runs:
            self._search.acquit(block.table, (block.start, block.stop))
            if self._refuses_all:
                self._refuses_all = False
                self._hurry(now_ns)
        self._age_trial()
        self._try_again(now_ns)
        self._wait()

    def _put_aside(self, block: Block, span: Span, code: int, now_ns: int) -> Sequence[int] | None:
        part = self._parts.get(block)
        positions = None
        if len(self._spans.keys() - self._facts.aside.keys()) > 1:
            self._facts.aside[span.key] = Refusal(code, now_ns + self._retry_ns)
            self._search.forget(lambda run: span not in run and any(other.key == span.key for other in run))
            if code == ILLEGAL_VALUE:
                # It was this span, not the length of what was asked.
                self._facts.most.pop(span.table.of_bits, None)
            self._remember()
            positions = range(len(block.points))
        else:
            self._refuses_all = True
        if part is not None:
            self._search.found(part)
        self._replan()
        return positions

    def _believe(self, table: Table, border: Extent) -> None:
        self._facts.apart.setdefault(table, set()).add(border)
        self._remember()

    def _shorten(self, block: Block) -> None:
        of_bits = block.table.of_bits
        self._facts.most[of_bits] = max(1, block.count // 2)
        self._search.forget(lambda run: run[0].table.of_bits is of_bits)
        self._remember()
        self._replan()

    def _still_refused(self, block: Block, code: int, now_ns: int) -> Sequence[int]:
        key = self._runs[block][0].key
        self._facts.aside[key] = Refusal(code, now_ns + self._retry_ns)
        self._trial = None
        self._remember()
        self._replan()
        return range(len(block.points))

    def _come_back(self, block: Block, now_ns: int) -> None:
        self._facts.aside.pop(self._runs[block][0].key, None)
        self._trial = None
        self._hurry(now_ns)
        self._remember()
        self._replan()

    def _hurry(self, now_ns: int) -> None:
        """Have everything that is set aside tried as soon as possible, one after the other."""
        self._facts.aside = {key: replace(found, retry_ns=now_ns) for key, found in self._facts.aside.items()}

    def _age_trial(self) -> None:
        """Give up on a trial that is neither answered nor refused: some devices fall silent instead."""
        if self._trial is not None:
            self._trial_patience -= 1
            if self._trial_patience <= 0:
                self._trial = None
                self._replan()

    def _try_again(self, now_ns: int) -> None:
        """Plan a request for the span that is due first."""
        if self._trial is not None:
            return
        # A clock that was set back must not put them off for longer than ever was meant.
        latest = now_ns + self._retry_ns
        due = [
            (found.retry_ns, key)
            for key, found in self._facts.aside.items()
            if key in self._spans and not now_ns < found.retry_ns <= latest
        ]
        if due:
            _, key = min(due)
            self._facts.aside[key] = replace(self._facts.aside[key], retry_ns=latest)
            self._trial_patience = 4 + 2 * sum(map(len, self._blocks.values()))
            self._trial = block_of([self._spans[key]])
            self._replan()

    def _wait(self) -> None:
        """Look at the next answer while something is open, else when the next span is due."""
        is_open = self._search.is_open or self._trial or self._refuses_all
        due = (found.retry_ns for key, found in self._facts.aside.items() if key in self._spans)
        self._look_ns = 0.0 if is_open else min(due, default=math.inf)

    def _remember(self) -> None:
        self._notes[self._key] = write(self._facts, self._digest)

    def _replan(self) -> None:
        """Make the blocks anew from the facts, the open doubts and the trial; blocks that stay are kept."""
        kept = {run: block for block, run in self._runs.items()}
        self._runs, self._parts = {}, {}
        for period_s, spans in self._groups.items():
            runs = {kept.get(run) or block_of(run): run for run in self._runs_of(spans)}
            self._runs |= runs
            self._blocks[period_s] = tuple(runs)
        by_run = {leaf.run: leaf for leaf in self._search.leaves()}
        self._parts = {block: by_run[run] for block, run in self._runs.items() if run in by_run}
        self._add_trial()
        self._wait()

    def _add_trial(self) -> None:
        if self._trial is None:
            return
        span = self._spans[self._trial.key]
        period_s = next(period_s for period_s, spans in self._groups.items() if span in spans)
        self._runs[self._trial] = (span,)
        self._blocks[period_s] += (self._trial,)

    def _runs_of(self, spans: Sequence[Span]) -> list[Run]:
        return [run for table in Table for run in self._runs_in(table, spans)]

    def _runs_in(self, table: Table, spans: Sequence[Span]) -> Iterator[Run]:
        """Yield the runs of one table: those in doubt as they stand, what lies between them as wide as may be."""
        limits = replace(
            self._limits[table],
            most=self.longest(table),
            apart=tuple(sorted(self._facts.apart.get(table, ()))),
        )
        leaf_of = {span: leaf for leaf in self._search.leaves() for span in leaf.run}
        free: list[Span] = []
        for span in spans:
            if span.table is not table or span.key in self._facts.aside:
                continue
            leaf = leaf_of.get(span)
            if leaf is None:
                free.append(span)
                continue
            yield from merge(free, limits)
            free = []
            if leaf.run[0] is span:
                yield leaf.run
        yield from merge(free, limits)

    def _all_spans(self) -> Iterator[Span]:
        for spans in self._groups.values():
            yield from spans


def _words(refusal: Refusal) -> str:
    until = datetime.fromtimestamp(min(refusal.retry_ns // 10**9, _LAST_S), UTC)
    return f"{exception_words(refusal.code)}; set aside until {until:%Y-%m-%d %H:%M:%S} UTC"
