"""The platform: everything of one process, from the links to the store, started and stopped in order.

Threads, each owned by one object and used for nothing else: `spool` (the only one that writes and reads the spool),
`store` (the only one that writes the store), `ledger` (gaps, events, dead letters), `commands` (their journal and the
audit log, which must not wait behind a ledger that waits for a full disk), `rollups` (makes them), `intervals` (settles
them), `access` (tokens, which must not wait behind anything), `reads` (queries of people). The event loop owns the
rest.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar

import numpy as np
import structlog

from barrio.access.keys import Keys
from barrio.assembly import bind, links_of, store_of
from barrio.desk import EventDesk
from barrio.exports.desk import ExportDesk
from barrio.homes import Secrets, homes
from barrio.intervals.desk import IntervalDesk, Lates
from barrio.live.hook_desk import HookDesk
from barrio.live.hub import Hub
from barrio.living.living import Living
from barrio.past.former import former_series
from barrio.rollups.desk import RollupDesk
from barrio.supervisor import Supervisor
from twin.access.tokens import TokenBook
from twin.audit import PLATFORM, Audit
from twin.clock import NS, rfc3339
from twin.conditions import DeviceEvents
from twin.deadletters import DeadLetters, Letter
from twin.folder import DataFolder
from twin.frame import join
from twin.gaps import Gaps
from twin.ingest.intake import Intake
from twin.ingest.settle import Settler
from twin.ingest.spool import Limits, Spool
from twin.ingest.table import PointTable
from twin.ledger import Ledger
from twin.live import Live
from twin.notes import Drawer, Notes
from twin.past.models import Models
from twin.resolution import Resolution
from twin.series import SeriesRegistry
from twin.sqlite import DatabaseBusy
from twin.store.port import NotAStore, StoreBusy, StoreDenied, StoreRefused
from twin.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from barrio.access.who import Who
    from barrio.facts.teller import Teller
    from barrio.settings import Settings
    from connectors.registry import Connectors
    from twin.clock import Clock
    from twin.frame import Batch
    from twin.model.district import District

P = ParamSpec("P")
T = TypeVar("T")

_OWNED = ("spool", "store", "ledger", "commands", "rollups", "intervals", "access")

WATCH_S = 1.0
ALIVE_S = 5.0
RETENTION_S = 3600.0
DRAIN_S = 10.0
STEP_S = 2.0
RESTORE_ROWS = 50_000

log = structlog.get_logger("barrio")


class Platform:
    """One process's worth of barrio. `async with Platform(...) as platform: await platform.run()`.

    With `at_rest` it is only entered, never run: it answers questions about a data folder and adds nothing to it.
    """

    def __init__(
        self,
        districts: Sequence[District],
        settings: Settings,
        connectors: Connectors,
        clock: Clock,
        *,
        at_rest: bool = False,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.started = clock.now_ns()
        self.started_s = clock.monotonic_s()
        self.first_stored_s: dict[str, float] = {}
        self.clock_steps = 0
        self.store_words = ""
        self.ledger_words = ""
        self.stopping = False
        self.at_rest = at_rest
        self._threads = {name: ThreadPoolExecutor(1, f"barrio-{name}") for name in _OWNED}
        self._threads["reads"] = ThreadPoolExecutor(2, "barrio-reads")
        self._failed: Future[None] = Future()
        self._build(districts, connectors)

    def _build(self, districts: Sequence[District], connectors: Connectors) -> None:
        """Open what is on disk; StartError when the folder cannot be had, everything released again."""
        with ExitStack() as opened:
            self._open_folder(districts, opened)
            self._wire(connectors, opened)
            self._opened = opened.pop_all()

    def _open_folder(self, districts: Sequence[District], opened: ExitStack) -> None:
        self.folder = DataFolder(self.settings.data)
        self.folder.open()
        opened.callback(self.folder.close)
        self.registry = SeriesRegistry(self.folder.series)
        opened.callback(self.registry.close)
        self.registry.open()
        self.catalogue = bind(districts, self.registry)
        self.ledger = Ledger(self.folder.ledger)
        opened.callback(self.ledger.close)
        self.ledger.open(self.started)
        self.letters = DeadLetters(self.folder.letters)
        opened.callback(self.letters.close)
        self.letters.open()
        self.device_events = DeviceEvents(self.folder.devices)
        opened.callback(self.device_events.close)
        self.device_events.open()
        self.notes = Notes(self.folder.notes)
        opened.callback(self.notes.close)
        self.notes.open()
        self.models = Models(self.folder.models)
        opened.callback(self.models.close)
        self.models.open()
        self.audit = Audit(self.folder.audit)
        opened.callback(self.audit.close)
        self.audit.open(at_rest=self.at_rest)
        tokens = TokenBook(self.folder.tokens)
        opened.callback(tokens.close)
        tokens.open()
        self.keys = Keys(tokens, districts, Secrets(self.settings.secrets))
        self.keys.load()
        self.former = former_series(self.models, self.registry.series_paths(), self.catalogue.paths)
        self.spool = Spool(self.folder.spool, Limits(max_bytes=self.settings.spool_bytes))
        opened.callback(self.spool.close)
        self.recovery = self.spool.open()
        self.books_before = self.spool.books()
        self.store = store_of(self.settings, self.folder.duckdb)
        opened.callback(self.store.close)

    def _wire(self, connectors: Connectors, opened: ExitStack) -> None:
        self.table = PointTable(self.catalogue.devices, self.catalogue.size, self.catalogue.computed)
        self.settler = Settler(self.table)
        self.live = Live(self.catalogue.size)
        self.gaps = Gaps(self.catalogue.size, self.ledger, self.in_ledger, self.live)
        self.intake = Intake(
            self.settler, self.spool, self.live, self.gaps, self.clock, partial(self.in_thread, "spool")
        )
        self.rollups = RollupDesk(self, opened)
        self.exports = ExportDesk(self, opened)
        self.intervals = IntervalDesk(self, opened)
        self.writer = Writer(
            self.spool,
            self.store,
            self._bury,
            self.gaps,
            self.intake.appended,
            self._for_writer,
            self._on_stored,
            Lates(self.rollups.late, self.intervals.late),
        )
        self.desk = EventDesk(self.device_events, self.in_ledger, self.note, self.clock)
        home = homes(self.folder.connectors, Secrets(self.settings.secrets), self._drawer)
        links = links_of(self.catalogue, connectors, home)
        self.supervisor = Supervisor(links, self.intake, self.gaps, self.clock, self.note, self.desk)
        self._protocol = self._protocols()
        self.living = Living(self, opened)
        self.intake.compute = self.living.compute
        self.intake.followers.append(self.living.follow)
        self.hub = Hub(self)
        self.hooks = HookDesk(self)
        self.facts = self._teller()

    def _teller(self) -> Teller | None:
        """Return who tells an InfluxDB what is known beside readings; None for a store that is told nothing.

        The notes of what was told are those of one database: another one is told everything.
        """
        if self.at_rest or self.settings.store == "duckdb":
            return None
        from barrio.facts.teller import Teller
        from twin.store.influx import InfluxStore

        if not isinstance(self.store, InfluxStore):
            return None
        return Teller(self, self.store.tell, self._drawer(f"facts {self.settings.store}"))

    def _drawer(self, protocol: str) -> Drawer:
        return Drawer(self.notes, protocol, self.in_ledger)

    @property
    def token(self) -> str:
        """The operator's token, empty until one is made."""
        return self.keys.operator

    @token.setter
    def token(self, text: str) -> None:
        self.keys.operator = text

    # --- life -----------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Rebuild the live twin from the store and the spool, and account for the time that was missed."""
        try:
            await self._open_store()
            await self._restore()
            await self.living.start()
            await self._remark()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop in order; bounded in time."""
        await self.close()

    async def run(self) -> None:
        """Run until cancelled; any failure but a peer's ends it with that failure."""
        self.hub.attach()
        await self.hooks.start(self._opened)
        intake = asyncio.create_task(self.intake.run(), name="intake")
        writer = asyncio.create_task(self._write(), name="writer")
        links = asyncio.create_task(self.supervisor.run(), name="links")
        watch = asyncio.create_task(self._watch(), name="watch")
        living = asyncio.create_task(self.living.run(), name="living")
        rollups = asyncio.create_task(self.rollups.run(), name="rollups")
        exports = asyncio.create_task(self.exports.run(), name="exports")
        intervals = asyncio.create_task(self.intervals.run(), name="intervals")
        hub = asyncio.create_task(self.hub.run(), name="hub")
        keys = asyncio.create_task(self.keys.run(self), name="keys")
        facts = [asyncio.create_task(self.facts.run(), name="facts")] if self.facts is not None else []
        tasks = (links, watch, living, rollups, exports, intervals, hub, keys, intake, writer, *facts)
        failed = asyncio.wrap_future(self._failed)
        try:
            done, _ = await asyncio.wait({*tasks, failed}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self.stopping = True
            await self.living.stop()
            await _cancel(links, watch, living, rollups, exports, intervals, keys, *facts)
            await self._drain(intake, writer)
            await self.hooks.close()
            await _cancel(hub)
            failed.cancel()

    async def close(self) -> None:
        """Close what is on disk."""
        self.stopping = True
        self.note("platform_stopped", self.clock.now_ns(), "", "")
        if self.facts is not None:
            await self.facts.finish()
        for name in (*_OWNED, "reads"):
            await asyncio.to_thread(self._threads[name].shutdown)
        if not self.at_rest:
            self._mark_alive()
        await asyncio.to_thread(self._opened.close)

    # --- threads --------------------------------------------------------------------------------------------

    async def in_thread(self, thread: str, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a blocking function in one of the threads that this object owns."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads[thread], partial(function, *args, **kwargs))

    async def _for_writer(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Spool calls to the spool's thread, dead letters to the ledger's, the rest to the store's."""
        owner = getattr(function, "__self__", None)
        thread = "spool" if owner is self.spool else "ledger" if owner is self else "store"
        return await self.in_thread(thread, function, *args, **kwargs)

    def _bury(self, batch: Batch, words: str) -> None:
        """Put readings that the store refused into the dead letters."""
        now, paths = self.clock.now_ns(), self.registry.series_paths()
        times = zip(batch.time.tolist(), batch.received.tolist(), batch.device.tolist(), strict=True)
        said = zip(batch.ids.tolist(), batch.value.tolist(), batch.quality.tolist(), strict=True)
        self.letters.put(
            Letter(batch.seq, series, paths[series], *three, value, quality, words, now)
            for (series, value, quality), three in zip(said, times, strict=True)
        )

    def in_ledger(self, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Queue a change of the ledger; the order is kept, it waits for a full disk, any other failure is a bug."""
        if self.at_rest:
            return
        change = partial(function, *args, **kwargs)
        self._threads["ledger"].submit(self._insist, change).add_done_callback(self._check)

    async def recorded(self, within_s: float) -> str:
        """Return when changes of the ledger so far are on the disk; after `within_s` why they are not, else empty."""
        try:
            async with asyncio.timeout(within_s):
                await self.in_thread("ledger", _nothing)
        except TimeoutError:
            return self.ledger_words or "the disk is slow"
        return ""

    async def audited(self, kind: str, who: Who, details: Mapping[str, Any]) -> None:
        """Put into the audit log what somebody does beside commands; returns when it is on the disk.

        `kind` is what, such as `export`; `details` are plain data, never a secret. Raises `twin.audit.NotAudited` when
        the disk does not take it: what is put down before it is done is not done then. What only shows when it is done
        (which alarm, whether it could be) is put down after, and whoever asked is told. At rest nothing is added.
        """
        if self.at_rest:
            return
        entry = {
            "at": rfc3339(self.clock.now_ns()),
            "step": kind,
            "kind": PLATFORM,
            "who": who.name,
            **details,
        }
        if who.token:
            entry["token"] = who.token
        await self.in_thread("commands", self.audit.append, [entry])

    def _insist(self, change: Callable[[], object]) -> None:
        """Make a change of the ledger as soon as the disk lets us; a stop does not wait for it."""
        while True:
            try:
                change()
            except DatabaseBusy as error:
                self.ledger_words = error.words
                if self.stopping:
                    return
                time.sleep(WATCH_S)
            else:
                self.ledger_words = ""
                return

    def _check(self, future: Future[None]) -> None:
        error = future.exception()
        if error is not None and not self._failed.done():
            self._failed.set_exception(error)

    def note(self, kind: str, at: int, words: str, subject: str) -> None:
        """Put an event into the ledger."""
        self.in_ledger(self.ledger.event, kind, at, words, subject)

    # --- start ----------------------------------------------------------------------------------------------

    async def _remark(self) -> None:
        """Put on record what was found when the audit log was opened; where there are commands, their desk does."""
        if self.at_rest or self.living.commander is not None or not self.audit.remarks:
            return
        at = rfc3339(self.started)
        said = [{"at": at, "step": "audit_remark", "words": one} for one in self.audit.remarks]
        await self.in_thread("commands", self.audit.append, said)

    async def _open_store(self) -> None:
        """Open the store if it is there; while it is away the platform runs and the spool waits."""
        try:
            series = [*self.catalogue.series, *self.former]
            await self.in_thread("store", self.store.open, series, self.registry.state_names())
            self.store_words, self.writer.state.denied = "", False
        except (StoreBusy, StoreDenied) as error:
            if error.words != self.store_words:
                log.warning("store.away", words=error.words)
            self.store_words, self.writer.state.denied = error.words, isinstance(error, StoreDenied)

    async def _restore(self) -> None:
        await self._take_latest()
        after = self.spool.settled_seq
        while batches := await self.in_thread("spool", self.spool.read, after, RESTORE_ROWS):
            self._take_over(join(batches))
            after = batches[-1].seq
        self.gaps.restore(self.catalogue.ids, self.folder.alive_ns(), self.started)
        self.note("platform_started", self.started, "", "")
        self.in_ledger(self.models.record, self.catalogue.districts, self.started)
        if not self.recovery.clean:
            self._report_damage()

    async def _take_latest(self) -> None:
        """Take over what the store holds; where it cannot be asked, the twin begins with what the spool has."""
        if self.store_words:
            return
        try:
            latest = await self.in_thread("store", self.store.latest, None)
        except (StoreBusy, StoreDenied) as error:
            self.store_words = error.words
            log.warning("store.away", words=error.words)
        else:
            self._take_over(latest.take(latest.ids < self.catalogue.size))

    def _report_damage(self) -> None:
        """Say what a damaged spool cost: the count is exact, which points it was is not known any more."""
        words = f"{self.recovery.readings_damaged} readings in damaged records, "
        words += f"{self.recovery.bytes_set_aside} bytes set aside"
        self.note("spool_damaged", self.started, words, "spool")
        log.warning("spool.damaged", words=words)

    def _take_over(self, readings: Batch) -> None:
        self.live.restore(readings)
        self.settler.restore(readings)

    async def _write(self) -> None:
        while self.store_words:
            await asyncio.sleep(WATCH_S)
            try:
                await self._open_store()
            except NotAStore as error:
                # Something else answers in its place for now; at the first try this ends the start.
                self.store_words = str(error)
            await self._take_latest()
        await self.writer.run()

    def _protocols(self) -> np.ndarray:
        names = self.catalogue.protocols
        self._protocol_names = names
        codes = np.full(self.catalogue.size, -1, np.int8)
        for bound in self.catalogue.devices:
            codes[[item.id for item in bound.points]] = names.index(bound.device.protocol)
        return codes

    def _on_stored(self, batch: Batch) -> None:
        if len(self.first_stored_s) == len(self._protocol_names):
            return
        known = batch.ids[(batch.ids < self.catalogue.size) & (batch.received >= self.started)]
        age_s = round(self.clock.monotonic_s() - self.started_s, 3)
        codes = self._protocol[known]
        for code in np.unique(codes[codes >= 0]).tolist():
            self.first_stored_s.setdefault(self._protocol_names[code], age_s)

    # --- while running --------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Once a second: points that fell silent, steps of the wall clock, signs of life, what may be forgotten."""
        last_alive = last_retention = -np.inf
        offset_s = self._offset_s()
        while True:
            now_s = self.clock.monotonic_s()
            self.gaps.watch(
                self.table.silent_after_s,
                self.table.configured,
                self.clock.now_ns(),
                now_s,
                self.intake.tally.words,
            )
            if now_s - last_alive >= ALIVE_S:
                last_alive = now_s
                await self.in_thread("reads", self._mark_alive)
            if now_s - last_retention >= RETENTION_S and not self.store_words:
                last_retention = now_s
                await self._forget()
            await asyncio.sleep(WATCH_S)
            offset_s = self._notice_step(offset_s)

    def _mark_alive(self) -> None:
        with suppress(OSError):
            self.folder.mark_alive(self.clock.now_ns())

    def _offset_s(self) -> float:
        return self.clock.now_ns() / NS - self.clock.monotonic_s()

    def _notice_step(self, offset_s: float) -> float:
        """Notice that somebody set the wall clock: readings go on in the order of arrival, the step is on record."""
        found_s = self._offset_s()
        step_s = found_s - offset_s
        if abs(step_s) < STEP_S:
            return found_s
        self.clock_steps += 1
        words = f"the clock of this machine was set {abs(step_s):.0f} s {'forward' if step_s > 0 else 'back'}"
        self.note("clock_stepped", self.clock.now_ns(), words, "clock")
        log.warning("clock.stepped", seconds=round(step_s))
        return found_s

    async def _forget(self) -> None:
        """Let go of readings past their district's retention, and of gaps and events when no district keeps them."""
        ages = [district.retention_raw_s for district in self.catalogue.districts]
        if (known := [age for age in ages if age is not None]) and len(known) == len(ages):
            before = self.clock.now_ns() - round(max(known) * NS)
            self.in_ledger(self.ledger.prune, before)
            self.in_ledger(self.device_events.prune, before)
            for forget in self.living.prunes():
                self.in_ledger(forget, before)
        for district in self.catalogue.districts:
            if district.retention_raw_s is None:
                continue
            every = (*self.catalogue.series, *self.former)
            ids = [series.id for series in every if series.district == district.id]
            before = self.clock.now_ns() - round(district.retention_raw_s * NS)
            try:
                forgets = self.rollups.book.forgets
                await self.in_thread("rollups", forgets, district.id, Resolution.RAW, before)
                await self.in_thread("store", self.store.delete, np.array(ids, np.int32), 0, before)
                self.in_ledger(self.models.forgot, district.id, before)
            except (StoreBusy, StoreDenied, StoreRefused, DatabaseBusy) as error:
                log.warning("store.not_forgotten", district=district.id, words=error.words)

    # --- stop -----------------------------------------------------------------------------------------------

    async def _drain(self, intake: asyncio.Task[None], writer: asyncio.Task[None]) -> None:
        """Make durable what is in memory, then give the store a chance to take what waits; both bounded."""
        self.writer.hurried = True
        await self.intake.idle(within_s=DRAIN_S)
        await _cancel(intake)
        try:
            async with asyncio.timeout(DRAIN_S):
                while self._goes_on(writer):  # noqa: ASYNC110 - the spool is another thread's, it sets no event
                    await asyncio.sleep(0.02)
        except TimeoutError:
            log.warning(
                "platform.drain_timed_out", pending=self.intake.pending, waiting=self.spool.books().waiting
            )
        await _cancel(writer)

    def _goes_on(self, writer: asyncio.Task[None]) -> bool:
        """Whether waiting brings the spool nearer to empty."""
        words = self.store_words or self.writer.state.words
        return bool(self.spool.books().waiting) and not words and not writer.done()


async def _cancel(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _nothing() -> None:
    """What is done when everything before it is."""
