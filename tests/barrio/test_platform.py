"""The platform as a whole: started, stopped, killed in between; what it remembers, and what it never does by halves."""

import asyncio
import contextlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from barrio import platform as module
from barrio.assembly import load_all
from barrio.platform import Platform
from barrio.settings import Settings
from barrio.status import snapshot
from connectors.registry import Connectors
from tests.barrio.scripted import ScriptedConnector, until, write_district
from twin.clock import SystemClock
from twin.errors import StartError, TransientError
from twin.frame import Frame
from twin.ledger import Ledger
from twin.quality import Reason
from twin.store.port import StoreBusy, StoreRefused

PATH = "little/probe/temperature"


class Shop:
    """Makes platforms over one data folder, one after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.connector = ScriptedConnector()
        self.connectors = Connectors({})
        self.connectors.add(self.connector)
        little = str(write_district(folder / "little"))
        self.districts = load_all([little], Path(), self.connectors, folder)

    def platform(self, **options) -> Platform:
        settings = Settings(data=self.folder / "data", **options)
        return Platform(self.districts, settings, self.connectors, SystemClock())

    @contextlib.asynccontextmanager
    async def running(self, **options):
        """Run a platform; yields it and the link of the probe."""
        async with self.platform(**options) as platform:
            link = self.connector.made["probe"]
            work = asyncio.create_task(platform.run())
            await until(lambda: link.sink or work.done())
            try:
                yield platform, link
            finally:
                work.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await work


@pytest.fixture
def shop(tmp_path, monkeypatch) -> Shop:
    monkeypatch.setattr("barrio.supervisor.START_SPREAD_S", 0.0)
    return Shop(tmp_path)


def ends_of(shop, kind):
    """The events of a kind in the ledger, by their words."""
    ledger = Ledger(shop.folder / "data" / "ledger.sqlite")
    ledger.open()
    try:
        return [event for event in ledger.events(0, 2**62) if event.kind == kind]
    finally:
        ledger.close()


async def test_what_was_taken_is_stored_when_it_stops(shop):
    """A stop drains: nothing waits and every reading is in its place."""
    async with shop.running() as (platform, link):
        for value in range(500):
            await link.give("temperature", value / 20)
    body = snapshot(platform)

    assert body["readings"]["received"] == 500
    assert body["readings"]["pending"] == body["readings"]["waiting"] == 0
    assert body["balanced"]


async def test_the_twin_is_rebuilt_after_a_stop(shop):
    """The next process knows the last value and when it was, and has not heard the point itself."""
    async with shop.running() as (platform, link):
        await link.give("temperature", 21.5)
    async with shop.platform() as again:
        item = again.catalogue.points[PATH]
        state = again.live.state(item.id)

        assert (state.value, state.time) == (21.5, platform.live.state(item.id).time)
        assert snapshot(again)["points"]["heard"] == 0
        assert again.gaps.reason[item.id] == Reason.PLATFORM_STOPPED


async def test_what_the_spool_holds_is_stored_by_the_next_process(shop, monkeypatch):
    """Readings taken while the store was away reach it after a restart, once."""

    def away(*_, **__):
        raise StoreBusy("store", "no space left on device")

    async with shop.running() as (platform, link):
        monkeypatch.setattr(platform.store, "write", away)
        await link.give("temperature", 21.5)
        await link.give("temperature", 22.5)
    waiting = platform.spool.books().waiting
    async with shop.running() as (again, _):
        await until(lambda: not again.spool.books().waiting)
        stored = again.store.raw(again.catalogue.ids, 0, 2**62)

    assert waiting == 2
    assert stored.value.tolist() == [21.5, 22.5]
    assert again.spool.books().balanced


async def test_a_refused_reading_does_not_stop_the_others(shop, monkeypatch):
    """The store's one bad reading goes to the dead letters, its neighbours into the store."""
    async with shop.running() as (platform, link):
        write = platform.store.write

        def picky(batch, *, complete=True):
            if 13.0 in batch.value:
                raise StoreRefused("store", "unlucky number")
            write(batch, complete=complete)

        monkeypatch.setattr(platform.store, "write", picky)
        for value in range(10, 20):
            await link.give("temperature", float(value))
    letters = platform.intake.tally, platform.spool.books()

    assert letters[1].quarantined == 1
    assert letters[1].stored == 9
    assert snapshot(platform)["balanced"]


async def test_a_bug_in_a_link_stops_the_platform_loudly(shop):
    """What is not a peer's failure is raised from run()."""
    async with shop.platform() as platform:
        shop.connector.made["probe"].run = lambda _sink: asyncio.sleep(0)
        with pytest.raises(ExceptionGroup) as caught:
            async with asyncio.timeout(5):
                await platform.run()

    assert "run() ends only by cancellation" in str(caught.value.exceptions[0])


