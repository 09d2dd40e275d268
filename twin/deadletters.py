"""The dead letters: readings that the store refused, with its words, so that one bad reading stops no other."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING, Any

from twin.databook import DataBook
from twin.sqlite import Database

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS letter (
  id INTEGER PRIMARY KEY,
  seq INTEGER NOT NULL, series INTEGER NOT NULL, path TEXT NOT NULL,
  time INTEGER NOT NULL, received INTEGER NOT NULL, device INTEGER NOT NULL,
  value REAL, quality INTEGER NOT NULL, words TEXT NOT NULL, at INTEGER NOT NULL,
  UNIQUE (series, time, seq)
) STRICT;
CREATE TABLE IF NOT EXISTS tally (one INTEGER PRIMARY KEY CHECK (one = 1), put INTEGER NOT NULL) STRICT;
INSERT OR IGNORE INTO tally VALUES (1, 0);
"""
_COLUMNS = "seq, series, path, time, received, device, value, quality, words, at"


@dataclass(frozen=True, slots=True)
class Letter:
    """One reading that the store refused: the reading as in `twin.frame.Batch`, the store's words, and when.

    `value` is NaN where the reading had none. Times are ns UTC.
    """

    seq: int
    series: int
    path: str
    time: int
    received: int
    device: int
    value: float
    quality: int
    words: str
    at: int


class DeadLetters(DataBook):
    """The letters, usable from any thread. At most `limit` are kept; the oldest leave and stay counted."""

    def __init__(self, path: Path, limit: int = 100_000) -> None:
        self.limit = limit
        super().__init__(Database(path, _SCHEMA, synchronous="FULL"))

    def put(self, letters: Iterable[Letter]) -> int:
        """Keep letters durably; returns how many were new. The same (series, time, seq) again changes nothing.

        Raises `twin.sqlite.DatabaseBusy`; then the readings must stay in the spool.
        """
        rows = [astuple(letter) for letter in letters]
        with self._database.transaction() as connection:
            before = connection.total_changes
            connection.executemany(
                f"INSERT OR IGNORE INTO letter ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?)",  # noqa: S608
                rows,
            )
            fresh = connection.total_changes - before
            connection.execute("UPDATE tally SET put = put + ?", (fresh,))
            connection.execute(
                "DELETE FROM letter WHERE id IN (SELECT id FROM letter ORDER BY id DESC LIMIT -1 OFFSET ?)",
                (self.limit,),
            )
        return fresh

    def list(self, limit: int = 100) -> list[Letter]:
        """Return the newest letters, newest first."""
        with self._database.reading() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM letter ORDER BY id DESC LIMIT ?",  # noqa: S608
                (limit,),
            ).fetchall()
        return [_letter(row) for row in rows]

    def newest(self, series: int) -> Letter | None:
        """Return the letter of a series that was put last, None when there is none."""
        with self._database.reading() as connection:
            row = connection.execute(
                f"SELECT {_COLUMNS} FROM letter WHERE series = ? ORDER BY id DESC LIMIT 1",  # noqa: S608
                (series,),
            ).fetchone()
        return None if row is None else _letter(row)

    def count(self) -> int:
        """Return how many letters were ever put, also those that have left."""
        with self._database.reading() as connection:
            return int(connection.execute("SELECT put FROM tally").fetchone()[0])

    def kept(self) -> int:
        """Return how many letters can be listed."""
        with self._database.reading() as connection:
            return int(connection.execute("SELECT count(*) FROM letter").fetchone()[0])


def _letter(row: tuple[Any, ...]) -> Letter:
    """Return a letter; SQLite keeps NaN as NULL."""
    letter = Letter(*row)
    return replace(letter, value=math.nan) if row[6] is None else letter
