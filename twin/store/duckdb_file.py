"""A DuckDB file: how it is opened, what is in it, and the statements that are run on it.

Everything that DuckDB may raise is translated here: `NotAStore` and `StartError` while opening, `StoreBusy` after it.
"""

# ruff: noqa: S608 -- statements are put together from integers and from names that stand in this file

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from twin.errors import BarrioError, StartError
from twin.frame import Batch, Ids, Times, Values
from twin.quality import Reason
from twin.store.duckdb_layout import ROLLUP_TABLES
from twin.store.history import Grid
from twin.store.port import NotAStore, StoreBusy

SCHEMA = 2
"""1: readings; 2: rollups as well."""

Columns = Mapping[str, Any]
"""Arrays of equal length by name, as DuckDB takes and gives them."""

_COLUMNS = "series, time, received, device, value, quality"
_MAGIC = slice(8, 12)
_DESCRIBED_AT_ONCE = 1_000

_TABLES = """
CREATE TABLE about (schema INTEGER);
CREATE TABLE readings (
  series INTEGER, time BIGINT, received BIGINT, device BIGINT, value DOUBLE, quality UTINYINT
);
CREATE TABLE applied (seq BIGINT);
CREATE TABLE series (
  id INTEGER, path VARCHAR, district VARCHAR, site VARCHAR, device VARCHAR, point VARCHAR,
  quantity VARCHAR, unit VARCHAR, aggregation VARCHAR, wraps_at DOUBLE
);
CREATE TABLE states (id INTEGER, name VARCHAR);
CREATE TABLE qualities (code UTINYINT, level VARCHAR, reason VARCHAR, meaning VARCHAR);
CREATE VIEW history AS
  SELECT s.path, make_timestamp_ns(r.time) AS time_utc, r.value, s.unit, t.name AS state, q.level, q.reason
  FROM readings r
  JOIN series s ON s.id = r.series
  LEFT JOIN qualities q ON q.code = r.quality
  LEFT JOIN states t ON s.aggregation = 'state' AND t.id = r.value;
"""

# Each a reason of its own: nothing is ever fetched while running; memory is small and order is not relied upon;
# a small log keeps both the pause of a checkpoint and the memory of what it has not yet taken in small.
_SETTINGS: Mapping[str, str] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "preserve_insertion_order": "false",
    "checkpoint_threshold": "4MB",
    "allocator_flush_threshold": "1MB",
    "async_threads": "1",
}

_AWAY = (
    duckdb.IOException,
    duckdb.OutOfMemoryException,
    duckdb.TransactionException,
    duckdb.InterruptException,
    duckdb.ConnectionException,
)
# DuckDB refuses everything after one of these, until the file is opened anew.
_BROKEN = (duckdb.FatalException, duckdb.InternalException)


class File:
    """An open file: one connection for writing, cursors for reading beside it.

    `broken` is set when DuckDB gave up on the file (a disk that failed in the middle of a commit): it must be opened
    anew, which replays its log.
    """

    def __init__(self, path: Path, config: Mapping[str, str]) -> None:
        _check(path)
        self._path = path
        self._root = _connect(path, config)
        self._lock = threading.Lock()
        self.broken = False
        try:
            self.writer = Writer(self, self._root.cursor())
            self.writer.prepare(path)
        except BaseException:
            self._root.close()
            raise

    @contextmanager
    def cursor(self) -> Iterator[Cursor]:
        """Give a cursor that sees the last commit."""
        with self.words():
            with self._lock:
                connection = self._root.cursor()
            try:
                yield Cursor(self, connection)
            finally:
                connection.close()

    @contextmanager
    def words(self) -> Iterator[None]:
        """Raise what DuckDB raises as `StoreBusy`, where another try may help."""
        try:
            yield
        except _BROKEN as error:
            self.broken = True
            self.close()
            raise StoreBusy(str(self._path), f"DuckDB gave up on the file: {_first_line(error)}") from error
        except _AWAY as error:
            raise StoreBusy(str(self._path), _first_line(error)) from error

    def close(self) -> None:
        """Close all connections; the log is written into the file unless that fails."""
        self.writer.connection.close()
        self._root.close()


