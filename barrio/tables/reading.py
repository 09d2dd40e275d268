"""What blocks is read a step at a time: no thread is held while whoever reads the answer is slow."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from barrio.tables.portions import packed

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE = 262_144
AT_ONCE = 1_048_576
"""Smaller answers are sent whole, with their length."""


class Reading:
    """An iterator of bytes that threads take turns at. `close` stops it where it stands, from any thread."""

    def __init__(self, source: Iterator[bytes]) -> None:
        self._source = source
        self._pieces = packed(source, PIECE)
        self._lock = threading.Lock()
        self._closed = False

    def begin(self) -> tuple[bytes, bool]:
        """Return what an answer begins with, and whether that is all of it."""
        found, length = [], 0
        with self._lock:
            for piece in () if self._closed else self._source:
                found.append(piece)
                length += len(piece)
                if length >= AT_ONCE:
                    return b"".join(found), False
        return b"".join(found), True

    def step(self) -> bytes | None:
        """Return the next piece, None after the last."""
        with self._lock:
            return None if self._closed else next(self._pieces, None)

    def close(self) -> None:
        """Stop; what the source holds open is released, when the step that somebody is at has ended."""
        with self._lock:
            self._closed = True
            for one in (self._pieces, self._source):
                if (stop := getattr(one, "close", None)) is not None:
                    stop()
