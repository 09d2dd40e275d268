"""A store that is away, slow, busy or confused, or that refuses: seen by the whole platform."""

import asyncio
import time
from itertools import count

import httpx
import pytest
from structlog.testing import capture_logs

from barrio.platform import Platform
from tests.barrio.scripted import until
from tests.faults.stage import (
    NUMBERS,
    Judge,
    Shop,
    alarms,
    balanced,
    commit,
    frame,
    good,
    settled,
    sink_of,
    value_of,
)
from tests.servers import InfluxDB
from tests.twin.store.standin import Answer, StandIn
from twin.quality import Reason


@pytest.fixture
def quick(monkeypatch):
    """Waits of the writer and of links that a test can wait for."""
    monkeypatch.setattr("barrio.supervisor.START_SPREAD_S", 0.0)
    monkeypatch.setattr("barrio.platform.WATCH_S", 0.05)
    monkeypatch.setattr("twin.writer.MAX_WAIT_S", 0.4)
    monkeypatch.setattr("twin.writer.DENIED_WAIT_S", 0.3)


@pytest.fixture
def shop(tmp_path, quick) -> Shop:
    return Shop(tmp_path)


@pytest.fixture
def judge():
    """An InfluxDB 1.x whose answers depend on what is written."""
    with StandIn("1.8.10") as standin:
        yield Judge(standin)


ANSWERS = {
    "slow": (Answer(204, slow_s=1.5), "store away", "no answer within"),
    "429": (Answer(429, b'{"error":"too many"}'), "store away", "answered 429: too many"),
    "503": (Answer(503, b"later"), "store away", "answered 503: later"),
    "500": (Answer(500, b'{"error":"engine"}'), "store away", "answered 500: engine"),
    "401": (Answer(401, b'{"error":"who?"}'), "store denied", "answered 401: who?"),
    "403": (Answer(403, b'{"error":"not you"}'), "store denied", "answered 403: not you"),
    "404": (Answer(404, b'{"error":"database not found"}'), "store away", "database not found"),
    "garbage": (Answer(200, b"<html>ok</html>"), "store away", "answered 200: <html>ok</html>"),
    "redirect": (Answer(302, headers={"Location": "http://a/"}), "store away", "a redirect to 'http://a/'"),
}


@pytest.mark.parametrize("kind", list(ANSWERS))
async def test_answers_that_are_no_success(shop, judge, kind):
    """Nothing is dropped while a store answers like this, an alarm says so, and all comes in order when it is right."""
    answer, alarm, words = ANSWERS[kind]
    judge.verdict = lambda _: answer
    async with shop.running(store=judge.standin.url, store_timeout=1.0) as platform:
        link = shop.links["probe"]
        await commit(link, 0, 25)
        await until(lambda: alarms(platform))
        waiting = platform.spool.books().waiting
        found = (alarms(platform), platform.writer.state.words)
        judge.verdict = lambda _: Answer(204)
        await settled(platform)
        await until(lambda: not alarms(platform))

    assert (waiting, judge.taken) == (100, [float(value) for value in range(100)])
    assert found[0] == [alarm]
    assert words in found[1]
    assert platform.spool.books().stored == 100
    assert balanced(platform)


async def test_trouble_is_said_once(shop, judge):
    """One line when the store no longer takes readings, one when it does again, none for the tries in between."""
    judge.verdict = lambda _: Answer(500)
    with capture_logs() as logs:
        async with shop.running(store=judge.standin.url) as platform:
            await commit(shop.links["probe"], 0, 25)
            await until(lambda: len(judge.standin.asked("/write")) > 3)
            judge.verdict = lambda _: Answer(204)
            await settled(platform)

    assert [log["event"] for log in logs if log["event"].startswith("store.")] == ["store.away", "store.back"]


async def test_retry_after(shop, judge):
    """A store that says when to come back is not asked before."""
    judge.verdict = lambda _: Answer(503, headers={"Retry-After": "2"})
    async with shop.running(store=judge.standin.url) as platform:
        await commit(shop.links["probe"], 0, 1)
        await until(lambda: judge.standin.asked("/write"))
        begun = time.monotonic()
        judge.verdict = lambda _: Answer(204)
        await until(lambda: len(judge.standin.asked("/write")) > 1)
        waited_s = time.monotonic() - begun
        await settled(platform)

    assert waited_s > 1.9
    assert judge.taken == [0.0, 1.0, 2.0, 3.0]
    assert balanced(platform)


