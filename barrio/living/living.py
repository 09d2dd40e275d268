"""What makes the twin more than a mirror: it computes, notices, acts and asks, for districts that say so.

Every part is there only where a district has its file, so that a district without rules pays nothing:

- `deriver`    derived points, computed within the flush that their inputs came with (`derived.yaml`)
- `alarms`     decided after each flush and on the tick (`alarms.yaml`)
- `commander`  commands, leases and programmes (`commands.yaml`)
- `services`   supply, capacity, maintenance (`services.yaml`)
- `figures`    sums over meters that everybody may see, published when their time has come (`datasets.yaml`)
- `outbox`, `notifier`  what somebody has to be told, until they were

Used from the event loop's thread. At rest the journals are open and answer; nothing runs.
"""

from __future__ import annotations

import asyncio
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeVar

from barrio.living import recall

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import ExitStack
    from pathlib import Path

    from barrio.figures import FigureDesk
    from barrio.notify.notifier import Notifier
    from barrio.platform import Platform
    from barrio.supervisor import LinkStatus
    from twin.alarms.engine import Alarms
    from twin.alarms.journal import Journal as AlarmJournal
    from twin.commands.desk import Commander
    from twin.databook import DataBook
    from twin.derived.deriver import Deriver
    from twin.frame import Frame
    from twin.ingest.settle import Settled
    from twin.outbox import Outbox
    from twin.services.engine import Services
    from twin.services.journal import ServiceJournal


BookT = TypeVar("BookT", bound="DataBook")

TICK_S = 0.25
STOP_WITHIN_S = 5.0


