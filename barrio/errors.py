"""Errors of people who ask: a parameter that cannot be, a name that nothing has."""

from __future__ import annotations

from twin.errors import BarrioError, TransientError
from twin.store.port import StoreBusy, StoreDenied

AWAY = "the store of readings does not answer now: ask again"


class AskError(BarrioError):
    """Raised when a question cannot be answered as it was put; `parameter` names the part that is wrong."""

    def __init__(self, parameter: str, words: str) -> None:
        self.parameter = parameter
        self.words = words
        super().__init__(f"{parameter}: {words}")


class UnknownName(BarrioError):
    """Raised when nothing has the name that was given; the words offer the nearest one."""


def words_for(error: TransientError, *, whole: bool) -> str:
    """Return what a caller is told of a peer that is away.

    Where the store is and what it said is for those who see the `whole` platform: it names machines and databases.
    """
    return AWAY if isinstance(error, (StoreBusy, StoreDenied)) and not whole else str(error)
