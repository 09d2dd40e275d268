"""The spool against a small model: random actions, power cuts and kills, and an operation refused at every n."""

from __future__ import annotations

import errno
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.faults.disk import MemoryFiles
from tests.twin.ingest.batches import batch, same
from twin.errors import StartError
from twin.frame import Batch
from twin.ingest.books import Counts
from twin.ingest.spool import Limits, Spool, SpoolError, SpoolFull

FOLDER = Path("/spool")
LIMITS = Limits(max_bytes=60_000, segment_bytes=3_000, memory_bytes=2_000)


class Model:
    """What the outside world knows: every batch that was given, and what became of it."""

    def __init__(self) -> None:
        self.given: dict[int, list[Batch]] = {}
        self.taken: list[int] = []
        self.settled = 0
        self.quarantined = 0

    def gave(self, seq: int, each: Batch) -> None:
        """A batch was offered and would get this number; a refused one may still surface, unacknowledged."""
        self.given.setdefault(seq, []).append(each)

    def took(self, seq: int) -> None:
        self.taken.append(seq)

    def acknowledged(self, seq: int, quarantined: int) -> None:
        self.settled = max(self.settled, seq)
        self.quarantined += quarantined

    def must_wait(self) -> list[int]:
        return [seq for seq in self.taken if seq > self.settled]


class SpoolMachine(RuleBasedStateMachine):
    """Random life of a spool on a disk in memory."""

    @initialize()
    def begin(self):
        self.files = MemoryFiles()
        self.model = Model()
        self.seed = 0
        self.start()

    def start(self):
        self.spool = Spool(FOLDER, LIMITS, files=self.files)
        return self.spool.open()

    def reading(self):
        got, seq = [], self.spool.settled_seq
        while more := self.spool.read(seq, 200):
            got += more
            seq = more[-1].seq
        return got

    @rule(rows=st.integers(1, 60), unchanged=st.integers(0, 3))
    def append(self, rows, unchanged):
        self.offer(rows, unchanged)

    @rule(
        rows=st.integers(1, 60),
        at=st.integers(1, 6),
        code=st.sampled_from([errno.ENOSPC, errno.EIO]),
        kind=st.sampled_from([None, "write", "sync"]),
    )
    def append_on_a_failing_disk(self, rows, at, code, kind):
        files = self.files
        files.operations, files.fail_at, files.fail_kind, files.code = 0, at, kind, code
        self.offer(rows, 0)
        files.fail_at = files.fail_kind = None

    def offer(self, rows, unchanged):
        self.seed += 1
        each, seq = batch(rows, self.seed), self.spool.last_seq + 1
        self.model.gave(seq, each)
        before = self.spool.books()
        try:
            given = self.spool.append(each, Counts(unchanged=unchanged))
        except SpoolFull:
            self.model.given[seq].pop()
            assert self.spool.books() == before
        except SpoolError:
            assert self.spool.books() == before
            self.spool.count(Counts(dropped=rows))
        else:
            assert given == seq
            self.model.took(given)

    @precondition(lambda self: self.model.must_wait())
    @rule(data=st.data())
    def acknowledge(self, data):
        got = self.reading()
        upto = data.draw(st.integers(0, len(got) - 1))
        rows = sum(len(each) for each in got[: upto + 1])
        bad = data.draw(st.integers(0, min(rows, 3)))
        self.spool.acknowledge(got[upto].seq, bad)
        self.model.acknowledged(got[upto].seq, bad)

    @rule()
    def close_and_open(self):
        self.spool.close()
        assert self.start().clean

    @rule()
    def kill(self):
        before = self.spool.books()
        settled = self.spool.settled_seq
        self.files.kill()

        assert self.start().clean
        after = self.spool.books()
        assert (after.stored, after.quarantined) == (before.stored, before.quarantined)
        assert self.spool.settled_seq == settled

    @rule(seed=st.integers(0, 1 << 30))
    def power_cut(self, seed):
        self.files.crash(random.Random(seed))
        self.start()
        # What was settled but not synced is delivered again, and then counted once.
        self.model.settled = min(self.model.settled, self.spool.settled_seq)
        self.model.quarantined = self.spool.books().quarantined
        assert self.spool.books().damaged == 0

    @invariant()
    def everything_taken_is_there(self):
        got = {each.seq: each for each in self.reading()}
        assert set(self.model.must_wait()) <= set(got)
        for seq, each in got.items():
            assert any(same(each, given) for given in self.model.given[seq])

    @invariant()
    def the_books_balance(self):
        books = self.spool.books()
        assert books.balanced
        assert books.quarantined == self.model.quarantined
        assert books.waiting == sum(len(each) for each in self.reading())


