"""Filters that choose points by what they are: the same names with the same meaning wherever points are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from barrio.errors import UnknownName
from twin.model.source import suggest, suggest_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from twin.access.sight import Sight
    from twin.datasets.dataset import Dataset
    from twin.model.bound import BoundPoint


class Filters:
    """Filters by name, joined by and: `under`, `kind`, `quantity`, `site`, `device`; others are left to the caller.

    `under` is a district, `district/device`, or a whole path. A site stands for the sites within it too. Sites and
    devices are named by their id, or as `district/id`.
    """

    def __init__(self, filters: Mapping[str, str], sight: Sight) -> None:
        self._filters, self._sight = filters, sight
        under, site = filters.get("under"), filters.get("site")
        self._under = None if under is None else f"{under.strip('/')}/"
        self._sites = None if site is None else sight.sites_within(site)

    def take(self, item: BoundPoint) -> bool:
        """Whether a point passes all of them."""
        owner, get = self._sight.owners[item.id], self._filters.get
        device = get("device")
        return (
            (self._under is None or f"{item.point.path}/".startswith(self._under))
            and get("kind") in {None, owner.kind}
            and get("quantity") in {None, item.point.quantity.name}
            and (device is None or device in {owner.id, f"{owner.district}/{owner.id}"})
            and (self._sites is None or (owner.district, owner.site) in self._sites)
        )

    def nothing(self) -> UnknownName:
        """Return what to raise when no point is left: names that nothing visible has come with the nearest one."""
        words = ", ".join(f"{name}={value}{self._near(name, value)}" for name, value in self._filters.items())
        return UnknownName(f"there is no point with {words}")

    def _near(self, name: str, value: str) -> str:
        if name == "under":
            near = suggest_path(value, self._sight.paths)
            return "" if f" {value.strip('/')}?" in near else near
        known = _known(name, self._sight)
        return "" if value in known else suggest(value, known)


def _known(name: str, sight: Sight) -> set[str]:
    """Return the names that may stand in a filter, of what is seen."""
    points = [sight.points[path] for path in sight.paths]
    owners = [sight.owners[item.id] for item in points]
    match name:
        case "kind":
            return {one.kind for one in owners}
        case "quantity":
            return {one.point.quantity.name for one in points}
        case "device":
            return {name for one in owners for name in (one.id, f"{one.district}/{one.id}")}
        case "site":
            return {name for one in sight.sites_around for name in (one[1], f"{one[0]}/{one[1]}")}
        case _:
            return {name for one in _datasets(sight) for name in (one.id, one.key)}


def _datasets(sight: Sight) -> list[Dataset]:
    books = [one.datasets for one in sight.districts if one.datasets is not None]
    every = [one for book in books for one in book.datasets if one.figures is None]
    return [one for one in every if not sight.visible.isdisjoint(one.members)]
