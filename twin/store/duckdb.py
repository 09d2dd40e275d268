"""The embedded store: one DuckDB file, the default.

What stands in the file:

- `readings(series, time, received, device, value, quality)`: times in ns UTC, `value` a number or a state id and NULL
  where the quality is bad; one row per (series, time), in the order of arrival.
- `series`, `states`, `qualities`: what the ids mean, so that the file explains itself; the view `history` joins them.
- `rollups_15m`, `rollups_1h`, `rollups_1d` and the seconds of states beside them: see `twin.store.duckdb_rollups`.
- `applied(seq)`: sequence numbers of the spool that are stored completely.
- `about(schema)`: version of this layout.

There is no primary key, which would cost a factor of three (design.md). Uniqueness is kept here instead: the newest
time of each series is held in memory, rows later than it are appended, and other rows first delete their like.

Writes happen on one connection, in the thread of the writer. Reads open a cursor each and see the last commit.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt

from twin.clock import Clock, SystemClock
from twin.errors import StartError
from twin.frame import Batch, Ids, Times, empty_batch, join
from twin.quality import FIRST_BAD
from twin.resolution import Resolution
from twin.store import duckdb_rollups
from twin.store.duckdb_file import File, columns, floats
from twin.store.history import Cells, Grid, Reader
from twin.store.newest import Newest, settle, sort_rows
from twin.store.port import Aggregate, Series, StoreStats, Windows
from twin.store.rollup import Rollups

_HOUR = 3_600_000_000_000
_LOOK_BACK = (_HOUR // 3, 6 * _HOUR, 72 * _HOUR, 1440 * _HOUR)
_ROWS_AT_ONCE = 250_000
_ANY_QUALITY = 256
_END = np.iinfo(np.int64).max

_REDUCE = {
    Aggregate.COUNT: "count(value)",
    Aggregate.SUM: "sum(value)",
    Aggregate.MIN: "min(value)",
    Aggregate.MAX: "max(value)",
    Aggregate.FIRST: "arg_min(value, time)",
    Aggregate.LAST: "arg_max(value, time)",
}


class DuckDBStore:
    """Readings in one DuckDB file at `path`, which is made when it is missing.

    `memory_limit` bounds DuckDB's own buffers; larger sorts go to a folder beside the file. `clock` tells where the
    present is, beyond which no state is assumed to hold.
    """

    def __init__(
        self, path: Path, *, memory_limit: str = "24MB", threads: int = 1, clock: Clock | None = None
    ) -> None:
        self._path = path
        self._config = {"memory_limit": memory_limit, "threads": str(threads)}
        self._clock = clock or SystemClock()
        self._file: File | None = None
        self._writing = threading.RLock()
        self._newest = Newest()
        self._series: Mapping[int, Series] = {}
        self._states: Mapping[int, str] = {}
        self._oldest = self._youngest = self._applied = 0

    def open(self, series: Sequence[Series], states: Mapping[int, str]) -> None:
        """Open or make the file; see the port.

        `NotAStore` when it is not a DuckDB file, is of a later version or is not ours; `StartError` when another
        process has it open, when its log is damaged, or when it cannot be read or written.
        """
        with self._writing:
            file = self._file or self._connect()
            with file.writer.transaction():
                file.writer.replace("series", [_described(one) for one in series])
                file.writer.replace("states", list(states.items()))
            self._newest.reserve(max((one.id for one in series), default=0))
            new = [one.id for one in series if one.id not in self._series]
            self._series = {one.id: one for one in series}
            self._states = dict(states)
            self._newest.take(self.newest(np.array(new, np.int32), _END, usable=False))

    def write(self, batch: Batch, *, complete: bool = True) -> None:
        """Store a batch in one transaction, synced to disk before this returns; see the port."""
        if 0 < batch.seq <= self._applied:
            return
        with self._writing:
            writer = self._opened().writer
            rows = settle(batch)
            late = rows.time <= self._newest.times(rows.ids)
            appended = not late.any()
            with writer.transaction():
                if not appended:
                    writer.remove(columns(rows.take(late)))
                if len(rows):
                    writer.insert(columns(rows))
                if complete and batch.seq:
                    writer.mark(batch.seq)
            self._newest.take(rows, appended=appended)
            self._oldest = min(self._oldest or _END, int(rows.time.min(initial=_END)))
            self._youngest = max(self._youngest, int(rows.time.max(initial=0)))
            if complete and batch.seq:
                self._applied = batch.seq

    def latest(self, ids: Ids | None = None) -> Batch:
        """Return the newest reading of each series; from memory, so this never waits."""
        return self._newest.rows(ids)

    def raw(self, ids: Ids, start: int, stop: int) -> Batch:
        """Return readings ordered by (series, time)."""
        with self._opened().cursor() as cursor:
            return sort_rows(cursor.rows(np.unique(ids), start, stop))

    def before(self, ids: Ids, moment: int) -> Batch:
        """Return the newest good or uncertain reading of each series before `moment`."""
        return self.newest(np.unique(ids), moment, usable=True)

    def asof(self, ids: Ids, moment: int) -> Batch:
        """Return the newest reading of each series at `moment`, any quality.

        From memory where a series has said nothing since, or never anything, so that only those are looked for in the
        file that are sure to be there or are configured no more.
        """
        wanted = np.unique(ids)
        newest = self._newest.rows(wanted)
        known = newest.take(newest.time <= moment)
        later = newest.ids[newest.time > moment]
        strange = np.array([one for one in wanted.tolist() if one not in self._series], np.int32)
        rest = np.union1d(later, np.setdiff1d(strange, newest.ids)).astype(np.int32)
        return sort_rows(join([known, self.newest(rest, moment + 1, usable=False)]))

    def windows(self, ids: Ids, edges: Times, aggregates: Sequence[Aggregate]) -> Mapping[int, Windows]:
        """Reduce readings to windows; see the port."""
        reader = Reader(self, self._series, self._states)
        return reader.windows(ids, edges, aggregates, self._clock.now_ns())

    def delete(self, ids: Ids, start: int, stop: int) -> int:
        """Delete readings; returns how many."""
        ids = np.unique(ids)
        with self._writing:
            writer = self._opened().writer
            with writer.transaction():
                number = writer.delete(ids, start, stop)
            newest = self._newest.rows(ids)
            gone = newest.take((newest.time >= start) & (newest.time < stop)).ids
            self._newest.forget(gone)
            self._newest.take(self.newest(gone, start, usable=False))
            return number

    def counts(self, ids: Ids, start: int, stop: int) -> tuple[Ids, Times]:
        """Return how many readings series have, any quality."""
        with self._opened().cursor() as cursor:
            return cursor.counts(np.unique(ids), start, stop)

    def first(self, ids: Ids, since: int) -> tuple[Ids, Times]:
        """Return when each series had its first good or uncertain reading from `since` on; see the port."""
        found, missing = [_nothing_first()], np.unique(ids)
        start = max(since, self._oldest)
        with self._opened().cursor() as cursor:
            for span in (*_LOOK_BACK, None):
                if not len(missing) or start > self._youngest:
                    break
                stop = self._youngest + 1 if span is None else min(start + span, self._youngest + 1)
                found.append(cursor.first(missing, start, stop))
                missing, start = np.setdiff1d(missing, found[-1][0]), stop
        return np.concatenate([part[0] for part in found]), np.concatenate([part[1] for part in found])

    def write_rollups(self, rows: Rollups) -> None:
        """Store rollups in one transaction; see the port."""
        with self._writing:
            writer = self._opened().writer
            with writer.transaction():
                duckdb_rollups.write(writer, rows)

    def rollups(self, resolution: Resolution, ids: Ids, edges: Times) -> Rollups:
        """Return rollups; see the port."""
        with self._opened().cursor() as cursor:
            return duckdb_rollups.read(cursor, resolution, np.unique(ids).astype(np.int32), edges)

    def forget_rollups(self, resolution: Resolution, district: str, before: int) -> None:
        """Delete the rollups of a district whose windows begin before a time."""
        ids = np.array([one.id for one in self._series.values() if one.district == district], np.int32)
        with self._writing:
            writer = self._opened().writer
            with writer.transaction():
                duckdb_rollups.delete(writer, resolution, ids, 0, before)

    def stats(self) -> StoreStats:
        """Describe the file; the number of rows is what DuckDB estimates from its own books."""
        with self._opened().cursor() as cursor:
            rows = cursor.number("SELECT estimated_size FROM duckdb_tables() WHERE table_name = 'readings'")
        files = (self._path, self._path.with_name(self._path.name + ".wal"))
        size = sum(file.stat().st_size for file in files if file.exists())
        return StoreStats("duckdb", duckdb.__version__, rows, size, {"path": str(self._path)})

    def applied(self) -> int:
        """Return the highest spool sequence number that is stored completely."""
        return self._applied

    def close(self) -> None:
        """Write what the log holds into the file, and release it."""
        with self._writing:
            file, self._file = self._file, None
            self._series = {}
            if file is not None:
                file.close()

    def cells(self, ids: Ids, grid: Grid, wanted: Collection[Aggregate]) -> Cells:
        """Reduce usable readings to the cells of a grid; for `history.Reader`."""
        chosen = sorted(wanted)
        with self._opened().cursor() as cursor:
            found = cursor.cells(ids, grid, ", ".join(f"{_REDUCE[one]} AS {one.value}_" for one in chosen))
        columns = {one: floats(found[f"{one.value}_"]) for one in chosen}
        return Cells(found["series"], found["cell"], columns)

    def chunks(self, ids: Ids, start: int, stop: int) -> Iterator[Batch]:
        """Yield readings ordered by (series, time), whole series at a time; for `history.Reader`."""
        with self._opened().cursor() as cursor:
            for some in _portions(*cursor.counts(ids, start, stop)):
                yield sort_rows(cursor.rows(some, start, stop))

    def newest(self, ids: Ids, before: int, *, usable: bool) -> Batch:
        """Return the newest reading of each series with `time < before`; for `history.Reader`.

        Looks back in growing steps, since what lies close in time lies close in the file.
        """
        found, missing = [empty_batch()], ids
        stop = min(before, self._youngest + 1)
        with self._opened().cursor() as cursor:
            for span in (*_LOOK_BACK, None):
                if not len(missing) or stop <= self._oldest:
                    break
                start = self._oldest if span is None else max(stop - span, self._oldest)
                found.append(cursor.newest(missing, start, stop, FIRST_BAD if usable else _ANY_QUALITY))
                missing, stop = np.setdiff1d(missing, found[-1].ids), start
        return join(found)

    def _connect(self) -> File:
        self._file = file = File(self._path, self._config)
        self._applied = file.writer.number("SELECT max(seq) FROM applied") or 0
        self._oldest = file.writer.number("SELECT min(time) FROM readings") or 0
        self._youngest = file.writer.number("SELECT max(time) FROM readings") or 0
        return file

    def _opened(self) -> File:
        """Return the open file; opened anew after DuckDB gave up on it."""
        if self._file is None and not self._series:
            raise StartError(f"{self._path}: the store is not open")
        if self._file is None or self._file.broken:
            with self._writing:
                return self._connect() if self._file is None or self._file.broken else self._file
        return self._file


def _nothing_first() -> tuple[Ids, Times]:
    return np.empty(0, np.int32), np.empty(0, np.int64)


def _described(one: Series) -> tuple[object, ...]:
    kind = one.quantity
    place = (one.id, one.path, one.district, one.site, one.device, one.point)
    return (*place, kind.name, kind.unit, kind.aggregation.value, one.wraps_at)


def _portions(ids: Ids, counts: npt.NDArray[np.int64]) -> Iterator[Ids]:
    """Yield the ids in portions of about `_ROWS_AT_ONCE` rows."""
    portion = np.cumsum(counts) // _ROWS_AT_ONCE
    for one in np.unique(portion):
        yield ids[portion == one]
