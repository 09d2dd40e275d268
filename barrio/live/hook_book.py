"""The webhooks that tokens have, on disk: where each leads, how far it is, and what came of its deliveries.

The secret of a hook signs, so it is kept as it is: in a file that only the owner of the data folder reads, as that of
the operator's token. It is shown once, when the hook is made.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from twin.databook import DataBook
from twin.sqlite import Database
from twin.words import storable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DELIVERIES_KEPT = 100
ON, OFF = "on", "off"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS hook (
  id TEXT PRIMARY KEY, token TEXT NOT NULL, owner TEXT NOT NULL, url TEXT NOT NULL, wanted TEXT NOT NULL,
  secret TEXT NOT NULL, created INTEGER NOT NULL, place TEXT NOT NULL DEFAULT '', state TEXT NOT NULL DEFAULT 'on',
  words TEXT NOT NULL DEFAULT '', failing_since INTEGER NOT NULL DEFAULT 0, delivered INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS delivery (
  id INTEGER PRIMARY KEY AUTOINCREMENT, hook TEXT NOT NULL, delivery TEXT NOT NULL, at INTEGER NOT NULL,
  events INTEGER NOT NULL, tries INTEGER NOT NULL, verdict TEXT NOT NULL, status INTEGER NOT NULL, words TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS delivery_hook ON delivery (hook, id);
"""
_COLUMNS = "id, token, owner, url, wanted, secret, created, place, state, words, failing_since, delivered"
_PUT = f"INSERT INTO hook ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"  # noqa: S608 - our own columns
_ALL = f"SELECT {_COLUMNS} FROM hook ORDER BY created, id"  # noqa: S608
_SAVE = "UPDATE hook SET place = ?, state = ?, words = ?, failing_since = ?, delivered = ? WHERE id = ?"
_TRIED = "INSERT INTO delivery (hook, delivery, at, events, tries, verdict, status, words) VALUES (?,?,?,?,?,?,?,?)"
_PRUNE = (
    "DELETE FROM delivery WHERE hook = ? AND id <= "
    "(SELECT id FROM delivery WHERE hook = ? ORDER BY id DESC LIMIT 1 OFFSET ?)"
)
_FIELDS = "delivery, at, events, tries, verdict, status, words"
_NEWEST = f"SELECT {_FIELDS} FROM delivery WHERE hook = ? ORDER BY id DESC LIMIT ?"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Hook:
    """One webhook. Times in ns UTC; `place` is the id of the last event delivered, `failing_since` 0 if not."""

    id: str
    token: str
    owner: str
    url: str
    wanted: Mapping[str, Any]
    secret: str = field(repr=False)
    created: int
    place: str = ""
    state: str = ON
    words: str = ""
    failing_since: int = 0
    delivered: int = 0


@dataclass(frozen=True, slots=True)
class Delivery:
    """One try: `verdict` is `delivered`, `refused` or `later`, `status` that of the answer, 0 without one."""

    delivery: str
    at: int
    events: int
    tries: int
    verdict: str
    status: int
    words: str


class HookBook(DataBook):
    """The book; methods block on the disk and raise `twin.sqlite.DatabaseBusy`."""

    def __init__(self, path: Path) -> None:
        super().__init__(Database(path, _SCHEMA, synchronous="FULL"))
        self._path = path

    def open(self) -> Path | None:
        """Open the file, for the owner of the folder only."""
        with suppress(FileExistsError):
            os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        return super().open()

    def all(self) -> list[Hook]:
        """Return every hook, the oldest first."""
        with self._database.reading() as connection:
            return [_hook(row) for row in connection.execute(_ALL).fetchall()]

    def put(self, hook: Hook) -> None:
        """Keep a new hook."""
        row = [getattr(hook, name) for name in _COLUMNS.split(", ")]
        row[4] = json.dumps(hook.wanted)
        with self._database.transaction() as connection:
            connection.execute(_PUT, row)

    def save(self, hook: Hook, tried: Delivery | None = None) -> None:
        """Keep how far a hook is, and what came of a try."""
        kept = (hook.place, hook.state, storable(hook.words), hook.failing_since, hook.delivered, hook.id)
        with self._database.transaction() as connection:
            connection.execute(_SAVE, kept)
            if tried is not None:
                row = (tried.delivery, tried.at, tried.events, tried.tries, tried.verdict, tried.status)
                connection.execute(_TRIED, (hook.id, *row, storable(tried.words)))
                connection.execute(_PRUNE, (hook.id, hook.id, DELIVERIES_KEPT))

    def remove(self, hook_id: str) -> None:
        """Forget a hook and its deliveries."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM hook WHERE id = ?", (hook_id,))
            connection.execute("DELETE FROM delivery WHERE hook = ?", (hook_id,))

    def deliveries(self, hook_id: str, limit: int) -> list[Delivery]:
        """Return the tries of a hook, the newest first."""
        with self._database.reading() as connection:
            return [Delivery(*row) for row in connection.execute(_NEWEST, (hook_id, limit)).fetchall()]


def _hook(row: tuple[Any, ...]) -> Hook:
    found = Hook(*row)
    return replace(found, wanted=json.loads(row[4]))
