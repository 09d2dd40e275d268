"""What can be wrong with an expression."""

from __future__ import annotations


class ExpressionError(ValueError):
    """Raised when a text is not an expression, or one that makes no sense; `str()` is for the person who wrote it.

    `column` counts from 1. `unknown` says that a name leads nowhere or a selection finds nothing: while a part of the
    district could not be read, that may be no fault of this text (see `Ground.unknown`).
    """

    def __init__(self, words: str, column: int = 0, *, unknown: bool = False) -> None:
        super().__init__(f"column {column}: {words}" if column else words)
        self.words = words
        self.column = column
        self.unknown = unknown
