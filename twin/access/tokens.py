"""The tokens of one data folder: who they were given to, what they allow, until when; never the tokens themselves.

    barrio_3f9c21d07ab4_Zk1…

A token is `barrio_`, its id, and a secret of 256 random bits. The book keeps the SHA-256 of the whole: a slow hash
protects what people choose, and nobody guesses 256 bits. Its form is one that scanners for leaked secrets can look for.

What holds of the book:

- The text of a token is returned by `create`, once, and is nowhere else.
- It is written by the process that runs and by commands beside it (WAL); `changed` tells the one of the other's changes
  for the price of one pragma.
- What was done to tokens waits as steps until the process that has the audit log puts them on record (`noted`).
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twin.access.scope import Scope, Tier, Verb
from twin.databook import DataBook
from twin.resolution import Resolution
from twin.sqlite import Database
from twin.words import storable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

PREFIX = "barrio_"
SECRET_BYTES = 32
PER_MINUTE = 600
"""Requests per minute, where nobody says otherwise."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS token (
  id TEXT PRIMARY KEY, hash BLOB NOT NULL, name TEXT NOT NULL, scope TEXT NOT NULL, per_minute INTEGER NOT NULL,
  created INTEGER NOT NULL, created_by TEXT NOT NULL, expires INTEGER NOT NULL,
  revoked INTEGER NOT NULL DEFAULT 0, used INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS step (
  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, what TEXT NOT NULL, token TEXT NOT NULL, name TEXT NOT NULL,
  who TEXT NOT NULL, noted INTEGER NOT NULL DEFAULT 0
) STRICT;
"""
_COLUMNS = "id, hash, name, scope, per_minute, created, created_by, expires, revoked, used"
_ALL = f"SELECT {_COLUMNS} FROM token ORDER BY created, id"  # noqa: S608 - our own columns
_PUT = f"INSERT INTO token ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,0,0)"  # noqa: S608
_STEP = "INSERT INTO step (at, what, token, name, who) VALUES (?,?,?,?,?)"
_LIVE = "revoked = 0 AND (expires = 0 OR expires > ?)"


class NoSuchToken(LookupError):
    """Raised when no token that holds has an id or a name."""


class NameTaken(ValueError):
    """Raised when a token that holds has the name already."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token without its text. Times in ns UTC, 0 for never; `used` is known to a minute or so."""

    id: str
    hash: bytes
    name: str
    scope: Scope
    per_minute: int
    created: int
    created_by: str
    expires: int
    revoked: int = 0
    used: int = 0

    def holds(self, now_ns: int) -> bool:
        """Whether it opens anything now."""
        return not self.revoked and (not self.expires or now_ns < self.expires)


@dataclass(frozen=True, slots=True)
class Step:
    """What was done to a token: `token_created` or `token_revoked`."""

    id: int
    at: int
    what: str
    token: str
    name: str
    who: str


