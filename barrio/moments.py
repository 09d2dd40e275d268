"""Times as people write and read them, at the edge: inside there are only ns UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from barrio.errors import AskError
from twin import clock
from twin.clock import NS
from twin.model.spec import parse_duration

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MEANT = "a time is ISO 8601 (2026-11-23T09:00, 2026-11-23), now, or an age such as -15m, -1h, -7d, -2w, -1mo or -1y"
_LAST = 9_000_000_000 * NS
_CALENDAR = re.compile(r"(?P<count>[0-9]{1,12})\s*(?P<unit>y|mo|w|d)")
_BROKEN = re.compile(r"[0-9]+\.[0-9]+\s*(?:y|mo|w|d)")
_FINER = re.compile(r"[.,]\d{6}(\d+)")
_ZONED = re.compile(r"(.+T[0-9:.]+) (\d{2}:?\d{2})")


@dataclass(frozen=True, slots=True)
class Duration:
    """A duration: months and days of the calendar, and `ns` of time."""

    months: int = 0
    days: int = 0
    ns: int = 0

    def after(self, moment: int, zone: ZoneInfo, sign: int) -> int:
        """Return the moment that is so long after another one, before it with a `sign` of -1; ns UTC.

        A day that the month does not have is its last one. ValueError or OverflowError outside of the calendar.
        """
        if self.months or self.days:
            whole, rest = divmod(moment, NS)
            local = datetime.fromtimestamp(whole, zone)
            month = local.year * 12 + local.month - 1 + sign * self.months
            local = _in_month(local, month) + timedelta(days=sign * self.days)
            moment = round(local.timestamp()) * NS + rest
        return moment + sign * self.ns


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
    """Return ns UTC of a time as a person writes it: ISO 8601 (without an offset: in `zone`), `now`, or `-1h`.

    Days, weeks, months and years of an age are of the calendar and the clock of `zone`, as those of a duration are:
    `-1d` is where `P1D/now` begins. Hours, minutes and seconds are lengths of time.
    """
    text = text.strip()
    if text == "now":
        return now_ns
    if text.startswith("-"):
        return _before(now_ns, text, parameter, zone)
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


def _before(now_ns: int, text: str, parameter: str, zone: ZoneInfo) -> int:
    try:
        found = _age(text[1:].strip(), text, parameter).after(now_ns, zone, -1)
    except (OverflowError, OSError, ValueError):
        found = -1
    return _within_years(found, text, parameter)


def _age(age: str, text: str, parameter: str) -> Duration:
    found = _CALENDAR.fullmatch(age)
    if found is not None:
        count = int(found["count"])
        match found["unit"]:
            case "y":
                return Duration(months=12 * count)
            case "mo":
                return Duration(months=count)
            case "w":
                return Duration(days=7 * count)
            case _:
                return Duration(days=count)
    if _BROKEN.fullmatch(age):
        words = (
            "days, weeks, months and years of an age are whole, since they are of the calendar: write hours"
        )
        raise AskError(parameter, f"{text!r} is not a time: {words}, such as -36h")
    try:
        return Duration(ns=round(parse_duration(age) * NS))
    except (ValueError, OverflowError):
        raise AskError(parameter, f"{text!r} is not a time: {_MEANT}") from None


def _in_month(local: datetime, month: int) -> datetime:
    """Return the same day and time in a month, counted from the year 0."""
    year, number = divmod(month, 12)
    for day in range(local.day, local.day - 4, -1):
        try:
            return local.replace(year=year, month=number + 1, day=day)
        except ValueError:
            continue
    raise ValueError(month)


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
