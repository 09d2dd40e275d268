"""The pattern of a weekday, quarter hour by quarter hour, and what it says of the next hours.

A **slot** is a quarter hour on the district's clock, numbered from the year 1: `date.toordinal() * 96 + quarter of the
day`; a week is 672 slots. A quarter hour that the clock shows twice is one slot, the later one stands.

Forecast for a slot: the median of what the same slot of the weeks before held, moved by what now differs from the
median of its own slot, times how much of such a difference was still there after as long in the weeks before (fitted,
between none and all). Error: the same forecast is made for each week before from the others, also for the slots around,
and the error is the size that nine of ten of these stayed within; with few weeks it is the largest, and the share that
it is good for is n/(n + 1) of n weeks.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from twin.clock import NS
from twin.services.draw import NotKnown

if TYPE_CHECKING:
    from collections.abc import Iterable
    from zoneinfo import ZoneInfo

    from twin.frame import Times

SLOT_S = 900.0
DAY = 96
WEEK = 7 * DAY
FEWEST_WEEKS = 3
_AROUND = 2
_SHARE = 0.9
_NEWEST_S = 60.0
"""A stretch without news counts as this long at most, so that a stalled process does not invent a quarter hour."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ahead:
    """People expected in a quarter hour that begins at `start` (ns UTC); the interval held for `share` of the past."""

    start: int
    people: float
    low: float
    high: float
    share: float
    weeks: int


