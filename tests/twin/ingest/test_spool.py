from __future__ import annotations

import json
import struct
import threading
import zlib

import numpy as np
import pytest

from tests.twin.ingest.batches import START, alike, batch
from twin.errors import StartError, TransientError
from twin.files import Files
from twin.ingest import record
from twin.ingest.books import Books, Counts
from twin.ingest.spool import Limits, Spool, SpoolFull

SMALL = Limits(max_bytes=1 << 20, segment_bytes=2048, memory_bytes=0)


class StillClock:
    """A wall clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def now_ns(self) -> int:
        return self.now

    def monotonic_s(self) -> float:
        return self.now / 1e9


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "spool"


def opened(folder, limits=SMALL, **options):
    spool = Spool(folder, limits, **options)
    return spool, spool.open()


def drained(spool, limit=10_000):
    seq, result = spool.settled_seq, []
    while got := spool.read(seq, limit):
        result += got
        seq = got[-1].seq
    return result


def test_batches_come_back_in_order(folder):
    """Batches are read in the order and with the numbers of their append."""
    spool, _ = opened(folder)
    given = [batch(rows, rows) for rows in (1, 7, 300, 2)]

    numbers = [spool.append(each) for each in given]

    assert numbers == [1, 2, 3, 4]
    assert [each.seq for each in drained(spool)] == numbers
    assert alike(drained(spool), given)


@pytest.mark.parametrize("memory", [0, 1 << 20])
def test_reopened_spool_has_everything(folder, memory):
    """What was appended is there after a restart, with the books."""
    limits = Limits(max_bytes=1 << 20, segment_bytes=2048, memory_bytes=memory)
    spool, _ = opened(folder, limits)
    given = [batch(50, seed) for seed in range(9)]
    for each in given:
        spool.append(each, Counts(unchanged=3, dropped=1))
    spool.acknowledge(2, quarantined=4)
    before = spool.books()
    spool.close()

    spool, recovery = opened(folder, limits)

    assert recovery.clean
    assert (recovery.waiting_batches, recovery.waiting_readings) == (7, 350)
    assert spool.books() == before
    assert spool.books() == Books(486, 27, 459, 96, 4, 9, 350, 0)
    assert alike(drained(spool), given[2:])
    assert spool.append(batch(1)) == 10


def test_read_gives_at_least_one_and_at_most_the_limit(folder):
    """A reader gets as many batches as fit, but never nothing when one waits."""
    spool, _ = opened(folder)
    for rows in (10, 10, 10, 500):
        spool.append(batch(rows))

    assert [len(each) for each in spool.read(0, 25)] == [10, 10]
    assert [len(each) for each in spool.read(2, 5)] == [10]
    assert [len(each) for each in spool.read(3, 5)] == [500]
    assert spool.read(4, 5) == []


def test_settled_segments_are_deleted(folder):
    """Room comes back as soon as a segment is acknowledged as a whole."""
    spool, _ = opened(folder)
    numbers = [spool.append(batch(100, seed)) for seed in range(20)]
    full = spool.used_bytes

    spool.acknowledge(numbers[-1])

    assert len(list(folder.glob("*.log"))) == 1
    assert spool.used_bytes < full / 5
    assert spool.books().stored == 2000


def test_a_segment_stays_while_one_batch_of_it_waits(folder):
    """Acknowledging part of a segment deletes nothing of it."""
    spool, _ = opened(folder, Limits(max_bytes=1 << 20, segment_bytes=1 << 16))
    for seed in range(5):
        spool.append(batch(10, seed))

    spool.acknowledge(4)

    assert [each.seq for each in drained(spool)] == [5]
    assert spool.books().waiting == 10


def test_acknowledging_twice_changes_nothing(folder):
    """A repeated or an older acknowledgement is not counted again."""
    spool, _ = opened(folder)
    for seed in range(3):
        spool.append(batch(10, seed))
    spool.acknowledge(2, quarantined=1)
    before = spool.books()

    spool.acknowledge(2, quarantined=1)
    spool.acknowledge(1)

    assert spool.books() == before


def test_more_quarantined_than_acknowledged_is_refused(folder):
    """A caller's wrong count is an error and not a wrong book."""
    spool, _ = opened(folder)
    spool.append(batch(3))

    with pytest.raises(ValueError, match="4 readings quarantined of 3"):
        spool.acknowledge(1, quarantined=4)

    assert spool.books().waiting == 3


def test_empty_batch_is_refused(folder):
    """A batch without readings is a mistake of the caller."""
    spool, _ = opened(folder)

    with pytest.raises(ValueError, match="empty batch"):
        spool.append(batch(0))


def test_full_spool_refuses_and_keeps(folder):
    """A full spool takes nothing more, drops nothing, and takes again once it was drained."""
    spool, _ = opened(folder, Limits(max_bytes=20_000, memory_bytes=0))
    taken = 0
    while not spool.full():
        try:
            spool.append(batch(100, taken))
            taken += 1
        except SpoolFull:
            break
    with pytest.raises(SpoolFull, match="full: ") as caught:
        spool.append(batch(100))
    assert isinstance(caught.value, TransientError)
    assert spool.full()
    assert taken > 5
    assert spool.used_bytes <= 20_000
    spool.count(Counts(dropped=100))
    assert spool.books() == Books(taken * 100 + 100, 0, taken * 100 + 100, 0, 0, 100, taken * 100, 0)

    spool.acknowledge(taken)

    assert not spool.full()
    assert spool.append(batch(100)) == taken + 1
    assert spool.books().balanced


