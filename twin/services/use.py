"""Use of devices, as columns: what counters have counted since the last service, and how fast it grows.

One row for each counter that a service depends on. `total` is what was counted since the counter is known, beginning
with its first reading, since a counter counts from when it was new; `base` is the total at the last service. Both
outlive wraps, resets and another counter in its place (`twin.services.counting`): a step of more than half a service's
use, which the time since the last reading does not explain, is taken for another counter, and nothing is counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from twin.clock import NS
from twin.model import units
from twin.services.counting import WRAPS_FROM

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from twin.frame import Values
    from twin.services.book import Service

    Rows = npt.NDArray[np.intp]

DAYS = 28
"""How far back the mean use is taken from."""

_DAY_NS = 86_400 * NS
_STARTS_S = 10.0
"""Nothing is switched more often than that for long."""

_NO_WRAP = np.inf


@dataclass(frozen=True, slots=True, eq=False)
class Odd:
    """Rows whose counters did something that a person may want to know."""

    reset: Rows
    other: Rows


class Use:
    """Columns of length n, one row for each service; `total` is NaN until the counter was heard."""

    def __init__(self, services: Sequence[Service]) -> None:
        number = len(services)
        self.every = np.array([one.every for one in services], np.float64)
        self.total = np.full(number, np.nan)
        self.base = np.zeros(number)
        self.last = np.full(number, np.nan)
        self.since = np.zeros(number, np.int64)
        self.at = np.zeros(number, np.int64)
        self._fastest = np.array([_fastest(one.unit) for one in services], np.float64)
        self._wraps = np.array([one.counter.wraps_at or _NO_WRAP for one in services], np.float64)
        # Totals at the ends of the last days, in a ring, and when that was.
        self._days = np.full((DAYS + 1, number), np.nan)
        self._days_at = np.zeros((DAYS + 1, number), np.int64)

    @property
    def used(self) -> Values:
        """Use since the last service, float64[n]."""
        return self.total - self.base

    def count(self, rows: Rows, value: Values, now_ns: int) -> Odd:
        """Take readings of distinct rows."""
        first = np.isnan(self.last[rows])
        new = first & np.isnan(self.total[rows])
        last = np.where(first, value, self.last[rows])
        grown = value - last
        fell = grown < 0
        wraps = self._wraps[rows]
        wrapped = fell & (last > WRAPS_FROM * wraps) & (value < WRAPS_FROM * wraps)
        with np.errstate(invalid="ignore"):
            grown = np.where(wrapped, value + wraps - last, np.where(fell, value, grown))
        lasted_s = np.maximum(0, now_ns - self.at[rows]) / NS
        other = grown > np.maximum(self.every[rows] / 2, self._fastest[rows] * lasted_s)
        grown[other] = 0.0
        self.last[rows] = value
        self.at[rows] = now_ns
        self.total[rows] = np.where(new, value, self.total[rows] + grown)
        return Odd(rows[fell & ~wrapped & ~other], rows[other])

    def serviced(self, row: int, now_ns: int) -> float:
        """Begin anew with a row; returns what had been used."""
        used = float(self.total[row] - self.base[row])
        self.base[row] = self.total[row]
        self.since[row] = now_ns
        return used

    # --- days -----------------------------------------------------------------------------------------------

    def end_day(self, day: int, now_ns: int) -> None:
        """Note the totals at the end of a day, numbered like `date.toordinal()`."""
        at = day % (DAYS + 1)
        self._days[at] = self.total
        self._days_at[at] = now_ns

    def recall(self, row: int, day: int, at_ns: int, total: float) -> None:
        """Take the total of a row at the end of a day from before."""
        at = day % (DAYS + 1)
        self._days[at, row] = total
        self._days_at[at, row] = at_ns

    def per_day(self, now_ns: int, rows: Rows) -> tuple[Values, Values]:
        """Return the mean use of a day and the number of days that it is taken from, float64 each.

        NaN where there is less than a day to tell it from.
        """
        at, total = self._days_at[:, rows], self._days[:, rows]
        age = (now_ns - at) / _DAY_NS
        known = ~np.isnan(total) & (age >= 1) & (age <= DAYS + 1.5) & (total <= self.total[rows])
        age = np.where(known, age, -np.inf)
        oldest = np.argmax(age, axis=0)
        column = np.arange(len(rows))
        days = np.where(known.any(axis=0), age[oldest, column], np.nan)
        rate: Values = (self.total[rows] - total[oldest, column]) / days
        return rate, days

    def due_at(self, now_ns: int, rate: float, row: int) -> int | None:
        """Return when a service is due at a daily use, ns UTC; None when that never comes."""
        if not rate > 0:
            return None
        days = (self.every[row] - self.used[row]) / rate
        return None if days > 100 * 365 else now_ns + round(float(days) * _DAY_NS)


def _fastest(unit: str) -> float:
    """Return by how much a counter can grow in a second: hours as time passes, others once in ten seconds."""
    found = units.find(unit)
    if found is not None and found.kind == "time":
        return 1.05 / float(found.scale)
    return 1 / _STARTS_S
