"""The history of models: every version of every district that ever ran with a data folder, kept for ever.

A version begins when a platform starts with it, and lasts until one starts with another. What it says is kept once,
whoever goes back to it later. A district that is run no more ends likewise. `tenure` says when each point was there,
and how long its slot was (`twin.past.slots`): a point that was taken out and put back has two.
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import orjson

from twin.clock import NS
from twin.databook import DataBook
from twin.past.described import described, rules_of, slots_of
from twin.past.model import Model
from twin.sqlite import Database

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from twin.model.district import District

_SCHEMA = """
CREATE TABLE IF NOT EXISTS body (hash TEXT PRIMARY KEY, content BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS version (
  id INTEGER PRIMARY KEY, district TEXT NOT NULL, since INTEGER NOT NULL, digest TEXT NOT NULL, hash TEXT NOT NULL,
  devices INTEGER NOT NULL, points INTEGER NOT NULL, rules INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS version_by_time ON version (district, since);
CREATE TABLE IF NOT EXISTS tenure (
  id INTEGER PRIMARY KEY, district TEXT NOT NULL, path TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER,
  slot INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS tenure_by_district ON tenure (district, since);
CREATE TABLE IF NOT EXISTS forgotten (district TEXT PRIMARY KEY, before INTEGER NOT NULL) STRICT;
"""
_VERSION = "district, since, digest, hash, devices, points, rules"
_PUT = f"INSERT INTO version ({_VERSION}) VALUES (?,?,?,?,?,?,?)"  # noqa: S608
_LATEST = 2**63 - 1
_ENDED = ""
"""Hash of the version that says that a district was run no more."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a district, `since <= time < until` in ns UTC; `until` is None for the present one."""

    district: str
    since: int
    until: int | None
    digest: str
    devices: int
    points: int
    rules: int


@dataclass(frozen=True, slots=True)
class Tenure:
    """A stretch in which a point was configured, `since <= time < until` in ns UTC; `slot` is in ns."""

    path: str
    since: int
    until: int | None
    slot: int


class Models(DataBook):
    """The models of one data folder; every method blocks on the disk, and raises `twin.sqlite.DatabaseBusy`."""

    def __init__(self, path: Path) -> None:
        super().__init__(Database(path, _SCHEMA))

    def record(self, districts: Iterable[District], now_ns: int) -> int:
        """Note that these districts run from now on, and no others; returns how many versions are new."""
        districts = list(districts)
        with self._database.transaction() as connection:
            last = {row[0]: row[1:4] for row in connection.execute(_LAST)}
            new = sum(_record(connection, one, last.get(one.id), now_ns) for one in districts)
            for gone in last.keys() - {one.id for one in districts}:
                _end(connection, gone, last[gone], now_ns)
        return new

    def at(self, district: str, moment: int) -> Model | None:
        """Return the model that a district ran with at a moment (ns UTC), None when it did not run.

        Of a time before any model was kept, the first one is returned as `assumed`.
        """
        with self._database.reading() as connection:
            row = connection.execute(_AT, (district, moment)).fetchone()
            assumed = row is None
            if assumed:
                row = connection.execute(_FIRST, (district,)).fetchone()
            if row is None or row[0] == _ENDED:
                return None
            return Model(_read(connection, row[0]), row[1], assumed=assumed)

    def find(self, district: str, digest: str) -> Model | None:
        """Return the newest version of a district whose digest begins with these digits."""
        with self._database.reading() as connection:
            row = connection.execute(_FIND, (district, len(digest), digest)).fetchone()
            return None if row is None else Model(_read(connection, row[0]), row[1])

    def districts(self) -> list[str]:
        """Return every district that ever ran, sorted."""
        with self._database.reading() as connection:
            query = "SELECT DISTINCT district FROM version ORDER BY district"
            return [name for (name,) in connection.execute(query)]

    def versions(self) -> list[Version]:
        """Return all versions, by district and time."""
        with self._database.reading() as connection:
            rows = connection.execute(
                f"SELECT {_VERSION} FROM version ORDER BY district, since, id"  # noqa: S608
            ).fetchall()
        found = []
        for row, following in pairwise([*rows, None]):
            district, since, digest, body, devices, points, rules = row
            until = following[1] if following is not None and following[0] == district else None
            if body != _ENDED:
                found.append(Version(district, since, until, digest, devices, points, rules))
        return found

    def tenures(self, districts: Sequence[str], start: int, stop: int) -> list[Tenure]:
        """Return when points of districts were configured, as far as it touches `start <= time < stop`."""
        with self._database.reading() as connection:
            return [
                Tenure(path, since, until, slot * NS)
                for district in districts
                for path, since, until, slot in connection.execute(_TENURES, (district, stop, start))
            ]

    def last_seen(self) -> list[tuple[str, str, int]]:
        """Return district, path and the last moment (ns UTC) of the newest tenure of every point that ever was."""
        with self._database.reading() as connection:
            return [
                (district, path, _LATEST if until is None else until - 1)
                for district, path, until, _ in connection.execute(_NEWEST)
            ]

    def forgot(self, district: str, before_ns: int) -> None:
        """Note that the raw readings of a district from before a time were let go, as its retention says."""
        with self._database.transaction() as connection:
            connection.execute(_FORGOT, (district, before_ns))

    def kept_from(self, district: str) -> int:
        """Return since when the raw readings of a district are kept (ns UTC), 0 when none were let go."""
        with self._database.reading() as connection:
            row = connection.execute(_KEPT, (district,)).fetchone()
            return 0 if row is None else int(row[0])


# SQLite takes the other columns from the row that has the maximum.
_LAST = "SELECT district, since, digest, hash, max(id) FROM version GROUP BY district"
_AT = "SELECT hash, since FROM version WHERE district = ? AND since <= ? ORDER BY since DESC, id DESC LIMIT 1"
_FIRST = "SELECT hash, since FROM version WHERE district = ? ORDER BY since, id LIMIT 1"
_FIND = (
    "SELECT hash, since FROM version WHERE district = ? AND substr(digest, 1, ?) = ? AND hash != ''"
    " ORDER BY since DESC, id DESC LIMIT 1"
)
_TENURES = (
    "SELECT path, since, until, slot FROM tenure"
    " WHERE district = ? AND since < ? AND (until IS NULL OR until > ?) ORDER BY id"
)
_NEWEST = "SELECT district, path, until, max(since) FROM tenure GROUP BY path"
_FORGOT = (
    "INSERT INTO forgotten (district, before) VALUES (?,?)"
    " ON CONFLICT DO UPDATE SET before = max(before, excluded.before)"
)
_KEPT = "SELECT before FROM forgotten WHERE district = ?"

_Last = tuple[int, str, str]
"""When a district's last version began, its digest and its hash."""


def _record(connection: sqlite3.Connection, district: District, last: _Last | None, now_ns: int) -> bool:
    """Write a version unless it is the last one again."""
    content, name = _packed(district)
    if last is not None and last[1:] == (district.digest, name):
        return False
    # A clock that was set back must not put the new version before the one that it follows.
    since = now_ns if last is None else max(now_ns, last[0] + 1)
    connection.execute("INSERT OR IGNORE INTO body (hash, content) VALUES (?,?)", (name, content))
    slots = dict(slots_of(district))
    counts = (len(district.devices), len(slots), len(rules_of(district)))
    connection.execute(_PUT, (district.id, since, district.digest, name, *counts))
    _settle_tenures(connection, district.id, slots, since)
    return True


def _settle_tenures(connection: sqlite3.Connection, district: str, slots: dict[str, int], since: int) -> None:
    """End what is no longer so, begin what is new."""
    running = {
        path: (row, slot)
        for row, path, slot in connection.execute(
            "SELECT id, path, slot FROM tenure WHERE district = ? AND until IS NULL", (district,)
        )
    }
    over = [(since, row) for path, (row, slot) in running.items() if slots.get(path) != slot]
    connection.executemany("UPDATE tenure SET until = ? WHERE id = ?", over)
    connection.executemany(
        "INSERT INTO tenure (district, path, since, until, slot) VALUES (?,?,?,NULL,?)",
        (
            (district, path, since, slot)
            for path, slot in slots.items()
            if path not in running or running[path][1] != slot
        ),
    )


def _end(connection: sqlite3.Connection, district: str, last: _Last, now_ns: int) -> None:
    """Note that a district runs no more."""
    if last[2] == _ENDED:
        return
    since = max(now_ns, last[0] + 1)
    connection.execute(_PUT, (district, since, "", _ENDED, 0, 0, 0))
    _settle_tenures(connection, district, {}, since)


def _packed(district: District) -> tuple[bytes, str]:
    """Return what is kept of a district, and its hash."""
    packer, digest, packed = zlib.compressobj(6), hashlib.sha256(), bytearray()
    for piece in described(district):
        digest.update(piece)
        packed += packer.compress(piece)
    return bytes(packed + packer.flush()), digest.hexdigest()


def _read(connection: sqlite3.Connection, name: str) -> Any:
    row = connection.execute("SELECT content FROM body WHERE hash = ?", (name,)).fetchone()
    return orjson.loads(zlib.decompress(row[0]))