class Cursor:
    """Statements that read."""

    def __init__(self, file: File, connection: duckdb.DuckDBPyConnection) -> None:
        self.file = file
        self.connection = connection

    def number(self, query: str) -> int | None:
        """Return the one integer that a query gives."""
        row = self.connection.execute(query).fetchone()
        return None if row is None or row[0] is None else int(row[0])

    def rows(self, ids: Ids, start: int, stop: int) -> Batch:
        """Return readings in any order."""
        return _batch(self._select(f"SELECT {_COLUMNS} FROM readings", ids, start, stop))

    def counts(self, ids: Ids, start: int, stop: int) -> tuple[Ids, Times]:
        """Return the series that have readings, and how many."""
        query = "SELECT series, count(*) AS number FROM readings"
        found = self._select(query, ids, start, stop, "GROUP BY series ORDER BY series")
        return found["series"], found["number"]

    def cells(self, ids: Ids, grid: Grid, aggregates: str) -> Columns:
        """Reduce usable readings to the cells of a grid; `aggregates` is SQL."""
        query = f"SELECT series, (time - {grid.start:d}) // {grid.step:d} AS cell, {aggregates} FROM readings"
        return self._select(query, ids, grid.start, grid.stop, "AND value IS NOT NULL GROUP BY series, cell")

    def newest(self, ids: Ids, start: int, stop: int, worse: int) -> Batch:
        """Return the newest reading of each series with a quality code below `worse`."""
        names = ("received", "device", "value", "quality")
        rest = ", ".join(f"arg_max_null({name}, r.time) AS {name}" for name in names)
        query = f"SELECT series, max(r.time) AS time, {rest} FROM readings r"
        return _batch(self._select(query, ids, start, stop, f"AND quality < {worse:d} GROUP BY series"))

    def first(self, ids: Ids, start: int, stop: int) -> tuple[Ids, Times]:
        """Return the series that have usable readings, and the time of the first."""
        query = "SELECT series, min(time) AS time FROM readings"
        found = self._select(query, ids, start, stop, "AND value IS NOT NULL GROUP BY series")
        return found["series"], found["time"]

    def _select(self, query: str, ids: Ids, start: int, stop: int, rest: str = "") -> Columns:
        # DuckDB finds `wanted` among the local names. Few ids are quicker as words than as a join.
        wanted = {"id": ids}
        some = ",".join(map(str, ids.tolist())) or "NULL" if len(ids) <= 100 else "SELECT id FROM wanted"
        text = f"{query} WHERE time >= {start:d} AND time < {stop:d} AND series IN ({some}) {rest}"
        found: Columns = self.connection.execute(text).fetchnumpy()
        return found if wanted else {}