def refuse(*unlucky: float):
    """Refuse what holds one of these values, as a partial write of which nothing was kept."""

    def verdict(request):
        values = {value_of(line) for line in request.body.decode().splitlines()}
        if values & set(unlucky):
            return Answer(400, b'{"error":"partial write: unlucky dropped=1"}')
        return Answer(204)

    return verdict


async def test_a_bad_point_among_good_ones(shop, judge):
    """Only the reading that the store refuses goes to the dead letters, with its words; a gap says which it was."""
    judge.verdict = refuse(13.0, 42.0)
    async with shop.running(store=judge.standin.url) as platform:
        link = shop.links["probe"]
        await commit(link, 0, 25)
        await settled(platform)
        letters = platform.letters.list()
        gap = platform.gaps.reason[link.point("n1").id]
        kept = alarms(platform)
        await commit(link, 100, 1)
        await settled(platform)

    assert sorted(letter.value for letter in letters) == [13.0, 42.0]
    assert {letter.words for letter in letters} == {"answered 400: partial write: unlucky dropped=1"}
    assert sorted(set(judge.taken)) == [float(value) for value in range(104) if value not in (13, 42)]
    assert (gap, kept) == (0, ["dead letters"])
    refused = [gap for gap in shop.gaps(platform, "n1") if gap.reason is Reason.STORE_REFUSED]
    assert [gap.words for gap in refused] == ["answered 400: partial write: unlucky dropped=1"]
    assert refused[0].stop is not None
    assert (platform.spool.books().quarantined, platform.spool.books().stored) == (2, 102)
    assert balanced(platform)


async def test_a_batch_that_is_too_large(shop, judge):
    """A store that takes little at a time gets little at a time; what is too large alone goes to the dead letters."""
    judge.verdict = lambda request: Answer(413 if len(request.body) > 400 else 204)
    async with shop.running(store=judge.standin.url) as platform:
        await commit(shop.links["probe"], 0, 25)
        await settled(platform)
        judge.verdict = lambda _: Answer(413)
        await commit(shop.links["probe"], 100, 1)
        await settled(platform)
        letters = platform.letters.list()

    assert judge.taken == [float(value) for value in range(100)]
    assert len(letters) == 4
    assert all("one reading is too large for the store" in letter.words for letter in letters)
    assert balanced(platform)


async def test_the_dead_letters_wait_for_the_disk(shop, judge, monkeypatch):
    """While the dead letters cannot be written nothing is settled, and nothing is lost when they can."""
    from twin.sqlite import DatabaseBusy

    judge.verdict = refuse(2.0)
    async with shop.running(store=judge.standin.url) as platform:
        put, is_full = platform.letters.put, True

        def full(letters):
            if is_full:
                raise DatabaseBusy("letters.sqlite", "database or disk is full")
            return put(letters)

        monkeypatch.setattr(platform.letters, "put", full)
        await commit(shop.links["probe"], 0, 1)
        await until(lambda: platform.writer.state.words)
        words = platform.writer.state.words
        is_full = False
        await settled(platform)
        letters = platform.letters.list()

    assert words == "database or disk is full"
    assert [letter.value for letter in letters] == [2.0]
    assert balanced(platform)


@pytest.mark.parametrize("ping", [Answer(401), Answer(503), Answer(200, b"<html>")])
async def test_wrong_after_a_start_without_a_store(shop, judge, ping):
    """A store that is away at the start and then answers wrongly stops nothing; readings wait until it is right."""
    right, judge.standin.ping = judge.standin.ping, Answer(503)
    async with shop.running(store=judge.standin.url) as platform:
        judge.standin.ping = ping
        asked = len(judge.standin.asked("/ping"))
        await commit(shop.links["probe"], 0, 25)
        # The first of these is answered wrongly, and the second is asked when that was understood.
        await until(lambda: len(judge.standin.asked("/ping")) > asked + 1)
        found = alarms(platform)
        judge.standin.ping = right
        await settled(platform)
        await until(lambda: not alarms(platform))

    assert found == ["store denied" if ping.status == 401 else "store away"]
    assert judge.taken == [float(value) for value in range(100)]
    assert balanced(platform)


async def test_denied_at_the_start(shop, judge):
    """A wrong token at the start costs nothing: the platform takes readings and says what is missing."""
    right, judge.standin.ping = judge.standin.ping, Answer(401)
    async with shop.running(store=judge.standin.url) as platform:
        await commit(shop.links["probe"], 0, 1)
        found, waiting = alarms(platform), platform.spool.books().waiting
        judge.standin.ping = right
        await settled(platform)

    assert (found, waiting) == (["store denied"], 4)
    assert judge.taken == [0.0, 1.0, 2.0, 3.0]
    assert balanced(platform)


