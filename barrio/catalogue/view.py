"""The catalogue as one caller sees it: rows of every kind, made of the points that exist for them.

A site, a device, a profile or a quantity of which no point is seen does not exist, nor does a relation of which one end
does not; counts count what is seen.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from barrio import __version__
from barrio.catalogue.ask import Wanted
from barrio.catalogue.facts import Fact, facts_of, location_of, site_place
from barrio.catalogue.names import Names
from twin.access.scope import Tier

if TYPE_CHECKING:
    from barrio.assembly import Catalogue
    from twin.access.sight import Sight
    from twin.model.district import Device, District
    from twin.model.spec import Location, SiteSpec

Row = dict[str, Any]
ANYTHING = Wanted()


class Views:
    """The view of each sight over one catalogue, made when it is first asked for."""

    MOST = 100

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._made: WeakKeyDictionary[Sight, View] = WeakKeyDictionary()

    @cached_property
    def facts(self) -> list[Fact]:
        """Facts of all points."""
        return facts_of(self._catalogue)

    def of(self, sight: Sight) -> View:
        """Return what a sight sees of the catalogue."""
        found = self._made.get(sight)
        if found is None:
            seen = [fact for fact in self.facts if sight.mask[fact.item.id]]
            if len(self._made) >= self.MOST:
                self._made.clear()
            found = self._made[sight] = View(self._catalogue, sight, seen)
        return found


class View:
    """What one sight sees. `facts` are the points in the order of the files."""

    def __init__(self, catalogue: Catalogue, sight: Sight, facts: list[Fact]) -> None:
        self._districts = {one.id: one for one in catalogue.districts}
        self._whole = sight.whole
        self._on_duty = sight.scope.tier is Tier.OPERATOR
        self.digest = _digest(catalogue, sight)
        self.facts: list[Fact] = facts
        self.names = Names(self, sight, catalogue.districts)

    def points(self, wanted: Wanted) -> list[Fact]:
        """Return the points that pass."""
        return self.facts if wanted.anything else [one for one in self.facts if wanted.takes(one)]

    @cached_property
    def by_path(self) -> dict[str, Fact]:
        """Points by path."""
        return {fact.item.point.path: fact for fact in self.facts}

    def place_of(self, district: str) -> Location:
        """Return where a district is."""
        return self._districts[district].location

    # --- districts ------------------------------------------------------------------------------------------

    @cached_property
    def districts(self) -> dict[str, Row]:
        """Districts by id."""
        seen = dict.fromkeys(fact.owner.district for fact in self.facts)
        known = self._districts if self._whole else seen
        return {name: self._district(self._districts[name]) for name in known}

    def _district(self, one: District) -> Row:
        own = [fact for fact in self.facts if fact.owner.district == one.id]
        return {
            "id": one.id,
            "name": one.name,
            "description": one.description,
            "timezone": one.zone.key,
            "location": location_of(one.location, "district"),
            "sites": sum(key.startswith(f"{one.id}/") for key in self.sites),
            "devices": len({fact.owner.id for fact in own}),
            "points": len(own),
        }

    # --- sites ----------------------------------------------------------------------------------------------

    @cached_property
    def sites(self) -> dict[str, Row]:
        """Sites by `district/id`, in the order of the files: those in which something is seen."""
        below: dict[str, int] = {}
        direct: set[str] = set()
        for fact in self.facts:
            if fact.owner.site:
                direct.add(f"{fact.owner.district}/{fact.owner.site}")
            for site in fact.around:
                key = f"{fact.owner.district}/{site}"
                below[key] = below.get(key, 0) + 1
        return {
            key: self._site(district, site, below.get(key, 0), direct)
            for district in self._districts.values()
            for site in district.sites.values()
            for key in (f"{district.id}/{site.id}",)
            if self._whole or key in direct
        }

    def _site(self, district: District, site: SiteSpec, points: int, direct: set[str]) -> Row:
        around = tuple(district.graph.places_of(site.id))
        seen = (one for one in around if self._whole or f"{district.id}/{one}" in direct)
        own = site.location is not None
        place = site.location if own else site_place(district, around)
        return {
            "path": f"{district.id}/{site.id}",
            "id": site.id,
            "district": district.id,
            "name": site.name or site.id,
            "kind": site.kind,
            "within": next(seen, None),
            "location": location_of(place, "site" if own else "site around it"),
            "points": points,
        }

    def sites_that(self, wanted: Wanted) -> list[Row]:
        """Return the sites that pass: `kind` and `box` are about the site, all else about points in it or below."""
        inner = Wanted(
            district=wanted.district, quantity=wanted.quantity, profile=wanted.profile, dataset=wanted.dataset
        )
        found = list(self.sites.values())
        if not inner.anything:
            held = {f"{one.owner.district}/{site}" for one in self.points(inner) for site in one.around}
            found = [one for one in found if one["path"] in held]
        if wanted.site is not None:
            found = [one for one in found if self._lies_in(one, wanted.site)]
        if wanted.kind is not None:
            found = [one for one in found if one["kind"] == wanted.kind]
        if wanted.box is not None:
            places = {path: self._place(path) for path in (one["path"] for one in found)}
            found = [one for one in found if wanted.box.holds(places[one["path"]])]
        return found

    def _lies_in(self, row: Row, site: str) -> bool:
        district, _, name = site.rpartition("/")
        around = (row["id"], *self._districts[row["district"]].graph.places_of(row["id"]))
        return name in around and district in {"", row["district"]}

    def _place(self, path: str) -> Any:
        name, _, site = path.partition("/")
        district = self._districts[name]
        return site_place(district, (site, *district.graph.places_of(site)))

    # --- devices --------------------------------------------------------------------------------------------

    @cached_property
    def _by_owner(self) -> dict[str, list[Fact]]:
        found: dict[str, list[Fact]] = {}
        for fact in self.facts:
            found.setdefault(f"{fact.owner.district}/{fact.owner.id}", []).append(fact)
        return found

    @cached_property
    def devices(self) -> dict[str, Row]:
        """Devices by `district/id`; sites that have computed points are no devices."""
        return {
            key: self._device(facts)
            for key, facts in self._by_owner.items()
            if facts[0].owner.id in self._districts[facts[0].owner.district].devices
        }

    def _device(self, facts: list[Fact]) -> Row:
        owner: Device = facts[0].owner
        row = {
            "path": f"{owner.district}/{owner.id}",
            "id": owner.id,
            "district": owner.district,
            "name": owner.name,
            "kind": owner.kind,
            "profile": owner.profile,
            "site": owner.site,
            "location": location_of(facts[0].place, facts[0].placed_by),
            "points": [fact.item.point.name for fact in facts],
        }
        return {**row, "protocol": owner.protocol} if self._on_duty else row

    def devices_that(self, wanted: Wanted) -> list[Row]:
        """Return the devices of which some point passes."""
        if wanted.anything:
            return list(self.devices.values())
        keys = dict.fromkeys(f"{one.owner.district}/{one.owner.id}" for one in self.points(wanted))
        return [self.devices[key] for key in keys if key in self.devices]

    # --- what points have in common -------------------------------------------------------------------------

    def profiles(self, wanted: Wanted = ANYTHING) -> dict[str, Row]:
        """Return the profiles of the points that pass, by id, with those of their points."""
        found: dict[str, Row] = {}
        devices: dict[str, set[str]] = {}
        for fact in self.points(wanted):
            owner = fact.owner
            if owner.id not in self._districts[owner.district].devices:
                continue
            row = found.setdefault(owner.profile, {"id": owner.profile, "kind": owner.kind, "points": {}})
            row["points"].setdefault(fact.item.point.name, _of_profile(fact))
            devices.setdefault(owner.profile, set()).add(f"{owner.district}/{owner.id}")
        return {
            name: {**row, "devices": len(devices[name]), "points": list(row["points"].values())}
            for name, row in found.items()
        }

    def quantities(self, wanted: Wanted = ANYTHING) -> dict[str, Row]:
        """Return the quantities of the points that pass, by name."""
        found: dict[str, Row] = {}
        for fact in self.points(wanted):
            one = fact.item.point.quantity
            row = found.setdefault(one.name, {})
            row["points"] = row.get("points", 0) + 1
            if len(row) == 1:
                row |= {
                    "name": one.name,
                    "title": {"en": one.title, "es": one.titulo},
                    "unit": one.unit,
                    "aggregation": one.aggregation,
                    "states": list(one.states),
                    "smart_data_model": one.smart_data_model,
                    "brick": one.brick,
                }
        return dict(sorted(found.items()))

    def relations(self, district: str | None, kind: str | None, of: str | None) -> list[Row]:
        """Return the relations of which both ends are seen, as they are written in the files."""
        return [
            {"district": one.id, "type": edge.type, "from": edge.source, "to": edge.target}
            for one in self._districts.values()
            if district in {None, one.id}
            for edge in one.relations
            if kind in {None, edge.type}
            and (of is None or of.rpartition("/")[2] in {edge.source, edge.target})
            and (of is None or of.rpartition("/")[0] in {"", one.id})
            and self._exists(one.id, edge.source)
            and self._exists(one.id, edge.target)
        ]

    def _exists(self, district: str, name: str) -> bool:
        key = f"{district}/{name}"
        return key in self.devices or key in self.sites


def _of_profile(fact: Fact) -> Row:
    point = fact.item.point
    return {
        "name": point.name,
        "quantity": point.quantity.name,
        "unit": point.quantity.unit,
        "writable": point.writable,
        "description": point.description,
    }


def _digest(catalogue: Catalogue, sight: Sight) -> str:
    """Return what is another whenever the catalogue is another for this sight."""
    said = hashlib.sha256(__version__.encode())
    for district in catalogue.districts:
        said.update(f"{district.id} {district.digest} ".encode())
    said.update(sight.mask.tobytes() + sight.finest.tobytes())
    scope = sight.scope
    kept = [
        sorted(one) if one is not None else None
        for one in (scope.districts, scope.sites, scope.kinds, scope.quantities)
    ]
    said.update(f"{sight.whole} {scope.tier} {kept}".encode())
    return said.hexdigest()
