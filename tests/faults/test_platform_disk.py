"""A disk that is full, fails or has altered what it holds, under the whole platform."""

import asyncio
import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from barrio import platform as module
from barrio.platform import Platform
from tests.barrio.processes import barrio
from tests.barrio.scripted import ScriptedLink, until
from tests.faults.stage import Shop, alarms, balanced, commit, fill, frame, settled, sink_of, small_disk
from twin.errors import StartError, TransientError
from twin.files import Files
from twin.ingest import intake
from twin.ingest.spool import Spool
from twin.quality import Reason
from twin.store.port import StoreBusy


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Waits that a test can wait for."""
    monkeypatch.setattr("barrio.supervisor.START_SPREAD_S", 0.0)
    monkeypatch.setattr("barrio.platform.WATCH_S", 0.05)
    monkeypatch.setattr("twin.ingest.intake.RETRY_S", 0.05)
    monkeypatch.setattr("twin.writer.MIND_DISK_S", 0.05)


class Failing(Files):
    """The system's files, of which the n-th change fails, or every one while `full`."""

    def __init__(self, fail_at: int = 0, code: int = errno.ENOSPC) -> None:
        self.fail_at = fail_at
        self.code = code
        self.changes = 0
        self.full = False

    def _change(self) -> None:
        self.changes += 1
        if self.full or self.changes == self.fail_at:
            raise OSError(self.code, os.strerror(self.code))

    def open(self, path, *, create=False):
        if create:
            self._change()
        return super().open(path, create=create)

    def write_at(self, descriptor, data, offset):
        self._change()
        return super().write_at(descriptor, data, offset)

    def sync(self, descriptor):
        self._change()
        super().sync(descriptor)

    def sync_folder(self, path):
        self._change()
        super().sync_folder(path)

    def truncate(self, descriptor, size):
        self._change()
        super().truncate(descriptor, size)

    def unlink(self, path):
        self._change()
        super().unlink(path)


def use(monkeypatch, files: Files) -> None:
    """Give the spools of platforms these files."""
    monkeypatch.setattr(module, "Spool", lambda folder, limits: Spool(folder, limits, files=files))


class RealDisk:
    """A file system with a file that takes all its room, or does not."""

    def __init__(self, folder):
        self.folder = folder

    def fill(self):
        fill(self.folder / "ballast")

    def free(self):
        (self.folder / "ballast").unlink()


class RefusingFiles:
    """Files under the spool that refuse every change, or none."""

    def __init__(self, folder, monkeypatch):
        self.folder = folder
        self.files = Failing()
        use(monkeypatch, self.files)

    def fill(self):
        self.files.full = True

    def free(self):
        self.files.full = False


@pytest.fixture(params=["real", "refusing"])
def disk(request, tmp_path, monkeypatch):
    """A disk that can be filled: a real one where this machine lets us mount it, and one that says it is."""
    folder = tmp_path / "disk"
    if request.param == "refusing":
        folder.mkdir()
        yield RefusingFiles(folder, monkeypatch)
        return
    with small_disk(folder, 16) as mounted:
        if not mounted:
            pytest.skip("mounting a small disk needs root")
        yield RealDisk(folder)


async def test_full_disk(disk, monkeypatch):
    """A full disk loses nothing that was acknowledged, tells each source in its way, and goes on when there is room."""
    monkeypatch.setattr(intake, "MAX_PENDING", 400)
    shop = Shop(disk.folder)
    async with shop.running() as platform:
        probe, meter = shop.links["probe"], shop.links["meter"]
        await commit(probe, 0, 25)
        await settled(platform)
        disk.fill()
        number = 1000
        while not platform.intake.tally.words:
            await sink_of(meter).submit(frame(meter, number))
            await asyncio.sleep(0.01)
            number += 4
        words = platform.intake.tally.words
        with pytest.raises(TransientError) as refused:
            await sink_of(probe).commit(frame(probe, 500))
        while sink_of(meter).offer(frame(meter, number)):
            number += 4
        blocked = asyncio.create_task(sink_of(probe).submit(frame(probe, 600)))
        dropped = platform.intake.tally.dropped
        reason = platform.gaps.reason[meter.point("n0").id]
        await asyncio.sleep(0.3)
        found, waits = alarms(platform), not blocked.done()
        disk.free()
        await blocked
        await settled(platform)
        still = platform.gaps.reason[meter.point("n0").id]
        await commit(probe, 700, 1)
        await commit(meter, number + 4, 1)
        await settled(platform)
        await until(lambda: not alarms(platform))
    rows = {value for _, _, value in shop.rows()}

    assert words == "no space left on device"
    assert refused.value.retry_after_s is not None
    assert "spool refuses" in found
    assert (waits, dropped, reason, still) == (True, 4, Reason.BUFFER_FULL, Reason.BUFFER_FULL)
    expected = {
        *range(100),
        *range(600, 604),
        *range(700, 704),
        *range(1000, number),
        *range(number + 4, number + 8),
    }
    assert rows == {float(value) for value in expected}
    assert len(shop.rows()) == platform.spool.books().stored == len(expected)
    gap = shop.gaps(platform, "n0", "meter")[-1]
    assert (gap.reason, gap.words) == (Reason.BUFFER_FULL, words)
    assert gap.stop is not None
    assert platform.spool.books().dropped == 4
    assert balanced(platform)


