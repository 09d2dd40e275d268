"""A simulated week of the demo district, ending now, put into a real InfluxDB in half a minute.

Readings follow the physics of `barrio/simulator`, one every two minutes where the value changed and every four where
it did not. `Week.district` says so: its points may be quiet for that long, or most of the week would count as a gap.
What a week has to show is put in by hand: devices that are silent, a link that was down, a cistern that ran low, a lamp
that failed (`TROUBLES`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from barrio.assembly import Catalogue, Counting, bind, load_all, profiles_folder
from barrio.simulator.utilities import DRAINED
from barrio.simulator.world import World
from connectors.registry import Connectors
from twin.expressions.replay import replay
from twin.frame import Batch
from twin.model.computed import computed_points, owner_of
from twin.model.district import District
from twin.quality import FIRST_BAD, Reason
from twin.store.history import is_state
from twin.store.influx import InfluxStore
from twin.store.port import Series

NS = 1_000_000_000
STEP_S = 120
DAYS = 7
PHYSICS_S = 240.0
SEED = 7
QUIET_STEPS = 2
RECENT_STEPS = 60
Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Silence:
    """Devices that say nothing between two ages (hours before now); `until` 0 lasts still."""

    devices: tuple[str, ...]
    since_h: float
    until_h: float
    reason: Reason
    words: str
    link: str = ""


TROUBLES = (
    Silence(("lamp-17",), 26.0, 0.0, Reason.NO_ANSWER, "no answer within 10 s"),
    Silence(("cistern-c1",), 0.7, 0.0, Reason.NO_ANSWER, "no answer within 2 s"),
    Silence(("hospital-",), 62.0, 59.0, Reason.LINK_DOWN, "connection refused", "opc.tcp://10.20.2.10:4840"),
    Silence(("met-2",), 120.0, 113.5, Reason.NO_ANSWER, "no answer within 10 s"),
    Silence(("hospital-room-4",), 2.2, 0.0, Reason.SILENT, "the server says nothing of it"),
    Silence(("inverter-3",), 1.3, 0.0, Reason.NO_ANSWER, "no answer within 2 s"),
    Silence(("waste-3",), 24.0 * (DAYS + 2), 0.0, Reason.NOT_HEARD_YET, "never heard"),
)
DRAINED_H = (20.0, 19.5)
"""When cistern-b1 lost water fast."""
LAMP_FAULT_H = 31.0
"""Since when lamp-05 reports a fault and stays dark."""
LAMP_ON_H = 60.0
"""Since when lamp-22 burns by day as well."""


@dataclass(frozen=True)
class Week:
    """The district, its series, and every value of every series (`values[step, column]`, NaN where it was silent)."""

    district: District
    catalogue: Catalogue
    series: Sequence[Series]
    times: npt.NDArray[np.int64]
    values: Matrix

    @property
    def now_ns(self) -> int:
        """When the week ends."""
        return int(self.times[-1])

    def column(self, path: str) -> int:
        """Return the column of a point."""
        return next(number for number, one in enumerate(self.series) if one.path.endswith(f"/{path}"))


def demo(heartbeat_s: float = QUIET_STEPS * STEP_S) -> District:
    """Return the demo district with points that may be quiet for longer."""
    [district] = load_all(["ciudad-maderas"], Path(), Connectors(), profiles_folder())
    devices = {
        device.id: replace(
            device,
            points={
                name: replace(point, heartbeat_s=heartbeat_s, silent_after_s=60.0)
                for name, point in device.points.items()
            },
        )
        for device in district.devices.values()
    }
    return replace(district, devices=devices)


def simulate(district: District, now_s: float | None = None, days: float = DAYS) -> Week:
    """Return a week of readings and the rest of the day before it, up to the last whole step before now."""
    last = int((now_s or time.time()) // STEP_S * STEP_S)
    begun = datetime.fromtimestamp(last - days * 86_400, UTC).astimezone(district.zone)
    midnight = begun.replace(hour=0, minute=0, second=0).timestamp()
    steps = int((last - midnight) // STEP_S) + 1
    times = (last - STEP_S * np.arange(steps - 1, -1, -1, dtype=np.int64)) * NS
    catalogue = bind([district], Counting())
    series = tuple(one for one in catalogue.series if catalogue.points[one.path].point.readable)
    values = np.full((steps, len(series)), np.nan)
    codes = {name: code for code, name in catalogue.states.items()}
    week = Week(district, catalogue, series, times, values)
    _measure(week, codes)
    _compute(week, codes)
    _serve(week, codes)
    for trouble, (first, stop) in zip(TROUBLES, spans(week), strict=True):
        for number, one in enumerate(series):
            if is_of(trouble, one.device):
                values[first:stop, number] = np.nan
    return week


def is_of(trouble: Silence, device: str) -> bool:
    """Return whether a device is one of those that are silent; `hospital-` means all that begin so."""
    return any(device == one or (one.endswith("-") and device.startswith(one)) for one in trouble.devices)


def spans(week: Week) -> list[tuple[int, int]]:
    """Return the steps of each trouble, half open."""
    return [(step_of(week, one.since_h), step_of(week, one.until_h)) for one in TROUBLES]


def step_of(week: Week, age_h: float) -> int:
    """Return the step of an age in hours; the number of steps for 0."""
    return int(np.clip(len(week.times) - round(age_h * 3600 / STEP_S), 0, len(week.times)))


def _measure(week: Week, codes: Mapping[str, int]) -> None:
    """Let the devices measure."""
    world = World(week.district, SEED, float(week.times[0] // NS), PHYSICS_S)
    known = {one.path: number for number, one in enumerate(week.series)}
    points = [
        (known[point.path], device, point, is_state(week.series[known[point.path]]))
        for device, point in week.district.points()
        if point.path in known
    ]
    drained = [step_of(week, age) for age in DRAINED_H]
    for step, moment in enumerate((week.times // NS).tolist()):
        world.advance(float(moment))
        if step in drained:
            world.set_state("cistern-b1", **{DRAINED: 1.4 if step == drained[0] else 0.0})
        row = week.values[step]
        for column, device, point, named in points:
            value = world.value(device, point)
            row[column] = codes[str(value)] if named else value
    _lamps(week, codes)


def _lamps(week: Week, codes: Mapping[str, int]) -> None:
    """Let one lamp be broken, and one burn by day."""
    broken, always = step_of(week, LAMP_FAULT_H), step_of(week, LAMP_ON_H)
    fault = week.column("lamp-05/fault")
    states = week.series[fault].quantity.states
    week.values[broken:, fault] = codes[next(one for one in states if one != "ok")]
    week.values[broken:, week.column("lamp-05/power_state")] = codes["off"]
    week.values[broken:, week.column("lamp-05/power")] = 0.4
    week.values[always:, week.column("lamp-22/power_state")] = codes["on"]
    power = week.values[:, week.column("lamp-22/power")]
    power[always:] = power.max()


def _compute(week: Week, codes: Mapping[str, int]) -> None:
    """Compute derived points from what was measured."""
    ids = {one.path: one.id for one in week.series}
    columns = {one.path: number for number, one in enumerate(week.series)}
    for derived in week.district.derived:
        inputs = derived.expression.inputs
        rows = batch_of(week, [columns[path] for path in inputs], slice(None))
        moments, values, qualities = replay(derived.expression, ids, codes, rows, derived.require)
        values = np.where(qualities < FIRST_BAD, values, np.nan)
        newest = np.searchsorted(moments, week.times, side="right") - 1
        column = columns[derived.point.path]
        week.values[:, column] = np.where(newest >= 0, values[newest], np.nan)


def _serve(week: Week, codes: Mapping[str, int]) -> None:
    """Give the points of services plausible values: what a tank lasts for, how full a place is."""
    columns = {one.path: number for number, one in enumerate(week.series)}
    for owner, point in computed_points(week.district):
        column = columns[point.path]
        if not np.isnan(week.values[:, column]).all():
            continue
        week.values[:, column] = _service(week, owner, point.name, point.quantity.states, codes)


def _service(week: Week, owner: str, name: str, states: Sequence[str], codes: Mapping[str, int]) -> Matrix:
    if name == "hours_left":
        if owner.startswith("gas"):
            level = week.values[:, week.column(f"{owner}/level")]
            lost = np.maximum(-np.diff(level, prepend=level[0]), 0.0) * 3600 / STEP_S
            return np.clip(level / np.maximum(_smooth(lost), 0.1), 0.0, 500.0)
        volume = week.values[:, week.column(f"{owner}/volume")]
        flow = week.values[:, week.column(f"{owner}/outlet_flow")]
        return np.clip(volume / np.maximum(_smooth(flow), 1e-3), 0.0, 500.0)
    if name == "supply_state":
        found = np.full(len(week.times), float(codes["normal"]))
        if owner == "cistern-b1":
            first = step_of(week, DRAINED_H[1])
            for number, state in enumerate(("requested", "acknowledged", "delivering", "delivered")):
                found[first + 20 * number : first + 20 * (number + 1)] = codes[state]
        return found
    halls = owner == "plaza-halls"
    people = week.values[:, week.column("plaza-halls/people" if halls else "wifi-3/clients")]
    share = 100.0 * people / (200.0 if halls else 60.0)
    if name.endswith("_ratio"):
        return np.clip(share, 0.0, 100.0)
    if name.endswith("_level"):
        colours = [codes[one] for one in ("green", "amber", "red")]
        return np.choose(np.digitize(np.nan_to_num(share), (60.0, 85.0)), colours).astype(float)
    return people.copy() if not states else np.full(len(week.times), float(codes[states[0]]))


def _smooth(values: Matrix, steps: int = 90) -> Matrix:
    """Return the mean of the last three hours."""
    total = np.cumsum(np.nan_to_num(values))
    before = np.concatenate([np.zeros(steps), total[:-steps]])
    mean: Matrix = (total - before) / np.minimum(np.arange(1, len(values) + 1), steps)
    return mean


def batch_of(
    week: Week, columns: Sequence[int], steps: slice, kept: npt.NDArray[np.bool_] | None = None
) -> Batch:
    """Return readings of some columns, in the order of time; NaN is no reading."""
    block = week.values[steps][:, columns]
    there = ~np.isnan(block) if kept is None else ~np.isnan(block) & kept
    ids = np.array([week.series[one].id for one in columns], np.int32)
    rows, places = np.nonzero(there)
    times = week.times[steps][rows]
    zeros = np.zeros(len(times), np.int64)
    return Batch(ids[places], times, times, zeros, block[there], np.zeros(len(times), np.uint8))


def kept_of(week: Week) -> npt.NDArray[np.bool_]:
    """Return which readings are stored: what changed, now and then what did not, and all of the last two hours."""
    kept = np.ones(week.values.shape, np.bool_)
    kept[1:] = week.values[1:] != week.values[:-1]
    kept[::QUIET_STEPS] = True
    kept[-RECENT_STEPS:] = True
    return kept


def bad_of(week: Week) -> Batch:
    """Return a few readings that were bad: a sensor that gave nonsense for an hour."""
    column = week.column("met-1/rain_rate")
    times = week.times[step_of(week, 8.0) : step_of(week, 7.0)] + NS
    size = len(times)
    return Batch(
        np.full(size, week.series[column].id, np.int32),
        times,
        times,
        np.zeros(size, np.int64),
        np.full(size, np.nan),
        np.full(size, Reason.OUT_OF_RANGE, np.uint8),
    )


def batches(week: Week, steps: int = 60) -> Iterator[Batch]:
    """Yield all readings that are stored, a few hours at a time."""
    kept = kept_of(week)
    columns = list(range(len(week.series)))
    for first, last in pairwise([*range(0, len(week.times), steps), len(week.times)]):
        part = slice(first, last)
        yield batch_of(week, columns, part, kept[part])
    yield bad_of(week)


def store(week: Week, url: str, prefix: str = "") -> int:
    """Put the readings into an InfluxDB; returns how many."""
    influx = InfluxStore(url, database_prefix=prefix, timeout_s=60.0)
    influx.open(week.series, week.catalogue.states)
    total = 0
    try:
        for batch in batches(week):
            influx.write(batch)
            total += len(batch)
    finally:
        influx.close()
    return total


def owners(week: Week) -> dict[str, str]:
    """Return the site of every owner of series, by its id."""
    return {
        **{device.id: device.site for device in week.district.devices.values()},
        **{owner: owner_of(week.district, owner).site for owner, _ in computed_points(week.district)},
    }
