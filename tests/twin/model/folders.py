"""A small district, a stand-in for a protocol, and what comes of loading a folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from twin.errors import ConfigError
from twin.model.loader import load_district
from twin.model.spec import Seconds, Spec

if TYPE_CHECKING:
    from twin.model.district import Device, District

LAST_CELL = 99

DISTRICT = """\
district: riverside
name: Riverside
timezone: Europe/Madrid
location: {lat: 41.6, lon: -0.9}
sites:
  - {id: tower, kind: Building}
  - {id: roof, within: tower}
relations:
  - {type: feeds, from: tank-1, to: tower}
retention: {raw: 90d}
"""

DEVICES = """\
devices:
  - id: tank-1
    profile: tank
    site: tower
    endpoint: pigeon://10.0.0.1
    overrides:
      poll: 2s
      points:
        level: {maximum: 90}
tables:
  - {file: lamps.csv, profile: lamp, site: roof}
"""

LAMPS = """\
id,endpoint,unit,lat,lon
lamp-1,pigeon://10.0.0.2,1,41.6,-0.9
lamp-2,pigeon://10.0.0.2,2,41.6,-0.9
"""

TANK = """\
profile: tank
protocol: pigeon
kind: WaterTank
poll: 5s
options: {loft: north}
points:
  level: {quantity: level_ratio, cell: 0, scale: 0.01, unit: "1"}
  inlet: {quantity: valve_state, cell: 1, states: {0: closed, 1: open}, writable: yes}
"""

LAMP = """\
profile: lamp
protocol: pigeon
kind: Streetlight
points:
  power: {quantity: power_state, cell: 0, states: {0: off, 1: on}}
  hours: {quantity: lamp_hours, cell: 1, heartbeat: 1h}
"""

FILES: Mapping[str, str] = {
    "district.yaml": DISTRICT,
    "devices.yaml": DEVICES,
    "lamps.csv": LAMPS,
    "profiles/tank.yaml": TANK,
    "profiles/lamp.yaml": LAMP,
}


class PigeonPoint(Spec):
    """Where a stand-in keeps a point."""

    cell: int = Field(ge=0)
    poll: Seconds | None = None


class PigeonOptions(Spec):
    """What can be set for the stand-in."""

    loft: str = "south"


class Pigeon:
    """A stand-in for a protocol: its cells go up to 99, and a lamp has a unit."""

    name = "pigeon"
    schemes: Mapping[str, int] = {"pigeon": 1977}
    point_model: type[BaseModel] = PigeonPoint
    options_model: type[BaseModel] = PigeonOptions

    def check(self, device: Device) -> Iterator[tuple[str, str]]:
        """Yield what only the protocol can see."""
        for name, point in device.points.items():
            if isinstance(point.address, PigeonPoint) and point.address.cell > LAST_CELL:
                yield f"points.{name}.cell", f"there are cells 0 to {LAST_CELL}, found {point.address.cell}"
        if device.options == PigeonOptions(loft="burnt"):
            yield "options.loft", "the burnt loft has no pigeons"
        if device.endpoint.path == "/0":
            yield "endpoint", "unit 0 is everybody"


SCHEMAS = {"pigeon": Pigeon()}


def write(folder: Path, files: Mapping[str, str | bytes] | None = None) -> Path:
    """Write a district's files into a folder: the small district's, with `files` in place of its own."""
    for name, text in {**FILES, **(files or {})}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def load(folder: Path, *profiles: Path) -> District:
    """Load a folder with the stand-in as the only protocol."""
    return load_district(folder, SCHEMAS, profiles)


def faults(folder: Path) -> str:
    """Return what is wrong with a folder, a line each, paths relative to it; empty when it loads."""
    try:
        load(folder)
    except ConfigError as error:
        return str(error).replace(f"{folder}/", "").replace(str(folder), "FOLDER")
    return ""
