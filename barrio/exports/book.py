"""The book of exports: every job that is not forgotten yet, on disk whenever its state changes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from barrio.exports.job import Job, State
from barrio.exports.plan import Plan
from barrio.tables.forms import Form
from twin.databook import DataBook
from twin.sqlite import Database

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_COLUMNS = (
    "id",
    "owner",
    "token",
    "name",
    "asked",
    "plan",
    "form",
    "created",
    "state",
    "started",
    "finished",
    "rows",
    "bytes",
    "expected",
    "tries",
    "sha256",
    "words",
)
_NUMBERS = {"created", "started", "finished", "rows", "bytes", "expected", "tries"}
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS export (
  {", ".join(f"{name} {'INTEGER' if name in _NUMBERS else 'TEXT'} NOT NULL" for name in _COLUMNS)}, PRIMARY KEY (id)
) STRICT;
"""
_PUT = f"INSERT OR REPLACE INTO export ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 - from names that stand above
_ALL = f"SELECT {', '.join(_COLUMNS)} FROM export ORDER BY created, id"  # noqa: S608 - likewise
_FORGET = "DELETE FROM export WHERE id = ?"


class Book(DataBook):
    """Jobs in one SQLite file."""

    def __init__(self, path: Path) -> None:
        super().__init__(Database(path, _SCHEMA))

    def all(self) -> list[Job]:
        """Return every job, the oldest first."""
        with self._database.reading() as connection:
            return [_job(row) for row in connection.execute(_ALL)]

    def put(self, job: Job) -> None:
        """Keep a job as it is now. `DatabaseBusy` when the disk does not take it."""
        with self._database.transaction() as connection:
            connection.execute(_PUT, [_plain(job, name) for name in _COLUMNS])

    def forget(self, job_id: str) -> None:
        """Forget a job. `DatabaseBusy` when the disk does not take it."""
        with self._database.transaction() as connection:
            connection.execute(_FORGET, [job_id])


def _plain(job: Job, name: str) -> Any:
    found = getattr(job, name)
    if name == "plan":
        return json.dumps(found.as_dict())
    return json.dumps(found) if name == "asked" else found


def _job(row: Sequence[Any]) -> Job:
    found = dict(zip(_COLUMNS, row, strict=True))
    found["asked"] = json.loads(found["asked"])
    found["plan"] = Plan.of_dict(json.loads(found["plan"]))
    return Job(**{**found, "form": Form(found["form"]), "state": State(found["state"])})
