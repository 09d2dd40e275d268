"""From districts to running parts: ids for every point, links for every device, a store for the settings."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from twin.errors import ConfigError, Fault, StartError
from twin.model.bound import BoundDevice, BoundPoint
from twin.model.loader import built_in_districts, load_district
from twin.store.port import Series

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from twin.series import SeriesRegistry

    from barrio.settings import Settings
    from connectors.base import Link
    from connectors.registry import Connectors
    from twin.frame import Ids
    from twin.model.district import Device, District, Point
    from twin.store.port import Store


def district_folder(name: str, here: Path) -> Path:
    """Return the folder that an argument names: a path, or a district that comes with barrio."""
    given = here / name
    if given.is_dir() or "/" in name or name.startswith("."):
        return given
    return built_in_districts() / name


def load_all(names: Sequence[str], here: Path, connectors: Connectors, profiles: Path) -> list[District]:
    """Return the districts that arguments name; ConfigError with the faults of all of them."""
    districts: list[District] = []
    faults: list[Fault] = []
    for name in names:
        folder = district_folder(name, here)
        try:
            district = load_district(folder, connectors, [profiles])
        except ConfigError as error:
            faults += error.faults
            continue
        taken = next((other for other in districts if other.id == district.id), None)
        if taken is not None:
            words = f"district {district.id!r} is already read from {taken.folder}"
            faults.append(Fault(folder / "district.yaml", 1, "district", words))
        districts.append(district)
    if faults:
        raise ConfigError(faults)
    return districts


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything that is configured, by the ids that the data folder keeps.

    `size` is one more than the highest series id. `states` maps state ids to names.
    """

    districts: Sequence[District]
    devices: Sequence[BoundDevice]
    points: Mapping[str, BoundPoint]
    owners: Mapping[int, Device]
    series: Sequence[Series]
    states: Mapping[int, str]
    size: int

    @property
    def ids(self) -> Ids:
        """Series ids of all configured points."""
        return np.array([item.id for item in self.points.values()], np.int32)

    def bound(self, series: int) -> BoundPoint | None:
        """Return the point of a series id."""
        device = self.owners.get(series)
        if device is None:
            return None
        return next(point for point in self.points.values() if point.id == series)


def bind(districts: Sequence[District], registry: SeriesRegistry) -> Catalogue:
    """Give every point its series id and every state its state id; new ones are durable when this returns."""
    pairs = [pair for district in districts for pair in district.points()]
    ids = registry.assign([point.path for _, point in pairs])
    names = sorted({name for _, point in pairs for name in point.states.values()})
    states = registry.states(names)
    devices = [
        BoundDevice(device, tuple(_bound(point, ids, states) for point in device.points.values()))
        for district in districts
        for device in district.devices.values()
    ]
    return Catalogue(
        districts=districts,
        devices=devices,
        points={item.point.path: item for bound in devices for item in bound.points},
        owners={item.id: bound.device for bound in devices for item in bound.points},
        series=[_series(bound.device, item) for bound in devices for item in bound.points],
        states={number: name for name, number in states.items()},
        size=max(ids.values(), default=0) + 1,
    )


def links_of(catalogue: Catalogue, connectors: Connectors) -> list[tuple[str, Link]]:
    """Return `(protocol, link)` for every connection that the districts need."""
    by_protocol: dict[str, list[BoundDevice]] = defaultdict(list)
    for bound in catalogue.devices:
        by_protocol[bound.device.protocol].append(bound)
    return [(name, link) for name, devices in by_protocol.items() for link in connectors[name].links(devices)]


def store_of(settings: Settings, database: Path, districts: Iterable[District]) -> Store:
    """Return the store that the settings name, not opened yet; only its own library is imported."""
    if settings.store == "duckdb":
        from twin.store.duckdb import DuckDBStore

        return DuckDBStore(database)
    if not settings.store.startswith(("http://", "https://")):
        message = f"store {settings.store!r} is neither duckdb nor the URL of an InfluxDB (http://HOST:8086)"
        raise StartError(message)
    from twin.store.influx import InfluxStore

    try:
        token = settings.token()
    except OSError as error:
        message = f"the store's token file {settings.store_token_file} cannot be read: {error.strerror}"
        raise StartError(message) from error
    return InfluxStore(
        settings.store,
        org=settings.store_org,
        user=settings.store_user,
        token=token,
        databases=[district.id for district in districts],
        timeout_s=settings.store_timeout,
    )


def _bound(point: Point, ids: Mapping[str, int], states: Mapping[str, int]) -> BoundPoint:
    return BoundPoint(ids[point.path], point, {raw: states[name] for raw, name in point.states.items()})


def _series(device: Device, item: BoundPoint) -> Series:
    point = item.point
    return Series(
        id=item.id,
        path=point.path,
        district=device.district,
        site=device.site,
        device=device.id,
        point=point.name,
        quantity=point.quantity,
        wraps_at=point.wraps_at,
    )
