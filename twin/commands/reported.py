"""What devices report of points, as commands need it: the value now, whether it is any good, whether it is newer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from twin.gaps import NO_GAP
from twin.quality import FIRST_BAD, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from twin.commands.values import Value
    from twin.frame import Qualities, Times, Values
    from twin.gaps import Gaps
    from twin.live import Live
    from twin.model.bound import BoundPoint

_NEVER = 0
_ON_ITS_WAY_NS = 60_000_000_000
"""Longest time that a reading takes from a device to the live twin."""


@dataclass(frozen=True, slots=True)
class _Told:
    """What a device had when a write to it was over, ns UTC, and what the live twin held of the point then."""

    value: Value
    at: int
    held: tuple[int, float]


class Reported:
    """The live twin as commands look at it. `points` by path; `states` by id.

    What was read back after a write is newer than the last poll: until the next one it is what the point shows. Else
    whoever comes right after a write would take the value before it for the value now.

    It is also what interlocks are evaluated on: the columns `value`, `quality` and `time` by series id, and `usable`.
    """

    def __init__(
        self, points: Mapping[str, BoundPoint], states: Mapping[int, str], live: Live, gaps: Gaps
    ) -> None:
        self.points = points
        self.ids = {path: item.id for path, item in points.items()}
        self.state_ids = {name: number for number, name in states.items()}
        self._states = states
        self._live = live
        self._gaps = gaps
        self._told: dict[str, _Told] = {}

    @property
    def size(self) -> int:
        """One more than the highest series id."""
        return len(self._live.value)

    @property
    def value(self) -> Values:
        """Values by series id, states as state ids."""
        return self._live.value

    @property
    def quality(self) -> Qualities:
        """Quality codes by series id."""
        return self._live.quality

    @property
    def time(self) -> Times:
        """Times by series id, ns UTC."""
        return self._live.time

    @property
    def usable(self) -> npt.NDArray[np.bool_]:
        """Whether a point has a value that stands now, by series id."""
        found: npt.NDArray[np.bool_] = (self._live.quality < FIRST_BAD) & (self._gaps.reason == NO_GAP)
        return found

    def of(self, path: str) -> Value | None:
        """Return what a point shows, None when nothing stands now."""
        series = self.ids.get(path)
        if series is None or self._live.quality[series] >= FIRST_BAD or self._gaps.reason[series] != NO_GAP:
            return None
        told = self._newer(path, series)
        return self.named(path, float(self._live.value[series])) if told is None else told.value

    def told(self, path: str, value: Value, at_ns: int) -> None:
        """Take what a device said that it has, right after a write to it."""
        series = self.ids.get(path)
        if series is not None:
            self._told[path] = _Told(value, at_ns, self._held(series))

    def last(self, path: str) -> tuple[Value | None, int]:
        """Return the newest value that is known of a point, however old, and when it was received (ns UTC)."""
        series = self.ids.get(path)
        if series is None or math.isnan(self._live.value[series]):
            return None, _NEVER
        if (told := self._newer(path, series)) is not None:
            return told.value, told.at
        return self.named(path, float(self._live.value[series])), int(self._live.received[series])

    def since(self, path: str, sent_ns: int) -> Value | None:
        """Return what a point has shown after a time, None when nothing came that stands."""
        series = self.ids.get(path)
        return self.of(path) if series is not None and self._live.received[series] > sent_ns else None

    def _newer(self, path: str, series: int) -> _Told | None:
        """Return what was read back of a point since its last reading, None when nothing was."""
        told = self._told.get(path)
        if told is None:
            return None
        received, _ = held = self._held(series)
        if held == told.held or 0 < told.at - received < _ON_ITS_WAY_NS:
            return told
        del self._told[path]
        return None

    def _held(self, series: int) -> tuple[int, float]:
        return int(self._live.received[series]), float(self._live.value[series])

    def named(self, path: str, value: float) -> Value | None:
        """Return a value of the twin as people name it: the state of a state id."""
        if math.isnan(value):
            return None
        return self._states.get(int(value)) if self.points[path].point.states else value

    def kept(self, value: Value) -> float:
        """Return a value as the twin keeps it, NaN for a state that it does not know."""
        return float(self.state_ids.get(value, math.nan)) if isinstance(value, str) else value

    def trouble(self, path: str) -> str:
        """Return why a point has no value that stands, for people; empty when it has one."""
        series = self.ids.get(path)
        if series is None:
            return "is not configured"
        code = self._gaps.reason[series] or self._live.quality[series]
        return "" if code < FIRST_BAD and not self._gaps.reason[series] else Reason(int(code)).meaning
