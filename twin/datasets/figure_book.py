"""The book of open figures: what was published, once and for ever.

What holds:

- A figure of a window is written once; what is there is never replaced.
- `setting`: the groups of a district as they are configured, by their digest. When they change, figures go on with
  windows that begin after everything that was published before: no meter's use is in sums of two settings.
- `until`: how far each part of a setting is.

Times are ns UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from twin.databook import DataBook
from twin.sqlite import Database

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from twin.datasets.figures import Figure, Window

_SCHEMA = """
CREATE TABLE IF NOT EXISTS setting (
  id INTEGER PRIMARY KEY AUTOINCREMENT, district TEXT NOT NULL, digest TEXT NOT NULL, since INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS until (
  setting INTEGER NOT NULL, part TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (setting, part)
) STRICT;
CREATE TABLE IF NOT EXISTS figure (
  district TEXT NOT NULL, dataset TEXT NOT NULL, place TEXT NOT NULL, quantity TEXT NOT NULL,
  start INTEGER NOT NULL, stop INTEGER NOT NULL, verdict INTEGER NOT NULL, least INTEGER NOT NULL,
  value REAL, completeness REAL,
  PRIMARY KEY (district, dataset, place, quantity, start)
) STRICT, WITHOUT ROWID;
"""
_LATEST = "SELECT id, digest, since FROM setting WHERE district = ? ORDER BY id DESC LIMIT 1"
_UNTIL = "INSERT INTO until VALUES (?,?,?) ON CONFLICT DO UPDATE SET at = max(at, excluded.at)"
_FIGURE = "INSERT INTO figure VALUES (?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING"
_READ = (
    "SELECT place, quantity, start, stop, verdict, least, value, completeness FROM figure"
    " WHERE district = ? AND dataset = ? AND start >= ? AND start < ? ORDER BY place, quantity, start LIMIT ?"
)


@dataclass(frozen=True, slots=True)
class Row:
    """A figure as it was published; `value` and `completeness` are None where it is suppressed."""

    group: str
    quantity: str
    start: int
    stop: int
    verdict: int
    least: int
    value: float | None
    completeness: float | None


class FigureBook(DataBook):
    """The book of one data folder; methods block on the disk and raise `twin.sqlite.DatabaseBusy`."""

    def __init__(self, path: Path) -> None:
        super().__init__(Database(path, _SCHEMA, synchronous="FULL"))

    def begin(self, district: str, digest: str, first: int) -> tuple[int, int]:
        """Return the number of a district's setting and since when it holds; a new one begins where all others end."""
        with self._database.transaction() as connection:
            found = connection.execute(_LATEST, (district,)).fetchone()
            if found is not None and found[1] == digest:
                return int(found[0]), int(found[2])
            text = "SELECT max(stop) FROM figure WHERE district = ?"
            (last,) = connection.execute(text, (district,)).fetchone()
            since = max(first, last or 0, found[2] if found is not None else 0)
            text = "INSERT INTO setting (district, digest, since) VALUES (?,?,?)"
            return int(connection.execute(text, (district, digest, since)).lastrowid or 0), since

    def until(self, setting: int, part: str) -> int:
        """Return until when the windows of a part are published; 0 when none is."""
        with self._database.reading() as connection:
            text = "SELECT at FROM until WHERE setting = ? AND part = ?"
            found = connection.execute(text, (setting, part)).fetchone()
        return int(found[0]) if found is not None else 0

    def publish(self, setting: int, part: str, window: Window, found: Sequence[Figure], least: int) -> None:
        """Publish the figures of one window, all of them or none."""
        rows = [
            (
                *(one.published.dataset.district, one.published.dataset.id),
                *(one.published.group.id, one.published.group.quantity),
                *(window.start, window.stop, int(one.verdict), least),
                *(None if np.isnan(number) else number for number in (one.value, one.completeness)),
            )
            for one in found
        ]
        with self._database.transaction() as connection:
            connection.executemany(_FIGURE, rows)
            connection.execute(_UNTIL, (setting, part, window.stop))

    def rows(self, district: str, dataset: str, span: tuple[int, int], most: int) -> list[Row]:
        """Return what was published of a dataset's windows that begin in a span, at most so many."""
        with self._database.reading() as connection:
            found = connection.execute(_READ, (district, dataset, *span, most))
            return [Row(*one) for one in found]

    def reach(self, district: str, dataset: str) -> tuple[int, int] | None:
        """Return from when until when windows of a dataset were published; None when none was."""
        text = "SELECT min(start), max(stop) FROM figure WHERE district = ? AND dataset = ?"
        with self._database.reading() as connection:
            first, last = connection.execute(text, (district, dataset)).fetchone()
        return None if first is None else (int(first), int(last))
