"""Intervals on the platform: days are settled a portion at a time, what came late is looked at, decisions are taken.

Everything that writes the book runs in the thread `intervals`, so that a version is made of one state of things.
Settling leaves the machine to others as long as each portion took, and longer while readings wait for the store.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog

from barrio.intervals.meters import meters_of
from barrio.moments import rfc3339
from twin.errors import TransientError
from twin.intervals.book import IntervalBook, Version
from twin.intervals.edits import Edit, EditKind
from twin.intervals.maker import Maker
from twin.intervals.revisions import ReadingsGone
from twin.resolution import Resolution
from twin.rollups.late import Late
from twin.store.port import StoreRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from contextlib import ExitStack

    from barrio.platform import Platform
    from twin.frame import Batch
    from twin.intervals.register import Register

IDLE_S, AWAY_S, MARKS_S = 5.0, 15.0, 30.0
PAUSE, PAUSE_WHILE_OTHERS_WAIT = 1.0, 9.0
WAITS_S = 2.0
MOST_MARKS = 20
BY_FILE = "the district's files"

log = structlog.get_logger("barrio.intervals")


class IntervalDesk:
    """The intervals of one platform. `words` say why nothing is settled now, empty while it is."""

    def __init__(self, platform: Platform, opened: ExitStack) -> None:
        self.words = ""
        self._platform = platform
        self.book = IntervalBook(platform.folder.intervals, platform.clock.now_ns)
        opened.callback(self.book.close)
        aside = self.book.open()
        if aside is not None:
            words = (
                f"set aside as {aside.name}; days are settled anew, edits and versions are in the old file"
            )
            platform.note("book_damaged", platform.started, words, platform.folder.intervals.name)
            log.error("intervals.book_damaged", words=words)
        self.late = Late(self.book, platform.catalogue.size)
        self.makers = {
            meters.district: Maker(
                platform.store,
                self.book,
                meters,
                self.late,
                platform.clock.now_ns(),
                partial(platform.rollups.book.kept, meters.district, Resolution.RAW),
            )
            for district in platform.catalogue.districts
            if (meters := meters_of(district, platform.catalogue)).registers
        }
        self._marks_s = 0.0
        self._declared = False

    # --- life -----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Settle until cancelled."""
        while True:
            pause_s = AWAY_S
            if self.makers and not self._platform.store_words:
                try:
                    pause_s = await self._step()
                    self.words = ""
                except TransientError as error:
                    self._stumble(error.words)
                except StoreRefused as error:
                    self._stumble(f"the store refuses what is asked: {error.words}")
            await asyncio.sleep(pause_s)

    async def _step(self) -> float:
        """Do one piece of work; returns for how long to leave the machine to others."""
        platform = self._platform
        begun_s, now = platform.clock.monotonic_s(), platform.clock.now_ns()
        if not self._declared:
            await platform.in_thread("intervals", self.declare, now)
            self._declared = True
        if begun_s - self._marks_s >= MARKS_S:
            self._marks_s = begun_s
            await platform.in_thread("intervals", self.look, now)
        newest, horizon = platform.live.time.copy(), platform.rollups.horizon
        settled = None
        for maker in self.makers.values():
            settled = await platform.in_thread("intervals", maker.settle, newest, horizon, now)
            if settled is not None:
                break
        if settled is None:
            return IDLE_S
        took_s = platform.clock.monotonic_s() - begun_s
        return took_s * (PAUSE_WHILE_OTHERS_WAIT if platform.spool.oldest_age_s > WAITS_S else PAUSE)

    def _stumble(self, words: str) -> None:
        if words != self.words:
            log.warning("intervals.waiting", words=words)
        self.words = words

    # --- in the thread `intervals` --------------------------------------------------------------------------

    def look(self, now: int) -> int:
        """Look at some of what came late for settled days; returns how many versions that made. Blocks."""
        # Marks of what is no register any more wait until it is one again; they are in nobody's way.
        marks = [mark for mark in self.book.marks() if self.has(mark.series)][:MOST_MARKS]
        return sum(maker.look(marks, now) for maker in self.makers.values())

    def declare(self, now: int) -> None:
        """Take the changes of meters that the districts' files declare, as far as they are new. Blocks."""
        for district in self._platform.catalogue.districts:
            for change in district.intervals.changes if district.intervals else ():
                item = self._platform.catalogue.points[change.path]
                register = self.register(item.id)
                steps = (register.step(change.old_last), register.step(change.new_first))
                known = [
                    one for one, _ in self.book.all_edits([item.id]) if one.kind is EditKind.METER_CHANGE
                ]
                if any((one.start, one.steps) == (change.at, steps) for one in known):
                    continue
                why = f"{change.why} ({BY_FILE})".strip()
                edit = Edit(EditKind.METER_CHANGE, item.id, change.at, change.at, steps, change.who, why, now)
                try:
                    self.decide(edit)
                except ReadingsGone:
                    log.warning("intervals.change_too_old", point=change.path, at=rfc3339(change.at))

    def decide(self, edit: Edit) -> int:
        """Take a decision; returns the version that it came with. Blocks."""
        version = Version(0, edit.at, edit.kind.value, edit.who, edit.why)
        return self.maker(edit.series).again({edit.series: (edit.start, edit.stop)}, version, [edit])

    def withdraw(self, edit: Edit, who: str, why: str, now: int) -> int:
        """Take a decision back; returns the version that this came with. Blocks."""
        version = Version(0, now, "withdrawn", who, why)
        span = {edit.series: (edit.start, edit.stop)}
        return self.maker(edit.series).again(span, version, withdrawn=[edit.number])

    # --- what is known --------------------------------------------------------------------------------------

    def maker(self, series: int) -> Maker:
        """Return who makes the intervals of a register."""
        return self.makers[self._platform.catalogue.owners[series].district]

    def register(self, series: int) -> Register:
        """Return a register."""
        return self.maker(series).meters.registers[series]

    def has(self, series: int) -> bool:
        """Whether a series is a register; it may be one that is not in the model any more."""
        return any(series in maker.meters.registers for maker in self.makers.values())

    def grouped(self, ids: Iterable[int]) -> Mapping[str, list[int]]:
        """Return registers by district."""
        found: dict[str, list[int]] = {}
        for one in ids:
            found.setdefault(self._platform.catalogue.owners[one].district, []).append(one)
        return found

    def snapshot(self) -> dict[str, Any]:
        """Return how intervals stand, as plain data."""
        registers = sum(len(maker.meters.registers) for maker in self.makers.values())
        return {"registers": registers, "words": self.words or self._platform.store_words}


class Lates:
    """Several that have to know of readings that came late, as the writer asks one."""

    def __init__(self, *lates: Late) -> None:
        self._lates = lates

    def among(self, batch: Batch) -> Batch | None:
        """Return the batch when any of it is late for any of them; None costs next to nothing."""
        return batch if any(one.among(batch) is not None for one in self._lates) else None

    def mark(self, late: Batch) -> None:
        """Let each keep what is late for it. Raises `twin.sqlite.DatabaseBusy`."""
        for one in self._lates:
            mine = one.among(late)
            if mine is not None:
                one.mark(mine)
