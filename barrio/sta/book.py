"""Everything that is configured as entities of SensorThings, made when it is first asked for. Blocks."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from barrio.sta.numbers import assign
from barrio.sta.records import Feature, Instrument, Observed, Place, Stay, Stream, Thing
from barrio.sta.stays import stays_of
from twin.model.computed import COMPUTED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from barrio.platform import Platform
    from twin.model.bound import BoundPoint
    from twin.model.district import Device, District
    from twin.model.spec import Location


class Book:
    """The entities of all districts, whoever may see them; `barrio.sta.view` takes away what a caller does not see."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._lock = Lock()
        self._stays: list[Stay] | None = None
        catalogue = platform.catalogue
        self.districts: Mapping[str, District] = {one.id: one for one in catalogue.districts}
        computed = {item.id for item in catalogue.computed}
        pairs = [
            (catalogue.owners[item.id], item) for item in catalogue.points.values() if item.point.readable
        ]
        self._ids = assign(platform.folder.path, self._keys(pairs, computed))
        self._things: dict[str, Thing] = {}
        self._places: dict[str, Place] = {}
        self._sensors: dict[str, Instrument] = {}
        self._observed: dict[str, Observed] = {}
        self._features: dict[str, Feature] = {}
        self.streams: dict[int, Stream] = {}
        for owner, item in pairs:
            self._add(owner, item, computed=item.id in computed)

    def stays(self) -> list[Stay]:
        """Return the HistoricalLocations, by thing and time; the history of models is read for them once."""
        with self._lock:
            if self._stays is None:
                self._stays = self._read_stays()
            return self._stays

    def _read_stays(self) -> list[Stay]:
        things = {(one.owner.district, one.owner.id): one for one in self._things.values()}
        found = []
        for thing, time, site in stays_of(self._platform, things):
            place = thing.place if site is None else self._former(thing.owner.district, site)
            if place is not None:
                found.append((thing, time, place))
        ids = assign(self._platform.folder.path, [_stay_key(thing, time) for thing, time, _ in found])
        return [Stay(ids[_stay_key(thing, time)], time, thing, place) for thing, time, place in found]

    def _former(self, district: str, site: str) -> Place | None:
        """Return the place of a site where a thing was before, None where no thing is there any more."""
        return self._places.get(_place_key(district, site, ""))

    def _keys(self, pairs: list[tuple[Device, BoundPoint]], computed: set[int]) -> list[str]:
        found: dict[str, None] = {}
        for owner, item in pairs:
            found[_thing_key(owner)] = None
            found[_place_key(owner.district, owner.site, owner.id if owner.location else "")] = None
            found[_sensor_key(owner, computed=item.id in computed)] = None
            found[f"property {item.point.quantity.name}"] = None
            found[_feature_key(owner)] = None
        return list(found)

    def _add(self, owner: Device, item: BoundPoint, *, computed: bool) -> None:
        thing = self._thing(owner)
        sensor = self._sensor(owner, computed=computed)
        observed = self._property(item)
        feature = self._feature(owner)
        self.streams[item.id] = Stream(item.id, item, thing, sensor, observed, feature)

    def _thing(self, owner: Device) -> Thing:
        key = _thing_key(owner)
        found = self._things.get(key)
        if found is None:
            found = self._things[key] = Thing(self._ids[key], owner, self._place(owner))
        return found

    def _place(self, owner: Device) -> Place:
        own = owner.location is not None
        key = _place_key(owner.district, owner.site, owner.id if own else "")
        found = self._places.get(key)
        if found is None:
            location = owner.location or self._location(owner.district, owner.site)
            subject, name, kind = self._named(owner.district, owner.site)
            if own:
                subject, name, kind = owner.id, owner.name or owner.id, owner.kind
            found = self._places[key] = Place(self._ids[key], owner.district, subject, name, kind, location)
        return found

    def _feature(self, owner: Device) -> Feature:
        key = _feature_key(owner)
        found = self._features.get(key)
        if found is None:
            location = self._location(owner.district, owner.site)
            named = self._named(owner.district, owner.site)
            found = self._features[key] = Feature(self._ids[key], owner.district, *named, location)
        return found

    def _named(self, district: str, site: str) -> tuple[str, str, str]:
        """Return id, name and kind of a site, of the district where there is none."""
        found = self.districts[district].sites.get(site)
        if found is None:
            return "", self.districts[district].name, "District"
        return found.id, found.name or found.id, found.kind

    def _location(self, district: str, site: str) -> Location:
        """Return where a site is; of one whose place is not known that of the one around it, last the district's."""
        sites, seen = self.districts[district].sites, set()
        found = sites.get(site)
        while found is not None and found.id not in seen:
            if found.location is not None:
                return found.location
            seen.add(found.id)
            found = sites.get(found.within or "")
        return self.districts[district].location

    def _sensor(self, owner: Device, *, computed: bool) -> Instrument:
        key = _sensor_key(owner, computed=computed)
        found = self._sensors.get(key)
        if found is None:
            facts = (COMPUTED, "", COMPUTED) if computed else (owner.profile, owner.kind, owner.protocol)
            found = self._sensors[key] = Instrument(self._ids[key], owner.district, *facts)
        return found

    def _property(self, item: BoundPoint) -> Observed:
        quantity = item.point.quantity
        key = f"property {quantity.name}"
        found = self._observed.get(key)
        if found is None:
            found = self._observed[key] = Observed(self._ids[key], quantity)
        return found


def _thing_key(owner: Device) -> str:
    return f"thing {owner.district}/{owner.id}"


def _place_key(district: str, site: str, device: str) -> str:
    return f"place of {district}/{device}" if device else f"place {district}/{site}"


def _sensor_key(owner: Device, *, computed: bool) -> str:
    return f"sensor {owner.district}/{COMPUTED if computed else owner.profile}"


def _feature_key(owner: Device) -> str:
    return f"feature {owner.district}/{owner.site}"


def _stay_key(thing: Thing, time: int) -> str:
    return f"stay {thing.owner.district}/{thing.owner.id} {time}"