SpoolMachine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestSpoolMachine = SpoolMachine.TestCase


def live(files: MemoryFiles) -> tuple[list[int], int]:
    """A small life of a spool with rolls, acknowledgements and deletions; returns what it took."""
    spool = Spool(FOLDER, LIMITS, files=files)
    taken: list[int] = []
    settled = 0
    spool.open()
    for seed in range(24):
        try:
            taken.append(spool.append(batch(20, seed)))
        except SpoolError:
            spool.count(Counts(dropped=20))
        if seed % 4 == 3 and taken:
            settled = taken[len(taken) // 2]
            spool.acknowledge(settled)
    spool.close()
    return taken, settled


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO], ids=["no_space", "io_error"])
@pytest.mark.parametrize("end", ["kill", "power_cut"])
def test_any_operation_may_fail(code, end):
    """Whichever operation of a spool's life is refused, what it took is there after a restart and the books balance."""
    refused = 0
    for number in range(1, 1000):
        files = MemoryFiles()
        files.fail_at, files.code = number, code
        taken: list[int] = []
        settled = 0
        try:
            taken, settled = live(files)
        except StartError:
            refused += 1
        if files.operations < number:
            break
        files.fail_at = None
        files.kill() if end == "kill" else files.crash(random.Random(number))
        again = Spool(FOLDER, LIMITS, files=files)
        recovery = again.open()
        waiting = {each.seq for each in again.read(again.settled_seq, 10_000)}

        assert {seq for seq in taken if seq > settled} <= waiting
        assert recovery.clean
        assert again.books().balanced
        assert again.append(batch(1)) > max(taken, default=0)
    else:
        pytest.fail("the life of the spool never came to an end")
    assert 0 < refused < 10


@pytest.mark.parametrize("kind", ["write", "sync", "open"])
def test_a_disk_that_refuses_for_long_takes_again(kind):
    """While the disk refuses every batch is refused; when it gives room again the next one is taken."""
    files = MemoryFiles()
    spool = Spool(FOLDER, LIMITS, files=files)
    spool.open()
    spool.append(batch(5))
    spool._abandon()
    files.refused = {kind}
    for seed in range(20):
        with pytest.raises(SpoolError, match="spool: no space left on device"):
            spool.append(batch(5, seed))
    files.refused = set()

    assert spool.append(batch(5, 99)) == 2
    assert [len(each) for each in spool.read(0, 100)] == [5, 5]
    assert spool.books().balanced


def test_an_abandoned_record_does_not_come_back():
    """A record whose sync failed and that could not be cut off stays dead when its readings were counted as dropped."""
    files = MemoryFiles()
    spool = Spool(FOLDER, LIMITS, files=files)
    spool.open()
    spool.append(batch(5))
    files.refused, files.code = {"sync", "truncate"}, errno.EIO
    with pytest.raises(SpoolError, match="input/output error"):
        spool.append(batch(7))
    spool.count(Counts(dropped=7))
    files.refused = set()
    files.kill()

    again = Spool(FOLDER, LIMITS, files=files)
    again.open()

    assert [len(each) for each in again.read(0, 100)] == [5]
    assert again.books() == spool.books()


def test_the_later_of_two_tries_stands():
    """A batch that was tried again after a failed sync is there once, as it was the second time."""
    files = MemoryFiles()
    spool = Spool(FOLDER, LIMITS, files=files)
    spool.open()
    spool.append(batch(5))
    files.refused = {"sync", "truncate"}
    with pytest.raises(SpoolError):
        spool.append(batch(7))
    files.refused = set()
    spool.append(batch(9, 99))
    files.kill()

    again = Spool(FOLDER, LIMITS, files=files)

    assert again.open().clean
    assert [len(each) for each in again.read(0, 100)] == [5, 9]
    assert again.books().received == 14


@pytest.mark.parametrize("seed", range(40))
def test_deleted_segments_stay_settled(seed):
    """After a power cut no segment is gone whose acknowledgement is."""
    files = MemoryFiles()
    spool = Spool(FOLDER, LIMITS, files=files)
    spool.open()
    for number in range(12):
        spool.append(batch(40, number))
    for seq in range(1, 12):
        spool.acknowledge(seq)
    files.crash(random.Random(seed))

    again = Spool(FOLDER, LIMITS, files=files)

    assert again.open().clean
    assert again.books().balanced