class Pattern:
    """Means of quarter hours of the last weeks of one place: `weeks + 1` of them in a ring, whatever comes."""

    def __init__(self, weeks: int, zone: ZoneInfo) -> None:
        self._weeks = weeks
        self._zone = zone
        self._ring = np.full((weeks + 1) * WEEK, np.nan)
        self._newest = -1
        self._slot = -1
        self._sum = self._seconds = 0.0
        self._seen_s: float | None = None
        self._people: float | None = None

    def slot(self, ns: int) -> int:
        """Return the slot of a time."""
        local = datetime.fromtimestamp(ns / 1e9, UTC).astimezone(self._zone)
        return local.toordinal() * DAY + (local.hour * 60 + local.minute) // 15

    @property
    def oldest(self) -> int:
        """The oldest slot that is of use."""
        return self._newest - len(self._ring) + 1

    # --- learning -------------------------------------------------------------------------------------------

    @property
    def span_s(self) -> float:
        """How far back anything is of use, in seconds."""
        return len(self._ring) * SLOT_S

    def recall(self, starts: Times, means: Floats, now_ns: int) -> None:
        """Take what the store knows: means of quarter hours that begin at `starts` (ns UTC), NaN for none."""
        known = ~np.isnan(means)
        rows = zip(map(self.slot, starts[known].tolist()), means[known].tolist(), strict=True)
        self.restore(rows, now_ns)

    def restore(self, rows: Iterable[tuple[int, float]], now_ns: int) -> None:
        """Take means that were kept, but none of times to come: those are of a clock that ran ahead."""
        now = self.slot(now_ns)
        self.learn(row for row in rows if row[0] <= now)

    def learn(self, rows: Iterable[tuple[int, float]]) -> None:
        """Take means of slots that ended, in any order."""
        for slot, people in sorted(rows):
            self._advance(slot)
            if slot >= self.oldest:
                self._ring[slot % len(self._ring)] = people

    def observe(self, now_ns: int, monotonic_s: float, people: float | None) -> list[tuple[int, float]]:
        """Note how many people there are now, None when it is not known; returns slots that just ended, with means."""
        slot, ended = self.slot(now_ns), []
        if slot != self._slot:
            ended = self._end()
            self._slot, self._sum, self._seconds = slot, 0.0, 0.0
        elif self._seen_s is not None and self._people is not None:
            lasted = min(max(0.0, monotonic_s - self._seen_s), _NEWEST_S)
            self._sum += lasted * self._people
            self._seconds += lasted
        self._seen_s, self._people = monotonic_s, people
        return ended

    def _end(self) -> list[tuple[int, float]]:
        if self._slot < 0 or self._seconds < SLOT_S / 2:
            return []
        row = (self._slot, self._sum / self._seconds)
        if self._slot < self.oldest:
            # A clock that ran ahead has been set right: what was learned then is of another time.
            self._newest = -1
        self.learn([row])
        return [row]

    def _advance(self, slot: int) -> None:
        """Make room up to a slot: what the ring held there is weeks older than it remembers."""
        if slot <= self._newest:
            return
        if self._newest < 0 or slot - self._newest >= len(self._ring):
            self._ring[:] = np.nan
        else:
            self._ring[np.arange(self._newest + 1, slot + 1) % len(self._ring)] = np.nan
        self._newest = slot

    # --- forecast -------------------------------------------------------------------------------------------

    def forecast(self, now_ns: int, people: float, ahead_s: float) -> list[Ahead] | NotKnown:
        """Return the quarter hours that begin within the next `ahead_s`, or why nothing can be said yet."""
        now = self.slot(now_ns)
        steps = int(ahead_s // SLOT_S)
        past = self._past(now, steps)
        complete = ~np.isnan(past[:, [_AROUND, *range(_AROUND + 1, _AROUND + steps + 1)]]).any(axis=1)
        weeks = int(complete.sum())
        if weeks < FEWEST_WEEKS:
            return NotKnown(f"not known yet: {weeks} of {FEWEST_WEEKS} weeks with this weekday and hour")
        past = past[complete]
        off = _off_others(past)
        quarter = round(SLOT_S * NS)
        begin = now_ns - now_ns % quarter
        return [_ahead(past, off, step, people, begin + step * quarter) for step in range(1, steps + 1)]

    def _past(self, now: int, steps: int) -> Floats:
        """Return the slots around now and up to `steps` ahead, float64[weeks, slots], one row for each week before."""
        around = np.arange(now - _AROUND, now + steps + _AROUND + 1)
        slots = around[None, :] - WEEK * np.arange(1, self._weeks + 1)[:, None]
        known = (slots <= self._newest) & (slots >= self.oldest)
        return np.where(known, self._ring[slots % len(self._ring)], np.nan)


def _ahead(past: Floats, off: Floats, step: int, people: float, start: int) -> Ahead:
    """Return the forecast for one step ahead from complete weeks before, and how far each was off the others."""
    weeks, around = len(past), 2 * _AROUND + 1
    now, then = off[:, :around].ravel(), off[:, step : step + around].ravel()
    known = ~(np.isnan(now) | np.isnan(then))
    now, then = now[known], then[known]
    kept = float(np.clip(np.dot(now, then) / np.dot(now, now), 0.0, 1.0)) if now.any() else 0.0
    error = _within(np.abs(then - kept * now), weeks)
    expected = float(np.median(past[:, _AROUND + step]))
    expected = max(0.0, expected + kept * (people - float(np.median(past[:, _AROUND]))))
    low, high = max(0.0, expected - error), expected + error
    return Ahead(start, expected, low, high, min(_SHARE, weeks / (weeks + 1)), weeks)


def _off_others(past: Floats) -> Floats:
    """Return how far each week is from the median of the others, float64[weeks, slots]."""
    with warnings.catch_warnings():
        # A slot at the edge that only one week has.
        warnings.simplefilter("ignore", RuntimeWarning)
        others = [np.nanmedian(np.delete(past, week, axis=0), axis=0) for week in range(len(past))]
    return np.asarray(past - np.array(others), np.float64)


def _within(sizes: Floats, weeks: int) -> float:
    """Return the size that nine of ten errors stay within; the largest where there are few weeks."""
    rank = min(1.0, _SHARE * (weeks + 1) / weeks)
    return float(np.quantile(sizes, rank)) if len(sizes) else 0.0
