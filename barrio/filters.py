"""Filters that choose points by what they are: the same names with the same meaning wherever points are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from barrio.errors import UnknownName
from twin.datasets.seen import known_to
from twin.model.source import suggest, suggest_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from twin.access.sight import Sight
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
        near = {name: self._near(name, value) for name, value in self._filters.items()}
        return nothing_with("point", self._filters, near)

    def _near(self, name: str, value: str) -> str:
        if name == "under":
            near = suggest_path(value, self._sight.paths)
            return "" if f" {value.strip('/')}?" in near else near
        known = _known(name, self._sight)
        if value in known or (name == "site" and not self._sight.sites_around.isdisjoint(self._sites or ())):
            return ""
        return suggest(value, known)


def nothing_with(word: str, filters: Mapping[str, str], near: Mapping[str, str]) -> UnknownName:
    """Return what to raise when nothing of a kind passes: its filters, each with what was probably meant."""
    words = ", ".join(f"{name}={value}{near[name]}" for name, value in filters.items())
    return UnknownName(f"there is no {word} with {words}")


def hold_under(under: str | None, sight: Sight) -> None:
    """Return when a point, device, site or district is seen that has this path; UnknownName with the nearest else.

    For lists of what happened, where there is nothing to show: because nothing did, or because there is no such name.
    """
    path = (under or "").strip("/")
    if under is None or (sight.whole and any(path == one.id for one in sight.districts)):
        return
    if any(f"{one}/".startswith(f"{path}/") for one in sight.paths):
        return
    if any(path == f"{district}/{site}" for district, site in sight.sites_around):
        return
    near = suggest_path(path, sight.paths)
    raise UnknownName(f"there is no point, device, site or district {under!r}{near}")


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
            # A place around what is seen may be asked for; where nothing of its own is seen, it is not named.
            seen = (
                {f"{one.id}/{site}" for one in sight.districts for site in one.sites}
                if sight.whole
                else sight.site_ids
            )
            return {name for one in seen for name in (one, one.partition("/")[2])}
        case _:
            datasets = [one.dataset for one in known_to(sight, sight.districts)]
            return {name for one in datasets for name in (one.id, one.key)}
