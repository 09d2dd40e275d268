"""Tells the InfluxDB what barrio knows beside readings: a task beside the writer's, in the same thread for the store.

- What happened is read from the journals, from a cursor that the notes keep: while the database is away nothing waits
  in memory, and afterwards, or after a kill, it goes on where the database acknowledged last.
- How things are is looked at now and then; of a time when the database was away nothing is told, and everything anew
  when it is back.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from barrio.facts.devices import Devices
from barrio.facts.events import EventSource
from barrio.facts.gaps import GapSource
from barrio.facts.health import Health, Links
from barrio.facts.places import Places
from barrio.status import store_words
from twin.clock import NS
from twin.errors import TransientError
from twin.store.port import StoreRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, MutableMapping, Sequence

    from barrio.facts.alarms import StandingAlarms
    from barrio.facts.requests import OpenRequests
    from barrio.facts.source import Source
    from barrio.platform import Platform
    from twin.facts import Fact

    Tell = Callable[[Iterable[Fact]], None]

TICK_S = 2.0
HEALTH_S = 30.0
STANDING_S = 60.0
MOST_ROWS = 5_000
MOST_A_TICK = 20_000
"""Entries of a journal that are told in one tick, so that a long past does not hold up the present."""
FIRST_WAIT_S, MAX_WAIT_S = 2.0, 30.0
FINISH_S = 3.0
_DROPPED = re.compile(r"partial write.*?(?:dropped=(?P<count>\d+)|$)", re.IGNORECASE)

log = structlog.get_logger("barrio.facts")


@dataclass(slots=True)
class Told:
    """What was told since the start; `last` in ns UTC, `lost` are rows that the database refused for good.

    `folded` counts what is in a row of others; `waiting` the entries of journals that follow.
    """

    rows: int = 0
    lost: int = 0
    folded: int = 0
    last: int = 0
    waiting: int = 0
    words: str = ""


class Teller:
    """Used from the event loop's thread; `tell` blocks and runs in the store's thread."""

    def __init__(self, platform: Platform, tell: Tell, cursors: MutableMapping[str, str]) -> None:
        self.state = Told()
        self._platform = platform
        self._tell_store = tell
        self._cursors = cursors
        self._places = Places(platform.catalogue.districts)
        statuses = [status for status, _ in platform.supervisor.links]
        self._links = Links(statuses, self._places)
        self._standing: StandingAlarms | None = None
        self._open: OpenRequests | None = None
        self._sources: list[Source] = self._living_sources()
        catalogue = platform.catalogue
        self._sources += [
            EventSource(platform.ledger, self._links.districts, self._places),
            GapSource(platform.ledger, catalogue.devices, catalogue.size, platform.clock),
        ]
        self._devices = Devices(
            catalogue.devices, self._places, platform.live, platform.gaps, platform.settler, statuses
        )
        self._health = Health(platform, self._devices, self._links)
        self._waiting: dict[str, int] = {}
        self._health_s = self._standing_s = -float("inf")
        self._renamed = False
        self._well = True
        self._ran = False
        platform.supervisor.listeners.append(self._links.changed)

    def _living_sources(self) -> list[Source]:
        """Return the sources of what the districts have."""
        living = self._platform.living
        found: list[Source] = []
        if living.alarms is not None and living.alarm_journal is not None:
            from barrio.facts.alarms import AlarmSource, StandingAlarms

            found.append(AlarmSource(living.alarm_journal, living.alarms, self._places))
            before = living.alarm_journal.standing()
            self._standing = StandingAlarms(living.alarms, self._places, before)
        if living.commander is not None:
            from barrio.facts.commands import CommandSource

            points = self._platform.catalogue.points
            found.append(CommandSource(living.commander.audit.path, points, self._places))
        if living.services is not None and living.service_journal is not None:
            from barrio.facts.requests import OpenRequests, RequestSource

            found.append(RequestSource(living.service_journal, self._places))
            self._open = OpenRequests(living.services, self._places)
        return found

    # --- life -----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Tell until cancelled; what the database does not take now is told when it does."""
        self._ran = True
        wait_s = FIRST_WAIT_S
        while True:
            # Readings go first, also at the start: a store that is away is found out by them.
            await asyncio.sleep(TICK_S)
            self._note_store()
            if store_words(self._platform):
                self._again()
                continue
            try:
                await self._journals()
                await self._now()
            except TransientError as error:
                if not self.state.words:
                    log.warning("facts.not_told", words=error.words)
                self.state.words = error.words
                self._again()
                await asyncio.sleep(max(wait_s, error.retry_after_s or 0.0))
                wait_s = min(wait_s * 2, MAX_WAIT_S)
            else:
                self.state.words, wait_s = "", FIRST_WAIT_S

    def _again(self) -> None:
        """Tell how everything is once the database is back."""
        self._devices.again()
        self._links.again()
        self._health_s = self._standing_s = -float("inf")

    async def finish(self) -> None:
        """Tell what happened until the end; bounded in time, the next start goes on with the rest."""
        if not self._ran or store_words(self._platform) or self.state.words:
            return
        try:
            async with asyncio.timeout(FINISH_S):
                await self._platform.recorded(FINISH_S)
                await self._journals()
        except (TimeoutError, TransientError) as error:
            log.warning("facts.not_finished", words=str(error))

    def _note_store(self) -> None:
        """Put on record that the store went away or is back; the event is told once it is."""
        words = store_words(self._platform) or self.state.words
        now = self._platform.clock.now_ns()
        if bool(words) == self._well:
            self._well = not words
            self._platform.note("store_away" if words else "store_back", now, words, "store")

    # --- what happened --------------------------------------------------------------------------------------

    async def _journals(self) -> None:
        for source in self._sources:
            await self._journal(source)

    async def _journal(self, source: Source) -> None:
        told, more = 0, True
        while more and told < MOST_A_TICK:
            cursor = self._cursors.get(source.key, "")
            portion = await self._platform.in_thread(source.thread, source.read, cursor, MOST_ROWS // 2)
            self._waiting[source.key] = portion.waiting + len(portion.facts)
            self.state.waiting = sum(self._waiting.values())
            await self._tell(portion.facts)
            source.told()
            self._waiting[source.key] = portion.waiting
            self.state.waiting = sum(self._waiting.values())
            self.state.folded += portion.folded
            if portion.cursor != cursor:
                self._cursors[source.key] = portion.cursor
            told, more = told + MOST_ROWS // 2, portion.more

    # --- how things are -------------------------------------------------------------------------------------

    async def _now(self) -> None:
        """Tell how things are, where that is due."""
        clock = self._platform.clock
        now, monotonic_s = clock.now_ns(), clock.monotonic_s()
        facts: list[Fact] = []
        owners = () if self._standing is None else self._standing.owners()
        rows = self._devices.look(owners, monotonic_s)
        for first in range(0, len(rows), MOST_ROWS // 5):
            facts += self._devices.facts(rows[first : first + MOST_ROWS // 5], now)
            await asyncio.sleep(0)
        links = self._links.due(monotonic_s)
        facts += self._links.facts(links, now)
        is_due = monotonic_s - self._standing_s >= STANDING_S
        if is_due:
            facts += self._that_stands(now)
        is_health_due = monotonic_s - self._health_s >= HEALTH_S
        if is_health_due:
            facts += self._health.facts(now, self._standing, self._open)
        await self._tell(facts)
        self._devices.told(rows, monotonic_s)
        self._links.told(links, monotonic_s)
        if is_due:
            self._standing_s, self._renamed = monotonic_s, True
        if is_health_due:
            self._health_s = monotonic_s

    def _that_stands(self, now: int) -> list[Fact]:
        facts: list[Fact] = []
        if self._standing is not None:
            facts += [] if self._renamed else self._standing.renamed(now)
            facts += self._standing.facts(now)
        if self._open is not None:
            facts += self._open.facts(now)
        return facts

    # --- out ------------------------------------------------------------------------------------------------

    async def _tell(self, facts: Sequence[Fact]) -> None:
        """Return when the database has all of them; StoreBusy and StoreDenied when it takes nothing now."""
        # One database at a time: what one refuses says nothing of what another has.
        by_district: dict[str, list[Fact]] = {}
        for fact in self._young(facts):
            by_district.setdefault(fact.tags["district"], []).append(fact)
        for mine in by_district.values():
            for first in range(0, len(mine), MOST_ROWS):
                await self._insist(mine[first : first + MOST_ROWS])

    async def _insist(self, facts: Sequence[Fact]) -> None:
        """Tell facts; one that the database will not have is found and left out."""
        try:
            await self._platform.in_thread("store", self._tell_store, facts)
        except StoreRefused as error:
            # Of a partial write the others are stored.
            partly = _DROPPED.search(error.words)
            if partly is None and len(facts) > 1:
                await self._insist(facts[: len(facts) // 2])
                await self._insist(facts[len(facts) // 2 :])
                return
            lost = max(1, int(partly["count"] or 1)) if partly else 1
            self.state.lost += lost
            self.state.rows += len(facts) - lost
            log.warning("facts.refused", lost=lost, words=error.words)
        else:
            self.state.rows += len(facts)
        self.state.last = self._platform.clock.now_ns()

    def _young(self, facts: Sequence[Fact]) -> Sequence[Fact]:
        """Leave out what the database would not keep."""
        now = self._platform.clock.now_ns()
        oldest = {
            name: now - round(one.retention_raw_s * NS)
            for name, one in self._places.districts.items()
            if one.retention_raw_s is not None
        }
        if not oldest:
            return facts
        return [fact for fact in facts if fact.time > oldest.get(fact.tags["district"], 0)]
