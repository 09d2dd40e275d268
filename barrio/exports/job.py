"""An export job: what was asked, how far it is, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from barrio.exports.plan import Plan
    from barrio.tables.forms import Form


class State(StrEnum):
    """Where a job stands. Only of a `done` one is there a file."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


UNFINISHED = frozenset({State.WAITING, State.RUNNING})


@dataclass(slots=True)
class Job:
    """One export. Times are ns UTC, 0 for not yet; `sha256` is in hex, of the whole file.

    `owner` is the name of who asked, `token` the id of the token that they showed, empty where there was none.
    `expected` is how many rows are likely to come, 0 where nobody knows. `tries` counts how often it was begun. `words`
    say why it failed.
    """

    id: str
    owner: str
    token: str
    name: str
    asked: dict[str, Any]
    plan: Plan
    form: Form
    created: int
    state: State = State.WAITING
    started: int = 0
    finished: int = 0
    rows: int = 0
    bytes: int = 0
    expected: int = 0
    tries: int = 0
    sha256: str = ""
    words: str = ""

    @property
    def file_name(self) -> str:
        """Name of its file in the folder of exports; an id is made of letters that no path minds."""
        return f"{self.id}{self.form.suffix}"

    @property
    def share(self) -> float | None:
        """How much of it is done, 0 to 1; None where nobody knows."""
        if self.state is State.DONE:
            return 1.0
        return min(self.rows / self.expected, 1.0) if self.expected else None

    def remaining_s(self, now_ns: int) -> float | None:
        """Return how long it is likely to take from now on, s; None where nobody knows."""
        share = self.share
        if self.state is not State.RUNNING or not share:
            return None
        return (now_ns - self.started) / 1e9 * (1 - share) / share