def test_too_old_is_full(folder):
    """A spool bounded in age refuses while its oldest batch is older."""
    clock = StillClock()
    spool, _ = opened(folder, Limits(max_age_s=60), clock=clock)
    spool.append(batch(1))
    clock.now += 61_000_000_000
    assert spool.oldest_age_s == 61

    with pytest.raises(SpoolFull, match="the oldest 61 s"):
        spool.append(batch(1))

    spool.acknowledge(1)
    assert spool.append(batch(1)) == 2


def test_drops_survive_a_kill(folder):
    """Readings counted as dropped stay counted when the process is killed."""
    spool, _ = opened(folder)
    spool.append(batch(5))
    spool.count(Counts(unchanged=2, dropped=7))

    again, _ = opened(folder)

    assert again.books() == Books(14, 2, 12, 0, 0, 7, 5, 0)


def test_column_layouts_round_trip(folder):
    """Every way to shorten a column gives the same column back."""
    times = np.array([START, START + 5, START], np.int64)
    fixed = np.full(3, START, np.int64)
    quality = [np.array([0, 3, 0], np.uint8), np.full(3, 64, np.uint8)]
    values = np.array([np.nan, -0.0, 1e308])
    spool, _ = opened(folder)
    base = batch(3)
    given = [
        type(base)(base.ids, time, received, device, values, each)
        for time in (times, fixed)
        for received in (times, fixed)
        for device in (times, fixed, np.zeros(3, np.int64))
        for each in quality
    ]
    for each in given:
        spool.append(each)

    assert len(given) == 24
    assert alike(drained(spool), given)


def test_readers_own_their_columns(folder):
    """Columns read from disk are aligned and may be written to."""
    spool, _ = opened(folder)
    spool.append(batch(3))

    columns = drained(spool)[0]

    assert columns.value.flags.aligned
    assert columns.value.flags.writeable


def test_later_version_is_refused_without_harm(folder):
    """Records of a later format stop the start and are left as they are."""
    spool, _ = opened(folder)
    spool.append(batch(3))
    spool.close()
    path = next(folder.glob("*.log"))
    data = bytearray(path.read_bytes())
    data[4:6] = struct.pack("<H", record.VERSION + 1)
    data[record.SIZE - 4 : record.SIZE] = struct.pack("<I", zlib.crc32(data[: record.SIZE - 4], 1))
    path.write_bytes(data)

    with pytest.raises(StartError, match="records of format 2, this barrio reads format 1"):
        opened(folder)

    assert path.read_bytes() == data


def test_records_are_believed_only_in_their_own_segment(folder):
    """Bytes of one segment that surface in another are not taken for records."""
    spool, _ = opened(folder)
    spool.append(batch(3))
    spool.close()
    path = next(folder.glob("*.log"))
    path.rename(folder / "00000009.log")

    _, recovery = opened(folder)

    assert recovery.waiting_readings == 0
    assert recovery.readings_damaged == 3


def test_a_file_in_place_of_the_folder_is_a_start_error(tmp_path):
    """A spool that cannot be made says where and why."""
    (tmp_path / "spool").write_text("")

    with pytest.raises(StartError, match=r"cannot open the spool in .*: file exists"):
        opened(tmp_path / "spool")


def test_the_writer_reads_while_another_thread_appends(folder):
    """Appending and draining at the same time loses and repeats nothing."""
    spool, _ = opened(folder, Limits(max_bytes=1 << 22, segment_bytes=4096, memory_bytes=10_000))

    def feed() -> None:
        for seed in range(200):
            spool.append(batch(20, seed))

    thread = threading.Thread(target=feed)
    thread.start()
    seen: list[int] = []
    while thread.is_alive() or spool.books().waiting:
        for each in spool.read(spool.settled_seq, 100):
            seen.append(each.seq)
            spool.acknowledge(each.seq)
    thread.join()

    assert seen == list(range(1, 201))
    assert spool.books() == Books(4000, 0, 4000, 4000, 0, 0, 0, 0)


class Recording(Files):
    """Writes down what is done to the disk."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def open(self, path, *, create=False):
        self.done.append(f"create {path.name}" if create else f"open {path.name}")
        return super().open(path, create=create)

    def write_at(self, descriptor, data, offset):
        self.done.append("write")
        return super().write_at(descriptor, data, offset)

    def sync(self, descriptor):
        super().sync(descriptor)
        self.done.append("sync")

    def sync_folder(self, path):
        super().sync_folder(path)
        self.done.append("sync folder")


def test_acknowledged_means_synced(folder):
    """The file, its name and the record are synced before append returns; the note in the ring comes after."""
    files = Recording()
    spool, _ = opened(folder, files=files)
    files.done.clear()

    spool.append(batch(3))
    spool.append(batch(3))

    first = ["create 00000001.log", "sync", "sync folder", "write", "sync", "write"]
    assert files.done == [*first, "write", "sync", "write"]


def test_recent_batches_are_read_from_memory(folder):
    """A writer that keeps up does not read the disk."""
    files = Recording()
    spool, _ = opened(folder, Limits(), files=files)
    spool.append(batch(3))
    files.done.clear()

    assert len(drained(spool)) == 1
    assert files.done == []


def test_books_are_plain_data(folder):
    """The books can be printed and compared."""
    spool, _ = opened(folder)
    names = [name for name in dir(spool.books()) if not name.startswith("_")]

    assert json.dumps({name: getattr(spool.books(), name) for name in names}).startswith("{")
    assert not Books(1, 0, 1, 0, 0, 0, 0, 0).balanced
