"""The book of intervals: days as they were settled, in versions, and what was decided about them. One SQLite file.

- A version is one transaction: a number that only rises, when, why, who; with the days that it says something new of.
- A day of a register is written once for each version that changes it, and never changed or deleted: what a version
  says is the newest row up to it. So an invoice is had again by its version, or by the time at which it was made.
- Decisions stand beside the days, each with the version that it came with, and the one that took it back.
- Days and decisions are in whole steps, and a register's step never changes: `step` has its decimals, as of its first.
- Marks say which registers had readings that came late for a settled day; they go with the version that looks at them.

It is a file of its own beside the store: it must outlive readings that a retention lets go, is the same whatever the
store is, and is small (a day of a register takes a few hundred bytes).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from twin.databook import DataBook
from twin.intervals.edits import Edit, EditKind
from twin.intervals.pack import packed, unpacked
from twin.sqlite import Database
from twin.words import storable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from twin.frame import Ids, Times
    from twin.intervals.line import Line

_SCHEMA = """
CREATE TABLE IF NOT EXISTS version (
  id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, cause TEXT NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS day (
  series INTEGER NOT NULL, day INTEGER NOT NULL, version INTEGER NOT NULL, line BLOB NOT NULL,
  PRIMARY KEY (series, day, version)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS day_version ON day (version);
CREATE TABLE IF NOT EXISTS edit (
  id INTEGER PRIMARY KEY AUTOINCREMENT, version INTEGER NOT NULL, withdrawn INTEGER, series INTEGER NOT NULL,
  kind TEXT NOT NULL, start INTEGER NOT NULL, stop INTEGER NOT NULL, steps TEXT NOT NULL, who TEXT NOT NULL,
  why TEXT NOT NULL, at INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS edit_series ON edit (series);
CREATE TABLE IF NOT EXISTS step (series INTEGER PRIMARY KEY, decimals INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS mark (
  series INTEGER PRIMARY KEY, low INTEGER NOT NULL, high INTEGER NOT NULL, number INTEGER NOT NULL
) STRICT;
"""
_MARK = """
INSERT INTO mark (series, low, high, number) VALUES (?,?,?,1) ON CONFLICT DO UPDATE SET
  low = min(low, excluded.low), high = max(high, excluded.high), number = number + 1
"""
_EDITS = "SELECT id, version, series, kind, start, stop, steps, who, why, at, withdrawn FROM edit ORDER BY id"
NEWEST = 2**62


@dataclass(frozen=True, slots=True)
class Version:
    """One version: its number, when it was made (ns UTC), why, and by whom. `days` of registers are new with it."""

    number: int
    at: int
    cause: str
    who: str
    why: str
    days: int = 0


@dataclass(frozen=True, slots=True)
class Mark:
    """Readings of a register that came late, `low <= time <= high`; `number` is of the last one that was marked."""

    series: int
    low: int
    high: int
    number: int


class IntervalBook(DataBook):
    """The book of one data folder; methods block on the disk and raise `twin.sqlite.DatabaseBusy`."""

    def __init__(self, path: Path, clock: Callable[[], int] = lambda: 0) -> None:
        super().__init__(Database(path, _SCHEMA, synchronous="FULL"))
        self._clock = clock

    # --- what is written ------------------------------------------------------------------------------------

    def put(
        self,
        version: Version,
        days: Mapping[tuple[int, int], Line],
        edits: Sequence[Edit] = (),
        *,
        withdrawn: Sequence[int] = (),
        seen: Sequence[Mark] = (),
        decimals: Mapping[int, int],
    ) -> int:
        """Write a version with its days by `(series, start of day)`, all or nothing; returns the number it gets.

        `decimals` are those of the steps of each series. The version is as of now: its making may have taken a while,
        in which others were given what was there.
        """
        rows = [(*key, packed(line)) for key, line in days.items()]
        with self._database.transaction() as connection:
            number = connection.execute(
                "INSERT INTO version (at, cause, who, why) VALUES (?,?,?,?)",
                (max(version.at, self._clock()), version.cause, storable(version.who), storable(version.why)),
            ).lastrowid
            if number is None:
                raise RuntimeError(version)
            connection.executemany(
                "INSERT INTO day (series, day, version, line) VALUES (?,?,?,?)",
                [(series, day, number, blob) for series, day, blob in rows],
            )
            for edit in edits:
                _put_edit(connection, edit, number)
            kept = {series for series, _ in days} | {edit.series for edit in edits}
            connection.executemany(
                "INSERT INTO step VALUES (?,?) ON CONFLICT DO NOTHING", [(one, decimals[one]) for one in kept]
            )
            connection.executemany(
                "UPDATE edit SET withdrawn = ? WHERE id = ?", [(number, one) for one in withdrawn]
            )
            self._seen(connection, seen)
        return number

    def looked(self, marks: Sequence[Mark]) -> None:
        """Take marks away that changed nothing; those that were marked again in the meantime stay."""
        with self._database.transaction() as connection:
            self._seen(connection, marks)

    def mark(self, ids: Ids, times: Times) -> None:
        """Note readings that came late for settled days."""
        rows = []
        for series in np.unique(ids).tolist():
            mine = times[ids == series]
            rows.append((series, int(mine.min()), int(mine.max())))
        with self._database.transaction() as connection:
            connection.executemany(_MARK, rows)

    @staticmethod
    def _seen(connection: sqlite3.Connection, marks: Sequence[Mark]) -> None:
        connection.executemany(
            "DELETE FROM mark WHERE series = ? AND number = ?", [(one.series, one.number) for one in marks]
        )

    # --- what is read ---------------------------------------------------------------------------------------

    def marks(self) -> list[Mark]:
        """Return what came late and was not looked at yet."""
        with self._database.reading() as connection:
            return [
                Mark(*row)
                for row in connection.execute("SELECT series, low, high, number FROM mark ORDER BY series")
            ]

    def decimals(self, ids: Iterable[int]) -> dict[int, int]:
        """Return the decimals of the steps in which registers are kept, of those that are."""
        with self._database.reading() as connection:
            found = dict(connection.execute("SELECT series, decimals FROM step").fetchall())
        return {one: found[one] for one in ids if one in found}

    def settled(self) -> dict[int, int]:
        """Return the start of the newest settled day of each register, ns UTC."""
        with self._database.reading() as connection:
            return dict(connection.execute("SELECT series, max(day) FROM day GROUP BY series").fetchall())

    def days(
        self, ids: Iterable[int], start: int, stop: int, version: int = NEWEST
    ) -> dict[tuple[int, int], Line]:
        """Return settled days that begin in `start <= day < stop`, as they stood with a version."""
        text = (
            "SELECT series, day, max(version), line FROM day "
            "WHERE series = ? AND day >= ? AND day < ? AND version <= ? GROUP BY day"
        )
        with self._database.reading() as connection:
            return {
                (series, day): unpacked(line, number)
                for one in ids
                for series, day, number, line in connection.execute(text, (one, start, stop, version))
            }

    def ends(self, ids: Iterable[int], version: int = NEWEST) -> dict[int, tuple[Line, Line]]:
        """Return the oldest and the newest settled day of each register that has any, as they stood with a version."""
        text = "SELECT min(day), max(day) FROM day WHERE series = ? AND version <= ?"
        found: dict[int, tuple[Line, Line]] = {}
        for one in ids:
            with self._database.reading() as connection:
                days = connection.execute(text, (one, version)).fetchone()
            if days[0] is not None:
                oldest, newest = (self.days([one], day, day + 1, version)[one, day] for day in days)
                found[one] = oldest, newest
        return found

    def edits(self, ids: Iterable[int], version: int = NEWEST) -> dict[int, list[Edit]]:
        """Return the decisions about registers that held with a version, in their order."""
        wanted, found = set(ids), dict[int, list[Edit]]()
        for edit, withdrawn in self._edits():
            stands = edit.version <= version and (withdrawn is None or withdrawn > version)
            if stands and edit.series in wanted:
                found.setdefault(edit.series, []).append(edit)
        return found

    def all_edits(self, ids: Iterable[int]) -> list[tuple[Edit, int | None]]:
        """Return every decision about registers, with the version that took it back, in their order."""
        wanted = set(ids)
        return [pair for pair in self._edits() if pair[0].series in wanted]

    def edit(self, number: int) -> tuple[Edit, int | None] | None:
        """Return one decision, None when there is none of that number."""
        return next((pair for pair in self._edits() if pair[0].number == number), None)

    def at(self, moment: int) -> int:
        """Return the version that was the newest at a time, 0 before the first."""
        text = "SELECT coalesce(max(id), 0) FROM version WHERE at <= ?"
        with self._database.reading() as connection:
            return int(connection.execute(text, (moment,)).fetchone()[0])

    def newest(self) -> int:
        """Return the number of the newest version, 0 when there is none."""
        with self._database.reading() as connection:
            return int(connection.execute("SELECT coalesce(max(id), 0) FROM version").fetchone()[0])

    def history(self, series: int, start: int, stop: int) -> list[tuple[Version, int, Line]]:
        """Return every row of settled days of a register that begin in `start <= day < stop`: version, day, line."""
        text = (
            "SELECT v.id, v.at, v.cause, v.who, v.why, d.day, d.line FROM day d JOIN version v ON v.id = d.version "
            "WHERE d.series = ? AND d.day >= ? AND d.day < ? ORDER BY d.day, v.id"
        )
        with self._database.reading() as connection:
            rows = connection.execute(text, (series, start, stop)).fetchall()
        return [(Version(*row[:5]), row[5], unpacked(row[6], row[0])) for row in rows]

    def _edits(self) -> list[tuple[Edit, int | None]]:
        with self._database.reading() as connection:
            rows = connection.execute(_EDITS).fetchall()
        return [(_edit(row[:-1]), row[-1]) for row in rows]


def _put_edit(connection: sqlite3.Connection, edit: Edit, number: int) -> None:
    connection.execute(
        "INSERT INTO edit (version, series, kind, start, stop, steps, who, why, at) VALUES (?,?,?,?,?,?,?,?,?)",
        (
            number,
            edit.series,
            edit.kind.value,
            edit.start,
            edit.stop,
            json.dumps(edit.steps),
            storable(edit.who),
            storable(edit.why),
            edit.at,
        ),
    )


def _edit(row: Sequence[object]) -> Edit:
    number, version, series, kind, start, stop, steps, who, why, at = row
    return Edit(
        EditKind(str(kind)),
        int(str(series)),
        int(str(start)),
        int(str(stop)),
        tuple(json.loads(str(steps))),
        str(who),
        str(why),
        int(str(at)),
        int(str(version)),
        int(str(number)),
    )
