"""The ledger: every interval in which a point was not heard from, with its reason, and what happened to the platform.

A gap is open while it lasts. Open gaps survive a crash: they are open again when the ledger is.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from twin.clock import NS
from twin.quality import FIRST_ABSENT, Reason
from twin.sqlite import Database
from twin.words import storable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import numpy.typing as npt

    Ids = Sequence[int] | npt.NDArray[np.integer]
    Touched = tuple[int, int, int]
    """Series, start and reason of a gap that changed."""
    Moments = int | npt.NDArray[np.integer]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS gap (
  id INTEGER PRIMARY KEY, series INTEGER NOT NULL, start INTEGER NOT NULL, stop INTEGER,
  reason INTEGER NOT NULL, words TEXT NOT NULL, filled INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS gap_by_series ON gap (series, start);
CREATE INDEX IF NOT EXISTS gap_open ON gap (series) WHERE stop IS NULL;
CREATE TABLE IF NOT EXISTS event (
  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, words TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS event_by_time ON event (at);
"""
_GAP = "series, start, stop, reason, words, filled"
_INSERT = f"INSERT INTO gap (id, {_GAP}) VALUES (?,?,?,?,?,?,?)"  # noqa: S608
_RESIDUE_NS = NS
"""A source's times and those of the receipt differ a little: what is left of a gap has to be longer than this."""


_TOUCHED = f"SELECT id, {_GAP} FROM gap WHERE series = ? AND start < ? AND stop > ? AND NOT filled"  # noqa: S608
_CHANGED = """
SELECT series, start, reason FROM gap WHERE stop IS NULL OR stop >= ? OR start >= ? OR (filled AND stop >= ?)
"""
_FILLED_WITHIN_NS = 86_400 * NS
"""How long after a gap its readings may come that the device had kept, for `changed_since`."""
_AT_ONCE = 500
MOST_TOUCHED = 200_000
"""Gaps that are remembered as changed, until somebody asks."""


