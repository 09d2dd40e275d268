"""The books of the readings: where each reading that ever came in is now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class State(NamedTuple):
    """What the spool knows of itself, written into every record and into the ring.

    Unsigned numbers; those that count readings do so since the folder was made.
    `attempt` numbers the tries to append (a record's own; in the ring the last one that has ended), `seq` is the
    last record that was appended and `appended` the readings up to and with it. Everything up to `settled_seq` has
    left the spool: `settled_rows` readings, of which `stored`, `quarantined` and `passed` (damaged, gone by).
    `damaged` is what was reported as damaged so far, here or ahead.
    """

    attempt: int = 0
    seq: int = 0
    appended: int = 0
    unchanged: int = 0
    dropped: int = 0
    settled_seq: int = 0
    settled_rows: int = 0
    stored: int = 0
    quarantined: int = 0
    passed: int = 0
    damaged: int = 0


class Counts(NamedTuple):
    """Readings that came in and are in no batch: `unchanged` fell inside a dead band, `dropped` had no room."""

    unchanged: int = 0
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Books:
    """Number of readings since the data folder was made, by where they are.

    `received` is every reading that a connector delivered or that was computed. `accepted` is `received` without
    `unchanged`: what the platform took on to store, also what it then lost. `stored` was acknowledged by the store,
    `quarantined` is in the dead letters, `waiting` is in the spool. `dropped` found no room in the spool or was in a
    damaged record; `damaged` is the latter part of it.

    After a crash the counts stand as of the last record or drop: readings that no record held are not in any of
    them. `balanced` compares counts that are kept apart, it is not true by construction.
    """

    received: int
    unchanged: int
    accepted: int
    stored: int
    quarantined: int
    dropped: int
    waiting: int
    damaged: int

    @property
    def balanced(self) -> bool:
        """Whether every reading is in exactly one place."""
        settled = self.stored + self.quarantined + self.dropped + self.waiting
        return self.accepted == settled and self.received == self.unchanged + settled
