"""Counts on disk: people in places with what quiet hours set right, use of devices with the services that were done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from twin.words import storable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from twin.sqlite import Database

SCHEMA = """
CREATE TABLE IF NOT EXISTS place (
  key TEXT PRIMARY KEY, at INTEGER NOT NULL, people REAL NOT NULL, clamped REAL NOT NULL, colour TEXT NOT NULL,
  quiet_day INTEGER NOT NULL, counters TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS correction (
  place TEXT NOT NULL, at INTEGER NOT NULL, counted REAL, set_to REAL NOT NULL, drift REAL, words TEXT NOT NULL,
  PRIMARY KEY (place, at)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS quarter (
  place TEXT NOT NULL, slot INTEGER NOT NULL, people REAL NOT NULL, PRIMARY KEY (place, slot)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counted (
  key TEXT PRIMARY KEY, at INTEGER NOT NULL, total REAL NOT NULL, base REAL NOT NULL, last REAL NOT NULL,
  since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS day (
  key TEXT NOT NULL, at INTEGER NOT NULL, total REAL NOT NULL, PRIMARY KEY (key, at)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS done (
  id INTEGER PRIMARY KEY, key TEXT NOT NULL, at INTEGER NOT NULL, used REAL NOT NULL, who TEXT NOT NULL,
  comment TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS done_by_key ON done (key, at);
"""


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """The count of a place; `counters` maps paths to their readings, `quiet_day` is the ordinal of a date."""

    key: str
    at: int
    people: float
    clamped: float
    colour: str
    quiet_day: int
    counters: dict[str, float]


@dataclass(frozen=True, slots=True)
class Correction:
    """What a quiet hour set right; `counted` and `drift` are None where nothing could be counted."""

    place: str
    at: int
    counted: float | None
    set_to: float
    drift: float | None
    words: str = ""


@dataclass(frozen=True, slots=True)
class CountedRow:
    """Use of one device: `total` ever, `base` at the last service, `last` reading, `since` that service."""

    key: str
    at: int
    total: float
    base: float
    last: float
    since: int


@dataclass(frozen=True, slots=True)
class Done:
    """A service that was done, and after how much use."""

    key: str
    at: int
    used: float
    who: str
    comment: str


class CountBook:
    """Counts, corrections, quarter hours, use and services; methods block and raise `twin.sqlite.DatabaseBusy`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- places ---------------------------------------------------------------------------------------------

    def put_places(self, rows: Iterable[PlaceRow]) -> None:
        """Keep counts as of now."""
        values = [
            (
                row.key,
                row.at,
                row.people,
                row.clamped,
                row.colour,
                row.quiet_day,
                orjson.dumps(row.counters).decode(),
            )
            for row in rows
        ]
        with self._database.transaction() as connection:
            connection.executemany("INSERT OR REPLACE INTO place VALUES (?,?,?,?,?,?,?)", values)

    def places(self) -> list[PlaceRow]:
        """Return the counts that were kept last."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT * FROM place").fetchall()
        return [_place(*row) for row in rows]

    def correct(self, found: Correction) -> None:
        """Keep what a quiet hour set right."""
        row = (found.place, found.at, found.counted, found.set_to, found.drift, found.words)
        with self._database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO correction VALUES (?,?,?,?,?,?)", row)

    def corrections(self, place: str, limit: int) -> list[Correction]:
        """Return the newest corrections of a place."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT * FROM correction WHERE place = ? ORDER BY at DESC LIMIT ?", (place, limit)
            ).fetchall()
        return [Correction(*row) for row in rows]

    def put_quarters(self, place: str, rows: Sequence[tuple[int, float]], oldest: int) -> None:
        """Keep means of quarter hours, `(slot, people)`, and forget those before slot `oldest`."""
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO quarter VALUES (?,?,?)", [(place, *row) for row in rows]
            )
            connection.execute("DELETE FROM quarter WHERE place = ? AND slot < ?", (place, oldest))

    def quarters(self, place: str) -> list[tuple[int, float]]:
        """Return all means of a place that are kept, `(slot, people)`."""
        with self._database.reading() as connection:
            query = "SELECT slot, people FROM quarter WHERE place = ? ORDER BY slot"
            return connection.execute(query, (place,)).fetchall()

    # --- use ------------------------------------------------------------------------------------------------

    def put_counted(self, rows: Iterable[CountedRow], done: Done | None = None) -> None:
        """Keep the use of devices as of now, with the service that changed it."""
        values = [(row.key, row.at, row.total, row.base, row.last, row.since) for row in rows]
        with self._database.transaction() as connection:
            connection.executemany("INSERT OR REPLACE INTO counted VALUES (?,?,?,?,?,?)", values)
            if done is not None:
                row = (done.key, done.at, done.used, storable(done.who), storable(done.comment))
                connection.execute("INSERT INTO done (key, at, used, who, comment) VALUES (?,?,?,?,?)", row)

    def counted(self) -> list[CountedRow]:
        """Return the use of all devices that was kept last."""
        with self._database.reading() as connection:
            return [CountedRow(*row) for row in connection.execute("SELECT * FROM counted").fetchall()]

    def put_days(self, at: int, rows: Sequence[tuple[str, float]], oldest: int) -> None:
        """Keep totals as of the end of a day, `(key, total)`, and forget those before `oldest`."""
        with self._database.transaction() as connection:
            connection.executemany("INSERT OR REPLACE INTO day VALUES (?,?,?)", [(k, at, v) for k, v in rows])
            connection.execute("DELETE FROM day WHERE at < ?", (oldest,))

    def days(self) -> list[tuple[str, int, float]]:
        """Return the totals at the ends of days, `(key, at, total)`, the oldest first."""
        with self._database.reading() as connection:
            return connection.execute("SELECT key, at, total FROM day ORDER BY at").fetchall()

    def dones(self, key: str | None, limit: int) -> list[Done]:
        """Return the newest services, of one counter or of all."""
        where, values = ("", ()) if key is None else ("WHERE key = ? ", (key,))
        with self._database.reading() as connection:
            rows = connection.execute(
                f"SELECT key, at, used, who, comment FROM done {where}ORDER BY at DESC, id DESC LIMIT ?",  # noqa: S608
                (*values, limit),
            ).fetchall()
        return [Done(*row) for row in rows]

    def prune(self, before_ns: int) -> int:
        """Forget corrections before a time; services are kept. Returns how many."""
        with self._database.transaction() as connection:
            return connection.execute("DELETE FROM correction WHERE at < ?", (before_ns,)).rowcount


def _place(
    key: str, at: int, people: float, clamped: float, colour: str, quiet_day: int, counters: str
) -> PlaceRow:
    return PlaceRow(key, at, people, clamped, colour, quiet_day, orjson.loads(counters))
