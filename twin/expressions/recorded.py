"""What one point said over a stretch of time, asked at many moments at once: as of then, or over a window before.

The rules are those of `twin.expressions.rings`, without cells: here every reading is at hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from twin.expressions.evaluate import MISSING, UNCERTAIN, direction
from twin.expressions.layout import constants
from twin.expressions.rings import growth, last_usable, ns
from twin.expressions.windows import shaped
from twin.quality import FIRST_BAD, FIRST_UNCERTAIN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from twin.expressions import core
    from twin.expressions.evaluate import Flags, Rows, Valued
    from twin.frame import Batch, Qualities, Times, Values

_SECOND = 1e9


class Track:
    """Readings of one point in the order of time, the last of several at one time; each stands for `hold_s`."""

    def __init__(self, rows: Batch, hold_s: float) -> None:
        order = np.argsort(rows.time, kind="stable")
        time = rows.time[order]
        last = np.append(time[1:] != time[:-1], True)[: len(time)]
        order = order[last]
        self.time: Times = rows.time[order]
        self.quality: Qualities = rows.quality[order]
        self.value: Values = np.where(self.quality < FIRST_BAD, rows.value[order], np.nan)
        self.hold = ns(hold_s)

    def at(self, moments: Times) -> Valued:
        """Return the value that stands at each moment, with its flags."""
        index = np.searchsorted(self.time, moments, "right") - 1
        if not len(self.time):
            return np.full(len(moments), np.nan), np.full(len(moments), MISSING, np.uint8)
        value, quality = self.value[index], self.quality[index]
        flags = np.where(quality >= FIRST_UNCERTAIN, UNCERTAIN, 0).astype(np.uint8)
        gone = (index < 0) | np.isnan(value) | (moments - self.time[index] >= self.hold)
        flags[gone] = MISSING
        return value, flags

    def ends(self) -> Times:
        """Return the moments at which a value stands no longer, without another one after it."""
        end = self.time[:-1] + self.hold
        return end[end < self.time[1:]]


class Moving:
    """A window over a track."""

    def __init__(self, track: Track, window: core.Window, states: Mapping[str, int]) -> None:
        self._time, self._hold = track.time, track.hold
        self._window = window
        self._span = ns(window.span_s)
        table = np.array(constants(window.constants, states))
        self._value = shaped(window.body, np.repeat(table[:, None], len(track.value), 1), track.value)
        held = np.minimum(np.append(np.diff(self._time), self._hold), self._hold) / _SECOND
        self._standing = ~np.isnan(self._value)
        self._covered = _before(np.where(self._standing, held, 0.0))
        self._held = held
        self._track = track

    def at(self, moments: Times) -> tuple[Values, Values, Flags]:
        """Return the value of the window that ends at each moment, its covered share, and flags."""
        count = len(moments)
        doubt = self._track.at(moments)[1] & np.uint8(UNCERTAIN)
        if not len(self._time):
            return np.full(count, np.nan), np.zeros(count), doubt
        begin, end = self._index(moments - self._span), self._index(moments)
        covered = self._held_until(moments, end) - self._held_until(moments - self._span, begin)
        with np.errstate(all="ignore"):
            return self._result(moments, begin, end, covered), covered / (self._span / _SECOND), doubt

    def _result(self, moments: Times, begin: Rows, end: Rows, covered: Values) -> Values:
        window, start = self._window, moments - self._span
        match window.function:
            case "delta" | "rate" | "count":
                steps = np.cumsum(self._steps())
                found = steps[end] - np.where(begin < 0, self._first_step(steps), steps[begin])
                known_s = np.where(begin < 0, moments - self._time[0], self._span) / _SECOND
                return found / known_s if window.function == "rate" else np.where(end < 0, 0.0, found)
            case "min" | "max":
                return self._extreme(begin, end, start)
            case "integral":
                return self._area(self._value, moments, begin, end)
        if window.period is not None:
            angle = self._value * (2 * np.pi / window.period)
            east, north = (self._area(part, moments, begin, end) for part in (np.sin(angle), np.cos(angle)))
            return direction(east, north, window.period)
        return self._area(self._value, moments, begin, end) / covered

    def _index(self, moments: Times) -> Rows:
        """Return the last reading at or before each moment, -1 where there is none."""
        return np.searchsorted(self._time, moments, "right") - 1

    def _since(self, moments: Times, index: Rows) -> Values:
        """Return for how long the reading at each moment stood by then, seconds."""
        since = np.minimum(moments - self._time[index], self._hold) / _SECOND
        return np.where((index < 0) | ~self._standing[index], 0.0, since)

    def _held_until(self, moments: Times, index: Rows) -> Values:
        return np.where(index < 0, 0.0, self._covered[index]) + self._since(moments, index)

    def _area(self, value: Values, moments: Times, begin: Rows, end: Rows) -> Values:
        value = np.nan_to_num(value)
        sums = _before(value * self._held)

        def until(when: Times, index: Rows) -> Values:
            return np.where(index < 0, 0.0, sums[index]) + value[index] * self._since(when, index)

        found: Values = until(moments, end) - until(moments - self._span, begin)
        return found

    def _steps(self) -> Values:
        """Return what each reading adds to a sum of steps."""
        before = np.concatenate(([np.nan], last_usable(self._value)[:-1]))
        window, count = self._window, len(self._value)
        if window.function != "count":
            wraps_at = np.full(count, np.nan if window.wraps_at is None else window.wraps_at)
            return growth(before, self._value, np.full(count, window.counter), wraps_at)
        added = (self._value == 1) & (before == 0) if window.truth else self._standing
        return added.astype(np.float64)

    def _first_step(self, steps: Values) -> float:
        """The first reading of all counts among readings, and is no growth."""
        return 0.0 if self._window.function == "count" else float(steps[0])

    def _extreme(self, begin: Rows, end: Rows, start: Times) -> Values:
        low = self._window.function == "min"
        value = np.where(self._standing, self._value, np.inf if low else -np.inf)
        gone = (begin < 0) | (start - self._time[begin] >= self._hold)
        return _extremes(value, np.where(gone, begin + 1, begin), end, low=low)


def _before(parts: Values) -> Values:
    """Return the sum of all parts before each."""
    found: Values = np.cumsum(parts) - parts
    return found


def _extremes(value: Values, first: Rows, last: Rows, *, low: bool) -> Values:
    """Return the smallest (or largest) value between two positions, both included, by doubling spans."""
    function = np.minimum if low else np.maximum
    found = np.full(len(first), np.nan)
    length = last - first + 1
    level, spans = value, 1
    while spans <= int(length.max(initial=0)):
        mine = (length >= spans) & (length < 2 * spans)
        found[mine] = function(level[first[mine]], level[last[mine] - spans + 1])
        if len(level) <= spans:
            break
        level, spans = function(level[:-spans], level[spans:]), 2 * spans
    return np.where(np.isfinite(found), found, np.nan)
