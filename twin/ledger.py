"""The ledger: every interval in which a point was not heard from, with its reason, and what happened to the platform.

A gap is open while it lasts. Open gaps survive a crash: they are open again when the ledger is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from twin.quality import Reason
from twin.sqlite import Database

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import numpy.typing as npt

    Ids = Sequence[int] | npt.NDArray[np.integer]
    Moments = int | npt.NDArray[np.integer]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS gap (
  id INTEGER PRIMARY KEY, series INTEGER NOT NULL, start INTEGER NOT NULL, stop INTEGER,
  reason INTEGER NOT NULL, words TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS gap_by_series ON gap (series, start);
CREATE INDEX IF NOT EXISTS gap_open ON gap (series) WHERE stop IS NULL;
CREATE TABLE IF NOT EXISTS event (
  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, words TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS event_by_time ON event (at);
"""
_GAP = "series, start, stop, reason, words"
_OPEN = "INSERT INTO gap (id, series, start, reason, words) VALUES (?,?,?,?,?)"


@dataclass(frozen=True, slots=True)
class Gap:
    """An interval without readings, `start <= time < stop` in ns UTC; `stop` is None while it lasts."""

    series: int
    start: int
    stop: int | None
    reason: Reason
    words: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to the platform or one of its parts, at a time in ns UTC.

    `kind` is a short slug (`link_up`, `link_down`, `clock_stepped`, `spool_damaged`, `store_denied`,
    `platform_started`, `platform_stopped`, `ledger_damaged`), `subject` what it happened to.
    """

    at: int
    kind: str
    subject: str
    words: str


class Ledger:
    """The ledger of one data folder, usable from any thread; every method but the in-memory ones blocks on the disk.

    Written with `synchronous=NORMAL`: a killed process loses nothing, a power cut may lose the last changes, after
    which the gaps that were open before are open again. Writers raise `twin.sqlite.DatabaseBusy`, and then nothing
    has changed.
    """

    def __init__(self, path: Path) -> None:
        self._database = Database(path, _SCHEMA)
        self._open: dict[int, tuple[int, Gap]] = {}
        self._mask = np.zeros(1024, np.bool_)
        self._next = 1

    def open(self, now_ns: int = 0) -> Path | None:
        """Open the file and take up the open gaps; returns what a damaged file was renamed to, None normally.

        A replaced file is noted as an event at `now_ns`.
        """
        self._database.open()
        with self._database.reading() as connection:
            self._next = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM gap").fetchone()[0]
            rows = connection.execute(f"SELECT id, {_GAP} FROM gap WHERE stop IS NULL").fetchall()  # noqa: S608
        self._set_open({row[1]: (row[0], _gap(row[1:])) for row in rows})
        aside = self._database.set_aside
        if aside is not None:
            self.event("ledger_damaged", now_ns, f"set aside as {aside.name}", self._database.path.name)
        return aside

    def close(self) -> None:
        """Close the file; open gaps stay open."""
        self._database.close()

    # In memory

    def current(self, series: int) -> Gap | None:
        """Return the gap that a series is in, None when it is heard."""
        entry = self._open.get(series)
        return entry and entry[1]

    def all_open(self) -> list[Gap]:
        """Return every gap that lasts."""
        return [gap for _, gap in list(self._open.values())]

    def open_mask(self, size: int) -> npt.NDArray[np.bool_]:
        """Return bool[size or more], true at the ids that are in a gap.

        The array is live: it changes with the ledger and is replaced when ids outgrow it, so ask again each time.
        """
        if size > len(self._mask):
            self._grow(size)
        return self._mask

    # Gaps

    def open_gaps(self, ids: Ids, start_ns: Moments, reason: Reason, words: str = "") -> int:
        """Begin a gap for each series that is in none; returns how many began."""
        with self._database.transaction() as connection:
            fresh = [(s, at) for s, at in _pairs(ids, start_ns) if s not in self._open]
            added = self._insert(connection, fresh, reason, words)
        self._set_open(added)
        return len(added)

    def close_gaps(self, ids: Ids, end_ns: Moments) -> int:
        """End the gaps of series that are in one; returns how many ended. One that lasted no time is forgotten."""
        with self._database.transaction() as connection:
            done = [(s, at) for s, at in _pairs(ids, end_ns) if s in self._open]
            self._end(connection, done)
        self._forget(series for series, _ in done)
        return len(done)

    def change(self, ids: Ids, at_ns: Moments, reason: Reason, words: str = "") -> int:
        """Give series another reason from a time on: ends what they are in and begins the next without a break.

        Series that have that reason and those words already are left alone; returns how many changed.
        """
        with self._database.transaction() as connection:
            differing = [(s, at) for s, at in _pairs(ids, at_ns) if not self._same(s, reason, words)]
            starts = [(s, max(at, self._open[s][1].start) if s in self._open else at) for s, at in differing]
            self._end(connection, [(s, at) for s, at in starts if s in self._open])
            added = self._insert(connection, starts, reason, words)
        self._set_open(added)
        return len(added)

    def gaps(self, ids: Ids | None, start_ns: int, stop_ns: int) -> list[Gap]:
        """Return the gaps that touch `start_ns <= time < stop_ns`, ordered by series and start; of all when None."""
        chosen = None if ids is None else {int(series) for series in ids}
        query = f"SELECT {_GAP} FROM gap WHERE start < ? AND (stop IS NULL OR stop > ?)"  # noqa: S608
        arguments = [stop_ns, start_ns]
        if chosen is not None and len(chosen) <= 500:
            query += f" AND series IN ({','.join('?' * len(chosen))})"
            arguments += sorted(chosen)
        with self._database.reading() as connection:
            rows = connection.execute(query + " ORDER BY series, start", arguments).fetchall()
        return [_gap(row) for row in rows if chosen is None or row[0] in chosen]

    # Events

    def event(self, kind: str, at_ns: int, words: str, subject: str = "") -> None:
        """Note that something happened."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO event (at, kind, subject, words) VALUES (?,?,?,?)", (at_ns, kind, subject, words)
            )

    def events(self, start_ns: int, stop_ns: int, limit: int = 100) -> list[Event]:
        """Return the newest events in `start_ns <= at < stop_ns`, newest first."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT at, kind, subject, words FROM event WHERE at >= ? AND at < ? ORDER BY at DESC, id DESC LIMIT ?",
                (start_ns, stop_ns, limit),
            ).fetchall()
        return [Event(*row) for row in rows]

    def prune(self, before_ns: int) -> int:
        """Forget gaps that ended, and events that happened, before a time; returns how many."""
        with self._database.transaction() as connection:
            gaps = connection.execute("DELETE FROM gap WHERE stop < ?", (before_ns,)).rowcount
            return gaps + connection.execute("DELETE FROM event WHERE at < ?", (before_ns,)).rowcount

    # In detail
