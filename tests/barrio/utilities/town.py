"""A town whose meters counted what a test knows, in March 2026; and barrio as a process that answers for it.

`energy-1` was read all the time. `energy-2` was changed on the 17th. `energy-3` was silent for five hours on the
10th, and two hours of the 24th came late, when March had been settled. Nothing was heard of `water-1` from the 30th
on. Each quarter hour has a use of whole Wh (or l), so totals are exact. `main` is a live meter beside them, for
streams.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from barrio.assembly import load_all
from barrio.platform import Platform
from barrio.settings import Settings
from connectors.registry import Connectors
from tests.barrio.intervals.stage import settle_all
from twin.clock import NS, SystemClock
from twin.frame import Batch
from twin.quality import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

ZONE = ZoneInfo("America/Tijuana")
BEGIN, END = datetime(2026, 3, 1, tzinfo=ZONE), datetime(2026, 4, 1, tzinfo=ZONE)
QUARTER = timedelta(minutes=15)
QUARTERS_OF_MARCH = 31 * 96 - 4
"""The clocks of Tijuana go forward on 8 March 2026."""

DISTRICT = """\
district: playas
name: Playas de Tijuana
timezone: America/Tijuana
location: {lat: 32.53, lon: -117.12}
sites: [{id: block-4, kind: Building, name: Block 4}]
"""
DEVICES = """\
devices:
  - {{id: "energy-{{1..3}}", profile: energy, site: block-4, endpoint: "modbus+tcp://127.0.0.1:9/1"}}
  - {{id: water-1, profile: water, site: block-4, endpoint: "modbus+tcp://127.0.0.1:9/4"}}
  - {{id: main, profile: main, site: block-4, endpoint: "modbus+tcp://127.0.0.1:{port}/1"}}
"""
_REGISTER = 'register: "input:0", type: uint32, scale: 0.001'
PROFILES = {
    "energy": f"kind: ElectricityMeter\npoints:\n  energy: {{quantity: active_energy_import, {_REGISTER}}}\n",
    "water": f"kind: WaterMeter\npoints:\n  volume: {{quantity: water_meter_volume, {_REGISTER}}}\n",
    "main": 'kind: ElectricityMeter\npoll: 500ms\npoints:\n  power: {quantity: active_power, register: "input:0"}\n',
}
INTERVALS = """\
holidays: [2026-03-16]
meter_changes:
  - {point: energy-2/energy, at: "2026-03-17T10:40", old_last: OLD, new_first: 0, who: ana, why: worn out}
"""
DATASETS = """\
owners: [{id: water-and-power, name: Water and power of Playas}]
datasets:
  - {id: meters, title: Meters of Block 4, owner: water-and-power, contact: data@playas.example,
     licence: "https://playas.example/terms", tier: partner, points: {for: {site: block-4}}}
"""
FIRST = {"energy-1": 12_000_000, "energy-2": 48_000_000, "energy-3": 7_000_000, "water-1": 900_000}
CHANGED = datetime(2026, 3, 17, 10, 40, tzinfo=ZONE)
SILENT = datetime(2026, 3, 10, 8, tzinfo=ZONE), datetime(2026, 3, 10, 13, tzinfo=ZONE)
LATE = datetime(2026, 3, 24, 12, tzinfo=ZONE), datetime(2026, 3, 24, 14, tzinfo=ZONE)
STOPPED = datetime(2026, 3, 30, tzinfo=ZONE)
SETTLED = datetime(2026, 4, 1, 9, tzinfo=ZONE)
CAME = datetime(2026, 4, 3, 8, tzinfo=ZONE)


def path_of(device: str) -> str:
    """Return the path of a meter's register."""
    return f"playas/{device}/{'volume' if device == 'water-1' else 'energy'}"


def ns(at: datetime) -> int:
    """Return a time in ns."""
    return round(at.timestamp()) * NS


def boundaries(begin: datetime, end: datetime) -> list[datetime]:
    """Return the quarter hours between two times, both included."""
    count = (ns(end) - ns(begin)) // (900 * NS)
    utc = begin.astimezone(ZoneInfo("UTC"))
    return [(utc + at * QUARTER).astimezone(ZONE) for at in range(count + 1)]


