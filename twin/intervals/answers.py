"""What is answered of a stretch of time: settled days out of the book, and what is made on the fly to meet them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from twin.intervals.flags import Why
from twin.intervals.grid import day_starts, quarters
from twin.intervals.line import joined, nothing
from twin.intervals.stand import ends_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from zoneinfo import ZoneInfo

    from twin.frame import Times
    from twin.intervals.book import IntervalBook
    from twin.intervals.line import Line
    from twin.intervals.reckoner import Reckoner
    from twin.intervals.stand import Stand


class Answers:
    """Answers for the registers of one district. Methods block on the store and the disk; any thread may ask."""

    def __init__(self, book: IntervalBook, reckoner: Reckoner, zone: ZoneInfo) -> None:
        self._book = book
        self._reckoner = reckoner
        self._zone = zone

    def lines(
        self, ids: Sequence[int], start: int, stop: int, version: int | None = None, newest: int | None = None
    ) -> dict[int, Line]:
        """Return the quarter hours of the days that touch `start <= time < stop`, for each register.

        Settled days as the book has them; with a `version` as they stood with it, and nothing of what was not settled
        by then. Else what is not settled is made now, with version 0, and goes on from where settled days end;
        `newest` is the version that all of an answer goes by, the newest one when left out.
        """
        days = day_starts(start, stop, self._zone)
        upto = version if version is not None else self._book.newest() if newest is None else newest
        kept = self._book.days(ids, int(days[0]), int(days[-1]), upto)
        fresh = self._missing(ids, days, kept, upto) if version is None else {}
        return {one: self._assembled(one, days, kept, fresh.get(one)) for one in ids}

    def _missing(
        self, ids: Sequence[int], days: Times, kept: Mapping[tuple[int, int], Line], upto: int
    ) -> dict[int, Line]:
        """Reckon, for each register that has days that are not settled, from the first of them on."""
        begins: dict[int, list[int]] = {}
        for one in ids:
            first = next((day for day in days[:-1].tolist() if (one, day) not in kept), None)
            if first is not None:
                begins.setdefault(first, []).append(one)
        found: dict[int, Line] = {}
        for first, some in begins.items():
            edits = self._book.edits(some, upto)
            stands = self._stands(some, kept, upto)
            found |= self._reckoner.reckoned(some, first, int(days[-1]), edits, stands=stands)
        return found

    def _stands(
        self, ids: Sequence[int], kept: Mapping[tuple[int, int], Line], upto: int
    ) -> dict[int, Stand]:
        """Return where settled days of a stretch, and the oldest and newest of all, begin and end."""
        lines = {one: list(ends) for one, ends in self._book.ends(ids, upto).items()}
        for (one, _), line in kept.items():
            if one in lines:
                lines[one].append(line)
        return {one: ends_of(found) for one, found in lines.items()}

    def _assembled(
        self, one: int, days: Times, kept: Mapping[tuple[int, int], Line], fresh: Line | None
    ) -> Line:
        parts = []
        for low, high in pairwise(days.tolist()):
            line = kept.get((one, low))
            if line is None and fresh is not None:
                line = fresh.between(low, high)
            parts.append(nothing(quarters(low, high, self._zone), Why.UNSETTLED) if line is None else line)
        return joined(parts)
