"""Requests on disk: how each stands, what happened to it and when, and the refills that were seen.

A request's state at any moment is that of its last step before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from twin.services.request import ENDED, Request, State, Step
from twin.words import storable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from typing import Any

    from twin.sqlite import Database

SCHEMA = """
CREATE TABLE IF NOT EXISTS request (
  id INTEGER PRIMARY KEY, tank TEXT NOT NULL, opened INTEGER NOT NULL, changed INTEGER NOT NULL, state TEXT NOT NULL,
  facts TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS request_open ON request (id) WHERE state NOT IN ('closed', 'cancelled');
CREATE INDEX IF NOT EXISTS request_by_tank ON request (tank, id);
CREATE TABLE IF NOT EXISTS step (
  request INTEGER NOT NULL, number INTEGER NOT NULL, at INTEGER NOT NULL, state TEXT NOT NULL, who TEXT NOT NULL,
  words TEXT NOT NULL, PRIMARY KEY (request, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refill (
  id INTEGER PRIMARY KEY, tank TEXT NOT NULL, began INTEGER NOT NULL, ended INTEGER NOT NULL, low REAL NOT NULL,
  high REAL NOT NULL, quantity REAL, request INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS refill_by_tank ON refill (tank, ended);
"""
_PUT = (
    "INSERT INTO request VALUES (?,?,?,?,?,?) ON CONFLICT (id) DO UPDATE SET "
    "changed = excluded.changed, state = excluded.state, facts = excluded.facts"
)
_REQUESTS = "SELECT facts, id FROM request"
_LAST_STEPS = (
    "SELECT r.facts, r.id, s.number FROM request r JOIN step s ON s.request = r.id WHERE s.number = "
    "(SELECT max(number) FROM step WHERE request = r.id AND at <= ?) AND r.opened <= ? ORDER BY r.id DESC LIMIT ?"
)

# The newest of each tank stays: it tells whether people had ended it, and its number is not given a second time.
_OVER = (
    "FROM request WHERE changed < ? AND state IN ('closed', 'cancelled') "
    "AND id NOT IN (SELECT max(id) FROM request GROUP BY tank)"
)


@dataclass(frozen=True, slots=True)
class Refill:
    """A rise of a level that lasted: percent, ns UTC, m3; `request` is the one that it answered, None for none."""

    tank: str
    began: int
    ended: int
    low: float
    high: float
    quantity: float | None
    request: int | None


class RequestBook:
    """Requests and refills; methods block on the disk and raise `twin.sqlite.DatabaseBusy`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, request: Request) -> None:
        """Keep how a request stands, with the steps that are new."""
        facts = {key: getattr(request, key) for key in _FACTS}
        row = (request.id, request.tank, request.opened, request.steps[-1].at, request.state)
        steps = [
            (request.id, number, step.at, step.state, storable(step.who), storable(step.words))
            for number, step in enumerate(request.steps)
        ]
        with self._database.transaction() as connection:
            connection.execute(_PUT, (*row, storable(orjson.dumps(facts).decode())))
            connection.executemany("INSERT OR IGNORE INTO step VALUES (?,?,?,?,?,?)", steps)

    def listed(self, tank: str | None, limit: int) -> list[Request]:
        """Return the newest requests, of one tank or of all."""
        where = "" if tank is None else "WHERE tank = ? "
        return self._requests(f"{where}ORDER BY id DESC LIMIT ?", (*(() if tank is None else (tank,)), limit))

    def one(self, number: int) -> Request | None:
        """Return a request by its number, None when there is none."""
        found = self._requests("WHERE id = ?", (number,))
        return found[0] if found else None

    def after(self, number: int, further: Sequence[int], limit: int) -> list[Request]:
        """Return the requests with a higher number than this one, and further ones, by their numbers."""
        marks = ",".join("?" * len(further))
        where = f"WHERE id > ? OR id IN ({marks}) ORDER BY id LIMIT ?"
        return self._requests(where, (number, *further, limit))

    def newest(self) -> int:
        """Return the highest number that was given, 0 when none was."""
        with self._database.reading() as connection:
            return int(connection.execute("SELECT coalesce(max(id), 0) FROM request").fetchone()[0])

    def standing(self, at_ns: int, limit: int = 10_000) -> list[Request]:
        """Return the requests that were open at a moment, as they stood then, the newest first."""
        with self._database.reading() as connection:
            rows = connection.execute(_LAST_STEPS, (at_ns, at_ns, limit)).fetchall()
            found = [
                _request(facts, self._steps(connection, number)[: last + 1]) for facts, number, last in rows
            ]
        return [_as_then(request) for request in found if request.steps[-1].state not in ENDED]

    def _requests(self, where: str, values: Sequence[Any]) -> list[Request]:
        with self._database.reading() as connection:
            rows = connection.execute(f"{_REQUESTS} {where}", values).fetchall()
            return [_request(facts, self._steps(connection, number)) for facts, number in rows]

    @staticmethod
    def _steps(connection: sqlite3.Connection, number: int) -> tuple[Step, ...]:
        rows = connection.execute(
            "SELECT at, state, who, words FROM step WHERE request = ? ORDER BY number", (number,)
        )
        return tuple(Step(at, State(state), who, words) for at, state, who, words in rows)

    def refilled(self, refill: Refill) -> None:
        """Keep a refill."""
        row = (
            refill.tank,
            refill.began,
            refill.ended,
            refill.low,
            refill.high,
            refill.quantity,
            refill.request,
        )
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO refill (tank, began, ended, low, high, quantity, request) VALUES (?,?,?,?,?,?,?)",
                row,
            )

    def refills(self, tank: str | None, limit: int) -> list[Refill]:
        """Return the newest refills, of one tank or of all."""
        where, values = ("", ()) if tank is None else ("WHERE tank = ? ", (tank,))
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT tank, began, ended, low, high, quantity, request FROM refill "  # noqa: S608
                f"{where}ORDER BY ended DESC, id DESC LIMIT ?",
                (*values, limit),
            ).fetchall()
        return [Refill(*row) for row in rows]

    def lasts(self) -> list[Request]:
        """Return the newest request of each tank, and every one that is open."""
        newest = "WHERE id IN (SELECT max(id) FROM request GROUP BY tank) OR state NOT IN (?, ?) ORDER BY id"
        return self._requests(newest, tuple(sorted(ENDED)))

    def prune(self, before_ns: int) -> int:
        """Forget requests that ended and refills before a time; returns how many."""
        with self._database.transaction() as connection:
            connection.execute(f"DELETE FROM step WHERE request IN (SELECT id {_OVER})", (before_ns,))  # noqa: S608
            gone = connection.execute(f"DELETE {_OVER}", (before_ns,)).rowcount
            return gone + connection.execute("DELETE FROM refill WHERE ended < ?", (before_ns,)).rowcount


_FACTS = tuple(name for name in Request.__dataclass_fields__ if name != "steps")


def _request(facts: str, steps: tuple[Step, ...]) -> Request:
    found = orjson.loads(facts)
    hours = found["hours"]
    found |= {
        "state": State(found["state"]),
        "hours": None if hours is None else tuple(hours),
        "escalations": tuple(found["escalations"]),
    }
    return Request(**{key: found[key] for key in _FACTS}, steps=steps)


def _as_then(request: Request) -> Request:
    """Return a request as of its last step: what came later is left out."""
    last = request.steps[-1]
    seen = {step.state for step in request.steps}
    came = {} if State.DELIVERING in seen else {"rise_began": 0, "high": 0.0}
    told = {} if State.ACKNOWLEDGED in seen else {"acknowledged": 0, "reference": ""}
    sent = {} if request.sent <= last.at else {"sent": 0}
    delivered = {} if State.DELIVERED in seen else {"delivered": None}
    facts = {key: getattr(request, key) for key in _FACTS} | came | told | sent | delivered
    return Request(**facts | {"state": last.state}, steps=request.steps)
