"""A programme of the day at one place: what holds now, and what comes next.

A stretch begins at each of its local times (on the days that it is for) and ends at the first `until` after that. Local
times that a clock change leaves out come an hour later, those that it repeats count the first time. A stretch between
a clock's hour and the sun is left out on days on which the sun has passed the hour already (`from: sunset, until:
23:00` in a summer of long evenings): else it would last until the next day.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from twin.clock import NS
from twin.commands.sun import sun_days

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from zoneinfo import ZoneInfo

    from twin.commands.book import Stretch
    from twin.commands.times import TimeOfDay
    from twin.commands.values import Value
    from twin.model.spec import Location

_LONGEST_WITH_SUN = timedelta(hours=18)
_SHORTEST = timedelta(minutes=1)
_AHEAD_DAYS = 3
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Phase:
    """A time in which one value holds, `since <= t < until`, ns UTC; `value` is None where no stretch holds."""

    since: int
    until: int
    value: Value | None


class Programme:
    """One programme at one place; computes a few days at a time."""

    def __init__(
        self, stretches: Sequence[Stretch], days: frozenset[int], zone: ZoneInfo, place: Location
    ) -> None:
        self._stretches = stretches
        self._days = days
        self._zone = zone
        self._place = place
        self._phases: list[Phase] = []

    def at(self, now_ns: int) -> Phase:
        """Return what holds at a time."""
        if not self._phases or not self._phases[0].since <= now_ns < self._phases[-1].since:
            self._phases = self._compute(now_ns)
        return self._phases[bisect_right(self._phases, now_ns, key=lambda phase: phase.since) - 1]

    def coming(self, now_ns: int, until_ns: int) -> Iterator[Phase]:
        """Yield the phases that begin after `now_ns`, up to `until_ns`."""
        phase = self.at(now_ns)
        while phase.until < until_ns:
            phase = self.at(phase.until)
            yield phase

    def _compute(self, now_ns: int) -> list[Phase]:
        """Return phases from yesterday on, without holes; the last one only marks how far they are known."""
        today = (_EPOCH + timedelta(microseconds=now_ns // 1000)).astimezone(self._zone).date()
        first, last = today - timedelta(days=2), today + timedelta(days=_AHEAD_DAYS)
        spans = [
            (start, end, stretch.value)
            for stretch in self._stretches
            for start, end in self._spans(stretch, first, last)
        ]
        begin = _ns(_local(today - timedelta(days=1), 0, self._zone))
        end = _ns(_local(last, 0, self._zone))
        edges = sorted({begin, end, *(edge for span in spans for edge in span[:2] if begin < edge < end)})
        phases: list[Phase] = []
        for since, until in zip(edges, [*edges[1:], end + 1], strict=True):
            value = next((value for start, stop, value in spans if start <= since < stop), None)
            if phases and phases[-1].value == value and until <= end:
                phases[-1] = Phase(phases[-1].since, until, value)
            else:
                phases.append(Phase(since, until, value))
        return phases

    def _spans(self, stretch: Stretch, first: date, last: date) -> Iterator[tuple[int, int]]:
        """Yield when a stretch holds, ns UTC; it begins on one of `first` to `last`."""
        start, until = stretch.spec.start, stretch.spec.until
        ends = sorted(self._times(until, first, last + timedelta(days=2), beginning=False))
        mixed = bool(start.sun) != bool(until.sun)
        for begin in self._times(start, first, last, beginning=True):
            after = bisect_right(ends, begin)
            if begin.astimezone(self._zone).weekday() not in self._days or after == len(ends):
                continue
            length = ends[after] - begin
            if length >= _SHORTEST and not (mixed and length > _LONGEST_WITH_SUN):
                yield _ns(begin), _ns(ends[after])

    def _times(self, time: TimeOfDay, first: date, last: date, *, beginning: bool) -> Iterator[datetime]:
        """Yield the instants of a time of day, UTC."""
        days = (last - first).days + 1
        if not time.sun:
            for number in range(days):
                yield _local(first + timedelta(days=number), time.minute, self._zone)
            return
        offset = timedelta(seconds=time.offset_s)
        # A date of UTC may begin a day before or after the local one.
        for day in sun_days(self._place, first - timedelta(days=1), days + 2):
            if not beginning or day.begins(time.sun):
                yield day.of(time.sun) + offset


def _local(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """Return the instant of a local time: one that is left out comes an hour later, of two the first counts."""
    carry, minute = divmod(minute, 24 * 60)
    day += timedelta(days=carry)
    return datetime(day.year, day.month, day.day, *divmod(minute, 60), tzinfo=zone).astimezone(UTC)


def _ns(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000 // NS * NS
