"""Times as people write and read them, at the edge: inside there are only ns UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from barrio.errors import AskError
from twin import clock
from twin.clock import NS
from twin.model.spec import parse_duration

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WEEK_S = 604_800
_MEANT = "a time is ISO 8601 (2026-11-23T09:00, 2026-11-23), now, or an age such as -15m, -1h, -7d or -2w"
_LAST = 9_000_000_000 * NS
_FINER = re.compile(r"[.,]\d{6}(\d+)")
_ZONED = re.compile(r"(.+T[0-9:.]+) (\d{2}:?\d{2})")


def rfc3339(ns: int) -> str | None:
    """Return a time as `2026-11-23T15:00:00.000000Z`; None for 0, which stands for never."""
    return clock.rfc3339(ns) if ns else None


def exact(ns: int) -> str | None:
    """Return the time of a reading as it is, to the nanosecond: asked with it, one finds that reading."""
    return clock.exact(ns) if ns else None


def parse_zone(name: str, parameter: str = "tz") -> ZoneInfo:
    """Return the zone of an IANA name; AskError otherwise."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        words = f"{name!r} is not an IANA time zone, such as America/Mexico_City"
        raise AskError(parameter, words) from None


def parse_moment(text: str, parameter: str, now_ns: int, zone: ZoneInfo) -> int:
    """Return ns UTC of a time as a person writes it: ISO 8601 (without an offset: in `zone`), `now`, or `-1h`."""
    text = text.strip()
    if text == "now":
        return now_ns
    if text.startswith("-"):
        return _within_years(now_ns - _age_ns(text[1:], text, parameter), text, parameter)
    # In a query string a + that was not escaped arrives as a space.
    zoned = _ZONED.fullmatch(text)
    try:
        moment = datetime.fromisoformat(f"{zoned[1]}+{zoned[2]}" if zoned else text)
        found = (moment if moment.tzinfo else moment.replace(tzinfo=zone)) - _EPOCH
    except (ValueError, OverflowError):
        raise AskError(parameter, f"{text!r} is not a time: {_MEANT}") from None
    # What is finer than a microsecond, Python's own reading cuts off.
    finer = _FINER.search(text)
    nanos = int(f"{finer[1]:0<3}"[:3]) if finer else 0
    return _within_years(found // timedelta(microseconds=1) * 1000 + nanos, text, parameter)


def _within_years(ns: int, text: str, parameter: str) -> int:
    if not 0 <= ns < _LAST:
        raise AskError(parameter, f"{text!r} lies outside the years 1970 to 2255")
    return ns


def _age_ns(age: str, text: str, parameter: str) -> int:
    try:
        weeks = age.removesuffix("w")
        seconds = float(weeks) * _WEEK_S if weeks != age and weeks.isdigit() else parse_duration(age)
        return round(seconds * NS)
    except (ValueError, OverflowError):
        raise AskError(parameter, f"{text!r} is not a time: {_MEANT}") from None


def local(ns: int, zone: ZoneInfo, *, seconds: bool = True) -> str:
    """Return a time as a clock in `zone` shows it, with its offset from UTC."""
    moment = datetime.fromtimestamp(ns / NS, zone)
    return moment.strftime("%Y-%m-%d %H:%M:%S %z" if seconds else "%Y-%m-%d %H:%M %z")


def lasted(seconds: float, digits: int = 0) -> str:
    """Return a length of time as `45 s`, `3 min`, `5 h` or `2 d`; seconds are whole, larger units have `digits`."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.{digits}f} {unit}"
    return f"{seconds:.0f} s"
