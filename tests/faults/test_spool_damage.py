"""The spool's files damaged in every way: each byte flipped, each length cut."""

from __future__ import annotations

import errno
import random
from pathlib import Path

import pytest

from tests.faults.disk import MemoryFiles
from tests.twin.ingest.batches import batch, same
from twin.ingest.books import Counts
from twin.ingest.spool import Limits, Spool, SpoolError

FOLDER = Path("/spool")
LIMITS = Limits(segment_bytes=420, memory_bytes=0)
GIVEN = [batch(rows, rows) for rows in (3, 1, 4, 2, 5, 6, 8, 7)]
SETTLED = 3


@pytest.fixture(scope="module")
def files() -> MemoryFiles:
    """A disk with a spool that was killed: the first segment is settled and gone, three wait."""
    disk = MemoryFiles()
    spool = Spool(FOLDER, LIMITS, files=disk)
    spool.open()
    for each in GIVEN:
        if spool.append(each, Counts(unchanged=1)) == SETTLED + 1:
            spool.acknowledge(SETTLED, quarantined=1)
    disk.kill()
    return disk


def contents(files: MemoryFiles) -> dict[str, bytes]:
    return {path.name: bytes(content.now) for path, content in files.names_now.items()}


def disk(contents: dict[str, bytes]) -> MemoryFiles:
    result = MemoryFiles()
    for name, data in contents.items():
        descriptor = result.open(FOLDER / name, create=True)
        result.write_at(descriptor, data, 0)
        result.sync(descriptor)
    result.sync_folder(FOLDER)
    return result


def check(files: MemoryFiles) -> int:
    """Open a damaged spool twice, use it, and hold the books against what can be read; returns what was lost."""
    spool = Spool(FOLDER, LIMITS, files=files)
    recovery = spool.open()
    books = spool.books()
    got = spool.read(spool.settled_seq, 1000)
    lost = sum(map(len, GIVEN)) - books.stored - books.quarantined - sum(map(len, got))
    assert all(same(each, GIVEN[each.seq - 1]) for each in got)
    assert books.balanced
    assert books.received == sum(map(len, GIVEN)) + len(GIVEN)
    assert books.damaged == lost == recovery.readings_damaged
    assert sum(hole.readings for hole in recovery.holes) == lost
    assert spool.append(batch(9)) == len(GIVEN) + 1
    files.kill()
    again = Spool(FOLDER, LIMITS, files=files)
    assert again.open().clean
    assert again.books().damaged == lost
    again.acknowledge(len(GIVEN) + 1)
    assert again.books().balanced
    assert (again.books().damaged, again.books().waiting) == (lost, 0)
    return lost


def test_every_flipped_byte_costs_at_most_its_record(files):
    """A flipped byte in a segment loses the readings of its record, counted exactly, and no others."""
    whole = contents(files)
    sizes = [0, *(len(each) for each in GIVEN)]
    for name in [name for name in whole if name.endswith(".log")]:
        for at in range(len(whole[name])):
            data = bytearray(whole[name])
            data[at] ^= 1 << at % 8

            assert check(disk({**whole, name: bytes(data)})) in sizes


def test_every_cut_is_counted(files):
    """A segment cut at any length loses the records behind the cut, counted exactly."""
    whole = contents(files)
    logs = sorted(name for name in whole if name.endswith(".log"))
    most = 0
    for name in logs:
        for length in range(len(whole[name])):
            most = max(most, check(disk({**whole, name: whole[name][:length]})))

    assert len(logs) > 1
    assert most > 0


def test_the_ring_may_be_damaged_anywhere(files):
    """A flipped byte in the ring costs nothing: no reading is lost, none is counted twice."""
    whole = contents(files)
    for at in range(len(whole["state.ring"])):
        if at % 128 < 104 and any(whole["state.ring"][at - at % 128 :][:104]):
            data = bytearray(whole["state.ring"])
            data[at] ^= 1 << at % 8

            assert check(disk({**whole, "state.ring": bytes(data)})) == 0


@pytest.mark.parametrize("length", [0, 1, 127, 128, 300, 1000])
def test_a_lost_ring_is_no_loss(files, length):
    """A ring that was cut, or is gone, costs no readings; what it settled last is delivered again."""
    whole = contents(files)
    whole["state.ring"] = whole["state.ring"][:length]
    spool = Spool(FOLDER, LIMITS, files=disk(whole))
    spool.open()

    assert spool.books().damaged == 0
    assert spool.books().balanced


