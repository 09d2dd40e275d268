"""A folder of files to a `District`, or to every fault in it at once.

Reading order: `district.yaml`, `devices.yaml` with its tables, then each profile that a device names, then what only
the protocol can see; then `derived.yaml`, `services.yaml`, `alarms.yaml`, `commands.yaml`, `provisioning.yaml`,
`datasets.yaml` and `intervals.yaml` where there are such. A part that is faulty does not hide what is wrong with the
others.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from twin.errors import ConfigError
from twin.model.district import Device, District, Point
from twin.model.graph import Graph
from twin.model.ground import Ground
from twin.model.places import check_places
from twin.model.profiles import Profiles
from twin.model.protocol import parse_endpoint
from twin.model.reading import Reading
from twin.model.rows import read_rows
from twin.model.source import Place, shown
from twin.model.spec import DistrictSpec
from twin.model.validation import validate
from twin.resolution import Resolution

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from twin.alarms.book import AlarmBook
    from twin.commands.book import CommandBook
    from twin.datasets.dataset import DatasetBook
    from twin.derived.point import Derived
    from twin.intervals.plan import IntervalPlan
    from twin.model.profiles import Profile
    from twin.model.protocol import Endpoint, ProtocolSchema
    from twin.model.provision_spec import ProvisioningSpec
    from twin.model.rows import Row
    from twin.model.source import Faults, Source, Where
    from twin.model.spec import DeviceSpec, RetentionSpec
    from twin.services.book import ServiceBook

DISTRICT_FILE = "district.yaml"
DERIVED_FILE = "derived.yaml"
ALARMS_FILE = "alarms.yaml"
COMMANDS_FILE = "commands.yaml"
SERVICES_FILE = "services.yaml"
PROVISIONING_FILE = "provisioning.yaml"
DATASETS_FILE = "datasets.yaml"
INTERVALS_FILE = "intervals.yaml"

# Several times as fast as `dataclasses.replace`, which counts for a district of many lamps alike.
_OTHER_FIELDS = attrgetter(*(item.name for item in fields(Point)[1:]))


def load_district(
    folder: Path, schemas: Mapping[str, ProtocolSchema], profile_folders: Sequence[Path]
) -> District:
    """Return the district that a folder describes; ConfigError with every fault when there is any.

    `schemas` maps protocol names to connectors; it is asked only for the protocols that the district uses.
    """
    reading = Reading()
    district = None
    if _is_folder(folder):
        profiles = Profiles(folder, profile_folders, schemas, reading)
        district = _Loading(folder, profiles, reading).district()
    else:
        reading.faults.add_file(folder, "there is no such folder")
    if district is None or len(reading.faults):
        raise ConfigError(reading.faults.found)
    return district


def built_in_districts() -> Path:
    """Folder of the districts that come with barrio."""
    return Path(__file__).parent.parent / "districts"


@dataclass(frozen=True, slots=True)
class _Loading:
    """One pass over a folder; collects faults as it goes."""

    folder: Path
    profiles: Profiles
    reading: Reading

    @property
    def faults(self) -> Faults:
        return self.reading.faults

    def district(self) -> District | None:
        source = self.reading.yaml(self.folder / DISTRICT_FILE)
        spec = validate(DistrictSpec, source.data, Place(source, ()), self.faults) if source else None
        zone = _zone(source, self.faults) if source else None
        rows = read_rows(self.folder, self.reading)
        if source is not None and isinstance(source.data, dict):
            check_places(source, rows, self.faults)
        devices = self._devices(rows.rows, spec.district if spec else "")
        self.profiles.check_own()
        if spec is None or zone is None:
            return None
        sites = {site.id: site for site in spec.sites}
        complete = rows.complete and len(devices) == len(rows.rows)
        graph = Graph(spec.relations, sites, devices)
        ground = Ground(spec.district, zone, spec.location, sites, devices, graph, complete)
        derived = self._derived(ground)
        return District(
            id=spec.district,
            name=spec.name,
            description=spec.description,
            zone=zone,
            location=spec.location,
            sites=sites,
            relations=spec.relations,
            devices=devices,
            retention_raw_s=spec.retention.raw,
            retention=_retention(spec.retention),
            folder=self.folder,
            derived=derived,
            # Before the alarms, which may watch what services compute.
            services=self._services(ground),
            alarms=self._alarms(ground),
            commands=self._commands(ground),
            provisioning=self._provisioning(),
            # Last, since every point belongs to somebody.
            datasets=self._datasets(ground, derived),
            intervals=self._intervals(ground),
            digest=self.reading.digest,
        )

    # The further files are optional, and what reads them is imported only for districts that have them.

    def _derived(self, ground: Ground) -> tuple[Derived, ...]:
        source = self._further(DERIVED_FILE)
        if source is None:
            return ()
        from twin.derived.load import load

        return load(source, ground, self.faults)

    def _alarms(self, ground: Ground) -> AlarmBook | None:
        source = self._further(ALARMS_FILE)
        if source is None:
            return None
        from twin.alarms.load import load

        return load(source, ground, self.faults)

    def _commands(self, ground: Ground) -> CommandBook | None:
        source = self._further(COMMANDS_FILE)
        if source is None:
            return None
        from twin.commands.load import load

        return load(source, ground, self.faults)

    def _services(self, ground: Ground) -> ServiceBook | None:
        source = self._further(SERVICES_FILE)
        if source is None:
            return None
        from twin.services.load import load

        return load(source, ground, self.faults)

    def _provisioning(self) -> ProvisioningSpec | None:
        source = self._further(PROVISIONING_FILE)
        if source is None:
            return None
        from twin.model.provision_load import load

        return load(source, self.faults)

    def _datasets(self, ground: Ground, derived: tuple[Derived, ...]) -> DatasetBook | None:
        source = self._further(DATASETS_FILE)
        if source is None:
            return None
        from twin.datasets.load import load

        return load(source, ground, derived, self.faults)

    def _intervals(self, ground: Ground) -> IntervalPlan | None:
        source = self._further(INTERVALS_FILE)
        if source is None:
            return None
        from twin.intervals.load import load

        return load(source, ground, self.faults)

    def _further(self, name: str) -> Source | None:
        path = self.folder / name
        return self.reading.yaml(path) if path.exists() else None

    def _devices(self, rows: Iterable[Row], district: str) -> dict[str, Device]:
        devices: dict[str, Device] = {}
        spoiled: set[Where] = set()
        for row in rows:
            if row.of_range and row.place.where in spoiled:
                # What is wrong with one device of a range is wrong with its neighbours: said once.
                continue
            before = len(self.faults)
            profile = self.profiles.get(row.spec.profile, row.at("profile"))
            endpoint = self._endpoint(row, profile) if profile else None
            if profile is not None and endpoint is not None and profile.sound:
                device = self._device(row, profile, endpoint, district)
                if device is not None:
                    devices[device.id] = device
                    self._ask_protocol(device, row, profile)
            if len(self.faults) > before:
                spoiled.add(row.place.where)
        return devices

    def _endpoint(self, row: Row, profile: Profile) -> Endpoint | None:
        try:
            return parse_endpoint(row.spec.endpoint, profile.schema.schemes)
        except ValueError as error:
            self.faults.add(row.at("endpoint"), str(error))
            return None

    def _device(self, row: Row, profile: Profile, endpoint: Endpoint, district: str) -> Device | None:
        spec, over = row.spec, row.spec.overrides
        before = len(self.faults)
        options = profile.options(over, row.overrides)
        points = profile.points(over, row.overrides)
        if options is None or len(self.faults) > before:
            return None
        path = f"{district}/{spec.id}/"
        return Device(
            id=spec.id,
            district=district,
            name=spec.name or spec.id,
            profile=profile.spec.profile,
            kind=profile.spec.kind,
            protocol=profile.spec.protocol,
            site=spec.site,
            endpoint=endpoint,
            location=spec.location,
            poll_s=over.poll or profile.spec.poll,
            trust_time=profile.spec.trust_time if over.trust_time is None else over.trust_time,
            max_skew_s=over.max_skew or profile.spec.max_skew,
            options=options,
            points={name: Point(path + name, *_OTHER_FIELDS(point)) for name, point in points.items()},
            file=row.place.source.path,
            line=row.place.line,
        )

    def _ask_protocol(self, device: Device, row: Row, profile: Profile) -> None:
        """Add what the protocol sees: to the profile if all its devices share it, else to the device."""
        for path, words in profile.schema.check(device):
            where: Where = tuple(path.split("."))
            if where[0] in {"points", "options"} and not _overridden(row.spec, where):
                self.faults.add(profile.place.at(*where), words)
            elif where[0] in {"points", "options"}:
                self.faults.add(row.overrides.at(*where), words)
            else:
                self.faults.add(row.at(str(where[0])), f"{row.spec.id}: {words}")


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        # Longer than any name that the file system can hold.
        return False


def _retention(spec: RetentionSpec) -> dict[Resolution, float | None]:
    return {
        Resolution.RAW: spec.raw,
        Resolution.QUARTER: spec.quarter,
        Resolution.HOUR: spec.hour,
        Resolution.DAY: spec.day,
    }


def _zone(source: Source, faults: Faults) -> ZoneInfo | None:
    name = source.data.get("timezone") if isinstance(source.data, dict) else None
    if not isinstance(name, str):
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        words = f"{shown(name)} is not an IANA time zone, such as America/Mexico_City or Europe/Madrid"
        faults.add(Place(source, ("timezone",)), words)
        return None


def _overridden(spec: DeviceSpec, where: Where) -> bool:
    if where[0] == "options":
        return bool(spec.overrides.options)
    return len(where) > 1 and str(where[1]) in spec.overrides.points
