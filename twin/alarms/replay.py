"""What an alarm would have done over a recorded series: the engine's meaning of delays and hysteresis, over time.

The verdict on each reading comes from the functions that decide while the platform runs (`verdict`). Here the delays
are gone through once more, from one change of the verdict to the next; `tests/twin/alarms/test_backtest.py` holds both
to each other, reading by reading.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from twin.alarms.verdict import NO, YES

if TYPE_CHECKING:
    from twin.alarms.verdict import Mask, Verdicts
    from twin.frame import Times, Values

UNKNOWN = 2
"""Verdict on a reading that cannot be used, and on a time in which nothing was heard."""

_NEVER = np.iinfo(np.int64).max
_NOTHING_YET = 3


@dataclass(frozen=True, slots=True)
class Episode:
    """An alarm from when it was raised until its condition was over, ns UTC; `stop` is None where it lasts."""

    start: int
    stop: int | None


class Replay:
    """Goes through verdicts in the order of time; `feed` may be called for one part of a series after the other."""

    def __init__(self, on_delay_ns: int, off_delay_ns: int) -> None:
        self.episodes: list[Episode] = []
        self._on_delay = on_delay_ns
        self._off_delay = off_delay_ns
        self._active = False
        self._due = _NEVER
        self._known = False
        self._last = _NOTHING_YET

    def feed(self, time: Times, verdicts: Verdicts) -> None:
        """Take verdicts (`YES`, `NO`, `BETWEEN`, `UNKNOWN`) with their times, ns UTC, in order."""
        if not len(time):
            return
        # Only where the verdict changes there is something to decide; delays end in between by themselves.
        before = np.concatenate(([self._last], verdicts[:-1]))
        changes = np.flatnonzero(verdicts != before)
        self._last = int(verdicts[-1])
        for at, verdict in zip(time[changes].tolist(), verdicts[changes].tolist(), strict=True):
            self._pass(at)
            self._take(at, verdict)

    def finish(self, stop: int) -> list[Episode]:
        """Let time pass until `stop` and return all episodes, the last one open if it lasts."""
        self._pass(stop)
        return self.episodes

    def _pass(self, at: int) -> None:
        """Let a delay end that is over by now, unless the value is not known."""
        if self._known and self._due <= at:
            self._flip(self._due)

    def _take(self, at: int, verdict: int) -> None:
        self._known = verdict != UNKNOWN
        if not self._known:
            return
        holds = verdict == YES or (self._active and verdict != NO)
        if holds == self._active:
            self._due = _NEVER
            return
        if self._due == _NEVER:
            self._due = at + (self._on_delay if holds else self._off_delay)
        if self._due <= at:
            self._flip(at)

    def _flip(self, at: int) -> None:
        self._active, self._due = not self._active, _NEVER
        if self._active:
            self.episodes.append(Episode(at, None))
        else:
            self.episodes[-1] = Episode(self.episodes[-1].start, at)


class Standstill:
    """Verdicts on whether a value is frozen, part by part: `YES` where it was heard unchanged for long enough."""

    def __init__(self, after_ns: int, band: float, exempt: Values) -> None:
        self._after = after_ns
        self._band = band
        self._exempt = exempt
        self._base = np.nan
        self._since = 0

    def verdicts(self, time: Times, value: Values, usable: Mask) -> Verdicts:
        """Return the verdict on each reading, `UNKNOWN` where it cannot be used."""
        since, base = np.empty(len(time), np.int64), np.empty(len(time))
        rows = zip(time.tolist(), value.tolist(), usable.tolist(), strict=True)
        for row, (at, found, known) in enumerate(rows):
            if known and not abs(found - self._base) <= self._band:
                self._base, self._since = found, at
            since[row], base[row] = self._since, self._base
        frozen = (time - since >= self._after) & ~np.isin(base, self._exempt)
        return np.where(usable, np.where(frozen, YES, NO), UNKNOWN).astype(np.int8)


def with_gaps(time: Times, verdicts: Verdicts, gaps: list[tuple[int, int]]) -> tuple[Times, Verdicts]:
    """Return verdicts with `UNKNOWN` from the start of each gap until a reading, or its end, whichever comes first.

    At the end of a gap stands what was said last: a reading that says the same again is not stored a second time.
    """
    if not gaps:
        return time, verdicts
    starts = np.array([start for start, _ in gaps], np.int64)
    stops = np.array([stop for _, stop in gaps], np.int64)
    known = np.flatnonzero(verdicts != UNKNOWN)
    at = np.searchsorted(time[known], stops, "right") - 1
    said = (
        np.where(at >= 0, verdicts[known[np.maximum(at, 0)]], UNKNOWN)
        if len(known)
        else np.full(len(at), UNKNOWN)
    )
    all_times = np.concatenate([starts, time, stops])
    all_verdicts = np.concatenate([np.full(len(starts), UNKNOWN), verdicts, said]).astype(np.int8)
    # Where a gap begins with a reading, that reading came before; where it ends with one, the reading says it.
    order = np.lexsort((np.repeat([1, 0, 2], [len(starts), len(time), len(stops)]), all_times))
    return all_times[order], all_verdicts[order]