@dataclass(frozen=True, slots=True)
class Gap:
    """An interval without readings, `start <= time < stop` in ns UTC; `stop` is None while it lasts.

    `filled` says that the device had kept the readings of that time, and that they were read later.
    """

    series: int
    start: int
    stop: int | None
    reason: Reason
    words: str
    filled: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to the platform or one of its parts, at a time in ns UTC.

    `kind` is a short slug (`link_up`, `link_down`, `clock_stepped`, `spool_damaged`, `store_denied`, `store_away`,
    `store_back`, `platform_started`, `platform_stopped`, `ledger_damaged`, `book_damaged`), `subject` what it happened
    to.
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
        self._lock = threading.RLock()
        self._open: dict[int, tuple[int, Gap]] = {}
        self._mask = np.zeros(1024, np.bool_)
        self._next = 1
        self._touched: list[Touched] | None = None

    def open(self, now_ns: int = 0) -> Path | None:
        """Open the file and take up the open gaps; returns what a damaged file was renamed to, None normally.

        A replaced file is noted as an event at `now_ns`.
        """
        self._database.open()
        self._database.add_column("gap", "filled INTEGER NOT NULL DEFAULT 0")
        with self._database.reading() as connection:
            self._next = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM gap").fetchone()[0]
            query = f"SELECT id, {_GAP} FROM gap WHERE stop IS NULL"  # noqa: S608
            rows = connection.execute(query).fetchall()
        self._set_open([(row[0], _gap(row[1:])) for row in rows])
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
        with self._lock:
            return [gap for _, gap in self._open.values()]

    def open_mask(self, size: int) -> npt.NDArray[np.bool_]:
        """Return bool[size or more], true at the ids that are in a gap.

        The array is live: it changes with the ledger and is replaced when ids outgrow it, so ask again each time.
        """
        with self._lock:
            if size > len(self._mask):
                self._mask = np.concatenate([self._mask, np.zeros(size * 2 - len(self._mask), np.bool_)])
            return self._mask

    # Gaps

    def open_gaps(self, ids: Ids, start_ns: Moments, reason: Reason, words: str = "") -> int:
        """Begin a gap for each series that is in none; returns how many began."""
        with self._lock:
            fresh = [(s, at) for s, at in _pairs(ids, start_ns) if s not in self._open]
            added = self._number(fresh, reason, words)
            with self._database.transaction() as connection:
                connection.executemany(_INSERT, _rows(added))
            self._set_open(added)
            self._touch(gap for _, gap in added)
        return len(added)

    def close_gaps(self, ids: Ids, end_ns: Moments) -> int:
        """End the gaps of series that are in one; returns how many ended. One that lasted no time is forgotten."""
        with self._lock:
            done = [(s, at) for s, at in _pairs(ids, end_ns) if s in self._open]
            with self._database.transaction() as connection:
                self._end(connection, done)
            self._touch(self._open[series][1] for series, _ in done)
            for series, _ in done:
                del self._open[series]
                self._mask[series] = False
        return len(done)

    def fill(self, ids: Ids, start_ns: int, stop_ns: int) -> int:
        """Mark what lies in `start_ns <= time < stop_ns` of gaps that have ended as filled; returns how many gaps.

        A gap that reaches beyond is divided. Readings that the store refused are not a device's to give again.
        """
        with self._lock, self._database.transaction() as connection:
            found = 0
            for series in np.asarray(ids, np.int64).tolist():
                rows = connection.execute(_TOUCHED, (series, stop_ns, start_ns)).fetchall()
                for row, *gap in rows:
                    found += self._fill(connection, row, _gap(tuple(gap)), (start_ns, stop_ns))
        return found

    def _fill(self, connection: sqlite3.Connection, row: int, gap: Gap, span: tuple[int, int]) -> int:
        if gap.stop is None or gap.reason < FIRST_ABSENT or gap.reason == Reason.STORE_REFUSED:
            return 0
        start, stop = max(gap.start, span[0]), min(gap.stop, span[1])
        before, after = start - gap.start > _RESIDUE_NS, gap.stop - stop > _RESIDUE_NS
        rest = [(gap.start, start)] * before + [(stop, gap.stop)] * after
        left = self._number([(gap.series, begin) for begin, _ in rest], gap.reason, gap.words)
        connection.execute(
            "UPDATE gap SET start = ?, stop = ?, filled = 1 WHERE id = ?",
            (start if before else gap.start, stop if after else gap.stop, row),
        )
        ended = [(number, replace(one, stop=end)) for (number, one), (_, end) in zip(left, rest, strict=True)]
        connection.executemany(_INSERT, _rows(ended))
        self._touch((gap, replace(gap, start=start), *(one for _, one in ended)))
        return 1

    def change(self, ids: Ids, at_ns: Moments, reason: Reason, words: str = "") -> int:
        """Give series another reason from a time on: ends what they are in and begins the next without a break.

        Series that have that reason and those words already are left alone; returns how many changed.
        """
        with self._lock:
            pairs = [(s, at) for s, at in _pairs(ids, at_ns) if not self._same(s, reason, words)]
            # A clock that was set back must not make the next gap begin before the one that it follows.
            starts = [(s, max(at, self._open[s][1].start) if s in self._open else at) for s, at in pairs]
            added = self._number(starts, reason, words)
            with self._database.transaction() as connection:
                self._end(connection, [(s, at) for s, at in starts if s in self._open])
                connection.executemany(_INSERT, _rows(added))
            self._touch(self._open[s][1] for s, _ in starts if s in self._open)
            self._set_open(added)
            self._touch(gap for _, gap in added)
        return len(added)

    def gaps(self, ids: Ids | None, start_ns: int, stop_ns: int, limit: int = -1) -> list[Gap]:
        """Return the gaps that touch `start_ns <= time < stop_ns`, ordered by series and start; of all when None.

        With a limit, no more than so many are read.
        """
        chosen = None if ids is None else {int(series) for series in ids}
        query = f"SELECT {_GAP} FROM gap WHERE start < ? AND (stop IS NULL OR stop > ?)"  # noqa: S608
        arguments = [stop_ns, start_ns]
        if chosen is not None and len(chosen) <= 500:
            query += f" AND series IN ({','.join('?' * len(chosen))})"
            arguments += sorted(chosen)
        with self._database.reading() as connection:
            rows = connection.execute(
                query + " ORDER BY series, start LIMIT ?", [*arguments, limit]
            ).fetchall()
        return [_gap(row) for row in rows if chosen is None or row[0] in chosen]

    # What changes, for whoever tells others of it

    def watch(self) -> None:
        """From now on remember which gaps change; `touched` tells."""
        with self._lock:
            self._touched = []

    def touched(self) -> list[Touched] | None:
        """Return the gaps that changed since the last time; None when more did than are remembered."""
        with self._lock:
            found, self._touched = self._touched or [], []
        return found if len(found) < MOST_TOUCHED else None

    def changed_since(self, moment: int) -> list[Touched]:
        """Return the gaps that last, or that began, ended or were filled at or after a moment (ns UTC).

        Those that ended less than a day before it and are filled are among them. Reads the whole file.
        """
        with self._database.reading() as connection:
            values = (moment, moment, moment - _FILLED_WITHIN_NS)
            return connection.execute(_CHANGED, values).fetchall()

    def began(self, ids: Sequence[int], start_ns: int, stop_ns: int) -> list[Gap]:
        """Return the gaps of these series that began in `start_ns <= t < stop_ns`."""
        found: list[Gap] = []
        for first in range(0, len(ids), _AT_ONCE):
            some = ids[first : first + _AT_ONCE]
            marks = ",".join("?" * len(some))
            query = f"SELECT {_GAP} FROM gap WHERE series IN ({marks}) AND start >= ? AND start < ?"  # noqa: S608
            with self._database.reading() as connection:
                rows = connection.execute(query, (*some, start_ns, stop_ns)).fetchall()
            found += map(_gap, rows)
        return found

    def _touch(self, gaps: Iterable[Gap]) -> None:
        if self._touched is not None and len(self._touched) < MOST_TOUCHED:
            self._touched += [(gap.series, gap.start, int(gap.reason)) for gap in gaps]

    # Events

    def event(self, kind: str, at_ns: int, words: str, subject: str = "") -> None:
        """Note that something happened."""
        row = (at_ns, kind, storable(subject), storable(words))
        with self._database.transaction() as connection:
            connection.execute("INSERT INTO event (at, kind, subject, words) VALUES (?,?,?,?)", row)

    def events(self, start_ns: int, stop_ns: int, limit: int = 100) -> list[Event]:
        """Return the newest events in `start_ns <= at < stop_ns`, newest first."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT at, kind, subject, words FROM event WHERE at >= ? AND at < ?"
                " ORDER BY at DESC, id DESC LIMIT ?",
                (start_ns, stop_ns, limit),
            ).fetchall()
        return [Event(*row) for row in rows]

    def events_after(self, number: int, limit: int) -> tuple[list[tuple[int, Event]], int]:
        """Return the events after one, with their numbers and in their order, and the highest number that there is."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT id, at, kind, subject, words FROM event WHERE id > ? ORDER BY id LIMIT ?",
                (number, limit),
            ).fetchall()
            newest = connection.execute("SELECT coalesce(max(id), 0) FROM event").fetchone()[0]
        return [(row[0], Event(*row[1:])) for row in rows], newest

    def prune(self, before_ns: int) -> int:
        """Forget gaps that ended, and events that happened, before a time; returns how many."""
        with self._database.transaction() as connection:
            gaps = connection.execute("DELETE FROM gap WHERE stop < ?", (before_ns,)).rowcount
            return gaps + connection.execute("DELETE FROM event WHERE at < ?", (before_ns,)).rowcount

    # In detail

    def _number(self, pairs: Sequence[tuple[int, int]], reason: Reason, words: str) -> list[tuple[int, Gap]]:
        """Return the gaps that begin, each with the number of its row."""
        first = self._next
        self._next += len(pairs)
        return [
            (first + index, Gap(series, at, None, reason, words)) for index, (series, at) in enumerate(pairs)
        ]

    def _end(self, connection: sqlite3.Connection, pairs: Sequence[tuple[int, int]]) -> None:
        ended, empty = [], []
        for series, at in pairs:
            row, gap = self._open[series]
            if at > gap.start:
                ended.append((at, row))
            else:
                empty.append((row,))
        connection.executemany("UPDATE gap SET stop = ? WHERE id = ?", ended)
        connection.executemany("DELETE FROM gap WHERE id = ?", empty)

    def _same(self, series: int, reason: Reason, words: str) -> bool:
        gap = self.current(series)
        return gap is not None and (gap.reason, gap.words) == (reason, words)

    def _set_open(self, added: Sequence[tuple[int, Gap]]) -> None:
        if added:
            mask = self.open_mask(1 + max(gap.series for _, gap in added))
            for row, gap in added:
                self._open[gap.series] = (row, gap)
                mask[gap.series] = True


def _rows(added: Iterable[tuple[int, Gap]]) -> list[tuple[int, int, int, int | None, int, str, bool]]:
    return [
        (row, gap.series, gap.start, gap.stop, int(gap.reason), gap.words, gap.filled) for row, gap in added
    ]


def _gap(row: Sequence[Any]) -> Gap:
    series, start, stop, reason, words, filled = row
    return Gap(series, start, stop, Reason(reason), words, bool(filled))


def _pairs(ids: Ids, moments: Moments) -> list[tuple[int, int]]:
    """Return each series with its time, each series once."""
    series = np.asarray(ids, np.int64)
    times = np.broadcast_to(np.asarray(moments, np.int64), series.shape)
    return list(dict(zip(series.tolist(), times.tolist(), strict=True)).items())
