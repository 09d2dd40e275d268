"""What belongs to what: the relations of a district as a graph that can be walked both ways.

Every relation has an upper and a lower end. Who `feeds`, `controls` or `measures` stands above what is fed, controlled
or measured; a whole stands above its parts (`part_of`), a place above what stands in it (`located_in`). The sites of
devices and the sites within sites are such places too, without being written a second time.

What reaches a site reaches what stands in it: a cabinet that controls a street controls its lamps, and what feeds a
building feeds the rooms of its storeys. This holds whichever relations are followed. A site as such is above what
stands in it only for those who follow `located_in`.
"""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from twin.model.district import Device
    from twin.model.spec import RelationSpec, SiteSpec

RelationType = Literal["feeds", "controls", "part_of", "measures", "located_in"]
ALL_TYPES: tuple[RelationType, ...] = get_args(RelationType)
UPWARDS = frozenset({"part_of", "located_in"})
"""Relations that are written from the lower end to the upper one."""


class Graph:
    """Relations between the devices and sites of one district; ids are those of devices and sites.

    All walks are linear in what they reach, and end also where relations go round in a ring.
    """

    def __init__(
        self, relations: Iterable[RelationSpec], sites: Mapping[str, SiteSpec], devices: Mapping[str, Device]
    ) -> None:
        self._sites = sites
        self._devices = devices
        self._lower: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._upper: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._inside: dict[str, list[str]] = defaultdict(list)
        self._around: dict[str, list[str]] = defaultdict(list)
        for site in sites.values():
            if site.within is not None:
                self._place(site.id, site.within)
        for device in devices.values():
            self._place(device.id, device.site)
        for relation in relations:
            above, below = ends(relation)
            if relation.type == "located_in":
                self._place(below, above)
            else:
                self._lower[relation.type, above].append(below)
                self._upper[relation.type, below].append(above)

    def below(self, name: str, types: Sequence[str] = ALL_TYPES) -> list[str]:
        """Return all that hangs below a device or site, nearest first: devices, and sites with what stands in them.

        `types` are the relations that are followed. What stands in the site itself hangs below it by `located_in`.
        """
        first = [*self._down(name, types), *(self._inside.get(name, ()) if "located_in" in types else ())]
        found = _walk(first, lambda one: (*self._down(one, types), *self._inside.get(one, ())))
        return [one for one in found if one != name]

    def above(self, name: str, types: Sequence[str] = ALL_TYPES) -> list[str]:
        """Return all that a device or site hangs on, nearest first: all that it is `below`.

        What feeds or controls the site of a device, or a site around that, is above the device; the sites themselves
        are by `located_in`.
        """
        placed = "located_in" in types
        found: dict[str, None] = {}

        def step(one: str) -> Iterator[str]:
            for upper in self._up(one, types):
                found.setdefault(upper)
                yield upper
            for site in self._around.get(one, ()):
                if placed:
                    found.setdefault(site)
                yield site

        for _ in _walk([name], step):
            pass
        found.pop(name, None)
        return list(found)

    def devices_below(self, name: str, types: Sequence[str] = ALL_TYPES) -> list[str]:
        """Return the devices among `below`."""
        return [one for one in self.below(name, types) if one in self._devices]

    def edges(self, types: Sequence[str] = ALL_TYPES) -> Iterator[tuple[str, str, str]]:
        """Yield `(type, upper, lower)` of the relations as written, then of sites and what stands in them."""
        for (kind, above), lower in self._lower.items():
            if kind in types:
                yield from ((kind, above, below) for below in lower)
        if "located_in" in types:
            for site, inside in self._inside.items():
                yield from (("located_in", site, one) for one in inside)

    def within(self, site: str) -> list[str]:
        """Return a site and all sites that lie in it."""
        return list(
            _walk([site], lambda one: (inner for inner in self._inside.get(one, ()) if inner in self._sites))
        )

    def places_of(self, name: str) -> list[str]:
        """Return the sites around a device or site, the nearest first."""
        return [
            one
            for one in _walk(self._around.get(name, ()), lambda one: self._around.get(one, ()))
            if one != name
        ]

    def _place(self, name: str, site: str) -> None:
        if site not in self._around.get(name, ()):
            self._inside[site].append(name)
            self._around[name].append(site)

    def _down(self, name: str, types: Sequence[str]) -> Iterator[str]:
        for kind in types:
            yield from self._lower.get((kind, name), ())

    def _up(self, name: str, types: Sequence[str]) -> Iterator[str]:
        for kind in types:
            yield from self._upper.get((kind, name), ())


def ends(relation: RelationSpec) -> tuple[str, str]:
    """Return the upper and the lower end of a relation."""
    if relation.type in UPWARDS:
        return relation.target, relation.source
    return relation.source, relation.target


def _walk(starts: Iterable[str], step: Callable[[str], Iterable[str]]) -> Iterator[str]:
    """Yield the starts and what steps lead to, each once and nearest first."""
    seen: set[str] = set()
    waiting: deque[str] = deque()
    for one in starts:
        if one not in seen:
            seen.add(one)
            waiting.append(one)
    while waiting:
        one = waiting.popleft()
        yield one
        for following in step(one):
            if following not in seen:
                seen.add(following)
                waiting.append(following)