class Writer(Cursor):
    """Statements that write; parsed once, since parsing costs as much as storing a thousand readings."""

    def __init__(self, file: File, connection: duckdb.DuckDBPyConnection) -> None:
        super().__init__(file, connection)
        self._begin = self._parsed("BEGIN TRANSACTION")
        self._commit = self._parsed("COMMIT")
        self._insert = self._parsed("INSERT INTO readings SELECT * FROM rows")
        self._mark = self._parsed("INSERT INTO applied VALUES (?)")

    def prepare(self, path: Path) -> None:
        """Make the tables in a new file; `NotAStore` when they are somebody else's or of a later barrio."""
        tables = {
            name for (name,) in self.connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
        }
        if not tables:
            self._create()
        elif not {"about", "readings", "applied"} <= tables:
            found = ", ".join(sorted(tables)[:5])
            raise NotAStore(f"{path}: a DuckDB file, but not one of barrio's: its tables are {found}")
        elif (schema := self.number("SELECT max(schema) FROM about") or 0) > SCHEMA:
            raise NotAStore(f"{path}: made by a later barrio (layout {schema}, this one knows {SCHEMA})")
        elif schema < SCHEMA:
            self._grow()
        # Only the highest number matters.
        self.connection.execute("DELETE FROM applied WHERE seq < (SELECT max(seq) FROM applied)")

    def _create(self) -> None:
        with self.transaction():
            self.connection.execute(_TABLES)
            self.connection.execute(ROLLUP_TABLES)
            self.connection.execute("INSERT INTO about VALUES (?)", [SCHEMA])
            rows = [(one.value, one.level.value, one.slug, one.meaning) for one in Reason]
            self.connection.executemany("INSERT INTO qualities VALUES (?, ?, ?, ?)", rows)

    def _grow(self) -> None:
        """Give the file of an older barrio what it has not; its readings stay as they are."""
        with self.transaction():
            self.connection.execute(ROLLUP_TABLES)
            self.connection.execute("UPDATE about SET schema = ?", [SCHEMA])

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what is done inside, or nothing of it."""
        with self.file.words():
            self.connection.execute(self._begin)
            try:
                yield
                self.connection.execute(self._commit)
            except BaseException:
                self._roll_back()
                raise

    def insert(self, rows: Columns) -> int:
        """Append rows; DuckDB finds `rows` among the local names."""
        self.connection.execute(self._insert)
        return len(rows)

    def remove(self, rows: Columns) -> int:
        """Delete the readings that have the series and time of one of `rows`."""
        first, last = rows["time"].min(), rows["time"].max()
        self.connection.execute(
            f"DELETE FROM readings USING rows WHERE readings.time BETWEEN {first:d} AND {last:d}"
            " AND readings.series = rows.series AND readings.time = rows.time"
        )
        return len(rows)

    def delete(self, ids: Ids, start: int, stop: int) -> int:
        """Delete the readings of an interval; returns how many."""
        wanted = {"id": ids}
        row = self.connection.execute(
            f"DELETE FROM readings WHERE time >= {start:d} AND time < {stop:d} AND series IN (SELECT id FROM wanted)"
        ).fetchone()
        return int(row[0]) if row and wanted else 0

    def mark(self, seq: int) -> None:
        """Note that all of `seq` is stored."""
        self.connection.execute(self._mark, [seq])

    def replace(self, table: str, rows: Sequence[Sequence[object]]) -> None:
        """Make `rows` the rows of a table whose first column is the id; rows of other ids stay as they are."""
        known = {row[0]: row for row in self.connection.execute(f"FROM {table}").fetchall()}
        new = [tuple(row) for row in rows if known.get(row[0]) != tuple(row)]
        if not new:
            return
        for first in range(0, len(new), _DESCRIBED_AT_ONCE):
            part = zip(*new[first : first + _DESCRIBED_AT_ONCE], strict=True)
            self._replace(table, {f"c{i}": np.array(column, object) for i, column in enumerate(part)})

    def _replace(self, table: str, rows: Columns) -> int:
        self.connection.execute(f"DELETE FROM {table} WHERE id IN (SELECT c0 FROM rows)")
        self.connection.execute(f"INSERT INTO {table} SELECT * FROM rows")
        return len(rows)

    def _parsed(self, query: str) -> duckdb.Statement:
        return self.connection.extract_statements(query)[0]

    def _roll_back(self) -> None:
        try:
            self.connection.rollback()
        except duckdb.Error:
            # The transaction is gone already; the error that is on its way says why.
            return


def columns(batch: Batch) -> Columns:
    """Return a batch as columns of `readings`."""
    return {
        "series": batch.ids,
        "time": batch.time,
        "received": batch.received,
        "device": batch.device,
        "value": batch.value,
        "quality": batch.quality,
    }


def floats(column: Any) -> Values:
    """Return a column with NaN where DuckDB has NULL."""
    found: Values = np.ma.filled(column.astype(np.float64), np.nan)
    return found


def _batch(found: Columns) -> Batch:
    times = (found["time"], found["received"], found["device"])
    return Batch(found["series"], *times, floats(found["value"]), found["quality"])


def _check(path: Path) -> None:
    """Look at the first bytes: DuckDB would take some files of other programs for its own affair."""
    try:
        if not path.exists():
            return
        with path.open("rb") as file:
            head = file.read(64)
    except OSError as error:
        raise StartError(f"{path}: cannot be read: {error.strerror}") from error
    if head[_MAGIC] != b"DUCK":
        raise NotAStore(f"{path}: not a DuckDB file; meant is one that barrio made, or a name that is free")


def _connect(path: Path, config: Mapping[str, str]) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(str(path), config={**_SETTINGS, **config})
    except duckdb.Error as error:
        raise _why_not(path, _first_line(error)) from error


def _why_not(path: Path, words: str) -> BarrioError:
    if "Could not set lock" in words:
        return StartError(f"{path}: another process has the store open: {words}")
    if "replaying WAL" in words:
        log = f"{path.name}.wal"
        return StartError(
            f"{path}: its log is damaged: {words}. Moving {log} elsewhere lets the store open without the readings"
            " that stand only there"
        )
    if "version number" in words:
        return NotAStore(
            f"{path}: written by another version of DuckDB (this is {duckdb.__version__}): {words}"
        )
    return StartError(f"{path}: the store cannot be opened: {words}")


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]
