"""A small town for expressions: two towers with tanks and meters, lamps of a cabinet, a weather station."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from tests.twin.model.folders import load, write
from twin.expressions.checked import Checked, check_text
from twin.expressions.program import Program, Result
from twin.expressions.scope import Scope
from twin.frame import Batch
from twin.model.district import District
from twin.model.ground import Ground
from twin.quality import FIRST_BAD, Reason

S = 1_000_000_000
START = 1_800_000_000 * S

DISTRICT = """\
district: riverside
name: Riverside
timezone: Europe/Madrid
location: {lat: 41.6, lon: -0.9}
sites:
  - {id: town, kind: District}
  - {id: tower-a, kind: Building, within: town}
  - {id: roof-a, within: tower-a}
  - {id: tower-b, kind: Building, within: town}
  - {id: street, kind: Avenue, within: town}
relations:
  - {type: feeds, from: feeder, to: meter-a}
  - {type: feeds, from: feeder, to: cabinet}
  - {type: feeds, from: cabinet, to: street}
  - {type: controls, from: cabinet, to: lamp-1}
  - {type: controls, from: cabinet, to: lamp-2}
  - {type: measures, from: meter-b, to: tower-b}
  - {type: part_of, from: tank-a, to: meter-a}
"""
DEVICES = """\
devices:
  - {id: tank-a, profile: tank, site: roof-a, endpoint: "pigeon://10.0.0.1"}
  - {id: tank-b, profile: tank, site: tower-b, endpoint: "pigeon://10.0.0.2"}
  - {id: meter-a, profile: meter, site: tower-a, endpoint: "pigeon://10.0.0.3"}
  - {id: meter-b, profile: meter, site: tower-b, endpoint: "pigeon://10.0.0.4"}
  - {id: feeder, profile: meter, site: street, endpoint: "pigeon://10.0.0.5"}
  - {id: cabinet, profile: cabinet, site: street, endpoint: "pigeon://10.0.0.6"}
  - {id: lamp-1, profile: lamp, site: street, endpoint: "pigeon://10.0.0.7"}
  - {id: lamp-2, profile: lamp, site: street, endpoint: "pigeon://10.0.0.8"}
  - {id: lamp-3, profile: lamp, site: street, endpoint: "pigeon://10.0.0.9"}
  - {id: met, profile: weather, site: town, endpoint: "pigeon://10.0.0.10"}
  - {id: met-2, profile: weather, site: street, endpoint: "pigeon://10.0.0.11"}
"""
PROFILES = {
    "tank": """\
profile: tank
protocol: pigeon
kind: WaterTank
poll: 10s
points:
  level: {quantity: level_ratio, cell: 0}
  volume: {quantity: volume, cell: 1}
  inlet_flow: {quantity: water_flow, cell: 2}
  outlet_flow: {quantity: water_flow, cell: 3}
  temperature: {quantity: water_temperature, cell: 4}
  drawn: {quantity: water_meter_volume, cell: 5, wraps_at: 1000}
  hours: {quantity: pump_hours, cell: 6}
  pump: {quantity: pump_state, cell: 7, states: {0: off, 1: on}}
  inlet: {quantity: valve_state, cell: 8, states: {0: closed, 1: open}, writable: yes}
""",
    "meter": """\
profile: meter
protocol: pigeon
kind: ElectricityMeter
points:
  active_power: {quantity: active_power, cell: 0}
  reactive_power: {quantity: reactive_power, cell: 1}
  apparent_power: {quantity: apparent_power, cell: 2}
  voltage_l1: {quantity: voltage, cell: 3}
  voltage_l2: {quantity: voltage, cell: 4}
  current: {quantity: current, cell: 5}
  power_factor: {quantity: power_factor, cell: 6}
  energy: {quantity: active_energy_import, cell: 7}
""",
    "lamp": """\
profile: lamp
protocol: pigeon
kind: Streetlight
points:
  power: {quantity: power_state, cell: 0, states: {0: off, 1: on}}
  draw: {quantity: lamp_power, cell: 1}
