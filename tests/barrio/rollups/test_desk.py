"""Rollups on the platform: in the background, for either store, seen in its answers, made again when asked."""

import asyncio
import contextlib
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
from structlog.testing import capture_logs

from barrio.assembly import load_all
from barrio.platform import Platform
from barrio.rollups import desk as module
from barrio.settings import Settings
from connectors.registry import Connectors
from tests.barrio.scripted import DISTRICT, NOBODY, Doorman, ScriptedConnector, Stage, until, write_district
from tests.servers import free_port
from twin.clock import SystemClock
from twin.errors import TransientError
from twin.frame import Frame
from twin.resolution import Resolution
from twin.store import windows
from twin.store.port import StoreBusy, StoreDenied

NS = 1_000_000_000
QUARTER = 900 * NS


class ShiftedClock(SystemClock):
    """The machine's clock, put forward by a test."""

    def __init__(self, now: int) -> None:
        self.shift = now - time.time_ns()

    def now_ns(self) -> int:
        return time.time_ns() + self.shift


@contextlib.asynccontextmanager
async def staged(folder, clock, names=("little",), **options):
    """Run a platform of some districts with a clock that is moved."""
    connector = ScriptedConnector()
    connectors = Connectors({})
    connectors.add(connector)
    texts = {name: DISTRICT.replace("district: little", f"district: {name}") for name in names}
    folders = [str(write_district(folder / name, district=text)) for name, text in texts.items()]
    districts = load_all(folders, Path(), connectors, folder)
    platform = Platform(districts, Settings(data=folder / "data", **options), connectors, clock)
    async with platform:
        work = asyncio.create_task(platform.run())
        transport = httpx.ASGITransport(Doorman(platform))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            await until(lambda: all(link.sink for link in connector.made.values()))
            try:
                yield Stage(platform, connector.made, http)
            finally:
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    for name in ("IDLE_S", "AWAY_S", "MARKS_S"):
        monkeypatch.setattr(module, name, 0.02)
    monkeypatch.setattr("barrio.supervisor.START_SPREAD_S", 0.0)


@pytest.fixture
def begin():
    """A quarter hour that begins now, by the clock of the test."""
    return time.time_ns() // QUARTER * QUARTER


def done(stage: Stage, resolution=Resolution.QUARTER) -> int:
    return stage.platform.rollups.book.until("little", resolution)


def counted(stage: Stage, name: str, start: int, stop: int) -> list[float]:
    ids = np.array([stage.links["probe"].point(name).id], np.int32)
    edges = windows.edges(start, stop, "15m", stage.platform.catalogue.districts[0].zone)
    found = stage.platform.store.rollups(Resolution.QUARTER, ids, edges)
    return list(found.columns["count"][0].tolist())


async def give_late(stage: Stage, name: str, at: int, value: float) -> None:
    """Deliver what the probe had kept since then."""
    link = stage.links["probe"]
    ids = np.array([link.point(name).id], np.int32)
    assert link.sink is not None
    await link.sink.submit(Frame(ids, np.array([value]), link.sink.now_ns(), np.array([at]), backfilled=True))


@pytest.mark.parametrize("store", ["duckdb", "influxdb"])
async def test_made_in_the_background(tmp_path, begin, store, request, monkeypatch):
    """A minute after a quarter hour it is rolled up, late readings are taken into it, and a rebuild does it again."""
    url = "duckdb" if store == "duckdb" else request.getfixturevalue("influxdb").url
    clock = ShiftedClock(begin + 5 * NS)
    async with staged(tmp_path, clock, store=url) as stage:
        for value in (20.0, 21.0, 22.0):
            await stage.links["probe"].give("temperature", value)
        await stage.settled()
        await until(lambda: done(stage) >= begin - QUARTER)
        clock.shift += QUARTER + 30 * NS
        await until(lambda: done(stage) == begin)
        await asyncio.sleep(0.2)

        assert done(stage) == begin
        clock.shift += 60 * NS
        await until(lambda: done(stage) == begin + QUARTER)
        assert counted(stage, "temperature", begin, begin + QUARTER) == [3]
        await give_late(stage, "temperature", begin + 60 * NS, 5.0)
        await until(lambda: counted(stage, "temperature", begin, begin + QUARTER) == [4])
        await until(lambda: not stage.platform.rollups.book.stale_marks)
        body = (await stage.http.get("/api/v1/status")).json()["rollups"]
        metrics = (await stage.http.get("/metrics")).text

        assert body["late"] == 0
        assert body["districts"][0]["waiting"] == {"15m": 0, "1h": 0, "1d": 0}
        assert 'barrio_rollup_windows_waiting{district="little",resolution="15m"} 0' in metrics