class TokenBook(DataBook):
    """The tokens; methods block on the disk and raise `twin.sqlite.DatabaseBusy`."""

    def __init__(self, path: Path) -> None:
        super().__init__(Database(path, _SCHEMA, synchronous="FULL"))
        self._path = path
        self._version = -1

    def open(self) -> Path | None:
        """Open the file, for the owner of the folder only: it says who was given what."""
        with suppress(OSError):  # what is wrong is said by who opens it
            os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        return super().open()

    def create(
        self, name: str, scope: Scope, by: str, *, now_ns: int, expires: int, per_minute: int = PER_MINUTE
    ) -> tuple[str, Token]:
        """Make a token and return its text, which nobody can be told a second time; NameTaken when there is one."""
        token_id = secrets.token_hex(6)
        text = f"{PREFIX}{token_id}_{secrets.token_urlsafe(SECRET_BYTES)}"
        kept = (storable(name), json.dumps(_plain(scope)), per_minute, now_ns, storable(by), expires)
        with self._database.transaction() as connection:
            known = connection.execute(
                f"SELECT 1 FROM token WHERE name = ? AND {_LIVE}",  # noqa: S608
                (kept[0], now_ns),
            )
            if known.fetchone() is not None:
                raise NameTaken(name)
            connection.execute(_PUT, (token_id, digest(text), *kept))
            connection.execute(_STEP, (now_ns, "token_created", token_id, kept[0], kept[4]))
        return text, Token(token_id, digest(text), kept[0], scope, per_minute, now_ns, kept[4], expires)

    def revoke(self, name: str, by: str, now_ns: int) -> Token:
        """End the token of an id or a name for good; NoSuchToken when none that holds has it."""
        with self._database.transaction() as connection:
            row = connection.execute(
                f"SELECT {_COLUMNS} FROM token WHERE (id = ? OR name = ?) AND {_LIVE}",  # noqa: S608
                (storable(name), storable(name), now_ns),
            ).fetchone()
            if row is None:
                raise NoSuchToken(name)
            found = _token(row)
            connection.execute("UPDATE token SET revoked = ? WHERE id = ?", (now_ns, found.id))
            connection.execute(_STEP, (now_ns, "token_revoked", found.id, found.name, storable(by)))
        return found

    def all(self) -> list[Token]:
        """Return every token that there ever was, the oldest first."""
        with self._database.reading() as connection:
            return [_token(row) for row in connection.execute(_ALL).fetchall()]

    def changed(self) -> bool:
        """Whether another process changed the book since this was asked before; the first time, yes."""
        with self._database.reading() as connection:
            version = int(connection.execute("PRAGMA data_version").fetchone()[0])
        changed, self._version = version != self._version, version
        return changed

    def used(self, times: Mapping[str, int]) -> None:
        """Keep when tokens were last used, ns UTC by id."""
        with self._database.transaction() as connection:
            connection.executemany(
                "UPDATE token SET used = ? WHERE id = ?", [(at, one) for one, at in times.items()]
            )

    def steps(self) -> list[Step]:
        """Return what was done and is not on record yet, in order."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT id, at, what, token, name, who FROM step WHERE noted = 0 ORDER BY id"
            )
            return [Step(*row) for row in rows.fetchall()]

    def noted(self, steps: Collection[Step]) -> None:
        """Remember that steps are on record."""
        with self._database.transaction() as connection:
            connection.executemany("UPDATE step SET noted = 1 WHERE id = ?", [(one.id,) for one in steps])


def id_of(text: str) -> str:
    """Return the id in the text of a token, empty where there is none."""
    prefix, _, rest = text.partition("_")
    return rest.partition("_")[0] if f"{prefix}_" == PREFIX else ""


def digest(text: str) -> bytes:
    """Return what is kept of a token."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def _plain(scope: Scope) -> dict[str, Any]:
    return {
        "tier": scope.tier.value,
        "districts": _listed(scope.districts),
        "sites": _listed(scope.sites),
        "kinds": _listed(scope.kinds),
        "quantities": _listed(scope.quantities),
        "finest": scope.finest.value,
        "verbs": _listed(scope.verbs),
    }


def _listed(names: Collection[str] | None) -> list[str] | None:
    return None if names is None else sorted(names)


def _token(row: Sequence[Any]) -> Token:
    token_id, hashed, name, scope, *rest = row
    return Token(token_id, hashed, name, _scope(json.loads(scope)), *rest)


def _scope(found: Mapping[str, Any]) -> Scope:
    def names(key: str) -> frozenset[str] | None:
        return None if found[key] is None else frozenset(found[key])

    return Scope(
        tier=Tier(found["tier"]),
        districts=names("districts"),
        sites=names("sites"),
        kinds=names("kinds"),
        quantities=names("quantities"),
        finest=Resolution(found["finest"]),
        verbs=frozenset(map(Verb, found["verbs"])),
    )