""",
    "cabinet": """\
profile: cabinet
protocol: pigeon
kind: LightingCabinet
points:
  door: {quantity: cabinet_door_state, cell: 0}
  active_power: {quantity: active_power, cell: 1}
""",
    "weather": """\
profile: weather
protocol: pigeon
kind: WeatherStation
points:
  wind: {quantity: wind_direction, cell: 0}
  rain: {quantity: rain, cell: 1}
  temperature: {quantity: air_temperature, cell: 2}
  people: {quantity: occupancy, cell: 3}
  draw: {quantity: rain, cell: 4}
""",
}


def files(**further: str) -> dict[str, str]:
    """Return the town's files; further ones by name without `.yaml`."""
    profiles = {f"profiles/{name}.yaml": text for name, text in PROFILES.items()}
    more = {f"{name}.yaml": text for name, text in further.items()}
    empty = {"lamps.csv": "id,endpoint\n"}
    return {"district.yaml": DISTRICT, "devices.yaml": DEVICES, **profiles, **empty, **more}


@cache
def district() -> District:
    """Return the town without further files."""
    with tempfile.TemporaryDirectory() as folder:
        return load(write(Path(folder), files()))


def ground() -> Ground:
    """Return the ground of the town, a fresh one each time."""
    town = district()
    return Ground(town.id, town.zone, town.location, town.sites, town.devices, town.graph)


def check(text: str, owner: str = "tank-a") -> Checked:
    """Check a text in the town."""
    return check_text(text, Scope(ground(), owner))


PATHS = [point.path for _, point in district().points()]
IDS = {path: number for number, path in enumerate(PATHS, 1)}
STATES = {
    name: number
    for number, name in enumerate(
        sorted({name for _, point in district().points() for name in point.states.values()}), 1
    )
}
SIZE = len(IDS) + 1


def series(name: str) -> int:
    """Return the id of `owner/point`."""
    return IDS[f"riverside/{name}"]


class Now:
    """What is known of every point: nothing, until it is set."""

    def __init__(self, **values: float | str) -> None:
        self.value = np.full(SIZE, np.nan)
        self.quality = np.full(SIZE, Reason.NOT_HEARD_YET, np.uint8)
        self.time = np.zeros(SIZE, np.int64)
        self.gap = np.zeros(SIZE, np.bool_)

    @property
    def usable(self) -> np.ndarray:
        """Whether each value counts."""
        return (self.quality < FIRST_BAD) & ~self.gap

    def set(self, name: str, value: float | str, reason: Reason = Reason.GOOD, time: int = START) -> Now:
        """Set a point by `owner/point`; a state by its name."""
        row = series(name)
        self.value[row] = STATES[value] if isinstance(value, str) else value
        self.quality[row] = reason
        self.time[row] = time
        return self


def program(*texts: str, owner: str = "tank-a", require: float | None = None) -> Program:
    """Return a program of texts."""
    shares = () if require is None else [require] * len(texts)
    return Program([check(text, owner) for text in texts], IDS, STATES, SIZE, shares)


def value_of(text: str, now: Now, owner: str = "tank-a", require: float | None = None) -> float:
    """Return what one expression gives, NaN when it has no value."""
    return float(result_of(text, now, owner, require).value[0])


def result_of(text: str, now: Now, owner: str = "tank-a", require: float | None = None) -> Result:
    """Return what one expression gives with its quality and time."""
    return program(text, owner=owner, require=require).evaluate(None, now, START)


def readings(name: str, times: list[int], values: list[float], reason: list[int] | None = None) -> Batch:
    """Return readings of one point; times in seconds after the start."""
    time = np.array(times, np.int64) * S + START
    quality = np.array(reason or [0] * len(times), np.uint8)
    value = np.where(quality < FIRST_BAD, np.array(values, np.float64), np.nan)
    ids = np.full(len(times), series(name), np.int32)
    return Batch(ids, time, time, np.zeros(len(times), np.int64), value, quality)