async def test_who_waits_when_the_disk_fills_is_told(tmp_path, monkeypatch):
    """A device whose reading is at the disk when the disk refuses is told so, and is not left waiting."""
    disk = RefusingFiles(tmp_path, monkeypatch)
    shop = Shop(tmp_path)
    async with shop.running() as platform:
        probe = shop.links["probe"]
        disk.fill()
        with pytest.raises(TransientError, match="no space left on device") as refused:
            await asyncio.wait_for(sink_of(probe).commit(frame(probe, 0)), 5)
        disk.free()
        await settled(platform)

    assert refused.value.retry_after_s == intake.RETRY_AFTER_S
    assert [value for _, _, value in shop.rows()] == [0.0, 1.0, 2.0, 3.0]
    assert balanced(platform)


async def speak(link: ScriptedLink, manner: str) -> None:
    """Deliver thirty frames in a second and a half, or as fast as they are taken."""
    for step in range(30):
        if manner == "offered":
            sink_of(link).offer(frame(link, 100 + 4 * step))
        else:
            await sink_of(link).submit(frame(link, 100 + 4 * step))
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("manner", ["offered", "polled"])
async def test_no_false_silence_on_a_full_disk(tmp_path, monkeypatch, manner):
    """Devices that speak to a platform whose disk is full are not called silent; the buffer is what is full."""
    disk = RefusingFiles(tmp_path, monkeypatch)
    monkeypatch.setattr(intake, "MAX_PENDING", 40)
    shop = Shop(tmp_path)
    async with shop.running() as platform:
        probe = shop.links["probe"]
        await commit(probe, 0, 1)
        platform.table.silent_after_s[:] = 0.6
        disk.fill()
        work = asyncio.create_task(speak(probe, manner))
        await asyncio.sleep(1.6)
        platform.table.silent_after_s[:] = 1e9
        disk.free()
        await work
        await settled(platform)
        await commit(probe, 900, 1)
        await settled(platform)
    gaps = shop.gaps(platform, "n0")

    assert [gap.reason for gap in gaps] == [Reason.NOT_HEARD_YET, Reason.BUFFER_FULL]
    assert gaps[-1].words == "no space left on device"
    assert (platform.intake.tally.dropped > 0) == (manner == "offered")
    assert balanced(platform)


async def taking(platform: Platform) -> None:
    """Return when the spool takes readings."""
    await until(lambda: not platform.intake.tally.words)


async def attempt(shop: Shop, first: int) -> set[float]:
    """Run a platform for five frames; returns the values that were acknowledged."""
    acknowledged: set[float] = set()
    async with shop.running() as platform:
        probe = shop.links["probe"]
        for value in range(first, first + 20, 4):
            for _ in range(3):
                try:
                    await sink_of(probe).commit(frame(probe, value))
                except TransientError:
                    await taking(platform)
                else:
                    acknowledged.update(range(value, value + 4))
                    break
    assert balanced(platform)
    return acknowledged


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
async def test_the_nth_change_of_the_spool_fails(tmp_path, monkeypatch, code):
    """Whichever change of the spool's files fails, what was acknowledged is stored, and the next start is clean."""
    shop = Shop(tmp_path)
    kept: set[float] = set()
    refused: list[str] = []
    for number in range(1, 41):
        files = Failing(number, code)
        use(monkeypatch, files)
        try:
            kept |= await attempt(shop, 100 * number)
        except StartError as error:
            refused.append(str(error))
        if files.changes < number:
            break
    use(monkeypatch, Files())
    kept |= await attempt(shop, 100_000)
    async with shop.platform(at_rest=True) as platform:
        books = platform.spool.books()
    rows = [value for _, _, value in shop.rows()]

    assert files.changes < number or number == 40
    assert kept - set(rows) == set()
    assert len(kept) >= 20 * (number - len(refused) - 1)
    assert (books.stored, books.damaged, books.waiting) == (len(rows), 0, 0)
    assert all(words.endswith(os.strerror(code).lower()) for words in refused)
    assert len(refused) < number / 2