async def test_older_history_is_rolled_up_too(tmp_path, begin):
    """A platform that finds history from before it made rollups goes back to its beginning."""
    clock = ShiftedClock(begin + 5 * NS)
    day = 86_400 * NS
    async with staged(tmp_path, clock) as stage:
        await give_late(stage, "temperature", begin - 3 * day, 1.0)
        await stage.settled()
        await until(lambda: stage.platform.rollups.book.goal("little") == begin - 3 * day)
        await until(lambda: stage.platform.rollups.book.since("little") <= begin - 3 * day)

        assert counted(stage, "temperature", begin - 3 * day, begin - 3 * day + QUARTER) == [1]
        assert counted(stage, "energy", begin - 2 * day, begin - 2 * day + QUARTER) == [0]


async def test_a_rebuild_is_for_operators(tmp_path, begin):
    """Only the operator has rollups made again; a name that nobody has, and times without readings, are said."""
    clock = ShiftedClock(begin + 5 * NS)
    async with staged(tmp_path, clock) as stage:
        stage.platform.token = "operator"
        await stage.links["probe"].give("temperature", 20.0)
        await stage.settled()
        clock.shift += QUARTER + 90 * NS
        await until(lambda: done(stage) == begin + QUARTER)
        stage.platform.store.forget_rollups(Resolution.QUARTER, "little", begin + QUARTER)
        body = {"under": "little/probe", "from": "-1h"}
        head = {"Authorization": "Bearer operator"}
        refused = await stage.http.post(
            "/api/v1/rollups/rebuild", json=body, headers={"Authorization": NOBODY}
        )
        unknown = await stage.http.post(
            "/api/v1/rollups/rebuild", json={**body, "under": "little/prob"}, headers=head
        )
        future = await stage.http.post(
            "/api/v1/rollups/rebuild", json={**body, "from": "2200-01-01", "to": "2250-01-01"}, headers=head
        )
        made = (await stage.http.post("/api/v1/rollups/rebuild", json=body, headers=head)).json()
        await until(lambda: not stage.platform.rollups.book.jobs(open_only=True))
        jobs = (await stage.http.get("/api/v1/rollups")).json()["jobs"]

        assert (refused.status_code, unknown.status_code, future.status_code) == (404, 404, 400)
        assert [(one["job"], one["ended"]) for one in jobs] == [(made["job"], True)]
        assert made["points"] == 3
        assert counted(stage, "temperature", begin, begin + QUARTER) == [1]


async def test_a_store_that_is_away_is_waited_for(tmp_path, begin, monkeypatch):
    """While the store does not answer nothing is noted as made, and all of it is made afterwards."""
    clock = ShiftedClock(begin + 5 * NS)
    async with staged(tmp_path, clock) as stage:
        await stage.links["probe"].give("temperature", 20.0)
        await stage.settled()
        await until(lambda: done(stage) >= begin - QUARTER)
        with monkeypatch.context() as patch:

            def away(*_: object, **__: object) -> None:
                raise StoreBusy("store", "gone for lunch")

            patch.setattr(stage.platform.store, "write_rollups", away)
            clock.shift += QUARTER + 90 * NS
            await until(lambda: stage.platform.rollups.words)

            assert stage.platform.rollups.snapshot()["words"] == "gone for lunch"
            assert done(stage) <= begin
        await until(lambda: done(stage) == begin + QUARTER)
        assert counted(stage, "temperature", begin, begin + QUARTER) == [1]


async def test_a_store_that_was_never_there_is_why_nothing_is_made(tmp_path, begin):
    """Whoever waits for a rebuild is told what it waits for."""
    async with staged(tmp_path, ShiftedClock(begin), store=f"http://127.0.0.1:{free_port()}") as stage:
        body = (await stage.http.get("/api/v1/rollups")).json()

    assert "cannot be reached" in body["words"]


