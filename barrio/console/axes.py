"""Ticks of a chart: round numbers upwards, and round times of the district's clock along."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dashboards.kit.texts import Lang

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

MOST_TICKS = 7
_HOUR = 3600
_DAY = 86_400
_STEPS = (
    *(60, 120, 300, 600, 900, 1800),
    *(_HOUR, 2 * _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR),
    *(_DAY, 2 * _DAY, 7 * _DAY),
)
_MONTHS = (1, 2, 3, 6, 12)
_MONTH_S = 30 * _DAY
_NAMES = {
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    "es": ("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"),
}


def time_ticks(start_s: float, stop_s: float, zone: ZoneInfo, lang: Lang) -> list[tuple[float, str]]:
    """Return times in s since 1970 with what to write at them: a clock within a day, else days, else months."""
    length = stop_s - start_s
    step = next((one for one in _STEPS if length / one <= MOST_TICKS), None)
    if step is None:
        months = next((one for one in _MONTHS if length / (one * _MONTH_S) <= MOST_TICKS), _MONTHS[-1])
        return _month_ticks(start_s, stop_s, zone, lang, months)
    moment = _floor(datetime.fromtimestamp(start_s, zone), step)
    found: list[tuple[float, str]] = []
    while (at := moment.astimezone(UTC).timestamp()) <= stop_s:
        if at >= start_s and (not found or at > found[-1][0]):
            found.append((at, _label(moment, step, lang)))
        # Steps of the clock on the wall: an hour that is left out or comes twice moves no later tick.
        moment = (moment.replace(tzinfo=None) + timedelta(seconds=step)).replace(tzinfo=zone)
    return found


def number_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Return round numbers from below `low` to above `high`."""
    if not high > low:
        room = abs(low) * 0.1 or 1.0
        low, high = low - room, high + room
    rough = (high - low) / most
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(one * size for one in (1, 2, 2.5, 5, 10) if one * size >= rough * 0.999)
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def day_words(moment: datetime, lang: Lang) -> str:
    """Return a day as `28 Nov` or `28 nov`."""
    return f"{moment.day} {_NAMES[lang][moment.month - 1]}"


def _label(moment: datetime, step: int, lang: Lang) -> str:
    if step >= _DAY or (moment.hour == moment.minute == 0):
        return day_words(moment, lang)
    return f"{moment:%H:%M}"


def _floor(moment: datetime, step: int) -> datetime:
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if step > _DAY:
        back = moment.toordinal() % (step // _DAY)
        return (midnight.replace(tzinfo=None) - timedelta(days=back)).replace(tzinfo=moment.tzinfo)
    into = (moment.replace(tzinfo=None) - midnight.replace(tzinfo=None)).total_seconds()
    floored = midnight.replace(tzinfo=None) + timedelta(seconds=into // step * step)
    return floored.replace(tzinfo=moment.tzinfo)


def _month_ticks(
    start_s: float, stop_s: float, zone: ZoneInfo, lang: Lang, months: int
) -> list[tuple[float, str]]:
    first = datetime.fromtimestamp(start_s, zone)
    number = (first.year * 12 + first.month - 1) // months * months
    found: list[tuple[float, str]] = []
    while True:
        year, month = divmod(number, 12)
        at = datetime(year, month + 1, 1, tzinfo=zone).timestamp()
        if at > stop_s:
            return found
        if at >= start_s:
            found.append((at, str(year) if month == 0 else _NAMES[lang][month]))
        number += months