class Living:
    """The living parts of one platform."""

    def __init__(self, platform: Platform, opened: ExitStack) -> None:
        self.deriver: Deriver | None = None
        self.alarms: Alarms | None = None
        self.alarm_journal: AlarmJournal | None = None
        self.commander: Commander | None = None
        self.services: Services | None = None
        self.service_journal: ServiceJournal | None = None
        self.outbox: Outbox | None = None
        self.notifier: Notifier | None = None
        self.figures: FigureDesk | None = None
        self._platform = platform
        self._opened = opened
        self._build()

    @cached_property
    def _ids(self) -> dict[str, int]:
        """Series ids by path, made where some part needs them."""
        return {path: item.id for path, item in self._platform.catalogue.points.items()}

    @cached_property
    def _states(self) -> dict[str, int]:
        """State ids by name."""
        return {name: number for number, name in self._platform.catalogue.states.items()}

    # --- construction ---------------------------------------------------------------------------------------

    def _build(self) -> None:
        districts = self._platform.catalogue.districts
        if any(district.derived for district in districts):
            self._build_deriver()
        if any(district.alarms for district in districts):
            self._build_alarms(self._outbox())
        if any(district.services for district in districts):
            self._build_services(self._outbox())
        if any(district.commands for district in districts):
            self._build_commander()
        if any(
            one.figures for district in districts if district.datasets for one in district.datasets.datasets
        ):
            self._build_figures()
        if self.notifier is not None and self.services is not None:
            self.notifier.on_answer = self._answered

    def _build_deriver(self) -> None:
        from twin.derived.deriver import Deriver

        platform = self._platform
        derived = [one for district in platform.catalogue.districts for one in district.derived]
        size = platform.catalogue.size
        self.deriver = Deriver(derived, self._ids, self._states, size, platform.gaps.reason)

    def _outbox(self) -> Outbox:
        """Return the outbox, made when it is first asked for, with what sends from it."""
        if self.outbox is not None:
            return self.outbox
        from barrio.homes import Secrets
        from barrio.notify.channels import channels_of
        from barrio.notify.notifier import Notifier
        from twin.outbox import Outbox

        platform = self._platform
        self.outbox = self._open(Outbox(platform.folder.outbox, platform.clock), platform.folder.outbox)
        channels = channels_of(platform.catalogue.districts)
        secrets = Secrets(platform.settings.secrets)
        self.notifier = Notifier(self.outbox, channels, secrets, platform.clock, platform.in_thread)
        return self.outbox

    def _build_alarms(self, outbox: Outbox) -> None:
        from twin.alarms.engine import Alarms
        from twin.alarms.journal import Journal
        from twin.alarms.twin import Twin

        platform = self._platform
        self.alarm_journal = self._open(Journal(platform.folder.alarms), platform.folder.alarms)
        books = [(one, one.alarms) for one in platform.catalogue.districts if one.alarms is not None]
        twin = Twin(platform.live, platform.gaps, self._ids, self._states)
        submit, links = (
            platform.in_ledger,
            _devices_by_link(status for status, _ in platform.supervisor.links),
        )
        self.alarms = Alarms(books, twin, self.alarm_journal, outbox, submit, platform.clock, links)
        platform.supervisor.listeners.append(self._link_changed)

    def _build_commander(self) -> None:
        from barrio.living.hands import Hands
        from twin.commands.desk import Commander
        from twin.commands.journal import Journal
        from twin.commands.reported import Reported

        platform = self._platform
        journal = Journal(platform.folder.commands)
        self._opened.callback(journal.close)
        journal.open()
        catalogue = platform.catalogue
        reported = Reported(catalogue.points, catalogue.states, platform.live, platform.gaps)
        hands = Hands(platform.supervisor, catalogue)
        in_thread = partial(platform.in_thread, "commands")
        self.commander = Commander(
            *(catalogue.districts, reported, journal, platform.audit),
            *(hands.write, hands.reach, in_thread, platform.clock),
        )

    def _build_services(self, outbox: Outbox) -> None:
        from twin.services.engine import Services
        from twin.services.journal import ServiceJournal
        from twin.services.kit import Kit

        platform = self._platform
        self.service_journal = self._open(ServiceJournal(platform.folder.services), platform.folder.services)
        kit = Kit(
            platform.live,
            platform.gaps,
            self.service_journal,
            platform.in_ledger,
            outbox,
            platform.clock,
            platform.note,
        )
        books = [one.services for one in platform.catalogue.districts if one.services is not None]
        self.services = Services(books, self._ids, self._states, platform.catalogue.size, kit)

    def _build_figures(self) -> None:
        from barrio.figures import FigureDesk
        from twin.datasets.figure_book import FigureBook

        path = self._platform.folder.figures
        self.figures = FigureDesk(self._platform, self._open(FigureBook(path), path))

    def _open(self, book: BookT, path: Path) -> BookT:
        """Open a book for as long as the platform lives; that a damaged one was set aside is an event."""
        self._opened.callback(book.close)
        aside = book.open()
        if aside is not None:
            words = f"set aside as {aside.name}"
            self._platform.note("book_damaged", self._platform.started, words, path.name)
        return book

    # --- start ----------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Go on from what the books and the store hold; a store that is away leaves windows empty, no more."""
        if self.deriver is not None:
            self.deriver.restore(self._platform.live)
            self.deriver.warm(await recall.readings(self._platform, self.deriver.needs))
        if self.alarms is not None:
            self.alarms.warm(await recall.readings(self._platform, self.alarms.needs))
        if self.services is not None and self.service_journal is not None:
            self.services.warm(await recall.readings(self._platform, self.services.needs))
            await recall.weekdays(self._platform, self.services)
            self.services.restore(await self._platform.in_thread("ledger", self.service_journal.kept))
            self.services.recall(await recall.weeks_ago(self._platform, self.services.counters))
        if self.commander is not None:
            interlocks = self.commander.interlocks
            interlocks.warm(await recall.readings(self._platform, interlocks.needs))
            await self.commander.restore(at_rest=self._platform.at_rest)

    # --- a flush --------------------------------------------------------------------------------------------

    def compute(self, settled: Settled, now_ns: int) -> Frame | None:
        """Return what is computed from a flush, before it is durable."""
        return None if self.deriver is None else self.deriver.step(settled, now_ns)

    def follow(self, settled: Settled) -> None:
        """Notice what a flush brought, once the live twin has it."""
        now, ids = self._platform.clock.now_ns(), settled.readings.ids
        if self.commander is not None:
            self.commander.observe(settled.readings)
        if self.alarms is not None:
            self.alarms.observe(settled.readings)
            self.alarms.decide(ids, now)
        if self.services is not None:
            self.services.take(ids, now)

    # --- while running --------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Do what comes with time until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tick(), name="living")
            if self.notifier is not None:
                group.create_task(self.notifier.run(), name="notifier")
            if self.figures is not None:
                group.create_task(self.figures.run(), name="figures")

    async def _tick(self) -> None:
        while True:
            now = self._platform.clock.now_ns()
            frames = [part.tick(now) for part in (self.deriver, self.services) if part is not None]
            for frame in frames:
                if frame is not None:
                    self._platform.intake.offer(frame)
            if self.alarms is not None:
                self.alarms.tick(now)
            if self.commander is not None:
                self.commander.tick(now)
            await asyncio.sleep(TICK_S)

    async def stop(self) -> None:
        """Let what was begun come to an end; bounded in time. The links still run."""
        if self.commander is not None:
            await self.commander.close(STOP_WITHIN_S)
        if self.services is not None:
            self.services.keep(self._platform.clock.now_ns())

    def prunes(self) -> Iterator[Callable[[int], object]]:
        """Yield what forgets the past of each journal before a time in ns UTC; it blocks on the disk."""
        journals = (
            self.alarm_journal,
            self.service_journal,
            self.commander.journal if self.commander is not None else None,
        )
        for journal in journals:
            if journal is not None:
                yield journal.prune

    # --- in detail ------------------------------------------------------------------------------------------

    def _link_changed(self, status: LinkStatus) -> None:
        if self.alarms is not None:
            now = self._platform.clock.now_ns()
            self.alarms.link(status.name, status.up, status.words, status.owners, now)

    def _answered(self, _channel: str, key: str, status: int, body: str) -> None:
        if self.services is not None:
            self.services.answered(key, status, body)


def _devices_by_link(links: Iterable[LinkStatus]) -> dict[str, tuple[str, ...]]:
    return {status.name: status.owners for status in links}
