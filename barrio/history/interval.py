"""Intervals as ISO 8601 writes them: `start/end`, `start/duration`, `duration/end`.

Years, months, weeks and days of a duration are of the calendar and the clock of a zone; hours, minutes and seconds are
lengths of time. So `2026-03-29/P1D` is a day of 23 hours where the clocks change, and `…/PT24H` is not.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from barrio.errors import AskError
from barrio.moments import Duration, parse_moment
from twin.clock import NS

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_NUMBER = "[0-9]{1,6}"
_DURATION = re.compile(
    rf"P(?=[0-9T])(?:(?P<years>{_NUMBER})Y)?(?:(?P<months>{_NUMBER})M)?(?:(?P<weeks>{_NUMBER})W)?"
    rf"(?:(?P<days>{_NUMBER})D)?(?:T(?=[0-9])(?:(?P<hours>{_NUMBER})H)?(?:(?P<minutes>{_NUMBER})M)?"
    rf"(?:(?P<seconds>{_NUMBER}(?:\.[0-9]{{1,9}})?)S)?)?"
)
_MEANT = "an interval is start/end, start/duration or duration/end, such as 2026-11-01/2026-12-01 or 2026-11-01/P1M"
_LONGEST_NS = 300 * 366 * 86_400 * NS


def parse_interval(text: str, now_ns: int, zone: ZoneInfo, parameter: str = "interval") -> tuple[int, int]:
    """Return start and end of an interval, ns UTC; AskError with what was meant. Times are as in `parse_moment`."""
    first, slash, second = text.strip().partition("/")
    if not slash or "/" in second or not first or not second:
        raise AskError(parameter, f"{text!r} is not an interval: {_MEANT}")
    lengths = [_duration(part, text, parameter) for part in (first, second)]
    if lengths[0] is not None and lengths[1] is not None:
        raise AskError(parameter, f"{text!r} has two durations: {_MEANT}")
    start, end = (
        None if length is not None else parse_moment(part, parameter, now_ns, zone)
        for part, length in zip((first, second), lengths, strict=True)
    )
    if start is None and lengths[0] is not None and end is not None:
        start = _moved(end, lengths[0], zone, -1, text, parameter)
    if end is None and lengths[1] is not None and start is not None:
        end = _moved(start, lengths[1], zone, 1, text, parameter)
    if start is None or end is None or start >= end:
        raise AskError(parameter, f"{text!r} does not end after it begins")
    return start, end


def _moved(moment: int, length: Duration, zone: ZoneInfo, sign: int, text: str, parameter: str) -> int:
    try:
        found = length.after(moment, zone, sign)
    except (ValueError, OverflowError, OSError):
        found = -1
    if not 0 <= found < _LONGEST_NS:
        raise AskError(parameter, f"{text!r} lies outside the years 1970 to 2255")
    return found


def _duration(text: str, whole: str, parameter: str) -> Duration | None:
    """Return a duration, None for what begins as none."""
    if not text.startswith("P"):
        return None
    match = _DURATION.fullmatch(text)
    if match is None:
        raise AskError(parameter, f"{text!r} in {whole!r} is not a duration, such as PT1H, P1D or P1M")
    part = {name: int(value or 0) for name, value in match.groupdict().items() if name != "seconds"}
    whole_s, _, rest = (match["seconds"] or "0").partition(".")
    seconds = part["hours"] * 3600 + part["minutes"] * 60 + int(whole_s)
    return Duration(
        part["years"] * 12 + part["months"],
        part["weeks"] * 7 + part["days"],
        seconds * NS + int(f"{rest:0<9}"),
    )
