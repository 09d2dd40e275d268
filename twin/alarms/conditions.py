"""Which conditions hold right now: one part for each kind of condition, all alarms of a kind at once.

A part writes into two of the columns over all alarms: `holds`, and `known`, which is false where the value is bad or
its point is in a gap. What is not known neither raises an alarm nor ends it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from twin.alarms.rule import Frozen, InStates, Limits, Silent
from twin.alarms.verdict import Bounds, of_members, padded
from twin.gaps import NO_GAP
from twin.quality import FIRST_BAD, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from twin.alarms.alarm import Alarm
    from twin.alarms.columns import Columns
    from twin.alarms.twin import Twin

    Mask = npt.NDArray[np.bool_]
    Places = npt.NDArray[np.intp]

_LOST = np.zeros(256, np.bool_)
_LOST[[Reason.LINK_DOWN, Reason.NO_ANSWER, Reason.SILENT]] = True


class Now:
    """The twin's columns as they are at one moment; `usable` is true where a point has a value that may be used.

    `touched` is true where something new was heard since the last look.
    """

    def __init__(self, twin: Twin, clock: tuple[int, float], started_s: float, touched: Mask) -> None:
        live, gap = twin.live, twin.gaps.reason
        self.value = live.value
        self.quality = live.quality
        self.time = live.time
        self.heard_s = live.heard_s
        self.gap = gap
        # What the store refused was heard all the same: it is history that misses it, not the twin.
        heard = (gap == NO_GAP) | (gap == Reason.STORE_REFUSED)
        self.usable: Mask = (live.quality < FIRST_BAD) & heard
        self.touched = touched
        self.now_ns, self.monotonic_s = clock
        self.started_s = started_s


class Part(Protocol):
    """All alarms whose conditions are of one kind."""

    def look(self, now: Now, active: Mask, into: Columns) -> None:
        """Write what holds now; `active` says which alarms have begun."""


class LimitsPart:
    """Points against limits. An alarm that has begun holds until the value is inside by the hysteresis."""

    def __init__(self, places: Places, series: Places, bounds: Bounds) -> None:
        self.places = places
        self.series = series
        self.bounds = bounds

    def look(self, now: Now, active: Mask, into: Columns) -> None:
        """See `Part`."""
        value = now.value[self.series]
        into.known[self.places] = now.usable[self.series]
        begun = active[self.places] & ~self.bounds.inside(value)
        into.holds[self.places] = begun | self.bounds.outside(value)


class StatesPart:
    """Points in states."""

    def __init__(self, places: Places, series: Places, states: npt.NDArray[np.float64]) -> None:
        self.places = places
        self.series = series
        self.states = states

    def look(self, now: Now, active: Mask, into: Columns) -> None:  # noqa: ARG002 - a state has no hysteresis
        """See `Part`."""
        into.known[self.places] = now.usable[self.series]
        into.holds[self.places] = of_members(now.value[self.series], self.states)


class FrozenPart:
    """Points that are heard and always say the same; `band` is how far a value may move without having changed."""

    def __init__(
        self,
        places: Places,
        series: Places,
        after_s: npt.NDArray[np.float64],
        band: npt.NDArray[np.float64],
        exempt: npt.NDArray[np.float64],
    ) -> None:
        self.places = places
        self.series = series
        self.after_s = after_s
        self.band = band
        self.exempt = exempt
        self._base = np.full(len(places), np.nan)
        self._since_s = np.full(len(places), np.inf)

    def look(self, now: Now, active: Mask, into: Columns) -> None:  # noqa: ARG002 - one change ends it
        """See `Part`. What the store remembered counts from the start of this process."""
        value, heard_s = now.value[self.series], now.heard_s[self.series]
        known = now.usable[self.series] & np.isfinite(heard_s)
        changed = known & ~(np.abs(value - self._base) <= self.band)
        self._base[changed] = value[changed]
        self._since_s[changed] = np.maximum(heard_s[changed], now.started_s)
        into.known[self.places] = known
        long = heard_s - self._since_s >= self.after_s
        into.holds[self.places] = long & ~of_members(value, self.exempt)


class SilentPart:
    """Devices of which nothing is heard.

    One that was heard in this process is silent at once when all its points are in a gap because the link is down or
    the device does not answer; one that was never heard has the duration to be heard in. While the platform itself
    cannot take readings nobody is called silent.
    """

    def __init__(
        self, places: Places, series: Places, begins: Places, after_s: npt.NDArray[np.float64]
    ) -> None:
        self.places = places
        self.series = series
        self.begins = begins
        self.after_s = after_s

    def look(self, now: Now, active: Mask, into: Columns) -> None:  # noqa: ARG002 - one reading ends it
        """See `Part`."""
        heard_s = np.maximum.reduceat(now.heard_s[self.series], self.begins)
        gap = now.gap[self.series]
        lost = np.logical_and.reduceat(_LOST[gap], self.begins)
        refused = np.logical_or.reduceat(gap == Reason.BUFFER_FULL, self.begins)
        heard = heard_s >= now.started_s
        late = now.monotonic_s - np.maximum(heard_s, now.started_s) > self.after_s
        into.holds[self.places] = late | lost
        into.known[self.places] = (late | heard) & ~refused


def parts_of(
    alarms: Sequence[Alarm],
    readable: Mapping[str, Sequence[str]],
    ids: Mapping[str, int],
    states: Mapping[str, int],
) -> list[Part]:
    """Return the parts that these alarms need; `readable` has the paths of each device's points that are read."""
    found: list[Part] = []
    for kind, make in ((Limits, _limits), (InStates, _states), (Frozen, _frozen)):
        chosen = [
            (place, alarm)
            for place, alarm in enumerate(alarms)
            if isinstance(alarm.subject.condition, kind) and alarm.subject.point is not None
        ]
        if chosen:
            found.append(make(chosen, ids, states))
    silent = [
        (place, alarm) for place, alarm in enumerate(alarms) if isinstance(alarm.subject.condition, Silent)
    ]
    if silent:
        found.append(_silent(silent, readable, ids))
    return found