def test_a_lost_segment_is_counted(files):
    """A segment that somebody deleted is damage, to the reading."""
    whole = contents(files)
    logs = sorted(name for name in whole if name.endswith(".log"))
    for name in logs:
        assert check(disk({other: data for other, data in whole.items() if other != name})) > 0


def test_damage_is_set_aside_once(files):
    """The bytes of a damaged record are copied for whoever wants to look, at the first start only."""
    whole = contents(files)
    name = min(name for name in whole if name.endswith(".log"))
    data = bytearray(whole[name])
    data[200] ^= 255
    damaged = disk({**whole, name: bytes(data)})
    spool = Spool(FOLDER, LIMITS, files=damaged)

    recovery = spool.open()

    assert recovery.readings_damaged == 5
    assert recovery.records_skipped == 1
    assert recovery.bytes_set_aside == 233
    copies = damaged.names(FOLDER / "damaged")
    assert copies == [name.replace(".log", "-173.bin")]
    assert damaged.read(FOLDER / "damaged" / copies[0]) == data[173 : 173 + 233]
    again = Spool(FOLDER, LIMITS, files=damaged).open()
    assert (again.readings_damaged, again.bytes_set_aside) == (0, 0)


def test_damage_that_shows_only_when_read(files):
    """A record that goes bad while the platform runs is left out, counted and set aside."""
    damaged = disk(contents(files))
    spool = Spool(FOLDER, LIMITS, files=damaged)
    spool.open()
    home = spool._waiting[1].segment.path
    damaged.names_now[home].now[spool._waiting[1].offset + 130] ^= 1

    got = spool.read(0, 1000)

    assert [each.seq for each in got] == [4, 6, 7, 8]
    assert (spool.books().damaged, spool.books().balanced) == (5, True)
    spool.acknowledge(8)
    assert spool.books().balanced
    assert spool.books().waiting == 0


@pytest.mark.parametrize("seed", range(60))
def test_arbitrary_bytes_never_stop_the_start(files, seed):
    """Whatever stands in the files, the spool opens, takes a batch and gives it back, and the books balance."""
    rng = random.Random(seed)
    whole = contents(files)
    for _ in range(rng.randint(1, 6)):
        name = rng.choice(sorted(whole))
        data = bytearray(whole[name])
        at = rng.randrange(len(data) + 1)
        data[at : at + rng.randrange(200)] = rng.randbytes(rng.randrange(200))
        whole[name] = bytes(data)
    spool = Spool(FOLDER, LIMITS, files=disk(whole))
    spool.open()

    seq = spool.append(batch(9))

    assert same(spool.read(seq - 1, 10)[0], batch(9))
    assert spool.books().balanced


class Unreadable(MemoryFiles):
    """A disk that cannot read some bytes of its segments, or nothing at all for another reason."""

    def __init__(self, code: int, bad: range) -> None:
        super().__init__()
        self.read_code, self.bad = code, bad

    def read(self, path):
        data = super().read(path)
        if path.suffix == ".log" and len(data) > self.bad.start:
            raise OSError(self.read_code, "refused")
        return data

    def read_at(self, descriptor, size, offset):
        if offset < self.bad.stop and offset + size > self.bad.start:
            raise OSError(self.read_code, "refused")
        return super().read_at(descriptor, size, offset)


def test_a_bad_block_costs_only_what_stood_in_it():
    """A block that the disk cannot read loses the records in it; those around it are read."""
    files = Unreadable(errno.EIO, range(70_000, 70_001))
    spool = Spool(FOLDER, Limits(), files=files)
    spool.open()
    for seed in range(8):
        spool.append(batch(1000, seed))
    files.kill()
    again = Spool(FOLDER, Limits(), files=files)

    recovery = again.open()

    got = again.read(0, 100_000)
    assert [each.seq for each in got] == [1, 2, 3, 8]
    assert recovery.readings_damaged == again.books().damaged == 4000
    assert again.books().balanced


def test_no_descriptors_is_no_damage():
    """When the process has run out of descriptors a read fails and costs nothing; it succeeds later."""
    files = Unreadable(errno.EMFILE, range(0))
    spool = Spool(FOLDER, LIMITS, files=files)
    spool.open()
    spool.append(batch(5))
    files.bad = range(10_000)
    with pytest.raises(SpoolError, match="spool: too many open files"):
        spool.read(0, 100)
    files.bad = range(0)

    assert [len(each) for each in spool.read(0, 100)] == [5]
    assert spool.books().damaged == 0
