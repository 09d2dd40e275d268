"""The journal of commands: what was asked, how each stands, who holds which point, and what was desired of it when.

What holds of it: a command stands as `sending` in here before its write is sent, with the level that it takes. So
after a crash whoever reads it knows of every write that may have happened, and of every lease that must end.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from twin.commands.command import Command, State
from twin.commands.priorities import Slot
from twin.databook import DataBook
from twin.sqlite import Database
from twin.words import storable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from twin.commands.values import Value

_SCHEMA = """
CREATE TABLE IF NOT EXISTS command (
  id INTEGER PRIMARY KEY, path TEXT NOT NULL, value TEXT NOT NULL, who TEXT NOT NULL, roles TEXT NOT NULL,
  why TEXT NOT NULL, priority INTEGER NOT NULL, state TEXT NOT NULL, asked INTEGER NOT NULL, changed INTEGER NOT NULL,
  lease_s REAL NOT NULL, until INTEGER NOT NULL, deadline INTEGER NOT NULL, reason TEXT NOT NULL, words TEXT NOT NULL,
  result TEXT NOT NULL, before TEXT NOT NULL, read_back TEXT NOT NULL, confirmed_by TEXT NOT NULL, key TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS command_by_path ON command (path);
CREATE INDEX IF NOT EXISTS command_by_state ON command (state);
CREATE INDEX IF NOT EXISTS command_by_key ON command (key, path) WHERE key != '';
CREATE TABLE IF NOT EXISTS slot (
  path TEXT NOT NULL, priority INTEGER NOT NULL, command INTEGER NOT NULL, value TEXT NOT NULL, who TEXT NOT NULL,
  since INTEGER NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (path, priority)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS before (path TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS desired (
  id INTEGER PRIMARY KEY, path TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER, value TEXT NOT NULL,
  priority INTEGER NOT NULL, who TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS desired_now ON desired (path) WHERE until IS NULL;
CREATE INDEX IF NOT EXISTS desired_until ON desired (until);
"""
_COLUMNS = (
    *(
        "id",
        "path",
        "value",
        "who",
        "roles",
        "why",
        "priority",
        "state",
        "asked",
        "changed",
        "lease_s",
        "until",
    ),
    *("deadline", "reason", "words", "result", "before", "read_back", "confirmed_by", "key"),
)
_JSON = frozenset({"value", "roles", "before", "read_back"})
_NAMES = ", ".join(_COLUMNS)
_PUT = f"INSERT OR REPLACE INTO command ({_NAMES}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608
_SELECT = f"SELECT {_NAMES} FROM command"  # noqa: S608
_OPEN = (State.PREPARED, State.WAITING, State.SENDING, State.WRITTEN)


class Statement(NamedTuple):
    """One change of the journal."""

    sql: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Desired:
    """What was desired of a point: `since <= t < until`, ns UTC, `until` None while it lasts."""

    path: str
    value: Value
    priority: int
    who: str
    since: int
    until: int | None


@dataclass(frozen=True, slots=True)
class Kept:
    """What a process finds that the one before it has left.

    `commands` are those that are not over; `slots` who holds what; `before` the values to go back to; `accepted` when
    commands of each point were accepted lately; `last` the highest number of a command.
    """

    commands: Sequence[Command]
    slots: Sequence[tuple[str, int, Slot]]
    before: Sequence[tuple[str, Value | None]]
    accepted: Sequence[tuple[str, int]]
    last: int


def put_command(command: Command) -> Statement:
    """Keep a command as it stands."""
    row = tuple(_stored(name, getattr(command, name)) for name in _COLUMNS)
    return Statement(_PUT, row)


def put_slot(path: str, priority: int, slot: Slot) -> Statement:
    """Set a level of a point."""
    values = (
        path,
        priority,
        slot.command,
        json.dumps(slot.value),
        storable(slot.who),
        slot.since,
        slot.until,
    )
    return Statement("INSERT OR REPLACE INTO slot VALUES (?,?,?,?,?,?,?)", values)


def drop_slot(path: str, priority: int) -> Statement:
    """Give a level of a point back."""
    return Statement("DELETE FROM slot WHERE path = ? AND priority = ?", (path, priority))


def put_before(path: str, value: Value | None) -> Statement:
    """Keep the value before the first command, None where it is not known."""
    return Statement("INSERT OR REPLACE INTO before VALUES (?,?)", (path, json.dumps(value)))


def drop_before(path: str) -> Statement:
    """Forget the value before: it is there again."""
    return Statement("DELETE FROM before WHERE path = ?", (path,))


def desire(path: str, slot: Slot, priority: int, at: int) -> list[Statement]:
    """From now on this is desired of a point."""
    values = (path, at, json.dumps(slot.value), priority, storable(slot.who))
    sql = "INSERT INTO desired (path, since, value, priority, who) VALUES (?,?,?,?,?)"
    return [undesire(path, at), Statement(sql, values)]


def undesire(path: str, at: int) -> Statement:
    """From now on nothing is desired of a point."""
    return Statement("UPDATE desired SET until = max(since, ?) WHERE path = ? AND until IS NULL", (at, path))


class Journal(DataBook):
    """The journal of one data folder; methods block on the disk and raise `twin.sqlite.DatabaseBusy`."""

    def __init__(self, path: Path) -> None:
        super().__init__(Database(path, _SCHEMA, synchronous="FULL"))

    def write(self, statements: Iterable[Statement]) -> None:
        """Make changes, all or none, durable when this returns."""
        with self._database.transaction() as connection:
            for statement in statements:
                connection.execute(*statement)

    def kept(self, accepted_since: int) -> Kept:
        """Return what the process before this one has left; `accepted` from `accepted_since` (ns UTC) on."""
        marks = ", ".join("?" * len(_OPEN))
        held = "SELECT command FROM slot"
        accepted = (
            "SELECT path, asked FROM command WHERE asked >= ? AND state NOT IN (?,?,?,?) ORDER BY asked"
        )
        unheld = (State.REFUSED, State.PREPARED, State.EXPIRED, State.CANCELLED)
        with self._database.reading() as connection:
            rows = connection.execute(
                f"{_SELECT} WHERE state IN ({marks}) OR id IN ({held}) ORDER BY id", _OPEN
            ).fetchall()
            slots = connection.execute("SELECT * FROM slot ORDER BY path, priority").fetchall()
            before = connection.execute("SELECT path, value FROM before").fetchall()
            times = connection.execute(accepted, (accepted_since, *unheld)).fetchall()
            last = connection.execute("SELECT max(id) FROM command").fetchone()[0]
        return Kept(
            [_command(row) for row in rows],
            [(row[0], row[1], Slot(row[2], json.loads(row[3]), *row[4:])) for row in slots],
            [(path, json.loads(value)) for path, value in before],
            times,
            last or 0,
        )

    def command(self, number: int) -> Command | None:
        """Return a command, None when there is none of that number."""
        with self._database.reading() as connection:
            row = connection.execute(f"{_SELECT} WHERE id = ?", (number,)).fetchone()
        return None if row is None else _command(row)

    def by_key(self, key: str, path: str) -> Command | None:
        """Return the command of a point that was asked for with a key, None when there was none."""
        sql = f"{_SELECT} WHERE key = ? AND path = ? ORDER BY id LIMIT 1"
        with self._database.reading() as connection:
            row = connection.execute(sql, (key, path)).fetchone()
        return None if row is None else _command(row)

    def recent(self, under: str | None, state: str | None, limit: int) -> list[Command]:
        """Return commands, the newest first; `under` is a point, or what its path begins with."""
        where, values = ["1"], []
        if under is not None:
            where.append("(path = ? OR substr(path, 1, ?) = ?)")
            values += [under, len(under) + 1, f"{under}/"]
        if state is not None:
            where.append("state = ?")
            values.append(state)
        sql = f"{_SELECT} WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT ?"
        with self._database.reading() as connection:
            return [_command(row) for row in connection.execute(sql, (*values, limit)).fetchall()]

    def desired(self, at_ns: int) -> list[Desired]:
        """Return what was desired of every point at a time, by path."""
        sql = (
            "SELECT path, value, priority, who, since, until FROM desired "
            "WHERE since <= ? AND (until IS NULL OR until > ?) ORDER BY path, since"
        )
        with self._database.reading() as connection:
            rows = connection.execute(sql, (at_ns, at_ns)).fetchall()
        return [Desired(path, json.loads(value), *rest) for path, value, *rest in rows]

    def prune(self, before_ns: int) -> int:
        """Forget commands that were over, and what was desired, before a time; returns how many commands."""
        marks = ", ".join("?" * len(_OPEN))
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM desired WHERE until < ?", (before_ns,))
            return connection.execute(
                f"DELETE FROM command WHERE changed < ? AND state NOT IN ({marks}) "  # noqa: S608
                "AND id NOT IN (SELECT command FROM slot)",
                (before_ns, *_OPEN),
            ).rowcount


def _stored(name: str, value: Any) -> Any:
    if name in _JSON:
        return json.dumps(value)
    return storable(value) if isinstance(value, str) else value


def _command(row: Sequence[Any]) -> Command:
    found = dict(zip(_COLUMNS, row, strict=True))
    found |= {name: json.loads(found[name]) for name in _JSON}
    found["state"] = State(found["state"])
    return Command(**found)
