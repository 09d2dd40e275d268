"""The journal of alarms: every step of each, and how each stands, over restarts and at any moment of the past.

An alarm has a number, short and never another's: it belongs to its rule and to what it is about, and comes back with
them. Numbers are given in memory and written with the first step, in one transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.alarms.alarm import Key
from twin.alarms.change import Change, standing_of
from twin.alarms.states import Happening, State
from twin.databook import DataBook
from twin.sqlite import Database
from twin.words import storable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from twin.alarms.change import Standing

_SCHEMA = """
CREATE TABLE IF NOT EXISTS alarm (
  id INTEGER PRIMARY KEY AUTOINCREMENT, district TEXT NOT NULL, rule TEXT NOT NULL, owner TEXT NOT NULL,
  UNIQUE (district, rule, owner)
) STRICT;
CREATE TABLE IF NOT EXISTS change (
  seq INTEGER PRIMARY KEY, alarm INTEGER NOT NULL, at INTEGER NOT NULL, happening TEXT NOT NULL,
  before TEXT NOT NULL, after TEXT NOT NULL, active INTEGER NOT NULL, raised INTEGER NOT NULL,
  priority TEXT NOT NULL, what TEXT NOT NULL, words TEXT NOT NULL, value REAL, who TEXT NOT NULL,
  comment TEXT NOT NULL, until INTEGER NOT NULL, cause INTEGER NOT NULL, count INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS change_by_alarm ON change (alarm, at);
CREATE INDEX IF NOT EXISTS change_by_time ON change (at);
CREATE TABLE IF NOT EXISTS standing (alarm INTEGER PRIMARY KEY, seq INTEGER NOT NULL) STRICT;
"""
_NUMBER = "INSERT OR IGNORE INTO alarm (id, district, rule, owner) VALUES (?,?,?,?)"
_COLUMNS = (
    "alarm, at, happening, before, after, active, raised, priority, what, words, value, who, comment, "
    "until, cause, count"
)
_PUT = f"INSERT INTO change ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"  # noqa: S608
_STANDS = (
    "INSERT INTO standing (alarm, seq) VALUES (?,?) ON CONFLICT (alarm) DO UPDATE SET seq = excluded.seq"
)
_FULL = ", ".join(f"c.{name}" for name in _COLUMNS.split(", "))
_SELECT = f"SELECT a.district, a.rule, a.owner, {_FULL} FROM change c JOIN alarm a ON a.id = c.alarm"  # noqa: S608
_NOW = f"{_SELECT} JOIN standing s ON s.seq = c.seq ORDER BY c.alarm"
_LAST = "SELECT max(seq) FROM change WHERE at <= ? GROUP BY alarm"
_THEN = f"{_SELECT} WHERE c.seq IN ({_LAST}) AND c.after <> 'normal' ORDER BY c.alarm"
_AFTER = f"SELECT c.seq, a.district, a.rule, a.owner, {_FULL} FROM change c JOIN alarm a ON a.id = c.alarm"  # noqa: S608
_OF = f"{_SELECT} WHERE c.alarm = ? ORDER BY c.seq DESC LIMIT ?"
_BETWEEN = f"{_SELECT} WHERE c.at >= ? AND c.at < ? ORDER BY c.seq DESC LIMIT ?"
_PRUNE = f"DELETE FROM change WHERE at < ? AND seq NOT IN ({_LAST})"  # noqa: S608


class Journal(DataBook):
    """The journal of one data folder; methods block on the disk and raise `twin.sqlite.DatabaseBusy`."""

    def __init__(self, path: Path) -> None:
        super().__init__(Database(path, _SCHEMA))

    # --- in -------------------------------------------------------------------------------------------------

    def put(self, changes: Sequence[Change]) -> None:
        """Keep changes in their order, all or none."""
        with self._database.transaction() as connection:
            first = connection.execute("SELECT coalesce(max(seq), 0) + 1 FROM change").fetchone()[0]
            connection.executemany(_NUMBER, {(one.number, *map(storable, one.key)) for one in changes})
            connection.executemany(_PUT, [_row(one) for one in changes])
            newest = {one.number: (one.after, seq) for seq, one in enumerate(changes, first)}
            over = [(number,) for number, (after, _) in newest.items() if after is State.NORMAL]
            lasts = [(number, seq) for number, (after, seq) in newest.items() if after is not State.NORMAL]
            connection.executemany("DELETE FROM standing WHERE alarm = ?", over)
            connection.executemany(_STANDS, lasts)

    def prune(self, before_ns: int) -> int:
        """Forget changes before a time, but not how an alarm stood then; returns how many. Numbers stay given."""
        with self._database.transaction() as connection:
            return connection.execute(_PRUNE, (before_ns, before_ns)).rowcount

    # --- out ------------------------------------------------------------------------------------------------

    def numbers(self) -> tuple[dict[Key, int], int]:
        """Return the number of every alarm that ever had one, and the next that is free."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT district, rule, owner, id FROM alarm").fetchall()
            last = connection.execute(
                "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'alarm'"
            )
            return {Key(*row[:3]): row[3] for row in rows}, last.fetchone()[0] + 1

    def standing(self, at_ns: int | None = None) -> list[Standing]:
        """Return the alarms that are not normal now, or were not at a moment, by their numbers."""
        with self._database.reading() as connection:
            if at_ns is None:
                rows = connection.execute(_NOW).fetchall()
            else:
                rows = connection.execute(_THEN, (at_ns,)).fetchall()
        return [standing_of(_change(row)) for row in rows]

    def history(self, start_ns: int, stop_ns: int, limit: int) -> list[Change]:
        """Return what happened in `start_ns <= at < stop_ns`, the newest first."""
        with self._database.reading() as connection:
            return [_change(row) for row in connection.execute(_BETWEEN, (start_ns, stop_ns, limit))]

    def after(self, number: int, limit: int) -> tuple[list[tuple[int, Change]], int]:
        """Return what happened after a step, by its number and in order, and the number of the newest."""
        with self._database.reading() as connection:
            query = f"{_AFTER} WHERE c.seq > ? ORDER BY c.seq LIMIT ?"
            rows = connection.execute(query, (number, limit)).fetchall()
            newest = connection.execute("SELECT coalesce(max(seq), 0) FROM change").fetchone()[0]
        return [(row[0], _change(row[1:])) for row in rows], newest

    def of(self, number: int, limit: int) -> list[Change]:
        """Return what happened to one alarm, the newest first; nothing where no alarm has the number."""
        with self._database.reading() as connection:
            return [_change(row) for row in connection.execute(_OF, (number, limit))]


def _row(one: Change) -> tuple[Any, ...]:
    return (
        *(
            one.number,
            one.at,
            str(one.happening),
            str(one.before),
            str(one.after),
            int(one.active),
            one.raised,
        ),
        *(one.priority, storable(one.what), storable(one.words), one.value),
        *(storable(one.who), storable(one.comment), one.until, one.cause, one.count),
    )


def _change(row: Sequence[Any]) -> Change:
    number, at, happening, before, after, active, raised, priority, what, words, value, *rest = row[3:]
    who, comment, until, cause, count = rest
    return Change(
        number=number,
        key=Key(*row[:3]),
        at=at,
        happening=Happening(happening),
        before=State(before),
        after=State(after),
        active=bool(active),
        raised=raised,
        priority=priority,
        what=what,
        words=words,
        value=value,
        who=who,
        comment=comment,
        until=until,
        cause=cause,
        count=count,
    )
