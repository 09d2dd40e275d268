"""Series ids and state ids: small numbers that stand for a path or a state's name as long as the data folder lives.

History is stored under these numbers, so a number that changed its meaning would show one point's values under
another's name. They are therefore never used again, and the file is kept twice: when it is damaged the copy takes its
place, and when both are, the platform does not start by guessing.
"""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING

from twin.errors import StartError
from twin.files import Files
from twin.sqlite import Database, move_aside

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS series (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE IF NOT EXISTS state (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE) STRICT;
"""


class SeriesRegistry:
    """The numbers, on disk and in memory. Usable from any thread.

    Ids are dense and begin with 1. `set_aside` names the damaged file that was replaced by its copy, None normally.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.copy = path.with_name(path.name + ".copy")
        self.set_aside: Path | None = None
        self._database = Database(path, _SCHEMA, wal=False, synchronous="FULL")
        self._series: dict[str, int] = {}
        self._states: dict[str, int] = {}

    def open(self) -> None:
        """Read what was assigned. Raises `StartError` when file and copy are both damaged."""
        if not self.path.exists() and self.copy.exists():
            self._restore()
        try:
            self._database.open(replace_damaged=False)
        except StartError:
            if not self.copy.exists() or not self.path.exists():
                raise
            self.set_aside = move_aside(self.path)
            self._restore()
            self._database.open(replace_damaged=False)
        self._series = self._read("series")
        self._states = self._read("state")

    def assign(self, paths: Iterable[str]) -> dict[str, int]:
        """Return the id of each path, giving new ones where needed; durable when this returns.

        Raises `twin.sqlite.DatabaseBusy` when new ids cannot be written; then none was given.
        """
        return self._ids("series", self._series, list(paths))

    def states(self, names: Iterable[str]) -> dict[str, int]:
        """Return the id of each state name, in the same way."""
        return self._ids("state", self._states, list(names))

    def state_names(self) -> dict[int, str]:
        """Return every state that was ever given an id."""
        return {number: name for name, number in self._states.items()}

    def series_paths(self) -> dict[int, str]:
        """Return every path that was ever given an id, also of points that are configured no more."""
        return {number: path for path, number in self._series.items()}

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _ids(self, table: str, known: dict[str, int], names: Sequence[str]) -> dict[str, int]:
        fresh = [name for name in dict.fromkeys(names) if name not in known]
        if fresh:
            with self._database.transaction() as connection:
                # A table's name cannot be a parameter; it is one of the two above.
                statement = f"INSERT OR IGNORE INTO {table} (name) VALUES (?)"  # noqa: S608
                connection.executemany(statement, [(name,) for name in fresh])
            known.update(self._read(table))
            self._write_copy()
        return {name: known[name] for name in names}

    def _read(self, table: str) -> dict[str, int]:
        with self._database.reading() as connection:
            return dict(connection.execute(f"SELECT name, id FROM {table}"))  # noqa: S608

    def _write_copy(self) -> None:
        """Bring the copy up to date; an older one stays when that fails, since it is only a subset."""
        draft = self.copy.with_name(self.copy.name + ".draft")
        try:
            draft.unlink(missing_ok=True)
            target = sqlite3.connect(draft)
            try:
                with self._database.reading() as connection:
                    connection.backup(target)
            finally:
                target.close()
            draft.replace(self.copy)
            Files().sync_folder(self.copy.parent)
        except (OSError, sqlite3.OperationalError):
            draft.unlink(missing_ok=True)

    def _restore(self) -> None:
        draft = self.path.with_name(self.path.name + ".draft")
        draft.write_bytes(self.copy.read_bytes())
        descriptor = os.open(draft, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
        draft.replace(self.path)
        Files().sync_folder(self.path.parent)