async def test_a_store_that_cannot_forget(shop, judge, monkeypatch):
    """A store that refuses to delete what is too old stops nothing."""
    from twin.store.port import StoreRefused

    monkeypatch.setattr("barrio.platform.RETENTION_S", 0.0)
    for district in shop.districts:
        object.__setattr__(district, "retention_raw_s", 3600.0)
    asked: list[int] = []

    def delete(*_):
        asked.append(1)
        raise StoreRefused("store", "it deletes no readings")

    monkeypatch.setattr("twin.store.influx.InfluxStore.delete", delete)
    async with shop.running(store=judge.standin.url) as platform:
        await until(lambda: len(asked) > 1)
        await commit(shop.links["probe"], 0, 1)
        await settled(platform)

    assert judge.taken == [0.0, 1.0, 2.0, 3.0]
    assert balanced(platform)


async def feed(shop: Shop, stop: asyncio.Event) -> int:
    """Submit a frame each 20 ms until told to stop; returns how many frames."""
    link = shop.links["probe"]
    for number in count():
        if stop.is_set():
            return number
        await sink_of(link).submit(frame(link, 4 * number))
        await asyncio.sleep(0.02)
    raise AssertionError


async def all_there(shop: Shop, platform, frames: int) -> bool:
    """Whether each point has each of its values once, in the order of time."""
    for index, name in enumerate(NUMBERS):
        ids = [shop.links["probe"].point(name).id]
        rows = await platform.in_thread("reads", platform.store.raw, ids, 0, 2**62)
        if good(rows) != [float(4 * number + index) for number in range(frames)]:
            return False
    return True


@pytest.mark.timeout(240)
async def test_away_for_a_minute(tmp_path, quick, influxdb: InfluxDB):
    """Slow: through a real minute without its InfluxDB data flow on, and then all are there, once and in order."""
    shop, stop = Shop(tmp_path, "minute"), asyncio.Event()
    async with shop.running(store=influxdb.url) as platform:
        work = asyncio.create_task(feed(shop, stop))
        await until(lambda: platform.writer.state.stored)
        await asyncio.to_thread(influxdb.stop)
        try:
            await asyncio.sleep(60)
            found, waiting = alarms(platform), platform.spool.books().waiting
        finally:
            await asyncio.to_thread(influxdb.start)
        stop.set()
        frames = await work
        await settled(platform)
        there = await all_there(shop, platform, frames)

    assert found == ["store away"]
    assert waiting > 4 * 60 * 20
    assert there
    assert platform.spool.books().stored == 4 * frames
    assert balanced(platform)


async def one_more(platform: Platform) -> None:
    """Return as soon as the store has acknowledged another batch."""
    before = platform.writer.state.batches
    await until(lambda: platform.writer.state.batches > before)


@pytest.mark.timeout(180)
async def test_dies_after_it_acknowledged(tmp_path, quick, influxdb: InfluxDB):
    """A store that is killed as soon as it has acknowledged, again and again, has everything once."""
    shop, stop = Shop(tmp_path, "crashes"), asyncio.Event()
    async with shop.running(store=influxdb.url) as platform:
        work = asyncio.create_task(feed(shop, stop))
        for _ in range(3):
            await one_more(platform)
            await asyncio.to_thread(influxdb.crash)
            await asyncio.to_thread(influxdb.start)
        stop.set()
        frames = await work
        await settled(platform)
        there = await all_there(shop, platform, frames)

    assert there
    assert balanced(platform)


async def test_a_partial_write(tmp_path, quick, influxdb: InfluxDB):
    """Of a batch in which a real InfluxDB refuses one point's type, the others are stored and that one is set aside."""
    shop = Shop(tmp_path, "partial")
    async with shop.running(store=influxdb.url) as platform:
        link = shop.links["probe"]
        line = f'vehicle_count,district=partial,site=x,device=y,point=z value="text" {time.time_ns()}'
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.post(f"{influxdb.url}/write", params={"db": "partial"}, content=line)
            answer.raise_for_status()
        await commit(link, 0, 10)
        await settled(platform)
        letters = platform.letters.list()
        rows = await platform.in_thread("reads", platform.store.raw, platform.catalogue.ids, 0, 2**62)

    assert sorted(letter.value for letter in letters) == [float(4 * step + 2) for step in range(10)]
    assert {letter.path for letter in letters} == {"partial/probe/n2"}
    assert all("field type conflict" in letter.words for letter in letters)
    assert sorted(good(rows)) == [float(value) for value in range(40) if value % 4 != 2]
    assert balanced(platform)