def use(device: str, at: datetime) -> int:
    """Return what a meter counts in the quarter hour that begins at a time: whole Wh, or l."""
    number = list(FIRST).index(device) + 1
    phase = 2 * math.pi * (4 * at.hour + at.minute // 15 - 32 - number) / 96
    return round(number * (300 + 200 * math.sin(phase)) + at.day)


def total(device: str, begin: datetime = BEGIN, end: datetime = END) -> Decimal:
    """Return what a meter counted, in kW.h or m3."""
    return Decimal(sum(use(device, at) for at in boundaries(begin, end)[:-1])) / 1000


def registers(device: str) -> dict[datetime, int]:
    """Return the display of a meter at each boundary, as if it had never been changed."""
    times = boundaries(BEGIN, END + 8 * QUARTER)
    counted = np.cumsum([0, *(use(device, at) for at in times[:-1])])
    return dict(zip(times, (FIRST[device] + counted).tolist(), strict=True))


def old_last() -> int:
    """Return the last display of the meter that was taken away, ten minutes into a quarter hour."""
    at = CHANGED - timedelta(minutes=10)
    return registers("energy-2")[at] + use("energy-2", at) // 2


def readings(device: str) -> dict[datetime, int]:
    """Return what was read of a meter in the end."""
    found = registers(device)
    if device == "energy-2":
        found = {at: value - (old_last() if at > CHANGED else 0) for at, value in found.items()}
    if device == "energy-3":
        found = {at: value for at, value in found.items() if not SILENT[0] < at < SILENT[1]}
    if device == "water-1":
        found = {at: value for at, value in found.items() if at <= STOPPED}
    return found


def write_town(folder: Path, port: int) -> None:
    """Write the district; the live meter listens on a port."""
    home = folder / "playas"
    (home / "profiles").mkdir(parents=True)
    (home / "district.yaml").write_text(DISTRICT)
    (home / "devices.yaml").write_text(DEVICES.format(port=port))
    (home / "intervals.yaml").write_text(INTERVALS.replace("OLD", str(old_last() / 1000)))
    (home / "datasets.yaml").write_text(DATASETS)
    for name, text in PROFILES.items():
        (home / "profiles" / f"{name}.yaml").write_text(f"profile: {name}\nprotocol: modbus\n{text}")


class Then(SystemClock):
    """The machine's clock, but for what is done as of then."""

    at: datetime | None = None

    def now_ns(self) -> int:
        """Wall clock."""
        return super().now_ns() if self.at is None else ns(self.at)


async def fill(folder: Path) -> None:
    """Put March into the data folder: readings, the first of April when it was settled, the third when more came."""
    connectors = Connectors()
    districts = load_all([str(folder / "playas")], folder, connectors, folder)
    clock = Then()
    platform = Platform(districts, Settings(data=folder / "data"), connectors, clock)
    async with platform:
        late: list[tuple[datetime, int]] = []
        for device in FIRST:
            found = list(readings(device).items())
            if device == "energy-3":
                late = [one for one in found if LATE[0] < one[0] < LATE[1]]
            _write(platform, path_of(device), [one for one in found if one not in late])
        _settle(platform, clock, SETTLED)
        _write(platform, path_of("energy-3"), late, Reason.LATE)
        _settle(platform, clock, CAME)


def _settle(platform: Platform, clock: Then, at: datetime) -> None:
    clock.at = at
    settle_all(platform, ns(at))
    clock.at = None


def _write(
    platform: Platform, path: str, points: Iterable[tuple[datetime, int]], reason: Reason = Reason.GOOD
) -> None:
    series = platform.catalogue.points[path].id
    time = np.array([ns(at) for at, _ in points], np.int64)
    value = np.array([value / 1000 for _, value in points])
    count = len(time)
    ids, quality = np.full(count, series, np.int32), np.full(count, reason, np.uint8)
    batch = Batch(ids, time, time, np.zeros(count, np.int64), value, quality)
    platform.store.write(batch)
    platform.live.time[series] = max(int(time.max()), int(platform.live.time[series]))
    late = platform.intervals.late.among(batch)
    if late is not None:
        platform.intervals.late.mark(late)
