"""What connectors learned about devices, kept over restarts: texts by owner and key."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING

from twin.databook import DataBook
from twin.sqlite import Database
from twin.words import storable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    Submit = Callable[..., Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS note (
  owner TEXT NOT NULL, key TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (owner, key)
) STRICT, WITHOUT ROWID;
"""
_PUT = "INSERT INTO note (owner, key, text) VALUES (?,?,?) ON CONFLICT DO UPDATE SET text = excluded.text"
LONGEST = 1_000_000


class Notes(DataBook):
    """The notes of one data folder; methods block on the disk and raise `twin.sqlite.DatabaseBusy`."""

    def __init__(self, path: Path) -> None:
        super().__init__(Database(path, _SCHEMA))

    def of(self, owner: str) -> dict[str, str]:
        """Return all notes of an owner."""
        with self._database.reading() as connection:
            return dict(connection.execute("SELECT key, text FROM note WHERE owner = ?", (owner,)).fetchall())

    def put(self, owner: str, key: str, text: str) -> None:
        """Keep a note, in the place of the one before it."""
        with self._database.transaction() as connection:
            connection.execute(_PUT, (owner, storable(key), storable(text)))

    def drop(self, owner: str, key: str) -> None:
        """Forget a note."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM note WHERE owner = ? AND key = ?", (owner, key))


class Drawer(MutableMapping[str, str]):
    """An owner's notes as a mapping: read from memory, written by the thread that `submit` hands work to."""

    def __init__(self, notes: Notes, owner: str, submit: Submit) -> None:
        self._notes = notes
        self._owner = owner
        self._submit = submit
        self._texts = notes.of(owner)

    def __getitem__(self, key: str) -> str:
        """Return a note; KeyError when there is none."""
        return self._texts[key]

    def __setitem__(self, key: str, text: str) -> None:
        """Keep a note; ValueError when it is longer than `LONGEST`."""
        if len(text) > LONGEST:
            raise ValueError(f"a note of {len(text)} characters, {LONGEST} are allowed")
        if self._texts.get(key) != text:
            self._texts[key] = text
            self._submit(self._notes.put, self._owner, key, text)

    def __delitem__(self, key: str) -> None:
        """Forget a note; KeyError when there is none."""
        del self._texts[key]
        self._submit(self._notes.drop, self._owner, key)

    def __iter__(self) -> Iterator[str]:
        """Yield the keys."""
        return iter(self._texts)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._texts)
