"""Which points a dataset is made of: the entries under its `points`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from twin.model.catalogue import CATALOGUE
from twin.model.selection import known, selected
from twin.model.source import suggest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from twin.datasets.spec import DatasetSpec, MembersSpec
    from twin.model.district import Point
    from twin.model.ground import Ground
    from twin.model.source import Faults, Place


@dataclass(frozen=True, slots=True)
class Choice:
    """Looks up what entries name; every name that is nobody's is a fault."""

    ground: Ground
    faults: Faults

    def paths(self, spec: DatasetSpec, place: Place) -> list[str]:
        """Return the paths of a dataset's points in the order of its entries, each once."""
        found: dict[str, None] = {}
        single = isinstance(_raw(place), dict)
        for position, entry in enumerate(spec.points):
            at = place.at("points") if single else place.at("points", position)
            found |= dict.fromkeys(self._entry(entry, at))
        return list(found)

    def _entry(self, spec: MembersSpec, place: Place) -> list[str]:
        before = len(self.faults)
        points = self._points(spec, place)
        if not points:
            return []
        self._check(spec, place, points)
        kept = [one.path for one in points if _keeps(spec, one)]
        if not kept and len(self.faults) == before:
            self.ground.unknown(self.faults, place, "there is no point that fits all of this")
        return kept

    def _points(self, spec: MembersSpec, place: Place) -> list[Point]:
        if spec.chosen is not None:
            owners = selected(spec.chosen, self.ground, place.at("for"), self.faults)
        else:
            owners = known(spec.on or "", self.ground, place.at("on"), self.faults)
        pairs = ((owner, name) for owner in owners for name in self.ground.names_of(owner))
        found = [self.ground.point(*pair) for pair in pairs]
        points = [one for one in found if one is not None]
        if owners and not points:
            self.ground.unknown(self.faults, place, f"{owners[0]} has no points")
        return points

    def _check(self, spec: MembersSpec, place: Place, points: Sequence[Point]) -> None:
        names = {one.name for one in points}
        quantities = {one.quantity.name for one in points}
        for key, wanted in (("names", spec.names), ("without", spec.without)):
            for name in set(wanted or ()) - names:
                words = f"none of these has a point {name!r}{suggest(name, names)}"
                self.ground.unknown(self.faults, place.at(key), words)
        for name in set(spec.quantities or ()) - quantities:
            if name in CATALOGUE:
                words = f"none of these has a point of {name}{suggest(name, quantities)}"
            else:
                words = (
                    f"there is no quantity {name!r}{suggest(name, quantities) or suggest(name, CATALOGUE)}"
                )
            self.ground.unknown(self.faults, place.at("quantities"), words)


def _keeps(spec: MembersSpec, point: Point) -> bool:
    return (
        _among(point.quantity.name, spec.quantities)
        and _among(point.name, spec.names)
        and not (spec.without and point.name in spec.without)
    )


def _among(name: str, wanted: Iterable[str] | None) -> bool:
    return wanted is None or name in wanted


def _raw(place: Place) -> object:
    *_, position = place.where
    items = place.source.listed("datasets")
    item = items[position][1] if isinstance(position, int) else None
    return item.get("points") if isinstance(item, dict) else None
