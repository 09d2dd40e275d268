"""The small books of the data folder: one SQLite file each, opened once and closed once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from twin.sqlite import Database


class DataBook:
    """A book in one file; what it holds is its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self) -> Path | None:
        """Open the file; returns what a damaged one was renamed to, None normally. StartError when it cannot be had."""
        self._database.open()
        return self.set_aside

    @property
    def set_aside(self) -> Path | None:
        """The damaged file that this one was made in place of, None normally."""
        return self._database.set_aside

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        self._database.close()
