"""What does not change of the points of a catalogue while a process runs, looked up once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from barrio.assembly import Catalogue
    from twin.datasets.dataset import Dataset
    from twin.model.bound import BoundPoint
    from twin.model.district import Device, District
    from twin.model.spec import Location


@dataclass(frozen=True, eq=False)
class Fact:
    """A point with what it is found by. `around` are its site and those that this lies in, the nearest first."""

    item: BoundPoint
    owner: Device
    around: tuple[str, ...]
    dataset: Dataset | None
    place: Location | None
    placed_by: str

    @property
    def row(self) -> dict[str, Any]:
        """What the catalogue says of it."""
        point = self.item.point
        return {
            "path": point.path,
            "name": point.name,
            "description": point.description,
            "district": self.owner.district,
            "site": self.owner.site,
            "device": self.owner.id,
            "kind": self.owner.kind,
            "profile": self.owner.profile,
            "quantity": point.quantity.name,
            "unit": point.quantity.unit,
            "aggregation": point.quantity.aggregation,
            "states": list(dict.fromkeys(point.states.values())),
            "writable": point.writable,
            "dataset": None if self.dataset is None else self.dataset.key,
            "location": location_of(self.place, self.placed_by),
        }

    @cached_property
    def text(self) -> bytes:
        """The same as JSON, without the brace at its end."""
        return orjson.dumps(self.row)[:-1]

    @cached_property
    def begun(self) -> bytes:
        """The same, and the beginning of its newest reading, up to the value."""
        point = self.item.point
        head = {"path": point.path, "quantity": point.quantity.name, "unit": point.quantity.unit}
        return b'%b,"latest":%b,"value":' % (self.text, orjson.dumps(head)[:-1])

    @cached_property
    def mapped(self) -> bytes:
        """The beginning of its feature (RFC 7946, 3.2), up to the properties."""
        head = {
            "type": "Feature",
            "id": self.item.point.path,
            "geometry": shape_of(location_of(self.place, self.placed_by)),
        }
        return b'%b,"properties":' % orjson.dumps(head)[:-1]


def shape_of(location: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return a location as a point (RFC 7946, 3.1.2): longitude first."""
    return location and {"type": "Point", "coordinates": [location["lon"], location["lat"]]}


def location_of(place: Location | None, placed_by: str) -> dict[str, Any] | None:
    """Return a location as JSON; `of` says whose it is: that of the device, or of a site around it."""
    return None if place is None else {"lat": place.lat, "lon": place.lon, "of": placed_by}


def facts_of(catalogue: Catalogue) -> list[Fact]:
    """Return the facts of all points in the order of the files; computed ones come last."""
    districts = {one.id: one for one in catalogue.districts}
    places: dict[int, tuple[tuple[str, ...], Location | None, str]] = {}
    found = []
    for item in catalogue.points.values():
        owner = catalogue.owners[item.id]
        district = districts[owner.district]
        if id(owner) not in places:
            around = (owner.site, *district.graph.places_of(owner.site)) if owner.site else ()
            places[id(owner)] = (around, *_place(district, owner, around))
        around, place, placed_by = places[id(owner)]
        dataset = None if district.datasets is None else district.datasets.of(item.point.path)
        found.append(Fact(item, owner, around, dataset, place, placed_by))
    return found


def _place(district: District, owner: Device, around: tuple[str, ...]) -> tuple[Location | None, str]:
    if owner.location is not None:
        return owner.location, "device" if owner.id in district.devices else "site"
    return site_place(district, around), "site"


def site_place(district: District, around: tuple[str, ...]) -> Location | None:
    """Return the location of the nearest of some sites that has one."""
    known = (district.sites[one].location for one in around if one in district.sites)
    return next((one for one in known if one is not None), None)
