"""A folder of files to a `District`, or to every fault in it at once.

Reading order: `district.yaml`, `devices.yaml` with its tables, then each profile that a device names (from the
district's own `profiles/` folder first, then from the folders given), then the points of every device.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from twin.errors import ConfigError, Fault
from twin.model import units
from twin.model.catalogue import CATALOGUE
from twin.model.district import Device, District, Point
from twin.model.protocol import parse_endpoint
from twin.model.quantities import Aggregation
from twin.model.source import Faults, Source, dotted, read_csv, read_yaml, suggest, validate
from twin.model.spec import DeviceSpec, DevicesSpec, DistrictSpec, PointSpec, ProfileSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from twin.model.protocol import Endpoint, ProtocolSchema
    from twin.model.quantities import Quantity
    from twin.model.source import Where
    from twin.model.spec import StateKey

DISTRICT_FILE = "district.yaml"
DEVICES_FILE = "devices.yaml"
PROFILES_FOLDER = "profiles"
MAX_ID = 255

_SHARED_KEYS = frozenset(PointSpec.model_fields)
_SILENT_POLLS = 3
_SILENT_AT_LEAST_S = 30.0


class Schemas:
    """The protocols as the loader asks for them: anything with `in`, iteration and `[name]`."""

    def __init__(self, schemas: Mapping[str, ProtocolSchema]) -> None:
        self._schemas = schemas

    def names(self) -> list[str]:
        """Names of the protocols that are installed."""
        return sorted(self._schemas)

    def get(self, name: str) -> ProtocolSchema | None:
        """Return the schema of a protocol, None when it is not installed."""
        return self._schemas[name] if name in self._schemas else None  # noqa: SIM401 - a registry has no .get


def load_district(
    folder: Path, schemas: Mapping[str, ProtocolSchema], profile_folders: Sequence[Path]
) -> District:
    """Return the district that a folder describes; ConfigError with every fault when there is any.

    `schemas` maps protocol names to connectors; it is asked only for the protocols that the district uses.
    """
    faults = Faults()
    district = _Loading(folder, Schemas(schemas), profile_folders, faults).district()
    if faults.found or district is None:
        raise ConfigError(faults.found)
    return district


@dataclass(slots=True)
class _Profile:
    """A profile with the place that it was read from."""

    spec: ProfileSpec
    source: Source
    schema: ProtocolSchema


@dataclass(slots=True)
class _Row:
    """A device as written, with its place."""

    spec: DeviceSpec
    source: Source
    where: Where


@dataclass(slots=True)
class _Loading:
    """One pass over a folder; collects faults as it goes."""

    folder: Path
    schemas: Schemas
    profile_folders: Sequence[Path]
    faults: Faults
    profiles: dict[str, _Profile | None] = field(default_factory=dict)
    digest: Any = field(default_factory=hashlib.sha256)

    def district(self) -> District | None:
        if not self.folder.is_dir():
            self.faults.found.append(Fault(self.folder, 1, "(folder)", "there is no such folder"))
            return None
        source = self._read(self.folder / DISTRICT_FILE)
        spec = validate(DistrictSpec, source.data, source, (), self.faults) if source else None
        rows = self._rows()
        zone = self._zone(spec.timezone, source) if spec and source else None
        if spec and source:
            self._check_sites(spec, source, rows)
            self._check_relations(spec, source, rows)
        devices = self._devices(rows, spec)
        if spec is None or zone is None:
            return None
        return District(
            id=spec.district,
            name=spec.name,
            description=spec.description,
            zone=zone,
            location=spec.location,
            sites={site.id: site for site in spec.sites},
            relations=spec.relations,
            devices=devices,
            retention_raw_s=spec.retention.raw,
            folder=self.folder,
            digest=self.digest.hexdigest(),
        )

    def _read(self, path: Path) -> Source | None:
        source = read_csv(path, self.faults) if path.suffix == ".csv" else read_yaml(path, self.faults)
        if source is not None:
            self.digest.update(path.read_bytes())
        return source

    def _zone(self, name: str, source: Source) -> ZoneInfo | None:
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            words = f"{name!r} is not an IANA time zone, such as America/Mexico_City or Europe/Madrid"
            self.faults.add(source, ("timezone",), words)
            return None

    # --- devices as written ---------------------------------------------------------------------------------

    def _rows(self) -> list[_Row]:
        source = self._read(self.folder / DEVICES_FILE)
        if source is None:
            return []
        data = source.data if isinstance(source.data, dict) else {}
        rows = self._listed(source, data)
        shell = {key: value for key, value in data.items() if key != "devices"}
        spec = validate(
            DevicesSpec, shell if isinstance(source.data, dict) else source.data, source, (), self.faults
        )
        for index, table in enumerate(spec.tables if spec else ()):
            rows += self._table(table.file, {"profile": table.profile, "site": table.site}, source, index)
        return self._unique(rows)

    def _listed(self, source: Source, data: dict[str, Any]) -> list[_Row]:
        listed = data.get("devices", [])
        if not isinstance(listed, list):
            self.faults.add(source, ("devices",), f"must be a list, found {type(listed).__name__}")
            return []
        rows = []
        for index, raw in enumerate(listed):
            where: Where = ("devices", index)
            spec = validate(DeviceSpec, raw, source, where, self.faults)
            if spec is not None:
                rows.append(_Row(spec, source, where))
        return rows

    def _table(self, file: str, defaults: Mapping[str, str | None], source: Source, index: int) -> list[_Row]:
        path = (self.folder / file).resolve()
        if not path.is_relative_to(self.folder.resolve()):
            self.faults.add(source, ("tables", index, "file"), f"{file!r} lies outside the district's folder")
            return []
        if not path.is_file():
            self.faults.add(source, ("tables", index, "file"), f"there is no file {file!r} in {self.folder}")
            return []
        table = self._read(self.folder / file)
        rows = []
        for number, cells in enumerate(table.data if table else ()):
            spec = self._cells(cells, defaults, table, number) if table else None
            if spec is not None and table is not None:
                rows.append(_Row(spec, table, (number,)))
        return rows

    def _cells(
        self, cells: Mapping[str, str], defaults: Mapping[str, str | None], table: Source, number: int
    ) -> DeviceSpec | None:
        """One row of a table as a device: `unit` is appended to the endpoint, `lat` and `lon` are its location."""
        raw: dict[str, Any] = {key: value for key, value in defaults.items() if value is not None}
        raw |= {key: cell for key, cell in cells.items() if key not in {"unit", "lat", "lon"}}
        if "unit" in cells and "endpoint" in raw:
            raw["endpoint"] = f"{raw['endpoint'].rstrip('/')}/{cells['unit']}"
        if "lat" in cells or "lon" in cells:
            raw["location"] = {key: cells[key] for key in ("lat", "lon") if key in cells}
        return validate(DeviceSpec, raw, table, (number,), self.faults)

    def _unique(self, rows: list[_Row]) -> list[_Row]:
        first: dict[str, _Row] = {}
        for row in rows:
            other = first.setdefault(row.spec.id, row)
            if other is not row:
                place = f"{other.source.path.name}:{other.source.line(other.where)}"
                words = f"device id {row.spec.id!r} is taken, it stands first in {place}"
                self.faults.add(row.source, (*row.where, "id"), words)
        return list(first.values())

    # --- sites and relations --------------------------------------------------------------------------------

    def _check_sites(self, spec: DistrictSpec, source: Source, rows: Iterable[_Row]) -> None:
        ids: dict[str, str | None] = {}
        for index, site in enumerate(spec.sites):
            if site.id in ids:
                self.faults.add(source, ("sites", index, "id"), f"site id {site.id!r} is taken")
            ids[site.id] = site.within
        for index, site in enumerate(spec.sites):
            if site.within is not None and site.within not in ids:
                words = f"there is no site {site.within!r}{suggest(site.within, ids)}"
                self.faults.add(source, ("sites", index, "within"), words)
            elif _encloses_itself(site.id, ids):
                self.faults.add(source, ("sites", index, "within"), f"site {site.id!r} lies within itself")
        for row in rows:
            if row.spec.site not in ids:
                words = f"there is no site {row.spec.site!r} in {DISTRICT_FILE}{suggest(row.spec.site, ids)}"
                self.faults.add(row.source, (*row.where, "site"), words)

    def _check_relations(self, spec: DistrictSpec, source: Source, rows: Iterable[_Row]) -> None:
        known = {site.id for site in spec.sites} | {row.spec.id for row in rows}
        for index, relation in enumerate(spec.relations):
            for key, end in (("from", relation.source), ("to", relation.target)):
                if end not in known:
                    words = f"there is no device or site {end!r}{suggest(end, known)}"
                    self.faults.add(source, ("relations", index, key), words)

    # --- profiles -------------------------------------------------------------------------------------------

    def _profile(self, row: _Row) -> _Profile | None:
        name = row.spec.profile
        if name not in self.profiles:
            self.profiles[name] = self._load_profile(name, row)
        return self.profiles[name]

    def _load_profile(self, name: str, row: _Row) -> _Profile | None:
        folders = [self.folder / PROFILES_FOLDER, *self.profile_folders]
        path = next((found for folder in folders if (found := folder / f"{name}.yaml").is_file()), None)
        if path is None:
            known = {found.stem for folder in folders if folder.is_dir() for found in folder.glob("*.yaml")}
            words = f"there is no profile {name!r}{suggest(name, known)}"
            self.faults.add(row.source, (*row.where, "profile"), words)
            return None
        source = self._read(path)
        spec = validate(ProfileSpec, source.data, source, (), self.faults) if source else None
        if source is None or spec is None:
            return None
        if spec.profile != name:
            self.faults.add(
                source, ("profile",), f"the file is called {path.name}, but the profile {spec.profile!r}"
            )
        schema = self.schemas.get(spec.protocol)
        if schema is None:
            known_protocols = self.schemas.names()
            words = f"no connector speaks {spec.protocol!r}{suggest(spec.protocol, known_protocols)}"
            self.faults.add(source, ("protocol",), f"{words}; installed are {', '.join(known_protocols)}")
            return None
        profile = _Profile(spec, source, schema)
        return profile if self._profile_stands(profile) else None

    def _profile_stands(self, profile: _Profile) -> bool:
        """Check options and points once here, so that four hundred lamps do not repeat one fault."""
        before = len(self.faults.found)
        validate(
            profile.schema.options_model, profile.spec.options, profile.source, ("options",), self.faults
        )
        for name, raw in profile.spec.points.items():
            self._point(f"*/*/{name}", name, raw, profile, profile.source, ("points", name), None)
        return len(self.faults.found) == before

    # --- devices and points ---------------------------------------------------------------------------------

    def _devices(self, rows: Iterable[_Row], spec: DistrictSpec | None) -> dict[str, Device]:
        devices: dict[str, Device] = {}
        reported: set[tuple[str, str, str]] = set()
        for row in rows:
            profile = self._profile(row)
            endpoint = self._endpoint(row, profile) if profile else None
            if profile is None or endpoint is None:
                continue
            device = self._device(row, profile, endpoint, spec.district if spec else "?")
            if device is not None:
                devices[device.id] = device
                self._ask_protocol(device, row, profile, reported)
        return devices

    def _endpoint(self, row: _Row, profile: _Profile) -> Endpoint | None:
        try:
            return parse_endpoint(row.spec.endpoint, profile.schema.schemes)
        except ValueError as error:
            self.faults.add(row.source, (*row.where, "endpoint"), str(error))
            return None

    def _device(self, row: _Row, profile: _Profile, endpoint: Endpoint, district: str) -> Device | None:
        spec, over = profile.spec, row.spec.overrides
        for name in over.points.keys() - spec.points.keys():
            words = f"profile {spec.profile!r} has no point {name!r}{suggest(name, spec.points)}"
            self.faults.add(row.source, (*row.where, "overrides", "points", name), words)
        merged = {**spec.options, **over.options}
        place = (*row.where, "overrides", "options") if over.options else row.where
        options = validate(profile.schema.options_model, merged, row.source, place, self.faults)
        points = {}
        for name, raw in spec.points.items():
            path = f"{district}/{row.spec.id}/{name}"
            changed = over.points.get(name)
            source, where = self._place(row, profile, name, changed=changed is not None)
            point = self._point(path, name, {**raw, **(changed or {})}, profile, source, where, row.spec)
            if point is not None:
                points[name] = point
        if options is None:
            return None
        return Device(
            id=row.spec.id,
            district=district,
            name=row.spec.name or row.spec.id,
            profile=spec.profile,
            kind=spec.kind,
            protocol=spec.protocol,
            site=row.spec.site,
            endpoint=endpoint,
            location=row.spec.location,
            poll_s=over.poll or spec.poll,
            trust_time=spec.trust_time if over.trust_time is None else over.trust_time,
            max_skew_s=over.max_skew or spec.max_skew,
            options=options,
            points=points,
            file=row.source.path,
            line=row.source.line(row.where),
        )

    @staticmethod
    def _place(row: _Row, profile: _Profile, name: str, *, changed: bool) -> tuple[Source, Where]:
        if changed:
            return row.source, (*row.where, "overrides", "points", name)
        return profile.source, ("points", name)

    def _point(
        self,
        path: str,
        name: str,
        raw: dict[str, Any],
        profile: _Profile,
        source: Source,
        where: Where,
        device: DeviceSpec | None,
    ) -> Point | None:
        shared = {key: value for key, value in raw.items() if key in _SHARED_KEYS}
        own = {key: value for key, value in raw.items() if key not in _SHARED_KEYS}
        spec = validate(PointSpec, shared, source, where, self.faults)
        address = self._address(own, profile.schema, source, where)
        if spec is None or address is None:
            return None
        quantity = self._quantity(spec, source, where)
        if quantity is None or not self._states_stand(spec, quantity, source, where):
            return None
        factor = self._conversion(spec, quantity, source, where)
        if factor is None:
            return None
        over = device.overrides if device else None
        poll_s = (over.poll if over else None) or profile.spec.poll
        own_poll = getattr(address, "poll", None) or poll_s
        heartbeat_s = spec.heartbeat or (over.heartbeat if over else None) or profile.spec.heartbeat
        minimum, maximum = self._range(spec, quantity, factor, source, where)
        return Point(
            path=path,
            name=name,
            quantity=quantity,
            address=address,
            scale=spec.scale * factor.scale,
            offset=spec.offset * factor.scale + factor.offset,
            minimum=minimum,
            maximum=maximum,
            wraps_at=None if spec.wraps_at is None else spec.wraps_at * factor.scale,
            dead_band=spec.dead_band * abs(factor.scale),
            heartbeat_s=heartbeat_s,
            silent_after_s=spec.silent_after or max(_SILENT_POLLS * own_poll, _SILENT_AT_LEAST_S),
            states=_states(spec, quantity),
            writable=spec.writable,
            description=spec.description,
            file=source.path,
            line=source.line(where),
        )

    def _address(self, own: dict[str, Any], schema: ProtocolSchema, source: Source, where: Where) -> Any:
        unknown = own.keys() - {info.alias or key for key, info in schema.point_model.model_fields.items()}
        known = [*_SHARED_KEYS, *schema.point_model.model_fields]
        for key in sorted(unknown):
            self.faults.add(source, (*where, key), f"unknown key{suggest(key, known)}")
        rest = {key: value for key, value in own.items() if key not in unknown}
        return validate(schema.point_model, rest, source, where, self.faults)

    def _quantity(self, spec: PointSpec, source: Source, where: Where) -> Quantity | None:
        quantity = CATALOGUE.get(spec.quantity)
        if quantity is None:
            words = f"there is no quantity {spec.quantity!r}{suggest(spec.quantity, CATALOGUE)}"
            self.faults.add(source, (*where, "quantity"), words)
        return quantity

    def _states_stand(self, spec: PointSpec, quantity: Quantity, source: Source, where: Where) -> bool:
        is_state = quantity.aggregation is Aggregation.STATE
        if spec.states is not None and not is_state:
            words = f"quantity {quantity.name!r} is a number in {quantity.unit or '1'}, it has no states"
            self.faults.add(source, (*where, "states"), words)
            return False
        if is_state and spec.unit is not None:
            self.faults.add(
                source, (*where, "unit"), f"quantity {quantity.name!r} is a state, it has no unit"
            )
            return False
        return True

    def _conversion(
        self, spec: PointSpec, quantity: Quantity, source: Source, where: Where
    ) -> units.Conversion | None:
        if quantity.aggregation is Aggregation.STATE:
            return units.Conversion(1.0, 0.0)
        try:
            return units.conversion(spec.unit or quantity.unit, quantity.unit)
        except units.UnitError as error:
            self.faults.add(source, (*where, "unit"), str(error))
            return None

    def _range(
        self, spec: PointSpec, quantity: Quantity, factor: units.Conversion, source: Source, where: Where
    ) -> tuple[float, float]:
        if quantity.aggregation is Aggregation.STATE:
            return -math.inf, math.inf
        low, high = quantity.minimum, quantity.maximum
        if spec.minimum is not None:
            low = max(low, spec.minimum * factor.scale + factor.offset)
        if spec.maximum is not None:
            high = min(high, spec.maximum * factor.scale + factor.offset)
        if low >= high:
            key = "minimum" if spec.minimum is not None else "maximum"
            words = f"leaves no plausible value: {low:g} to {high:g} {quantity.unit} (the quantity allows "
            words += f"{quantity.minimum:g} to {quantity.maximum:g})"
            self.faults.add(source, (*where, key), words)
        return low, high

    def _ask_protocol(
        self, device: Device, row: _Row, profile: _Profile, reported: set[tuple[str, str, str]]
    ) -> None:
        for path, words in profile.schema.check(device):
            where: Where = tuple(path.split("."))
            if where[0] in {"points", "options"} and not _overridden(row.spec, where):
                if (profile.spec.profile, path, words) in reported:
                    continue
                reported.add((profile.spec.profile, path, words))
                self.faults.add(profile.source, where, words)
            else:
                place = (
                    (*row.where, where[0]) if where[0] == "endpoint" else (*row.where, "overrides", *where)
                )
                self.faults.found.append(
                    Fault(row.source.path, row.source.line(place), dotted(place), f"{row.spec.id}: {words}")
                )


def _overridden(spec: DeviceSpec, where: Where) -> bool:
    if where[0] == "options":
        return bool(spec.overrides.options)
    return len(where) > 1 and str(where[1]) in spec.overrides.points


def _states(spec: PointSpec, quantity: Quantity) -> dict[StateKey, str]:
    """Codes to names: as written, else the quantity's own states by position and by name."""
    if quantity.aggregation is not Aggregation.STATE:
        return {}
    if spec.states is not None:
        return dict(spec.states)
    by_position: dict[StateKey, str] = dict(enumerate(quantity.states))
    return by_position | {name: name for name in quantity.states}


def _encloses_itself(site: str, within: Mapping[str, str | None]) -> bool:
    seen: set[str] = set()
    current: str | None = site
    while current is not None and current not in seen:
        seen.add(current)
        current = within.get(current)
    return current is not None


def built_in_districts() -> Path:
    """Folder of the districts that come with barrio."""
    return Path(__file__).parent.parent / "districts"
