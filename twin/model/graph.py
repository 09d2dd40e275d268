"""What belongs to what: the relations of a district as a graph that can be walked both ways.

Every relation has an upper and a lower end. Who `feeds`, `controls` or `measures` stands above what is fed, controlled
or measured; a whole stands above its parts (`part_of`), a place above what stands in it (`located_in`). The sites of
devices and the sites within sites are such places too, without being written a second time.
"""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from twin.model.district import Device
    from twin.model.spec import RelationSpec, SiteSpec

ALL_TYPES = ("feeds", "controls", "part_of", "measures", "located_in")
UPWARDS = frozenset({"part_of", "located_in"})
"""Relations that are written from the lower end to the upper one."""


class Graph:
    """Relations between the devices and sites of one district; ids are those of devices and sites."""

    def __init__(
        self, relations: Iterable[RelationSpec], sites: Mapping[str, SiteSpec], devices: Mapping[str, Device]
    ) -> None:
        self._sites = sites
        self._devices = devices
        self._lower: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._upper: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._inner: dict[str, list[str]] = defaultdict(list)
        self._standing: dict[str, list[str]] = defaultdict(list)
        for relation in relations:
            above, below = relation.source, relation.target
            if relation.type in UPWARDS:
                above, below = below, above
            self._lower[relation.type, above].append(below)
            self._upper[relation.type, below].append(above)
        for site in sites.values():
            if site.within is not None:
                self._inner[site.within].append(site.id)
        for device in devices.values():
            self._standing[device.site].append(device.id)

    def below(self, name: str, types: Sequence[str] = ALL_TYPES) -> list[str]:
        """Return all that hangs below a device or site, nearest first: devices, and sites with what stands in them.

        `types` are the relations that are followed; what stands in a site that is reached counts as reached.
        """
        return list(_walk(name, lambda one: self._down(one, types)))

    def above(self, name: str, types: Sequence[str] = ALL_TYPES) -> list[str]:
        """Return all that a device or site hangs on, nearest first; what holds for its site holds for a device."""
        return list(_walk(name, lambda one: self._up(one, types)))

    def devices_below(self, name: str, types: Sequence[str] = ALL_TYPES) -> list[str]:
        """Return the devices among `below`."""
        return [one for one in self.below(name, types) if one in self._devices]

    def within(self, site: str) -> list[str]:
        """Return a site and all sites that lie in it."""
        return [site, *_walk(site, lambda one: self._inner.get(one, ()))]

    def standing_in(self, site: str) -> list[str]:
        """Return the devices that stand in a site or in a site within it."""
        return [device for one in self.within(site) for device in self._standing.get(one, ())]

    def places_of(self, name: str) -> list[str]:
        """Return the sites around a device or site, the nearest first."""
        start = self._devices[name].site if name in self._devices else self._around(name)
        found: list[str] = []
        while start is not None and start not in found:
            found.append(start)
            start = self._around(start)
        return found

    def _around(self, site: str) -> str | None:
        return self._sites[site].within if site in self._sites else None

    def _down(self, name: str, types: Sequence[str]) -> Iterator[str]:
        for kind in types:
            for one in self._lower.get((kind, name), ()):
                yield one
                if one in self._sites:
                    yield from self.within(one)[1:]
                    yield from self.standing_in(one)

    def _up(self, name: str, types: Sequence[str]) -> Iterator[str]:
        for one in (name, *self.places_of(name)):
            for kind in types:
                yield from self._upper.get((kind, one), ())


def _walk(start: str, step: Callable[[str], Iterable[str]]) -> Iterator[str]:
    """Yield what steps lead to, each once and nearest first, without the start."""
    seen = {start}
    waiting = deque([start])
    while waiting:
        for one in step(waiting.popleft()):
            if one not in seen:
                seen.add(one)
                waiting.append(one)
                yield one