async def with_a_full_spool(shop: Shop, monkeypatch) -> None:
    """Leave twenty records of four readings in the spool."""

    def away(*_, **__):
        raise StoreBusy("store", "away")

    async with shop.running() as platform:
        monkeypatch.setattr(platform.store, "write", away)
        await commit(shop.links["probe"], 0, 20)


def segment(shop: Shop) -> Path:
    """The file with the records."""
    found = [path for path in (shop.data / "spool").iterdir() if path.name.startswith("0")]
    return max(found, key=lambda path: path.stat().st_size)


def cut(data: bytearray) -> None:
    del data[-50:]


def flip(data: bytearray) -> None:
    data[len(data) // 2] ^= 0x10


def zero(data: bytearray) -> None:
    data[len(data) // 2 : len(data) // 2 + 20] = bytes(20)


@pytest.mark.parametrize("harm", [cut, flip, zero])
async def test_a_damaged_spool(tmp_path, monkeypatch, harm):
    """A platform starts on a damaged spool, counts what is gone, says so, and delivers the rest."""
    shop = Shop(tmp_path)
    await with_a_full_spool(shop, monkeypatch)
    path = segment(shop)
    data = bytearray(path.read_bytes())
    harm(data)
    path.write_bytes(data)
    async with shop.running() as platform:
        await settled(platform)
        found = alarms(platform)
        await commit(shop.links["probe"], 500, 1)
    rows = [value for _, _, value in shop.rows()]
    events = shop.events("spool_damaged")

    lost = platform.spool.books().damaged
    assert lost in {4, 8}
    assert len(rows) == 84 - lost
    assert set(rows) < {float(value) for value in (*range(80), *range(500, 504))}
    assert found == ["spool damaged"]
    assert [event.words.split(" bytes")[0].rsplit(", ", 1)[0] for event in events] == [
        f"{lost} readings in damaged records"
    ]
    assert balanced(platform)


async def test_a_second_process(tmp_path):
    """A second process on the data folder ends with one line that names the first, which goes on undisturbed."""
    shop = Shop(tmp_path)
    async with shop.running() as platform:
        words = ["run", "ciudad-maderas", "--simulated", "--data", str(shop.data), "--listen", "127.0.0.1:0"]
        second = await asyncio.to_thread(barrio, *words, cwd=tmp_path)
        await commit(shop.links["probe"], 0, 1)

    assert second.returncode == 2
    assert second.stderr == f"barrio: data folder {shop.data} is in use by process {os.getpid()}\n"
    assert platform.spool.books().stored == 4
    assert balanced(platform)


OFFERS = """
import asyncio, json, psutil, sys
from pathlib import Path
import numpy as np
from tests.faults.stage import Shop, balanced, frame
from twin.ingest import intake
from twin.store.port import StoreBusy

def away(*_, **__):
    raise StoreBusy("store", "away")

async def main():
    shop = Shop(Path(sys.argv[1]))
    most = 0
    async with shop.running() as platform:
        platform.store.write = away
        link = shop.links["probe"]
        one = frame(link, 0)
        ids = np.tile(one.ids, 250)
        before = psutil.Process().memory_info().rss
        for number in range(1000):
            values = np.arange(1000, dtype=float) + number * 1000
            link.sink.offer(type(one)(ids, values, link.sink.now_ns()))
            most = max(most, platform.intake.pending)
            if number % 10 == 9:
                await asyncio.sleep(0)
            if number == 500:
                # Halfway the disk gets its turn, however busy the machine is.
                while platform.intake.pending >= intake.MAX_PENDING:
                    await asyncio.sleep(0.01)
        while platform.intake.pending:
            await asyncio.sleep(0.01)
        grown = psutil.Process().memory_info().rss - before
        tally, books = platform.intake.tally, platform.spool.books()
    print(json.dumps([grown, most, tally.received, tally.dropped, books.waiting, balanced(platform)]))

asyncio.run(main())
"""


async def test_memory_is_bounded(tmp_path):
    """A million readings offered while the store is away wait on the disk, not in memory."""
    import json

    run = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", OFFERS, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    grown, most, received, dropped, waiting, sound = json.loads(run.stdout.splitlines()[-1])

    assert grown < 60_000_000
    assert most <= intake.MAX_PENDING + 1000
    assert (received, dropped + waiting) == (1_000_000, 1_000_000)
    assert waiting > 100_000
    assert sound
