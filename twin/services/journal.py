"""What became of requests, counts and services, on disk: for a restart, and for questions about the past."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from twin.databook import DataBook
from twin.services import count_book, request_book
from twin.services.count_book import CountBook
from twin.services.request_book import RequestBook
from twin.sqlite import Database

if TYPE_CHECKING:
    from pathlib import Path

    from twin.services.count_book import CountedRow, PlaceRow
    from twin.services.request import Request


@dataclass(frozen=True, slots=True)
class Kept:
    """Everything that a start needs; `newest_request` is the highest number that was given."""

    newest_request: int = 0
    lasts: list[Request] = field(default_factory=list)
    places: list[PlaceRow] = field(default_factory=list)
    quarters: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    counted: list[CountedRow] = field(default_factory=list)
    days: list[tuple[str, int, float]] = field(default_factory=list)


class ServiceJournal(DataBook):
    """The services of one data folder; methods block on the disk and raise `twin.sqlite.DatabaseBusy`."""

    def __init__(self, path: Path) -> None:
        super().__init__(Database(path, request_book.SCHEMA + count_book.SCHEMA))
        self.requests = RequestBook(self._database)
        self.counts = CountBook(self._database)

    def kept(self) -> Kept:
        """Return what a start goes on with."""
        places = self.counts.places()
        return Kept(
            self.requests.newest(),
            self.requests.lasts(),
            places,
            {row.key: self.counts.quarters(row.key) for row in places},
            self.counts.counted(),
            self.counts.days(),
        )

    def standing(self, at_ns: int) -> list[Request]:
        """Return the requests that were open at a moment, as they stood then, the newest first."""
        return self.requests.standing(at_ns)

    def prune(self, before_ns: int) -> int:
        """Forget what ended before a time, but no service that was done; returns how many rows."""
        return self.requests.prune(before_ns) + self.counts.prune(before_ns)