async def test_a_second_process_is_refused(shop):
    """Two platforms on one data folder: the second says who has it, and leaves the first alone."""
    async with shop.running() as (platform, link):
        with pytest.raises(StartError, match="is in use by process"):
            shop.platform()
        await link.give("temperature", 21.5)

    assert platform.spool.books().stored == 1


def test_a_failed_start_leaves_the_folder_free(shop):
    """When one part cannot be opened all others are released: the next start works."""
    with pytest.raises(StartError, match="is neither duckdb nor the URL of an InfluxDB"):
        shop.platform(store="mysql")

    shop.platform()._opened.close()


async def test_the_ledger_waits_for_the_disk(shop, monkeypatch):
    """A full disk under the ledger is an alarm, not an end, and its changes are made when there is room."""
    from twin.sqlite import DatabaseBusy

    monkeypatch.setattr(module, "WATCH_S", 0.05)
    async with shop.running() as (platform, link):
        close_gaps, is_full = platform.ledger.close_gaps, True
        asked: list[object] = []

        def full(*arguments):
            asked.append(arguments)
            if is_full:
                raise DatabaseBusy("ledger.sqlite", "database or disk is full")
            return close_gaps(*arguments)

        monkeypatch.setattr(platform.ledger, "close_gaps", full)
        await link.give("temperature", 21.5)
        await until(lambda: len(asked) >= 2)
        alarms = [alarm["kind"] for alarm in snapshot(platform)["alarms"]]
        is_full = False
        await until(lambda: not platform.ledger_words)
    async with shop.platform() as again:
        gaps = again.ledger.gaps([again.catalogue.points[PATH].id], 0, 2**62)

    assert alarms == ["ledger refuses"]
    assert gaps[0].reason is Reason.NOT_HEARD_YET
    assert gaps[0].stop is not None


async def test_starts_and_stops_are_on_record(shop):
    """The ledger knows when the platform ran and which links it had."""
    async with shop.running():
        pass

    assert [len(ends_of(shop, kind)) for kind in ("platform_started", "platform_stopped", "link_up")] == [
        1,
        1,
        2,
    ]


async def test_at_rest_nothing_is_added(shop):
    """A platform that only answers questions leaves the ledger as it was."""
    async with shop.running():
        pass
    settings = Settings(data=shop.folder / "data")
    async with Platform(shop.districts, settings, shop.connectors, SystemClock(), at_rest=True):
        pass

    assert len(ends_of(shop, "platform_started")) == 1


async def test_books_that_do_not_balance_are_shown(shop, monkeypatch):
    """A reading that is nowhere is not explained away: the spool's own books and those of the process show it."""
    async with shop.running() as (platform, link):
        await link.give("temperature", 21.5)
        await until(lambda: platform.spool.books().stored == 1 and not platform.intake.pending)
        books = platform.spool.books()
        balanced = snapshot(platform)["balanced"]
        monkeypatch.setattr(platform.spool, "books", lambda: replace(books, stored=0))
        lost = snapshot(platform)["balanced"]
        monkeypatch.setattr(platform.spool, "books", lambda: replace(books, stored=0, accepted=0, received=0))
        lost_by_both = snapshot(platform)["balanced"]

    assert balanced
    assert not lost
    assert not lost_by_both


async def test_a_peer_that_answers_and_hangs_up_is_tried_ever_less_often(shop, monkeypatch):
    """Being up for an instant does not begin the waits anew: neither log nor ledger fills."""
    monkeypatch.setattr("barrio.supervisor.FIRST_WAIT_S", 0.02)

    async def flap(sink):
        sink.up()
        raise TransientError("10.0.0.1:1", "hung up")

    async with shop.platform() as platform:
        shop.connector.made["probe"].run = flap
        work = asyncio.create_task(platform.run())
        await asyncio.sleep(1.0)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        drops = max(status.drops for status, _ in platform.supervisor.links)

    assert 2 <= drops <= 10


async def test_a_clock_that_was_years_ahead_does_not_hold_back_the_newest_value(shop):
    """What came while the machine's clock was wrong gives way to the first reading after it was set right."""
    async with shop.running() as (platform, link):
        item = platform.catalogue.points[PATH]
        now = platform.clock.now_ns()
        for received, value in ((now + 10**18, 1.0), (now, 2.0)):
            ids = np.array([item.id], np.int32)
            await link.sink.submit(Frame(ids, np.array([value]), received, received))
            await until(lambda: not platform.intake.pending)

        assert platform.live.state(item.id).value == 2.0
