"""Programmes of the day at work: each change becomes a command of low priority, so that a manual one wins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from twin.commands.programme import Phase, Programme

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from zoneinfo import ZoneInfo

    from twin.commands.book import Schedule
    from twin.model.district import District

    Follow = Callable[[Schedule, Phase, Sequence[str]], object]


@dataclass(slots=True)
class _Group:
    """Points that one programme changes at the same instants: `until` is the next, ns UTC."""

    schedule: Schedule
    programme: Programme
    paths: list[str]
    until: int = 0


class Timetable:
    """All programmes of all districts; `follow` is called with what holds from now on, and for which points."""

    def __init__(self, districts: Iterable[District], follow: Follow) -> None:
        self._follow = follow
        self._groups = [
            group
            for district in districts
            if district.commands is not None
            for schedule in district.commands.schedules
            for group in _groups(schedule, district.zone)
        ]
        self._late: dict[tuple[int, str], tuple[_Group, int]] = {}
        self._next = 0

    def tick(self, now_ns: int) -> None:
        """Follow what has changed; the first time all that holds."""
        if now_ns < self._next:
            return
        for group in self._groups:
            if now_ns >= group.until:
                phase = group.programme.at(now_ns)
                group.until = phase.until
                self._follow(group.schedule, phase, group.paths)
        for key, (group, at) in list(self._late.items()):
            if now_ns >= at:
                del self._late[key]
                self._follow(group.schedule, group.programme.at(now_ns), [key[1]])
        due = [*(group.until for group in self._groups), *(at for _, at in self._late.values())]
        self._next = min(due, default=2**63 - 1)

    def late(self, schedule: Schedule, path: str, at_ns: int) -> None:
        """Let one point follow at a later time: it could not just now."""
        for group in self._groups:
            if group.schedule is schedule and path in group.paths:
                self._late[id(schedule), path] = group, at_ns
                self._next = min(self._next, at_ns)

    def again(self) -> None:
        """Begin anew: the clock was set back."""
        self._next = 0
        for group in self._groups:
            group.until = 0

    def shown(self, now_ns: int, until_ns: int) -> Iterator[tuple[Schedule, Sequence[str], list[Phase]]]:
        """Yield what holds now and what comes until a time: a schedule, its points, and phases from now on."""
        for group in self._groups:
            phases = [group.programme.at(now_ns), *group.programme.coming(now_ns, until_ns)]
            yield group.schedule, group.paths, phases


def covered(districts: Iterable[District]) -> set[tuple[str, int, str]]:
    """Return `(path, priority, who)` of everything that a programme may hold."""
    return {
        (path, schedule.priority, schedule.who)
        for district in districts
        if district.commands is not None
        for schedule in district.commands.schedules
        for path in schedule.stretches
    }


def _groups(schedule: Schedule, zone: ZoneInfo) -> Iterable[_Group]:
    """Return the points of a schedule in groups that have stretches and sun in common."""
    found: dict[tuple[int, float, float], _Group] = {}
    for path, stretches in schedule.stretches.items():
        place = schedule.places[path]
        sunny = any(one.spec.start.sun or one.spec.until.sun for one in stretches)
        at = (round(place.lat, 2), round(place.lon, 2)) if sunny else (0.0, 0.0)
        key = (id(stretches), *at)
        if key not in found:
            found[key] = _Group(schedule, Programme(stretches, schedule.days, zone, place), [])
        found[key].paths.append(path)
    return found.values()
