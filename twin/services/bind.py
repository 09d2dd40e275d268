"""Rules of `services.yaml` bound to the points that they name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.model import units
from twin.model.quantities import Aggregation
from twin.model.selection import chosen, devices_of
from twin.model.source import suggest
from twin.services.amounts import said_in
from twin.services.book import Counter, Crowd, Service, Tank
from twin.services.points import PointMaker

if TYPE_CHECKING:
    from collections.abc import Iterable

    from twin.model.district import Device, Point
    from twin.model.ground import Ground
    from twin.model.source import Faults, Place
    from twin.model.spec import Location
    from twin.services.spec import CapacitySpec, MaintenanceSpec, SupplySpec

_GAUGE, _COUNTER = Aggregation.GAUGE, Aggregation.COUNTER


class Binder:
    """Binds one rule after the other; `points` are those that barrio will compute for them."""

    def __init__(self, ground: Ground, faults: Faults) -> None:
        self.ground = ground
        self.faults = faults
        self.points = PointMaker(ground, faults)
        self._asked: dict[str, str] = {}

    # --- supply ---------------------------------------------------------------------------------------------

    def tanks(self, rule: SupplySpec, place: Place) -> list[Tank]:
        """Return the tanks of a rule."""
        return [
            tank
            for device in self._devices(rule, place)
            if (tank := self._tank(rule, device, place)) is not None
        ]

    def _tank(self, rule: SupplySpec, device: Device, place: Place) -> Tank | None:
        other = self._asked.setdefault(device.id, rule.id)
        if other != rule.id:
            words = f"{device.id} asks by the rule {other!r} already: a tank has one"
            self.faults.add(_aim(rule, place), words)
            return None
        level = self._of_device(device, rule.level, place.at("level"), "percent", (_GAUGE,))
        volume = None
        if rule.volume is not None:
            volume = self._of_device(device, rule.volume, place.at("volume"), "volume", (_GAUGE,))
        if level is None or (rule.volume is not None and volume is None):
            return None
        make = self.points.make
        return Tank(
            key=f"{self.ground.id}/{device.id}/{rule.id}",
            district=self.ground.id,
            owner=device.id,
            name=device.name,
            place=self._site_name(device.site),
            location=device.location or self._location_of(device.id),
            rule=rule,
            level=level.path,
            volume=None if volume is None else volume.path,
            hours_left=make(
                device.id, "hours_left", "hours_left", place, "Until it is empty, with the draw of late"
            ),
            state=make(device.id, "supply_state", "supply_state", place, f"Request of the rule {rule.id}"),
        )

    # --- capacity -------------------------------------------------------------------------------------------

    def crowd(self, place: Place, rule: CapacitySpec) -> Crowd | None:
        """Return the place of a rule, None when something is wrong with it."""
        before = len(self.faults)
        if rule.on not in self.ground.sites and rule.on not in self.ground.devices:
            self.ground.unknown(self.faults, place.at("on"), self.ground.no_owner(rule.on))
            return None
        capacity: int | str | None = rule.capacity
        if isinstance(capacity, str):
            capacity = self._path(rule.on, capacity, place.at("capacity"), (_GAUGE,))
        sensor = None
        if rule.occupancy is not None:
            sensor = self._path(rule.on, rule.occupancy, place.at("occupancy"), (_GAUGE,))
        entries = self._counters(rule.on, rule.entries or (), place.at("in"))
        exits = self._counters(rule.on, rule.exits or (), place.at("out"))
        for path in {one.path for one in entries} & {one.path for one in exits}:
            self.faults.add(place.at("out"), f"{path} counts who comes in as well")
        if len(self.faults) > before or capacity is None:
            return None
        own = sensor == f"{self.ground.id}/{rule.on}/{rule.name}"
        make = self.points.make
        site = self.ground.sites.get(rule.on)
        return Crowd(
            key=f"{self.ground.id}/{rule.on}/{rule.id}",
            district=self.ground.id,
            owner=rule.on,
            name=(site.name if site else self.ground.devices[rule.on].name) or rule.on,
            zone=self.ground.zone,
            rule=rule,
            capacity=capacity,
            sensor=sensor,
            entries=entries,
            exits=exits,
            people=None if own else make(rule.on, rule.name, "occupancy", place.at("as"), "People present"),
            ratio=make(
                rule.on,
                f"{rule.name}_ratio",
                "occupancy_ratio",
                place.at("as"),
                "People for each hundred allowed",
            ),
            colour=make(
                rule.on, f"{rule.name}_level", "occupancy_level", place.at("as"), "Green, amber or red"
            ),
        )

    def _counters(self, owner: str, references: Iterable[str], place: Place) -> tuple[Counter, ...]:
        found: list[Counter] = []
        for index, reference in enumerate(references):
            where = place.at(index) if (*place.where, index) in place.source.lines else place
            point = self._point(owner, reference, where, "count", (_COUNTER,))
            if point is not None and any(point.path == one.path for one in found):
                self.faults.add(where, f"{reference} stands here twice")
            elif point is not None:
                found.append(Counter(point.path, point.wraps_at))
        return tuple(found)

    # --- maintenance ----------------------------------------------------------------------------------------

    def services(self, place: Place, rule: MaintenanceSpec) -> list[Service]:
        """Return a service for each device of a rule."""
        return [
            service
            for device in self._devices(rule, place)
            if (service := self._service(rule, device, place)) is not None
        ]

    def _service(self, rule: MaintenanceSpec, device: Device, place: Place) -> Service | None:
        point = self._of_device(device, rule.counter, place.at("counter"), "", (_COUNTER,))
        if point is None:
            return None
        unit = point.quantity.unit
        try:
            every = said_in(rule.every, unit)
        except ValueError as error:
            self.faults.add(place.at("every"), f"{error}; {rule.counter} counts {unit}")
            return None
        state = None
        if rule.name is not None:
            words = f"Service by the rule {rule.id}"
            state = self.points.make(device.id, rule.name, "service_state", place.at("as"), words)
        return Service(
            key=f"{self.ground.id}/{device.id}/{rule.id}",
            district=self.ground.id,
            owner=device.id,
            name=device.name,
            site=device.site,
            zone=self.ground.zone,
            rule=rule,
            counter=Counter(point.path, point.wraps_at),
            every=every,
            unit=unit,
            state=state,
        )

    # --- names ----------------------------------------------------------------------------------------------

    def _devices(self, rule: SupplySpec | MaintenanceSpec, place: Place) -> list[Device]:
        if rule.selection is not None:
            return chosen(rule.selection, place.at("for"), self.ground, self.faults)
        return [
            device
            for name in dict.fromkeys(rule.on or ())
            for device in devices_of(name, None, place, self.ground, self.faults)
        ]

    def _of_device(
        self, device: Device, name: str, place: Place, kind: str, aggregations: tuple[Aggregation, ...]
    ) -> Point | None:
        """Return a point of a device; what is wrong with a profile is said once for all its devices."""
        point = device.points.get(name)
        if point is None:
            self.faults.add(
                place, f"profile {device.profile} has no point {name!r}{suggest(name, device.points)}"
            )
            return None
        return self._fitting(point, name, place, kind, aggregations)

    def _path(
        self, owner: str, reference: str, place: Place, aggregations: tuple[Aggregation, ...]
    ) -> str | None:
        point = self._point(owner, reference, place, "count", aggregations)
        return None if point is None else point.path

    def _point(
        self, owner: str, reference: str, place: Place, kind: str, aggregations: tuple[Aggregation, ...]
    ) -> Point | None:
        named, _, name = reference.rpartition("/")
        holder = named or owner
        if holder not in self.ground.devices and holder not in self.ground.sites:
            self.ground.unknown(self.faults, place, self.ground.no_owner(holder))
            return None
        point = self.ground.point(holder, name)
        if point is None:
            self.ground.unknown(self.faults, place, self.ground.no_point(holder, name))
            return None
        return self._fitting(point, reference, place, kind, aggregations)

    def _fitting(
        self, point: Point, name: str, place: Place, kind: str, aggregations: tuple[Aggregation, ...]
    ) -> Point | None:
        quantity = point.quantity
        measured = _measured(quantity.unit)
        if quantity.aggregation not in aggregations:
            wanted = " or ".join(aggregations)
            words = f"{name} is a {quantity.aggregation} ({quantity.name}), a {wanted} is needed here"
            self.faults.add(place, words)
            return None
        if kind and measured != kind:
            words = f"{name} measures {measured} ({quantity.name}), {kind} is needed here"
            self.faults.add(place, words)
            return None
        return point

    def _site_name(self, site: str) -> str:
        found = self.ground.sites.get(site)
        return (found.name if found else "") or site

    def _location_of(self, device: str) -> Location | None:
        """Return where the nearest site around a device is."""
        for site in self.ground.graph.places_of(device):
            found = self.ground.sites.get(site)
            if found is not None and found.location is not None:
                return found.location
        return None


def _measured(unit: str) -> str:
    """Return what a unit measures; percent and numbers of things, which convert, are told apart."""
    found = units.find(unit)
    if found is None:
        return "nothing"
    if found.kind != "ratio":
        return found.kind
    return "count" if found.scale == 1 else "percent" if found.code == "%" else "a ratio"


def _aim(rule: SupplySpec | MaintenanceSpec, place: Place) -> Place:
    return place.at("on" if rule.on is not None else "for")
