"""What a link knows from one run to the next, and of that what it still knows after a restart of the platform."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from connectors.home import Home
    from connectors.opcua.conditions import Conditions
    from twin.model.bound import BoundDevice

log = structlog.get_logger()

_MOST_OWED = 8
_LAST_NS = 7_000_000_000_000_000_000


@dataclass(slots=True)
class Owed:
    """What is missing: values with `start < time < first` are wanted, all of `start` to `stop` is claimed.

    `delivered` is the time of the last value that went through already.
    """

    start: int
    first: int
    stop: int
    delivered: int = 0


class Heard:
    """How far each point was delivered, over runs and restarts: ns UTC of the source's clock by point id.

    `owed` are the stretches that no history has filled yet, a few for each point. `home.notes` has a note a device:
    where the first of them begins, else the last time.
    """

    def __init__(self, home: Home, devices: Iterable[BoundDevice]) -> None:
        self._notes = home.notes
        self._paths = {one.device.id: _note_of(one) for one in devices}
        self._ids = {one.device.id: {p.point.name: p.id for p in one.points} for one in devices}
        self.last: dict[int, int] = {}
        self.owed: dict[int, list[Owed]] = {}
        for device, note in self._paths.items():
            self._load(self._notes.get(note, ""), self._ids[device])

    def _load(self, note: str, ids: Mapping[str, int]) -> None:
        try:
            found = json.loads(note) if note else {}
        except ValueError:
            return
        for name, time in found.items() if isinstance(found, dict) else ():
            if name in ids and isinstance(time, int) and 0 < time < _LAST_NS:
                self.last[ids[name]] = time

    def save(self, wanted: set[int]) -> None:
        """Write the notes of devices of which a point is in `wanted`: those whose history can be asked for."""
        for device, ids in self._ids.items():
            known = {
                name: self._begins(one) for name, one in ids.items() if one in self.last and one in wanted
            }
            text = json.dumps(known)
            if known and self._notes.get(self._paths[device]) != text:
                self._notes[self._paths[device]] = text

    def _begins(self, one: int) -> int:
        return min([self.last[one], *(owed.start for owed in self.owed.get(one, ()))])

    def owe(self, one: int, owed: Sequence[Owed]) -> None:
        """Keep what is still to be read of a point; the oldest are joined when there are many."""
        listed = sorted(owed, key=lambda each: each.start)
        while len(listed) > _MOST_OWED:
            early, late, *rest = listed
            listed = [Owed(early.start, late.first, late.stop, early.delivered), *rest]
        self.owed[one] = listed


def _note_of(one: BoundDevice) -> str:
    return f"heard:{one.device.district}/{one.device.id}"


@dataclass(slots=True)
class Memory:
    """What a link knows from one run to the next."""

    heard: Heard
    conditions: Conditions
    said: set[str] = field(default_factory=set)
    _times: dict[str, int] = field(default_factory=dict)

    def once(self, event: str, **facts: object) -> None:
        """Log something that would be the same at every connect only the first time."""
        if event not in self.said:
            self.said.add(event)
            log.warning(event, **facts)

    def seldom(self, event: str, **facts: object) -> None:
        """Log what a server may do for ever at its first, second, fourth, eighth … time, with that number."""
        times = self._times[event] = self._times.get(event, 0) + 1
        if times & (times - 1) == 0:
            log.warning(event, **facts, times=times)
