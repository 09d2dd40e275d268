"""The intervals of one district: days settled into versions of the book, and made again when something came late.

A day is settled, in the order of time, once its end is past and the register at its end is known. From then on the book
has the word. Readings that come late for it, and what people decide, make a new version of the days that they change.
All that writes the book is here; `answers` of it reads.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import structlog

from twin.clock import NS, rfc3339
from twin.intervals import source
from twin.intervals.agenda import Agenda
from twin.intervals.answers import Answers
from twin.intervals.book import Version
from twin.intervals.flags import Edge
from twin.intervals.grid import day_starts
from twin.intervals.reckoner import Reckoner
from twin.intervals.revisions import ReadingsGone, Revisions
from twin.intervals.stand import ends_of, is_off

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from twin.frame import Times
    from twin.intervals.book import IntervalBook, Mark
    from twin.intervals.edits import Edit
    from twin.intervals.line import Line
    from twin.intervals.meters import Meters
    from twin.intervals.register import Register
    from twin.intervals.stand import Stand
    from twin.rollups.late import Late
    from twin.store.port import Store

_DAY = 86_400 * NS
_LONG = (Edge.REFERENCE, Edge.NO_REFERENCE)
BY_ITSELF, SETTLED, LATE = "barrio", "settled", "late"
AT_ONCE, DAYS_AT_ONCE = 20, 7
"""Registers and days that are settled in one portion: bounds memory, and how long readers wait."""

log = structlog.get_logger("barrio.intervals")


class Maker:
    """Makes the intervals of one district. Methods block on the store and the disk; one thread at a time settles.

    `now` is the present: readings of before it, that come from now on, are late. `kept` says since when readings are
    kept, 0 for ever. `answers` says what is known of a stretch, settled or not.
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
        self._book = book
        self.meters = replace(meters, registers=_in_steps_of(book, meters.registers))
        self.reckoner = Reckoner(store, book, self.meters)
        self.answers = Answers(book, self.reckoner, meters.zone)
        self._agenda = Agenda(store, book, self.meters)
        self._revisions = Revisions(store, book, self.reckoner, self.meters, kept)
        self._late = late
        self._lock = threading.RLock()
        self._decimals = {one: found.decimals for one, found in self.meters.registers.items()}
        for one, begin in self._agenda.begins().items():
            # By which reading the day's end was had is not known any more: all that was there may have been it.
            self._claim([one], max(begin + self._soon, now))

    # --- settled --------------------------------------------------------------------------------------------

    def _claim(self, ids: Sequence[int], until: int) -> None:
        """Say that readings before a time are late from now on."""
        self._late.claim(np.array(ids, np.int32), until)

    @property
    def _soon(self) -> int:
        """How far after the end of a day readings were looked at for its last boundary, at least."""
        return min(source.MARGINS[0], self.meters.usual.settle_after)

    def settle(self, newest: Times, horizon: int, now: int) -> int | None:
        """Settle a portion of what is due; returns how many days of registers it was, None when nothing was due."""
        with self._lock:
            self._agenda.enter(newest)
            due = self._agenda.due(newest, horizon)
            if not due:
                return None
            begin = due[0][0]
            ids = [one for first, one in due if first == begin][:AT_ONCE]
            settled = self._settle(ids, begin, horizon, now)
            for one in ids:
                if one not in settled and self._agenda.begin(one) == begin:
                    self._agenda.wait(one, int(newest[one]))
            return sum(settled.values())

    def _settle(self, ids: Sequence[int], begin: int, horizon: int, now: int) -> dict[int, int]:
        """Settle some registers from a day on; returns how many days of each."""
        over = horizon - self.meters.usual.settle_after
        days = day_starts(begin, min(begin + DAYS_AT_ONCE * _DAY, over), self.meters.zone)
        days = days[days <= over]
        self._claim(ids, int(days[-1]) + self._soon)
        last: dict[int, int] = {}
        lines = self.reckoner.reckoned(ids, int(days[0]), int(days[-1]), last=last)
        self._mend_seams({one: line for one, line in lines.items() if line.known[0]}, begin, now)
        off = {one: stand for one, stand in self._ends(ids, begin).items() if is_off(lines[one], stand)}
        if off:
            # What was settled cannot be made again: these days go on from there.
            lines |= self.reckoner.reckoned(list(off), int(days[0]), int(days[-1]), last=last, stands=off)
        rows: dict[tuple[int, int], Line] = {}
        for one in ids:
            rows |= {(one, day): line for day, line in _whole(lines[one], days).items()}
        found: dict[int, int] = {}
        for one, _ in rows:
            found[one] = found.get(one, 0) + 1
        for one in found:
            self._claim([one], last.get(one, int(days[-1])) + 1)
        self._agenda.pass_over(
            [one for one in ids if lines[one].between(begin, int(days[1])).edge[-1] == Edge.UNBORN]
        )
        if rows:
            self._book.put(Version(0, now, SETTLED, BY_ITSELF, ""), rows, decimals=self._decimals)
        for one, day in rows:
            self._agenda.settled(one, day)
        return found

    def _mend_seams(self, lines: Mapping[int, Line], begin: int, now: int) -> None:
        """Make again what was settled before a day where that begins with another register than it ended with.

        So it may be when readings, rules or reference days have become others in between. What one day no longer has,
        the next one must not have a second time, nor both of them not at all.
        """
        for one, stand in self._ends(list(lines), begin).items():
            if is_off(lines[one], stand):
                with suppress(ReadingsGone):
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

        0 when nothing changed and there is nothing to write beside it. Raises `ReadingsGone` where that cannot be had
        any more.
        """
        with self._lock:
            rows: dict[tuple[int, int], Line] = {}
            held = {
                one: [edit for edit in found if edit.number not in withdrawn]
                for one, found in self._book.edits(spans).items()
            }
            for edit in edits:
                held.setdefault(edit.series, []).append(edit)
            for one, span in spans.items():
                ahead, late = self._agenda.begin(one), version.cause == LATE
                rows |= self._revisions.changed(one, span, held, ahead, late=late)
            if not rows and not edits and not withdrawn:
                self._book.looked(seen)
                return 0
            number = self._book.put(
                version, rows, edits, withdrawn=withdrawn, seen=seen, decimals=self._decimals
            )
            self._agenda.decided(edits)
            return number

    def look(self, marks: Iterable[Mark], now: int) -> int:
        """Make again what came late; returns how many versions that made.

        What comes for days whose readings are gone changes nothing, and is said in the log.
        """
        made = 0
        for mark in marks:
            if mark.series not in self.meters.registers:
                continue
            spans = {mark.series: (mark.low, mark.high)}
            try:
                made += self.again(spans, Version(0, now, LATE, BY_ITSELF, ""), seen=[mark]) > 0
            except ReadingsGone as error:
                self._book.looked([mark])
                path, since = self.meters.registers[mark.series].path, rfc3339(mark.low)
                log.warning("intervals.late_without_readings", point=path, since=since, days=error.days)
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
