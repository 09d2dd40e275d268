"""What devices reported of themselves: every event, and of each condition (alarm) how it stands now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from twin.databook import DataBook
from twin.events import DeviceEvent
from twin.sqlite import Database
from twin.words import storable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS condition (
  id INTEGER PRIMARY KEY AUTOINCREMENT, device TEXT NOT NULL, key TEXT NOT NULL, last INTEGER NOT NULL,
  UNIQUE (device, key)
) STRICT;
CREATE TABLE IF NOT EXISTS device_event (
  id INTEGER PRIMARY KEY, device TEXT NOT NULL, kind TEXT NOT NULL, at INTEGER NOT NULL, received INTEGER NOT NULL,
  severity INTEGER NOT NULL, source TEXT NOT NULL, words TEXT NOT NULL, key TEXT NOT NULL,
  active INTEGER, acknowledged INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS device_event_by_time ON device_event (received);
"""
_EVENT = "device, kind, at, received, severity, source, words, key, active, acknowledged"
_PUT = f"INSERT INTO device_event ({_EVENT}) VALUES (?,?,?,?,?,?,?,?,?,?)"  # noqa: S608
_STANDS = (
    "INSERT INTO condition (device, key, last) VALUES (?,?,?) "
    "ON CONFLICT (device, key) DO UPDATE SET last = excluded.last"
)
_EVENTS = f"SELECT {_EVENT} FROM device_event WHERE received >= ? AND received < ? ORDER BY id DESC LIMIT ?"  # noqa: S608
_COLUMNS = ", ".join(f"e.{name}" for name in _EVENT.split(", "))
_CONDITIONS = f"SELECT c.id, {_COLUMNS} FROM condition c JOIN device_event e ON e.id = c.last"  # noqa: S608
_LASTS = "(e.active = 1 OR e.acknowledged = 0)"
_ONGOING = f"{_CONDITIONS} WHERE {_LASTS} ORDER BY e.severity DESC, c.id LIMIT ?"
_OVER = (
    "DELETE FROM condition WHERE last IN "  # noqa: S608
    f"(SELECT e.id FROM device_event e WHERE e.received < ? AND {_LASTS} IS NOT 1)"
)


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition of a device and its newest change; `id` is ours, short and never another's: people name it by it."""

    id: int
    event: DeviceEvent


class DeviceEvents(DataBook):
    """The device events of one data folder; methods block on the disk and raise `twin.sqlite.DatabaseBusy`."""

    def __init__(self, path: Path) -> None:
        super().__init__(Database(path, _SCHEMA))

    def put(self, events: Sequence[DeviceEvent]) -> None:
        """Keep events in their order, all or none."""
        with self._database.transaction() as connection:
            for event in events:
                number = connection.execute(_PUT, _row(event)).lastrowid
                if event.key:
                    connection.execute(_STANDS, (event.device, storable(event.key), number))

    def events(self, start_ns: int, stop_ns: int, limit: int) -> list[DeviceEvent]:
        """Return what was received in `start_ns <= received < stop_ns`, the newest first."""
        with self._database.reading() as connection:
            rows = connection.execute(_EVENTS, (start_ns, stop_ns, limit)).fetchall()
        return [_event(row) for row in rows]

    def ongoing(self, limit: int) -> list[Condition]:
        """Return the conditions that are active or wait for an acknowledgement, the gravest first."""
        with self._database.reading() as connection:
            rows = connection.execute(_ONGOING, (limit,)).fetchall()
        return [Condition(row[0], _event(row[1:])) for row in rows]

    def condition(self, number: int) -> Condition | None:
        """Return a condition by its number, None when there is none."""
        with self._database.reading() as connection:
            row = connection.execute(f"{_CONDITIONS} WHERE c.id = ?", (number,)).fetchone()
        return None if row is None else Condition(row[0], _event(row[1:]))

    def prune(self, before_ns: int) -> int:
        """Forget events received before a time, but not how a condition stands that lasts; returns how many."""
        with self._database.transaction() as connection:
            connection.execute(_OVER, (before_ns,))
            return connection.execute(
                "DELETE FROM device_event WHERE received < ? AND id NOT IN (SELECT last FROM condition)",
                (before_ns,),
            ).rowcount


def _row(event: DeviceEvent) -> tuple[Any, ...]:
    kind, source, words, key = map(storable, (event.kind, event.source, event.words, event.key))
    return (
        *(event.device, kind, event.at, event.received, event.severity, source, words, key),
        *(_number(event.active), _number(event.acknowledged)),
    )


def _number(flag: bool | None) -> int | None:  # noqa: FBT001 - three values, of which one is None
    return None if flag is None else int(flag)


def _event(row: Sequence[Any] | sqlite3.Row) -> DeviceEvent:
    device, kind, at, received, severity, source, words, key, active, acknowledged = row
    standing = _flag(active), _flag(acknowledged)
    return DeviceEvent(device, kind, at, received, severity, source, words, key, *standing)


def _flag(number: int | None) -> bool | None:
    return None if number is None else bool(number)
