"""What one caller may see of everything that is configured, as a mask over series ids.

Made once for a scope and kept, since neither changes while a process runs. What a caller may not see does not exist
for them: whoever answers asks the sight before anything else, and lists, counts and errors are made of what is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from twin.access.scope import Scope, Tier, Verb
from twin.resolution import Resolution

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    from twin.frame import Ids
    from twin.model.bound import BoundPoint
    from twin.model.district import Device, District

_RESOLUTIONS = tuple(Resolution)


@dataclass(frozen=True, eq=False)
class Sight:
    """What the bearer of a scope sees.

    `mask` is bool by series id. `finest` is uint8 by series id, the position in `Resolution` of the finest readings
    that are given. `district_ids` are those of which anything is seen, `whole` whether nothing is hidden at all,
    whatever may be done with it.
    """

    scope: Scope
    mask: npt.NDArray[np.bool_]
    finest: npt.NDArray[np.uint8]
    owners: Mapping[int, Device]
    points: Mapping[str, BoundPoint]
    whole: bool = False
    districts: Sequence[District] = ()

    def sees(self, series: int) -> bool:
        """Whether a point exists for this caller; `series` may be any number."""
        return 0 <= series < len(self.mask) and bool(self.mask[series])

    def may(self, verb: Verb) -> bool:
        """Whether this caller may do something with what they see."""
        return verb in self.scope.verbs

    def point(self, path: str) -> BoundPoint | None:
        """Return the point of a path if it exists for this caller."""
        found = self.points.get(path.strip("/"))
        return found if found is not None and self.mask[found.id] else None

    def resolution(self, series: int) -> Resolution:
        """Return the finest resolution in which readings of a point are given."""
        return _RESOLUTIONS[int(self.finest[series])]

    def plainly(self, path: str) -> bool:
        """Whether a point is seen with its readings as they come: what is made of it may be told as it is."""
        found = self.points.get(path)
        return found is not None and bool(self.mask[found.id]) and not self.finest[found.id]

    def wholly(self, path: str) -> bool:
        """Whether all points of a district, or of a device or site (`district/owner`), are seen plainly."""
        return path in self._whole_paths

    def sites_within(self, name: str) -> frozenset[tuple[str, str]]:
        """Return a site (`id`, or `district/id`) and those that lie in it, as (district, site).

        Whether anything is seen in them is another matter: ask it of points that are.
        """
        given, _, site = name.strip("/").rpartition("/")
        meant = [one for one in self.districts if given in {"", one.id} and site in one.sites]
        return frozenset((one.id, inner) for one in meant for inner in one.graph.within(site))

    def only(self, ids: Ids) -> Ids:
        """Return those of `ids` that exist for this caller."""
        return ids[self.mask[ids]]

    @cached_property
    def ids(self) -> Ids:
        """Series ids of all that is seen, rising."""
        return np.flatnonzero(self.mask).astype(np.int32)

    @cached_property
    def paths(self) -> Sequence[str]:
        """Paths of all that is seen, in the order of the files."""
        return [path for path, item in self.points.items() if self.mask[item.id]]

    @cached_property
    def device_ids(self) -> frozenset[str]:
        """`district/device` of every device (or site that has computed points) of which a point is seen."""
        return frozenset(f"{one.district}/{one.id}" for one in self._owners)

    @cached_property
    def site_ids(self) -> frozenset[str]:
        """`district/site` of every site in which something is seen, without the sites around them."""
        return frozenset(f"{one.district}/{one.site}" for one in self._owners if one.site)

    @cached_property
    def sites_around(self) -> frozenset[tuple[str, str]]:
        """Every site in which something is seen, and the sites around it, as (district, site)."""
        graphs = {one.id: one.graph for one in self.districts}
        places = {(one.district, one.site) for one in self._owners if one.site and one.district in graphs}
        return frozenset(places | {(key, one) for key, site in places for one in graphs[key].places_of(site)})

    @cached_property
    def district_ids(self) -> frozenset[str]:
        """Districts of which something is seen."""
        return frozenset(one.district for one in self._owners)

    @cached_property
    def visible(self) -> frozenset[str]:
        """The paths of all that is seen, to look them up."""
        return frozenset(self.paths)

    @cached_property
    def _whole_paths(self) -> frozenset[str]:
        every, hidden = set[str](), set[str]()
        for item in self.points.values():
            owner = self.owners[item.id]
            both = (owner.district, f"{owner.district}/{owner.id}")
            every.update(both)
            if not self.plainly(item.point.path):
                hidden.update(both)
        return frozenset(every - hidden)

    @cached_property
    def _owners(self) -> list[Device]:
        found = {id(self.owners[one]): self.owners[one] for one in self.ids.tolist() if one in self.owners}
        return list(found.values())


def sight_of(
    scope: Scope,
    districts: Iterable[District],
    points: Mapping[str, BoundPoint],
    owners: Mapping[int, Device],
    size: int,
) -> Sight:
    """Return what a scope sees of the points of districts; `owners` by series id, `size` one more than the highest."""
    mask, finest = np.zeros(size, np.bool_), np.zeros(size, np.uint8)
    known = {one.id: one for one in districts}
    within = {name: _within(one, scope.sites) for name, one in known.items()}
    floor = _RESOLUTIONS.index(scope.finest)
    for item in points.values():
        owner = owners[item.id]
        book = known[owner.district].datasets
        dataset = None if book is None else book.of(item.point.path)
        tier = Tier.OPERATOR if dataset is None else dataset.tier
        if tier.rank > scope.tier.rank or not _fits(scope, owner, item, within[owner.district]):
            continue
        mask[item.id] = True
        own = 0 if dataset is None or scope.tier is Tier.OPERATOR else _RESOLUTIONS.index(dataset.finest)
        finest[item.id] = max(floor, own)
    return Sight(scope, mask, finest, owners, points, whole=_is_whole(scope), districts=list(known.values()))


def _is_whole(scope: Scope) -> bool:
    limits = (scope.districts, scope.sites, scope.kinds, scope.quantities)
    anything = all(one is None for one in limits)
    return anything and scope.tier is Tier.OPERATOR and scope.finest is Resolution.RAW


def _fits(scope: Scope, owner: Device, item: BoundPoint, sites: frozenset[str] | None) -> bool:
    return (
        (scope.districts is None or owner.district in scope.districts)
        and (scope.kinds is None or owner.kind in scope.kinds)
        and (scope.quantities is None or item.point.quantity.name in scope.quantities)
        and (sites is None or owner.site in sites)
    )


def _within(district: District, sites: frozenset[str] | None) -> frozenset[str] | None:
    """Return the sites of a district that a scope's sites stand for, None for all."""
    if sites is None:
        return None
    named = [one.partition("/")[2] for one in sites if one.partition("/")[0] == district.id]
    return frozenset(inner for one in named if one in district.sites for inner in district.graph.within(one))
