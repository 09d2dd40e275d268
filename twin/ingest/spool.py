"""The spool: batches on disk between the moment they are taken and the moment the store has them.

What always holds:

- A batch whose number `append` returned is on the disk. Only damage to the disk itself takes it away, and then the
  books say exactly how many readings that was.
- Batches are read in the order of their numbers, which grow by one with each append that succeeds.
- Nothing is deleted before it is acknowledged, and nothing is dropped to make room: a full spool refuses.
- Every reading is in exactly one column of the books, after every crash and every damage.
- Any bytes whatever in the folder let the spool open; only records of a later version stop it.

Write. A batch becomes one record (`record`), written to the newest segment and synced before `append` returns; then
the new state is noted in the ring (`ring`) without a sync. A new segment is created, and its name synced, before its
first record. After an error the batch is not taken: the segment is cut back and abandoned, because a sync that
failed once may succeed the next time without having written anything. The next append begins another segment.

Read. `read` gives batches after a number; the writer keeps what it has in flight. What was appended lately is still
in memory, up to a bound, so a writer that keeps up never reads the disk.

Acknowledge. `acknowledge` settles everything up to a number. It is noted in the ring without a sync: if the note is
lost, batches are delivered again, which the store recognises. Segments that are settled as a whole are deleted, after
the ring is synced.

Recover. `open` scans all segments (`segment`), skips what does not prove itself, and compares the counts that each
record and the ring carry (`recovery`): a hole between them is damage, counted to the reading; bytes that nobody
counted are an append that never returned. Damaged bytes are copied to `damaged/`. New records go to a new segment.
A record whose payload is damaged and of which only its own header tells, the power having failed, counts as damage:
a doubt is shown as a loss.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from bisect import bisect_right
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twin.clock import Clock, SystemClock
from twin.errors import StartError, TransientError
from twin.files import Files, write_all
from twin.ingest import record, segment
from twin.ingest.books import Books, Counts, State
from twin.ingest.recovery import Findings, Recovery, sort_out
from twin.ingest.ring import Ring
from twin.ingest.segment import Found, Scan, Segment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from twin.frame import Batch

MEGABYTE = 1 << 20
_NO_COUNTS = Counts()
_BLOCK = 1 << 16
# What the disk itself says of data that is lost; anything else (no descriptors, no rights) is no damage.
_GONE = (errno.EIO, errno.ENOENT)


class SpoolError(TransientError):
    """Raised when the disk refused: the batch was not taken and may be given again."""

    def __init__(self, words: str) -> None:
        super().__init__("spool", words)


class SpoolFull(SpoolError):
    """Raised when the spool has reached its bound in bytes or age: the batch was not taken."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a spool. `max_age_s` is the age of the oldest waiting batch at which no more is taken."""

    max_bytes: int = 2048 * MEGABYTE
    max_age_s: float | None = None
    segment_bytes: int = 32 * MEGABYTE
    memory_bytes: int = 16 * MEGABYTE
    damaged_bytes: int = 64 * MEGABYTE

    def roll_bytes(self) -> int:
        """Size at which a segment is closed: small enough that room comes back in eighths."""
        return min(self.segment_bytes, self.max_bytes // 8)


@dataclass(slots=True)
class _Waiting:
    """One batch that waits: where its record stands, and the batch itself while memory allows."""

    seq: int
    rows: int
    end: int
    written: int
    segment: Segment
    offset: int
    size: int
    batch: Batch | None = None


def _seq(entry: _Waiting) -> int:
    return entry.seq


class Spool:
    """The durable buffer. One thread appends; any thread may read, acknowledge and ask.

    All methods block on the disk. `marks_failed` counts notes in the ring that could not be written; they cost a
    repeated delivery at worst.
    """

    def __init__(
        self,
        folder: Path,
        limits: Limits | None = None,
        *,
        clock: Clock | None = None,
        files: Files | None = None,
    ) -> None:
        self.folder = folder
        self.limits = limits or Limits()
        self.marks_failed = 0
        self._clock = clock or SystemClock()
        self._files = files or Files()
        self._ring = Ring(folder / "state.ring", self._files)
        self._appending = threading.Lock()
        self._lock = threading.RLock()
        self._state = State()
        self._waiting: list[_Waiting] = []
        self._waiting_rows = 0
        self._held = 0
        self._refused = 0
        self._segments: list[Segment] = []
        self._active: Segment | None = None
        self._descriptor = -1
        self._next_number = 1

    # Life

    def open(self) -> Recovery:
        """Take up what an earlier process left, whatever its state.

        Raises `StartError` when the folder cannot be used or was written by a later version.
        """
        begun = time.monotonic()
        try:
            self._files.make_folder(self.folder)
            self._ring.open()
            findings, skipped, aside = self._recover()
        except OSError as error:
            raise StartError(f"cannot open the spool in {self.folder}: {_words(error)}") from error
        return Recovery(
            waiting_batches=len(self._waiting),
            waiting_readings=self._waiting_rows,
            readings_damaged=skipped,
            records_skipped=findings.skipped if skipped else 0,
            bytes_set_aside=aside,
            seconds=time.monotonic() - begun,
            holes=tuple(findings.holes) if skipped else (),
        )

    def close(self) -> None:
        """Note the last state and release the files; nothing durable depends on it."""
        with self._appending, self._lock:
            self._mark(durable=True)
            self._abandon()
            self._ring.close()

    # Write

    def append(self, batch: Batch, counts: Counts = _NO_COUNTS) -> int:
        """Make a batch durable and return its number.

        `counts` are the readings that came with it and are not in it. The spool keeps the columns until they are
        acknowledged: do not change them. Raises `SpoolFull` or `SpoolError`; then nothing was taken or counted.
        """
        rows = len(batch)
        if rows == 0:
            raise ValueError("an empty batch has nothing to append, its counts go to count()")
        with self._appending:
            written = self._clock.now_ns()
            state = _after(self._state, rows, counts)
            home, data = self._write(batch, state, written)
            with self._lock:
                # Taken anew: batches may have been settled while the record was written.
                self._state = _after(self._state, rows, counts)
                entry = _Waiting(state.seq, rows, state.appended, written, home, home.size, len(data))
                home.size += len(data)
                home.live += 1
                self._hold(entry, batch)
                self._waiting.append(entry)
                self._waiting_rows += rows
                self._mark()
                return entry.seq

    def count(self, counts: Counts) -> None:
        """Count readings that are in no batch at all."""
        with self._lock:
            self._state = self._state._replace(
                unchanged=self._state.unchanged + counts.unchanged,
                dropped=self._state.dropped + counts.dropped,
            )
            if counts.dropped:
                self._mark()

    # Read and acknowledge

    def read(self, after_seq: int, limit_rows: int) -> list[Batch]:
        """Return the batches after a number, oldest first: as many as fit in `limit_rows`, but at least one.

        A record that turns out to be damaged is set aside, counted and left out.
        """
        result: list[Batch] = []
        rows = 0
        for entry in self._after(after_seq, limit_rows):
            if result and rows + entry.rows > limit_rows:
                break
            batch = self._load(entry) if entry.batch is None else entry.batch
            if batch is not None:
                result.append(batch)
                rows += entry.rows
        return result

    def acknowledge(self, seq: int, quarantined: int = 0) -> None:
        """Settle every batch up to `seq`: stored, apart from `quarantined` readings that are in the dead letters."""
        with self._lock:
            stop = bisect_right(self._waiting, seq, key=_seq)
            if not stop:
                return
            self._settle(self._waiting[:stop], quarantined)
            del self._waiting[:stop]
            self._mark()
            self._delete_settled()

    # Ask

    def books(self) -> Books:
        """Return where every reading is."""
        with self._lock:
            state, waiting = self._state, self._waiting_rows
        damaged = state.passed + state.appended - state.settled_rows - waiting
        return Books(
            received=state.appended + state.unchanged + state.dropped,
            unchanged=state.unchanged,
            accepted=state.appended + state.dropped,
            stored=state.stored,
            quarantined=state.quarantined,
            dropped=state.dropped + damaged,
            waiting=waiting,
            damaged=damaged,
        )

    @property
    def last_seq(self) -> int:
        """Number of the newest batch, 0 before the first."""
        return self._state.seq

    @property
    def settled_seq(self) -> int:
        """Number up to which everything has left the spool; where a writer begins to read."""
        return self._state.settled_seq

    @property
    def used_bytes(self) -> int:
        """Bytes of all segments."""
        with self._lock:
            return sum(each.size for each in self._segments)

    @property
    def oldest_age_s(self) -> float:
        """Seconds since the oldest waiting batch was appended by the wall clock, 0 when none waits."""
        with self._lock:
            oldest = self._waiting[0].written if self._waiting else 0
        return max(0.0, (self._clock.now_ns() - oldest) / 1e9) if oldest else 0.0

    def full(self, size: int = 0) -> bool:
        """Whether a record of `size` bytes, or of the size that was refused last, would be refused now."""
        limit = self.limits.max_age_s
        too_old = limit is not None and self.oldest_age_s > limit
        return too_old or self.used_bytes + max(size, self._refused) > self.limits.max_bytes

    # Writing, in detail

    def _write(self, batch: Batch, state: State, written: int) -> tuple[Segment, bytes]:
        """Put a record on the disk; returns its segment, whose `size` is where the record begins."""
        try:
            home = self._home()
            data = record.encode(batch, state, written, home.number)
            self._refuse_when_full(len(data))
            write_all(self._files, self._descriptor, data, home.size)
            self._files.sync(self._descriptor)
        except OSError as error:
            self._give_up()
            raise SpoolError(_words(error)) from error
        return home, data

    def _refuse_when_full(self, size: int) -> None:
        if self.full(size):
            with self._lock:
                self._retire_settled()
            if self.full(size):
                self._refused = size
                words = f"full: {self._waiting_rows} readings wait, the oldest {self.oldest_age_s:.0f} s"
                raise SpoolFull(words)

    def _home(self) -> Segment:
        """Return the segment for the next record, beginning one where needed."""
        if self._active is not None and self._active.size >= self.limits.roll_bytes():
            self._abandon()
        return self._active or self._begin_segment()

    def _begin_segment(self) -> Segment:
        number = self._next_number
        self._next_number += 1
        path = self.folder / segment.name(number)
        self._descriptor = self._files.open(path, create=True)
        fresh = Segment(number, path)
        with self._lock:
            self._segments.append(fresh)
            self._active = fresh
        self._files.sync(self._descriptor)
        self._files.sync_folder(self.folder)
        return fresh

    def _give_up(self) -> None:
        """Undo a failed append as far as the disk lets us, and never write to its segment again."""
        with self._lock:
            self._state = self._state._replace(attempt=self._state.attempt + 1)
            if self._active is not None:
                with suppress(OSError):
                    self._files.truncate(self._descriptor, self._active.size)
            self._abandon()
            self._mark()
            self._delete_settled()

    def _abandon(self) -> None:
        with self._lock:
            if self._descriptor >= 0:
                with suppress(OSError):
                    self._files.close(self._descriptor)
            self._descriptor, self._active = -1, None

    def _retire_settled(self) -> None:
        """Give up the newest segment too when all of it is settled, for its room."""
        if self._active is not None and self._active.size and not self._active.live:
            self._abandon()
            self._delete_settled()

    def _hold(self, entry: _Waiting, batch: Batch) -> None:
        if self._held + entry.size <= self.limits.memory_bytes:
            self._held += entry.size
            entry.batch = _numbered(batch, entry.seq)

    def _mark(self, *, durable: bool = False) -> bool:
        """Note the state in the ring; returns whether that worked."""
        try:
            if durable:
                self._ring.write_durably(self._state)
            else:
                self._ring.write(self._state)
        except OSError:
            self.marks_failed += 1
            return False
        return True

    # Reading, in detail

    def _after(self, seq: int, limit_rows: int) -> list[_Waiting]:
        """Return the entries that a read may need; every one has at least one row."""
        with self._lock:
            start = bisect_right(self._waiting, seq, key=_seq)
            return self._waiting[start : start + max(1, limit_rows)]

    def _load(self, entry: _Waiting) -> Batch | None:
        """Read a batch back; None when its record is damaged or was acknowledged meanwhile."""
        try:
            data = self._read_record(entry)
        except OSError as error:
            if error.errno not in _GONE:
                raise SpoolError(_words(error)) from error
            data = b""
        header = record.decode_header(data, 0, entry.segment.number)
        if header is not None and header.state.seq == entry.seq and record.proves(header, data, record.SIZE):
            return record.decode_payload(header, data, record.SIZE)
        self._condemn(entry, data)
        return None

    def _read_record(self, entry: _Waiting) -> bytes:
        descriptor = self._files.open(entry.segment.path)
        try:
            return self._files.read_at(descriptor, entry.size, entry.offset)
        finally:
            self._files.close(descriptor)

    def _condemn(self, entry: _Waiting, data: bytes) -> None:
        """Count a waiting batch as damaged."""
        with self._lock:
            at = bisect_right(self._waiting, entry.seq - 1, key=_seq)
            if at == len(self._waiting) or self._waiting[at] is not entry:
                return
            del self._waiting[at]
            self._waiting_rows -= entry.rows
            entry.segment.live -= 1
            self._state = self._state._replace(damaged=self._state.damaged + entry.rows)
            self._set_aside(entry.segment, [(entry.offset, entry.offset + len(data))], data, entry.offset)
            self._mark()

    # Settling, in detail

    def _settle(self, done: Sequence[_Waiting], quarantined: int) -> None:
        rows = sum(entry.rows for entry in done)
        if not 0 <= quarantined <= rows:
            raise ValueError(f"{quarantined} readings quarantined of {rows}")
        for entry in done:
            entry.segment.live -= 1
            if entry.batch is not None:
                self._held -= entry.size
                entry.batch = None
        self._waiting_rows -= rows
        state, last = self._state, done[-1]
        self._state = state._replace(
            settled_seq=last.seq,
            settled_rows=last.end,
            stored=state.stored + rows - quarantined,
            quarantined=state.quarantined + quarantined,
            passed=state.passed + last.end - state.settled_rows - rows,
        )

    def _delete_settled(self) -> None:
        """Delete segments in which nothing waits, once the ring that says so is on the disk."""
        done = [each for each in self._segments if not each.live and each is not self._active]
        if not done or not self._mark(durable=True):
            return
        self._refused = 0
        for each in done:
            with suppress(OSError):
                self._files.unlink(each.path)
                self._segments.remove(each)

    # Recovering, in detail

    def _recover(self) -> tuple[Findings, int, int]:
        """Return the findings, the readings newly found damaged, and the bytes set aside."""
        scans = self._scan()
        records = [found for scan in scans for found in scan.records]
        findings = sort_out(self._ring.states, records, ring_damaged=self._ring.damaged)
        known = findings.state.damaged
        damaged = findings.state.passed + findings.lost
        # Whatever was tried before this start has ended with it.
        attempt = max([findings.state.attempt, *(found.header.state.attempt for found in records)])
        self._state = findings.state._replace(attempt=attempt, damaged=max(known, damaged))
        for found in findings.waiting:
            self._take_up(found)
        fresh = max(0, damaged - known)
        aside = self._set_aside_all(scans) if fresh else 0
        self._mark(durable=True)
        self._delete_settled()
        return findings, fresh, aside

    def _scan(self) -> list[Scan]:
        scans = []
        numbers = (segment.number(name) for name in self._files.names(self.folder))
        for number in sorted(number for number in numbers if number is not None):
            home = Segment(number, self.folder / segment.name(number))
            data = self._contents(home)
            home.size = len(data)
            self._segments.append(home)
            self._next_number = number + 1
            scans.append(segment.scan(home, data))
        return scans

    def _contents(self, home: Segment) -> bytes:
        """Return a segment's bytes, zeros where the disk cannot read them."""
        try:
            return self._files.read(home.path)
        except OSError as error:
            if error.errno not in _GONE:
                raise
        return b"".join(self._salvage(home.path))

    def _salvage(self, path: Path) -> Iterator[bytes]:
        """Read block by block what a damaged disk still gives."""
        descriptor = self._files.open(path)
        try:
            size = self._files.size(path)
            for offset in range(0, size, _BLOCK):
                length = min(_BLOCK, size - offset)
                try:
                    yield self._files.read_at(descriptor, length, offset)
                except OSError:
                    yield bytes(length)
        finally:
            self._files.close(descriptor)

    def _take_up(self, found: Found) -> None:
        state, header = found.header.state, found.header
        found.segment.live += 1
        self._waiting_rows += header.rows
        self._waiting.append(
            _Waiting(
                state.seq,
                header.rows,
                state.appended,
                header.written,
                found.segment,
                found.offset,
                found.size,
            )
        )

    def _set_aside_all(self, scans: Sequence[Scan]) -> int:
        by_segment = zip(self._segments, scans, strict=True)
        return sum(
            self._set_aside(home, scan.junk, self._contents(home)) for home, scan in by_segment if scan.junk
        )

    def _set_aside(self, home: Segment, ranges: Sequence[tuple[int, int]], data: bytes, base: int = 0) -> int:
        """Copy damaged bytes to `damaged/`, for somebody who wants to look; returns how many, 0 if that fails."""
        folder = self.folder / "damaged"
        copied = 0
        with suppress(OSError):
            self._files.make_folder(folder)
            names = set(self._files.names(folder))
            room = self.limits.damaged_bytes - sum(self._files.size(folder / name) for name in names)
            for start, stop in ranges:
                name = f"{home.number:08d}-{start}.bin"
                if name not in names and stop - start <= room:
                    self._copy(folder / name, data[start - base : stop - base])
                    room -= stop - start
                    copied += stop - start
        return copied

    def _copy(self, path: Path, data: bytes) -> None:
        descriptor = self._files.open(path, create=True)
        try:
            write_all(self._files, descriptor, data, 0)
            self._files.sync(descriptor)
        finally:
            self._files.close(descriptor)


def _after(state: State, rows: int, counts: Counts) -> State:
    """Return the state once a batch has been appended."""
    return state._replace(
        attempt=state.attempt + 1,
        seq=state.seq + 1,
        appended=state.appended + rows,
        unchanged=state.unchanged + counts.unchanged,
        dropped=state.dropped + counts.dropped,
    )


def _numbered(batch: Batch, seq: int) -> Batch:
    """Return the batch with the number that it was given."""
    return type(batch)(batch.ids, batch.time, batch.received, batch.device, batch.value, batch.quality, seq)


def _words(error: OSError) -> str:
    """Return the system's words for an error, in the middle of a sentence."""
    text = os.strerror(error.errno) if error.errno else str(error)
    return text[:1].lower() + text[1:]
