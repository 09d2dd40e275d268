"""Edges of windows: quarter hours, hours, days, weeks, months and years as a district's clock shows them.

A day in which the clocks change has 23 or 25 hours, and 92 or 100 quarter hours. Windows are whole: the first one
begins at or before `start`, the last one ends at or after `stop`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from twin.clock import NS
from twin.frame import Times

MOST_WINDOWS = 1_000_000
_AT_ONCE = 100_000
_LAST = np.iinfo(np.int64).max

_DAY_S = 86_400
_UNITS_S = {"s": 1, "m": 60, "min": 60, "h": 3600}
_MONTHS = {"mo": 1, "y": 12}
_SHORTEST_S = {"d": 23 * 3600, "w": 6 * _DAY_S, "mo": 28 * _DAY_S, "y": 365 * _DAY_S}
_EVERY = re.compile(r"([0-9]{1,9})(s|min|mo|m|h|d|w|y)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MEANT = (
    "meant is one of 15s, 1m, 15m, 1h, 6h, 1d, 1w, 1mo, 1y, or another s, m or h that divides a day evenly"
)


def edges(start_ns: int, stop_ns: int, every: str, zone: ZoneInfo, most: int = MOST_WINDOWS) -> Times:
    """Return the edges, int64[n+1] ns UTC, of the n windows of `every` that touch `start_ns <= time < stop_ns`.

    `every` is a fixed length (`15s`, `15m`, `1h`) that divides a day evenly, counted from midnight on the clock of
    `zone`; or a part of the calendar: `1d`, `1w` (from Monday), `1mo`, `3mo`, `1y`. Where the clock is put back, an
    hour that happens twice is two windows of `1h`, but a longer window simply lasts longer.
    ValueError, with what was meant, for another `every`, an empty interval, or more than `most` windows
    (of the shortest that a month or a year may be), which is said before any is made.
    """
    count, unit = _parse(every)
    if stop_ns <= start_ns:
        raise ValueError(
            f"the interval ends at {stop_ns} and begins at {start_ns}: its end must be after its beginning"
        )
    _check_number(start_ns, stop_ns, count * (_UNITS_S.get(unit) or _SHORTEST_S[unit]), every, most)
    try:
        first, last = start_ns // NS, -(-stop_ns // NS)
        if unit in _UNITS_S:
            found = _fixed(first, last, count * _UNITS_S[unit], zone)
        else:
            found = _calendar(first, last, count, unit, zone)
    except OverflowError:
        raise ValueError("the interval lies outside the years 1 to 9999") from None
    low = int(np.searchsorted(found, first, "right")) - 1
    high = int(np.searchsorted(found, last, "left")) + 1
    return found[low:high] * NS


def among(moments: Times, every: str, zone: ZoneInfo) -> npt.NDArray[np.bool_]:
    """Return which of some rising moments are edges of windows of `every`; they may lie far apart."""
    found = np.zeros(len(moments), np.bool_)
    count, unit = _parse(every)
    most = _AT_ONCE * count * (_UNITS_S.get(unit) or _SHORTEST_S[unit]) * NS
    first = 0
    while first < len(moments):
        last = max(first + 1, int(np.searchsorted(moments, np.int64(min(int(moments[first]) + most, _LAST)))))
        some = moments[first:last]
        grid = edges(int(some[0]), int(some[-1]) + 1, every, zone)
        found[first:last] = grid[np.minimum(np.searchsorted(grid, some), len(grid) - 1)] == some
        first = last
    return found


def _parse(every: str) -> tuple[int, str]:
    match = _EVERY.fullmatch(every.strip())
    if match is None:
        raise ValueError(f"{every!r} is not the length of a window: {_MEANT}")
    count, unit = int(match[1]), match[2]
    if unit in _UNITS_S:
        seconds = count * _UNITS_S[unit]
        right = 0 < seconds <= _DAY_S and _DAY_S % seconds == 0
    else:
        right = count == 1 or (unit == "mo" and count > 0 and 12 % count == 0)
    if not right:
        raise ValueError(f"windows of {every!r} would not begin at the same time each day or year: {_MEANT}")
    return count, unit


def _check_number(start_ns: int, stop_ns: int, every_s: int, every: str, most: int) -> None:
    number = (stop_ns - start_ns) // (every_s * NS)
    if number > most:
        raise ValueError(
            f"{number:,} windows of {every} are too many, the most is {most:,}: ask for longer ones"
        )


def _calendar(first: int, last: int, count: int, unit: str, zone: ZoneInfo) -> Times:
    begin = datetime.fromtimestamp(first, zone).date()
    days = _days(begin, 7 if unit == "w" else 1) if unit in "dw" else _months(begin, count * _MONTHS[unit])
    found = []
    for day in days:
        found.append(_midnight(day, zone))
        if found[-1] >= last:
            break
    return np.unique(np.array(found, np.int64))


def _days(begin: date, step: int) -> Iterator[date]:
    day = begin - timedelta(days=begin.weekday() if step == 7 else 0)
    while True:
        yield day
        day += timedelta(days=step)


def _months(begin: date, step: int) -> Iterator[date]:
    month = (begin.year * 12 + begin.month - 1) // step * step
    while True:
        if month // 12 > 9999:
            raise OverflowError
        yield date(month // 12, month % 12 + 1, 1)
        month += step


def _midnight(day: date, zone: ZoneInfo) -> int:
    """Return the instant at which `day` begins; where midnight is skipped, the instant of the skip (PEP 495)."""
    return _seconds(datetime(day.year, day.month, day.day, tzinfo=zone))


def _seconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(seconds=1)


def _fixed(first: int, last: int, every: int, zone: ZoneInfo) -> Times:
    """Return the instants at which the zone's clock shows a multiple of `every` since midnight."""
    begin, end = first - 2 * _DAY_S, last + 2 * _DAY_S
    parts = [
        _grid(since, until, every, offset, before)
        for since, until, offset, before in _spans(begin, end, zone)
    ]
    return np.concatenate(parts)


def _grid(since: int, until: int, every: int, offset: int, before: int) -> Times:
    """Return the edges in `since <= time < until`, where the clock is `offset` ahead of UTC, and was `before`.

    What the clock shows a second time is left out, unless the windows are short enough to fit into it.
    """
    repeated = before - offset
    start = since + repeated if 0 < repeated < every else since
    return np.arange(-(-(start + offset) // every) * every - offset, until, every, dtype=np.int64)


def _spans(begin: int, end: int, zone: ZoneInfo) -> Iterator[tuple[int, int, int, int]]:
    """Yield `(since, until, offset, offset before)` for the stretches in which the clock runs evenly."""
    days = [*range(begin, end, _DAY_S), end]
    offsets = [_offset(day, zone) for day in days]
    changes = [
        (_change(low, high, zone), after)
        for (low, high), (before, after) in zip(pairwise(days), pairwise(offsets), strict=True)
        if before != after
    ]
    since, offset, before = begin, offsets[0], offsets[0]
    for at, after in changes:
        yield since, at, offset, before
        since, before, offset = at, offset, after
    yield since, end, offset, before


def _offset(at: int, zone: ZoneInfo) -> int:
    found = datetime.fromtimestamp(at, zone).utcoffset()
    return 0 if found is None else found // timedelta(seconds=1)


def _change(low: int, high: int, zone: ZoneInfo) -> int:
    """Return the first second at which the offset is that of `high`."""
    offset = _offset(high, zone)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _offset(middle, zone) == offset else (middle, high)
    return high
