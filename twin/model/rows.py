"""Devices as written: one by one in `devices.yaml`, or as rows of the tables that it names."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from twin.model.csv_source import Columns
from twin.model.ranges import RangeError, expand
from twin.model.source import Place
from twin.model.spec import DeviceSpec, DevicesSpec, TableSpec
from twin.model.validation import validate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from twin.model.reading import Reading
    from twin.model.source import Faults, Source, Where

DEVICES_FILE = "devices.yaml"
COLUMNS = ("id", "endpoint", "name", "site", "profile", "unit", "lat", "lon")
_DEFAULTS = ("endpoint", "profile", "site")
_OF_DEVICE = ("id", "endpoint", "name", "site", "profile")
_PERIODS = ("poll", "heartbeat", "trust_time", "max_skew")
_KEY = r"\.[A-Za-z_][A-Za-z0-9_]*"
_NESTED = re.compile(rf"options(?:{_KEY}){{1,4}}|points\.[a-z0-9_-]+{_KEY}")
_NESTED_FORM = "options.KEY or points.POINT.KEY"


@dataclass(frozen=True, slots=True)
class Row:
    """A device as written and its place; `table` is the entry of `devices.yaml` that a row's defaults come from.

    Devices of one range share their place, and what is wrong with one of them is said once.
    """

    spec: DeviceSpec
    place: Place
    table: Place | None = None
    of_range: bool = False

    def at(self, key: str) -> Place:
        """Return the place that a key of the device was written at: a row's default stands with its table."""
        if self.table is None or {key, "unit" if key == "endpoint" else key} & self._cells.keys():
            return self.place.at(key)
        return self.table.at(key)

    @property
    def overrides(self) -> Place:
        """Where the device's overrides were written: in its own columns in a table."""
        return self.place.at("overrides") if self.table is None else self.place

    @property
    def _cells(self) -> Mapping[str, str]:
        cells: Mapping[str, str] = self.place.source.data[self.place.where[0]]
        return cells


@dataclass(slots=True)
class Rows:
    """The devices that are sound. `ids` holds those of faulty ones as well, unless some could not be read."""

    rows: list[Row] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    complete: bool = True

    def add(self, raw: object, place: Place, table: Place | None, faults: Faults) -> None:
        """Add the device that an entry or a row describes."""
        if isinstance(raw, dict) and isinstance(raw.get("id"), str):
            self.ids.add(raw["id"])
        else:
            self.complete = False
        spec = validate(DeviceSpec, raw, place, faults)
        if spec is not None:
            self.rows.append(Row(spec, place, table))

    def add_entry(self, raw: object, place: Place, faults: Faults) -> None:
        """Add the device, or the devices of a range, that an entry of `devices.yaml` describes."""
        try:
            many = expand(raw, place) if isinstance(raw, dict) else None
        except RangeError as error:
            self.complete = False
            faults.add(error.place, str(error))
            return
        if many is None:
            self.add(raw, place, None, faults)
        else:
            self._add_range(many, place, faults)

    def _add_range(self, many: Iterator[Mapping[str, Any]], place: Place, faults: Faults) -> None:
        """Add devices of one range up to the first that is faulty: the others have the same fault."""
        for raw in many:
            spec = validate(DeviceSpec, raw, place, faults)
            if spec is None:
                self.complete = False
                return
            self.ids.add(spec.id)
            self.rows.append(Row(spec, place, of_range=True))


def read_rows(folder: Path, reading: Reading) -> Rows:
    """Return the devices of a district with all faults of theirs that show without profiles and sites."""
    found = Rows()
    source = reading.yaml(folder / DEVICES_FILE)
    if source is None:
        return Rows(complete=False)
    if validate(DevicesSpec, _shell(source.data), Place(source, ()), reading.faults) is None:
        found.complete = False
    for where, raw in source.listed("devices"):
        found.add_entry(raw, Place(source, where), reading.faults)
    for where, raw in source.listed("tables"):
        place = Place(source, where)
        spec = validate(TableSpec, raw, place, reading.faults)
        table = _open(folder, spec, place, reading) if spec else None
        if spec is None or table is None:
            found.complete = False
            continue
        defaults = {key: value for key in _DEFAULTS if (value := getattr(spec, key)) is not None}
        for number, cells in enumerate(table.data):
            found.add(_device(cells, defaults), Place(table, (number,)), place, reading.faults)
    found.rows = _unique(found.rows, reading)
    return found


def _shell(data: object) -> object:
    """The file without its items, which are checked one by one so that a bad one does not hide the others."""
    if not isinstance(data, dict):
        return data
    return {key: [] if isinstance(value, list) else value for key, value in data.items()}


def _open(folder: Path, spec: TableSpec, place: Place, reading: Reading) -> Source | None:
    path = folder / spec.file
    if not _lies_within(path, folder):
        words = f"{spec.file!r} lies outside the district's folder or leads nowhere"
        reading.faults.add(place.at("file"), words)
        return None
    if not path.is_file():
        reading.faults.add(place.at("file"), f"there is no file {spec.file!r} in {folder}")
        return None
    needed = ["id", *(key for key in _DEFAULTS if getattr(spec, key) is None)]
    return reading.table(path, Columns((*COLUMNS, *_PERIODS), needed, _NESTED, _NESTED_FORM))


def _lies_within(path: Path, folder: Path) -> bool:
    """Whether a file lies in a folder when all links are followed."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):
        # A name too long for the file system, or links that go round in a circle.
        return False


def _device(cells: Mapping[str, str], defaults: Mapping[str, str]) -> dict[str, Any]:
    """One row of a table as a device: `unit` is appended to the endpoint, `lat` and `lon` are its location."""
    raw: dict[str, Any] = dict(defaults)
    raw |= {key: cells[key] for key in _OF_DEVICE if key in cells}
    if "unit" in cells and "endpoint" in raw:
        raw["endpoint"] = f"{raw['endpoint'].rstrip('/')}/{cells['unit']}"
    if "lat" in cells or "lon" in cells:
        raw["location"] = {key: cells[key] for key in ("lat", "lon") if key in cells}
    if overrides := _overrides(cells):
        raw["overrides"] = overrides
    return raw


def _overrides(cells: Mapping[str, str]) -> dict[str, Any]:
    """What a row has different from its profile: `points.level.scale` is the key `scale` of the point `level`."""
    found: dict[str, Any] = {key: cells[key] for key in _PERIODS if key in cells}
    for column, cell in cells.items():
        *folders, key = column.split(".")
        if folders:
            inner = found
            for name in folders:
                inner = inner.setdefault(name, {})
            inner[key] = cell
    return found


def _unique(rows: list[Row], reading: Reading) -> list[Row]:
    first: dict[str, Row] = {}
    said: set[Where] = set()
    for row in rows:
        other = first.setdefault(row.spec.id, row)
        if other is not row and not (row.of_range and row.place.where in said):
            said.add(row.place.where)
            place = f"{other.place.source.path.name}:{other.place.line}"
            words = f"device id {row.spec.id!r} is taken, it stands first in {place}"
            reading.faults.add(row.place.at("id"), words)
    return list(first.values())
