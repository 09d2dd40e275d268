"""The ground that the further files of a district stand on: what they may name, and how a name is looked up.

`derived.yaml`, `alarms.yaml`, `commands.yaml` and `services.yaml` are read after the devices, in this order; derived
points join the ground as they are read, so that alarms may watch them and commands may depend on them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from twin.model.source import suggest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from zoneinfo import ZoneInfo

    from twin.model.district import Device, Point
    from twin.model.graph import Graph
    from twin.model.source import Faults, Place
    from twin.model.spec import Location, SiteSpec


@dataclass(slots=True)
class Ground:
    """Sites, devices, relations and points of one district while it is read.

    `complete` is false when some device could not be read: then no name is called unknown (see `unknown`). `added`
    holds the derived points by owner (a device or a site) and name. `memo` is where expressions keep what they looked
    up once, for as long as the ground is needed.
    """

    id: str
    zone: ZoneInfo
    location: Location
    sites: Mapping[str, SiteSpec]
    devices: Mapping[str, Device]
    graph: Graph
    complete: bool = True
    added: dict[str, dict[str, Point]] = field(default_factory=dict)
    memo: dict[str, object] = field(default_factory=dict, repr=False, compare=False)

    def point(self, owner: str, name: str) -> Point | None:
        """Return a point of a device, or a derived point of a device or site; None when there is none."""
        device = self.devices.get(owner)
        found = device.points.get(name) if device else None
        return found or self.added.get(owner, {}).get(name)

    def points(self) -> Iterator[tuple[str, Point]]:
        """Yield every point with its owner's id: those of devices, then derived ones."""
        for device in self.devices.values():
            for point in device.points.values():
                yield device.id, point
        for owner, points in self.added.items():
            for point in points.values():
                yield owner, point

    def names_of(self, owner: str) -> list[str]:
        """Return the names of an owner's points."""
        device = self.devices.get(owner)
        return [*(device.points if device else ()), *self.added.get(owner, ())]

    def unknown(self, faults: Faults, place: Place, words: str) -> None:
        """Add the fault that a name leads nowhere, unless it may be that of a device that could not be read."""
        if self.complete:
            faults.add(place, words)

    def no_owner(self, name: str) -> str:
        """Return words that say that no device or site has this id, with the nearest one."""
        return f"there is no device or site {name!r}{suggest(name, [*self.devices, *self.sites])}"

    def no_point(self, owner: str, name: str) -> str:
        """Return words that say that an owner has no such point, with the nearest one."""
        return f"{owner} has no point {name!r}{suggest(name, self.names_of(owner))}"
