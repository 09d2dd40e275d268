"""The small books of the data folder (series, gaps, dead letters): one SQLite file each, with one owner."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from twin.errors import StartError, TransientError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SIDE_FILES = ("", "-wal", "-shm", "-journal")
_CACHE_KIB = 256
"""Memory of one book for pages of its file; the operating system keeps the rest at hand."""


class DatabaseBusy(TransientError):
    """Raised when a file could not be written just now (disk full, locked): nothing of the transaction holds."""


class Database:
    """One SQLite file, opened for the life of its owner, used from any thread under one lock.

    `set_aside` is the name that a damaged file was given when this one was made in its place, None normally.
    """

    def __init__(self, path: Path, schema: str, *, wal: bool = True, synchronous: str = "NORMAL") -> None:
        self.path = path
        self.set_aside: Path | None = None
        self._schema = schema
        self._pragmas = (
            f"journal_mode={'WAL' if wal else 'DELETE'}",
            f"synchronous={synchronous}",
            f"cache_size=-{_CACHE_KIB}",
        )
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None

    def open(self, *, replace_damaged: bool = True) -> None:
        """Open the file and check it; a damaged one gets another name and an empty one takes its place.

        Raises `StartError` when the file cannot be opened, or is damaged and must not be replaced.
        """
        try:
            try:
                self._connection = self._connect()
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
                if not replace_damaged:
                    raise StartError(f"{self.path} is damaged: {error}") from error
                self.set_aside = move_aside(self.path)
                self._connection = self._connect()
        except (sqlite3.Error, OSError) as error:
            raise StartError(f"cannot open {self.path}: {error}") from error

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run statements as one: all of them hold afterwards, or none. Raises `DatabaseBusy`."""
        with self._lock:
            connection = self.connection
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except sqlite3.OperationalError as error:
                self._roll_back()
                raise DatabaseBusy(self.path.name, str(error)) from error
            except BaseException:
                self._roll_back()
                raise

    def add_column(self, table: str, column: str) -> None:
        """Give a table of an older file a column that newer ones have, for example `filled INTEGER`."""
        with self.transaction() as connection:
            known = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
            if column.split(maxsplit=1)[0] not in known:
                connection.execute(f"ALTER TABLE {table} ADD COLUMN {column}")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Hold the lock while rows are fetched."""
        with self._lock:
            try:
                yield self.connection
            except sqlite3.OperationalError as error:
                raise DatabaseBusy(self.path.name, str(error)) from error

    @property
    def connection(self) -> sqlite3.Connection:
        """The open connection."""
        if self._connection is None:
            raise RuntimeError(f"{self.path} is not open")
        return self._connection

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _roll_back(self) -> None:
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        try:
            for pragma in self._pragmas:
                connection.execute(f"PRAGMA {pragma}")
            _check(connection)
            connection.executescript(self._schema)
        except BaseException:
            connection.close()
            raise
        return connection


def _check(connection: sqlite3.Connection) -> None:
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise _Damaged(verdict)


class _Damaged(sqlite3.DatabaseError):
    """Raised when SQLite's own check finds fault with a file that it can open."""


def is_damage(error: sqlite3.Error) -> bool:
    """Whether an error says that the file's bytes are wrong, and not that it is busy or out of reach."""
    code = getattr(error, "sqlite_errorcode", None)
    damage = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    return isinstance(error, _Damaged) or (code is not None and code & 0xFF in damage)


def move_aside(path: Path) -> Path:
    """Give a database and its side files another name, the first that is free; returns it."""
    number = 1
    while (target := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    for suffix in _SIDE_FILES:
        source = path.with_name(path.name + suffix)
        if source.exists():
            source.replace(target.with_name(target.name + suffix))
    return target
