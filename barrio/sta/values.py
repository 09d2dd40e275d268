"""Values that JSON does not have: instants and intervals, how they are read, compared and written.

Times are written with microseconds, and compared as they are written: what is finer is cut off on either side.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from twin.clock import rfc3339

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)
MICRO = 1_000
# In a query string a + that was not escaped arrives as a space.
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+\- ]\d\d:?\d\d)?)?")


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment, ns UTC, whole microseconds."""

    ns: int

    def __str__(self) -> str:
        """Return it as RFC 3339."""
        return rfc3339(self.ns)


@dataclass(frozen=True, slots=True)
class Span:
    """An interval `start <= time < stop`, ns UTC; among other times it stands where it starts."""

    start: int
    stop: int

    def __str__(self) -> str:
        """Return it as ISO 8601: start, slash, end."""
        return f"{rfc3339(self.start)}/{rfc3339(self.stop)}"

    @property
    def ns(self) -> int:
        """Where it stands."""
        return self.start


@dataclass(frozen=True, slots=True)
class Lasting:
    """A length of time in ns."""

    ns: int


Time = Instant | Span


def instant(ns: int) -> Instant:
    """Return a moment without what is finer than microseconds."""
    return Instant(ns // MICRO * MICRO)


def parse_instant(text: str) -> Instant:
    """Return the moment that ISO 8601 text names; a date is its midnight UTC. ValueError with words otherwise."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:40]!r} is not a time such as 2026-11-28T09:00:00Z")
    day, hour, minute, second, fraction, offset = found.groups()
    if hour is None:
        hour, minute, offset = "00", "00", "Z"
    if offset is None:
        raise ValueError(f"{text!r} has no offset from UTC: write Z, or one such as -06:00")
    micros = int((fraction or "")[:6].ljust(6, "0"))
    zone = "+00:00" if offset == "Z" else offset.replace(" ", "+")
    try:
        moment = datetime.fromisoformat(f"{day}T{hour}:{minute}:{second or '00'}{zone}")
        since = (moment - _EPOCH) // _MICRO * 1000 + micros * 1000
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is not a time that there is") from None
    if not 0 <= since < 2**63:
        raise ValueError(f"{text!r} lies outside the years 1970 to 2262")
    return Instant(since)


def as_datetime(time: Time) -> datetime:
    """Return a moment in UTC as the calendar shows it; what is finer than microseconds is cut off."""
    return _EPOCH + timedelta(microseconds=time.ns // 1000)
