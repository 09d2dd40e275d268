"""From districts to running parts: ids for every point, links for every device, a store for the settings."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import structlog

from barrio.settings import is_url
from twin.errors import ConfigError, Fault, StartError
from twin.model.bound import BoundDevice, BoundPoint
from twin.model.computed import computed_points, owner_of
from twin.model.loader import built_in_districts, load_district
from twin.model.source import suggest
from twin.store.port import Series

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from barrio.settings import Settings
    from connectors.base import Link
    from connectors.home import Home
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


def profiles_folder() -> Path:
    """Folder of the profiles that come with barrio."""
    import connectors

    return Path(connectors.__file__).parent / "profiles"


def load_all(names: Sequence[str], here: Path, connectors: Connectors, profiles: Path) -> list[District]:
    """Return the districts that arguments name; ConfigError with the faults of all of them."""
    districts: list[District] = []
    faults: list[Fault] = []
    for name in names:
        folder = district_folder(name, here)
        if not folder.is_dir():
            faults.append(_unknown(name))
            continue
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


def _unknown(name: str) -> Fault:
    known = sorted(one.name for one in built_in_districts().iterdir() if one.is_dir())
    words = f"there is no such folder, and no district of that name comes with barrio{suggest(name, known)}"
    return Fault(Path(name), 1, "(folder)", words)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything that is configured, by the ids that the data folder keeps.

    `size` is one more than the highest series id. `states` maps state ids to names, `paths` series ids to paths.
    `devices` are those that are read, with the points that they give; `computed` are the points that barrio itself
    gives, which belong to a device or a site. `points`, `owners`, `series` and `paths` hold both.
    """

    districts: Sequence[District]
    devices: Sequence[BoundDevice]
    computed: Sequence[BoundPoint]
    points: Mapping[str, BoundPoint]
    owners: Mapping[int, Device]
    series: Sequence[Series]
    states: Mapping[int, str]
    paths: Mapping[int, str]
    size: int

    @property
    def protocols(self) -> list[str]:
        """The protocols that are spoken, sorted."""
        return sorted({bound.device.protocol for bound in self.devices})

    @property
    def ids(self) -> Ids:
        """Series ids of all configured points that are read: commands give no readings, and miss none."""
        return np.array([item.id for item in self.points.values() if item.point.readable], np.int32)

    def zone(self, item: BoundPoint) -> ZoneInfo:
        """Return the zone of a point's district."""
        name = self.owners[item.id].district
        return next(one.zone for one in self.districts if one.id == name)


class Numbering(Protocol):
    """Where ids come from: the data folder's `SeriesRegistry`, or `Counting` where nothing is kept."""

    def assign(self, paths: Iterable[str]) -> dict[str, int]:
        """Return the id of each path."""

    def states(self, names: Iterable[str]) -> dict[str, int]:
        """Return the id of each state."""


class Counting:
    """Ids from 1 on, for a look at a district without a data folder."""

    def assign(self, paths: Iterable[str]) -> dict[str, int]:
        """Return the id of each path."""
        return {path: number for number, path in enumerate(paths, 1)}

    def states(self, names: Iterable[str]) -> dict[str, int]:
        """Return the id of each state."""
        return {name: number for number, name in enumerate(names, 1)}


def bind(districts: Sequence[District], registry: Numbering) -> Catalogue:
    """Give every point its series id and every state its state id; new ones are durable when this returns."""
    pairs = [pair for district in districts for pair in district.points()]
    pairs += [
        (owner_of(district, owner), point)
        for district in districts
        for owner, point in computed_points(district)
    ]
    ids = registry.assign([point.path for _, point in pairs])
    names = sorted({name for _, point in pairs for name in point.states.values()})
    states = registry.states(names)
    devices = [
        BoundDevice(device, tuple(_bound(point, ids, states) for point in device.points.values()))
        for district in districts
        for device in district.devices.values()
    ]
    read = [(bound.device, item) for bound in devices for item in bound.points]
    added = [(owner, _bound(point, ids, states)) for owner, point in pairs[len(read) :]]
    both = read + added
    return Catalogue(
        districts=districts,
        devices=devices,
        computed=[item for _, item in added],
        points={item.point.path: item for _, item in both},
        owners={item.id: owner for owner, item in both},
        series=[_series(owner, item) for owner, item in both],
        states={number: name for name, number in states.items()},
        paths={item.id: item.point.path for _, item in both},
        size=max(ids.values(), default=0) + 1,
    )


def links_of(
    catalogue: Catalogue, connectors: Connectors, homes: Callable[[str], Home]
) -> list[tuple[str, Link]]:
    """Return `(protocol, link)` for every connection that the districts need; `homes` gives each protocol its own."""
    by_protocol: dict[str, list[BoundDevice]] = defaultdict(list)
    for bound in catalogue.devices:
        by_protocol[bound.device.protocol].append(bound)
    return [
        (name, link)
        for name, devices in by_protocol.items()
        for link in connectors[name].links(devices, homes(name))
    ]


def store_of(settings: Settings, database: Path) -> Store:
    """Return the store that the settings name, not opened yet; only its own library is imported."""
    if settings.store == "duckdb":
        from twin.store.duckdb import DuckDBStore

        return DuckDBStore(database)
    if not is_url(settings.store):
        message = f"store {settings.store!r} is neither duckdb nor the URL of an InfluxDB (http://HOST:8086)"
        raise StartError(message)
    from barrio.store_access import KeptAccess
    from twin.store.influx import InfluxStore

    try:
        token = settings.token()
    except OSError as error:
        message = f"the store's token file {settings.store_token_file} cannot be read: {error.strerror}"
        raise StartError(message) from error
    kept = KeptAccess(settings.tokens, settings.store_org) if settings.tokens is not None else None
    if kept is not None and token is None:
        if (access := kept.first()) is None:
            words = f"no token in {settings.tokens}: barrio apply makes one for each district"
            structlog.get_logger("barrio").warning("tokens.missing", words=words)
        else:
            # 3 Core says nothing, not even its version, to whoever has no token.
            token = access.token
    return InfluxStore(
        settings.store,
        org=settings.store_org,
        user=settings.store_user,
        token=token or "",
        timeout_s=settings.store_timeout,
        access_of=kept,
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
