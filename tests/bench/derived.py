"""What 2,000 derived points cost: 10,000 points at 20,000 readings/s, ten flushes a second of 2,000 readings each.

Measured is the engine alone (`Deriver.step` with each flush, `Deriver.tick` four times a second), as the share of one
core that it takes (CPU time), and its slowest flush in a hundred.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tests.bench.result import Result, print_results
from tests.twin.model.folders import load
from twin.derived.deriver import Deriver
from twin.frame import Batch
from twin.ingest.settle import Settled

if TYPE_CHECKING:
    from twin.model.district import District

NS = 1_000_000_000
FLUSHES = 600
FLUSH_NS = NS // 10
READINGS = 2_000
BLOCKS, TANKS = 40, 25

DISTRICT = (
    "district: bench\nname: Bench\ntimezone: America/Mexico_City\nlocation: {lat: 20.56, lon: -100.26}\n"
)
PROFILE = """\
profile: tank
protocol: pigeon
kind: WaterTank
points:
  level: {quantity: level_ratio, cell: 0}
  volume: {quantity: volume, cell: 1}
  inlet_flow: {quantity: water_flow, cell: 2}
  outlet_flow: {quantity: water_flow, cell: 3}
  pressure: {quantity: water_pressure, cell: 4}
  temperature: {quantity: water_temperature, cell: 5}
  power: {quantity: active_power, cell: 6}
  energy: {quantity: active_energy_import, cell: 7}
  pump: {quantity: pump_state, cell: 8}
  inlet: {quantity: valve_state, cell: 9}
"""
# Three points of each tank in the west, two of them with windows; beside them sums over the tanks of a block.
DERIVED = """\
derived:
  - {for: {kind: WaterTank, within: west}, point: net, quantity: water_flow, is: "max(inlet_flow - outlet_flow, 0)"}
  - {for: {kind: WaterTank, within: west}, point: hours_left, quantity: run_hours,
     is: "min(volume / max(mean(outlet_flow over 30min), 0.001 m3/h), 1000 h)"}
  - {for: {kind: WaterTank, within: west}, point: state, quantity: alarm_state,
     is: "if(level < 20 % and inlet = 'closed' or rate(level over 10min) < -500 %/h, 'alarm', 'normal')"}
"""


def folder(path: Path, tanks: int = BLOCKS * TANKS, others: int = 500) -> District:
    """Write and load a district of that many tanks and, beside three derived points of half of them, that many sums."""
    blocks = max(2, tanks // TANKS)
    sides = "  - {id: west}\n  - {id: east}\n"
    sites = sides + "".join(
        f"  - {{id: block-{number}, within: {'west' if number < blocks // 2 else 'east'}}}\n"
        for number in range(blocks)
    )
    devices = "".join(
        f"  - {{id: 'tank-{block}-{{01..{TANKS}}}', profile: tank, site: block-{block}, "
        f"endpoint: 'pigeon://10.0.{block}.1'}}\n"
        for block in range(blocks)
    )
    sums = "".join(
        f"  - {{on: block-{number % blocks}, point: power_{number}, quantity: active_power, require: 90%, "
        f"is: 'sum(power where site within block-{number % blocks} or device = "
        f"tank-{number % 7 % blocks}-0{number % 9 + 1}) + {number} W'}}\n"
        for number in range(others)
    )
    path.mkdir(parents=True, exist_ok=True)
    (path / "profiles").mkdir(exist_ok=True)
    (path / "district.yaml").write_text(f"{DISTRICT}sites:\n{sites}")
    (path / "devices.yaml").write_text(f"devices:\n{devices}")
    (path / "profiles/tank.yaml").write_text(PROFILE)
    (path / "derived.yaml").write_text(DERIVED + sums)
    return load(path)


class Town:
    """Points that are read in turn, values that differ each time."""

    def __init__(self, district: District) -> None:
        points = [point for _, point in district.points()]
        paths = [*(point.path for point in points), *(one.point.path for one in district.derived)]
        self.ids = {path: number for number, path in enumerate(paths, 1)}
        names = sorted({name for point in points for name in point.states.values()} | {"normal", "alarm"})
        self.states = {name: number for number, name in enumerate(names, 1)}
        self.size = len(paths) + 1
        self.gap_reason = np.zeros(self.size, np.uint8)
        self._measured = np.array([self.ids[point.path] for point in points], np.int32)
        self._codes = {
            self.ids[point.path]: sorted(self.states[name] for name in point.states.values())
            for point in points
            if point.states
        }
        self._random = np.random.default_rng(4)

    def flush(self, number: int, now_ns: int) -> Settled:
        """Return the readings of one flush: a fifth of the points, those of whole devices."""
        count = len(self._measured)
        ids = self._measured[(np.arange(READINGS) + number * READINGS) % count]
        value = self._random.uniform(1, 60, len(ids))
        for position in np.flatnonzero(np.isin(ids, list(self._codes))).tolist():
            value[position] = self._random.choice(self._codes[int(ids[position])])
        time_ns = np.full(len(ids), now_ns, np.int64)
        readings = Batch(
            ids, time_ns, time_ns, np.zeros(len(ids), np.int64), value, np.zeros(len(ids), np.uint8)
        )
        return Settled(readings, np.ones(len(ids), np.bool_), {})


def main() -> None:
    """Print the share of one core and the slowest flush of a hundred."""
    with tempfile.TemporaryDirectory() as name:
        began = time.perf_counter()
        district = folder(Path(name))
        loaded_s = time.perf_counter() - began
    town = Town(district)
    deriver = Deriver(district.derived, town.ids, town.states, town.size, town.gap_reason)
    now_ns, spent, ticks, given = 1_800_000_000 * NS, [], [], 0
    for number in range(FLUSHES):
        settled = town.flush(number, now_ns)
        began = time.thread_time()
        frame = deriver.step(settled, now_ns)
        spent.append(time.thread_time() - began)
        given += 0 if frame is None else len(frame.ids)
        if number % 5 < 2:
            began = time.thread_time()
            deriver.tick(now_ns + FLUSH_NS // 2)
            ticks.append(time.thread_time() - began)
        now_ns += FLUSH_NS
    seconds = FLUSHES * FLUSH_NS / NS
    facts = {
        "derived": len(district.derived),
        "points": len(town.ids) - len(district.derived),
        "given_per_s": round(given / seconds),
        "flush_ms_median": round(1000 * float(np.median(spent)), 3),
        "tick_ms_median": round(1000 * float(np.median(ticks)), 3),
        "load_s": round(loaded_s, 2),
    }
    share = 100 * (sum(spent) + sum(ticks)) / seconds
    slowest = 1000 * float(np.quantile(spent, 0.99))
    print_results(
        [
            Result("derived_points_share_of_a_core", round(share, 2), "%", "<= 25", facts=facts),
            Result("derived_points_slowest_flush_of_100", round(slowest, 2), "ms", "<= 20"),
        ]
    )


if __name__ == "__main__":
    main()
