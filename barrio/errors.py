"""Errors of people who ask: a parameter that cannot be, a name that nothing has."""

from __future__ import annotations

from twin.errors import BarrioError


class AskError(BarrioError):
    """Raised when a question cannot be answered as it was put; `parameter` names the part that is wrong."""

    def __init__(self, parameter: str, words: str) -> None:
        self.parameter = parameter
        self.words = words
        super().__init__(f"{parameter}: {words}")


class UnknownName(BarrioError):
    """Raised when nothing has the name that was given; the words offer the nearest one."""