async def test_a_full_disk_is_one_line_in_the_log(tmp_path, begin, monkeypatch):
    """A portion that is made, and cannot be noted as made, is tried again and again, and spoken of once."""
    clock = ShiftedClock(begin + 5 * NS)
    async with staged(tmp_path, clock) as stage:
        await until(lambda: done(stage) >= begin - QUARTER)
        with monkeypatch.context() as patch, capture_logs() as logs:
            tried = []

            def full(*args: object) -> None:
                tried.append(args)
                raise TransientError("rollups.sqlite", "disk full")

            patch.setattr(stage.platform.rollups.book, "advance", full)
            clock.shift += QUARTER + 90 * NS
            await until(lambda: len(tried) >= 5)
        await until(lambda: done(stage) == begin + QUARTER)

        assert [one["event"] for one in logs].count("rollups.waiting") == 1


async def test_a_district_that_is_denied_does_not_hold_up_others(tmp_path, begin, monkeypatch):
    """Whose database of rollups is denied is left alone for a while; the other one's are made, also what came late."""
    clock = ShiftedClock(begin + 5 * NS)
    monkeypatch.setattr(module, "LEAVE_S", 1.0)
    async with staged(tmp_path, clock, ("another", "little")) as stage:
        store = stage.platform.store
        write, denied = store.write_rollups, set(stage.platform.rollups.ids_under("another").tolist())

        def denies(rows, **options):
            if denied.intersection(rows.ids.tolist()):
                raise StoreDenied("store", "another_15m: not for you")
            write(rows, **options)

        await until(lambda: done(stage) >= begin - QUARTER)
        with monkeypatch.context() as patch:
            patch.setattr(store, "write_rollups", denies)
            clock.shift += QUARTER + 90 * NS
            await until(lambda: done(stage) == begin + QUARTER)
            late = stage.platform.rollups.ids_under("another")[:1]
            stage.platform.rollups.book.mark(late, np.array([begin]))
            await give_late(stage, "temperature", begin + NS, 7.0)
            await until(lambda: counted(stage, "temperature", begin, begin + QUARTER) == [1])

            assert stage.platform.rollups.words == "another: another_15m: not for you"
            assert stage.platform.rollups.book.until("another", Resolution.QUARTER) <= begin
        await until(
            lambda: stage.platform.rollups.book.until("another", Resolution.QUARTER) == begin + QUARTER
        )
        await until(lambda: not stage.platform.rollups.words)


async def test_what_waits_in_the_spool_is_waited_for(tmp_path, begin, monkeypatch):
    """A window is not made while readings of it wait for the store."""
    clock = ShiftedClock(begin + 5 * NS)
    async with staged(tmp_path, clock) as stage:
        await until(lambda: done(stage) >= begin - QUARTER)
        with monkeypatch.context() as patch:
            patch.setattr(type(stage.platform.spool), "oldest_age_s", property(lambda _: 3600.0))
            clock.shift += QUARTER + 90 * NS
            await asyncio.sleep(0.2)

            assert done(stage) <= begin
        await until(lambda: done(stage) == begin + QUARTER)


async def test_a_mark_that_the_disk_refuses_holds_the_spool(tmp_path, begin, monkeypatch):
    """The spool keeps late readings until it is on disk that their windows have to be made again."""
    clock = ShiftedClock(begin + 5 * NS)
    monkeypatch.setattr("twin.writer.MIND_DISK_S", 0.02)
    async with staged(tmp_path, clock) as stage:
        clock.shift += QUARTER + 90 * NS
        await until(lambda: done(stage) == begin + QUARTER)
        book, mark = stage.platform.rollups.book, stage.platform.rollups.book.mark
        refusing = True

        def full(*args: object) -> None:
            if refusing:
                raise TransientError("rollups.sqlite", "disk full")
            mark(*args)

        monkeypatch.setattr(book, "mark", full)
        await give_late(stage, "temperature", begin + NS, 7.0)
        await until(lambda: stage.platform.writer.state.words == "disk full")

        assert stage.platform.spool.books().waiting == 1
        refusing = False
        await stage.settled()
        await until(lambda: counted(stage, "temperature", begin, begin + QUARTER) == [1])