def _places(chosen: list[tuple[int, Alarm]]) -> Places:
    return np.array([place for place, _ in chosen], np.intp)


def _series(chosen: list[tuple[int, Alarm]], ids: Mapping[str, int]) -> Places:
    return np.array([ids[alarm.subject.point.path] for _, alarm in chosen if alarm.subject.point], np.intp)


def _limits(chosen: list[tuple[int, Alarm]], ids: Mapping[str, int], _: Mapping[str, int]) -> Part:
    limits = [alarm.subject.condition for _, alarm in chosen if isinstance(alarm.subject.condition, Limits)]
    return LimitsPart(_places(chosen), _series(chosen, ids), Bounds.of(limits))


def _states(chosen: list[tuple[int, Alarm]], ids: Mapping[str, int], states: Mapping[str, int]) -> Part:
    rows = [
        [float(states[name]) for name in alarm.subject.condition.states]
        for _, alarm in chosen
        if isinstance(alarm.subject.condition, InStates)
    ]
    return StatesPart(_places(chosen), _series(chosen, ids), padded(rows))


def _frozen(chosen: list[tuple[int, Alarm]], ids: Mapping[str, int], states: Mapping[str, int]) -> Part:
    frozen = [alarm.subject.condition for _, alarm in chosen if isinstance(alarm.subject.condition, Frozen)]
    rows = [
        [float(states[one]) if isinstance(one, str) else one for one in condition.exempt]
        for condition in frozen
    ]
    return FrozenPart(
        _places(chosen),
        _series(chosen, ids),
        np.array([condition.after_s for condition in frozen]),
        np.array([alarm.subject.point.dead_band for _, alarm in chosen if alarm.subject.point]),
        padded(rows),
    )


def _silent(
    chosen: list[tuple[int, Alarm]], readable: Mapping[str, Sequence[str]], ids: Mapping[str, int]
) -> Part:
    series: list[int] = []
    begins: list[int] = []
    for _, alarm in chosen:
        begins.append(len(series))
        series += [ids[path] for path in readable[alarm.what]]
    after_s = [
        alarm.subject.condition.after_s for _, alarm in chosen if isinstance(alarm.subject.condition, Silent)
    ]
    return SilentPart(
        _places(chosen), np.array(series, np.intp), np.array(begins, np.intp), np.array(after_s)
    )
