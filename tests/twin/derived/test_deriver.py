"""The engine: what follows from a batch, in one pass, and what follows from time alone."""

from __future__ import annotations

import math
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tests.twin.expressions.town import START, S, files
from tests.twin.model.folders import load, write
from twin.derived.deriver import Deriver
from twin.frame import Batch, Frame, join
from twin.ingest.settle import Settled
from twin.live import Live
from twin.quality import Reason

DERIVED = """\
derived:
  - {on: town, point: twice, quantity: active_power, is: tower-a/total * 2}
  - {on: tower-a, point: total, quantity: active_power, require: 60%,
     is: sum(active_power where kind = ElectricityMeter)}
  - {for: {kind: WaterTank}, point: net, quantity: water_flow, is: inlet_flow - outlet_flow, minimum: -10}
  - {for: {kind: WaterTank}, point: netter, quantity: water_flow, is: net * 2}
  - {for: {kind: WaterTank}, point: hour_mean, quantity: level_ratio, is: mean(level over 1h), require: 1%}
  - {for: {kind: WaterTank}, point: net_mean, quantity: water_flow, is: mean(net over 10min), require: 1%}
  - {on: tank-a, point: state, quantity: alarm_state, is: "if(level < 20 %, 'alarm', 'normal')"}
  - {on: town, point: night, quantity: alarm_state, is: "if(hour >= 22 or hour < 6, 'alarm', 'normal')"}
"""


@cache
def derived():
    with tempfile.TemporaryDirectory() as folder:
        district = load(write(Path(folder), files(derived=DERIVED)))
    return [point for _, point in district.points()], district.derived


class Bench:
    """A deriver with the columns around it."""

    def __init__(self) -> None:
        points, found = derived()
        paths = [*(point.path for point in points), *(one.point.path for one in found)]
        self.ids = {path: number for number, path in enumerate(paths, 1)}
        names = {name for point in points for name in point.states.values()} | {"normal", "alarm"}
        self.states = {name: number for number, name in enumerate(sorted(names), 1)}
        self.size = len(paths) + 1
        self.gaps = np.zeros(self.size, np.uint8)
        self.deriver = Deriver(found, self.ids, self.states, self.size, self.gaps)

    def series(self, name: str) -> int:
        return self.ids[f"riverside/{name}"]

    def batch(self, now: int, *said, time: int | None = None) -> Batch:
        ids = np.array([self.series(one[0]) for one in said], np.int32)
        quality = np.array([one[2] if len(one) > 2 else 0 for one in said], np.uint8)
        value = np.array(
            [math.nan if code >= 128 else one[1] for one, code in zip(said, quality, strict=True)], float
        )
        received = np.full(len(said), START + now * S, np.int64)
        device = (
            np.zeros(len(said), np.int64) if time is None else np.full(len(said), START + time * S, np.int64)
        )
        return Batch(ids, received if time is None else device, received, device, value, quality)

    def step(self, now: int, *said, time: int | None = None, unchanged: bool = False, kept: bool = False):
        batch = self.batch(now, *said, time=time)
        changed = np.full(len(said), not unchanged, np.bool_)
        settled = Settled(batch, changed, {}, np.ones(len(said), np.bool_) if kept else None)
        return self.told(self.deriver.step(settled, START + now * S))

    def tick(self, now: float):
        return self.told(self.deriver.tick(START + int(now * S)))

    def told(self, frame: Frame | None) -> dict[str, tuple[float, int]]:
        if frame is None:
            return {}
        paths = {number: path.removeprefix("riverside/") for path, number in self.ids.items()}
        assert isinstance(frame.time, np.ndarray)
        assert frame.quality is not None
        columns = (frame.ids, frame.values, frame.time, frame.quality)
        assert [str(column.dtype) for column in columns] == ["int32", "float64", "int64", "uint8"]
        self.times = {
            paths[row]: (time - START) / S
            for row, time in zip(frame.ids.tolist(), frame.time.tolist(), strict=True)
        }
        rows = zip(frame.ids.tolist(), frame.values.tolist(), frame.quality.tolist(), strict=True)
        return {paths[row]: (value, quality) for row, value, quality in rows}


GOOD, MISSING = int(Reason.GOOD), int(Reason.INPUT_MISSING)


@pytest.fixture
def bench():
    return Bench()


def meters(bench, now, *values):
    names = ("meter-a", "meter-b", "feeder")
    return bench.step(
        now, *[(f"{name}/active_power", value) for name, value in zip(names, values, strict=False)]
    )


def test_a_batch_gives_what_follows_from_it_on_all_levels(bench):
    """Points that read derived points are computed in the same pass, and nothing else is told."""
    found = meters(bench, 1, 1.0, 2.0, 3.0)

    assert found == {"tower-a/total": (6.0, GOOD), "town/twice": (12.0, GOOD)}
    assert bench.times == {"tower-a/total": 1.0, "town/twice": 1.0}


def test_what_nobody_reads_gives_nothing(bench):
    """A reading on which nothing depends is answered with None."""
    batch = bench.batch(1, ("lamp-1/power", 1.0))

    assert bench.deriver.step(Settled(batch, np.ones(1, np.bool_), {}), START + S) is None


def test_an_unchanged_reading_says_nothing_new(bench):
    """What is not stored again is not derived from again; its value counts all the same from then on."""
    meters(bench, 1, 1.0, 2.0, 3.0)
    assert bench.step(2, ("meter-a/active_power", 1.001), unchanged=True) == {}

    assert bench.step(3, ("meter-b/active_power", 5.0))["tower-a/total"] == (9.001, GOOD)


def test_missing_inputs_follow_the_rule(bench):
    """Two of three are more than 60 %: incomplete. One of three is missing. So is what reads it."""
    assert meters(bench, 1, 1.0)["town/twice"][1] == MISSING
    found = meters(bench, 2, 1.0, 2.0)

    assert found == {"tower-a/total": (3.0, Reason.INCOMPLETE), "town/twice": (6.0, Reason.INPUT_UNCERTAIN)}


def test_a_bad_reading_is_missing(bench):
    """A bad input is none."""
    bench.step(1, ("tank-a/inlet_flow", 5.0), ("tank-a/outlet_flow", 2.0))
    found = bench.step(2, ("tank-a/inlet_flow", 0.0, Reason.OUT_OF_RANGE))

    assert found["tank-a/net"][1] == found["tank-a/netter"][1] == MISSING


def test_an_older_reading_changes_nothing(bench):
    """A reading that was overtaken by a newer one is no input, and derives nothing."""
    bench.step(10, ("tank-a/inlet_flow", 5.0), ("tank-a/outlet_flow", 2.0), time=10)

    assert bench.step(11, ("tank-a/inlet_flow", 50.0), time=5) == {}
    assert bench.step(12, ("tank-a/outlet_flow", 3.0), time=12)["tank-a/net"] == (2.0, GOOD)


def test_of_several_readings_in_a_batch_the_newest_counts(bench):
    """A batch may hold several readings of a point, in any order."""
    late = bench.batch(10, ("tank-a/inlet_flow", 50.0), time=5)
    new = bench.batch(10, ("tank-a/inlet_flow", 5.0), ("tank-a/outlet_flow", 2.0), time=9)
    rows = join([new, late])
    frame = bench.deriver.step(Settled(rows, np.ones(3, np.bool_), {}), START + 10 * S)

    assert bench.told(frame)["tank-a/net"] == (3.0, GOOD)


def test_the_time_is_the_newest_inputs_and_never_goes_back(bench):
    """A derived reading is as old as its newest input; one that only time changed is of now."""
    bench.step(10, ("tank-a/inlet_flow", 5.0), ("tank-a/outlet_flow", 2.0), time=8)
    assert bench.times["tank-a/net"] == 8.0
    bench.gaps[bench.series("tank-a/inlet_flow")] = Reason.SILENT
    bench.tick(20)
    assert bench.times["tank-a/net"] == 20.0
    bench.gaps[bench.series("tank-a/inlet_flow")] = 0
    bench.step(21, ("tank-a/inlet_flow", 6.0), time=19)

    assert bench.times["tank-a/net"] == 20.0


def test_gaps_that_begin_and_end(bench):
    """When an input falls silent its derived points are missing, once; when it is back they are back."""
    meters(bench, 1, 1.0, 2.0, 3.0)
    assert bench.tick(1.25).keys() <= {"town/night"}
    bench.gaps[[bench.series("meter-a/active_power"), bench.series("meter-b/active_power")]] = (
        Reason.LINK_DOWN
    )

    assert bench.tick(2) == {
        "tower-a/total": (pytest.approx(math.nan, nan_ok=True), MISSING),
        "town/twice": (pytest.approx(math.nan, nan_ok=True), MISSING),
    }
    assert bench.tick(2.25) == {}
    assert meters(bench, 3, 1.0, 2.0, 4.0)["town/twice"] == (14.0, GOOD)


def test_the_ledger_that_lags_behind_does_not_make_a_point_flap(bench):
    """A usable reading ends a gap here at once; that the ledger still has it for a moment changes nothing."""
    row = bench.series("tank-a/inlet_flow")
    bench.step(1, ("tank-a/inlet_flow", 5.0), ("tank-a/outlet_flow", 2.0))
    bench.gaps[row] = Reason.SILENT
    assert bench.tick(2)["tank-a/net"][1] == MISSING
    assert bench.step(3, ("tank-a/inlet_flow", 5.0))["tank-a/net"] == (3.0, GOOD)
    assert "tank-a/net" not in bench.tick(3.25)
    bench.gaps[row] = 0

    assert "tank-a/net" not in bench.tick(3.5)


def test_a_gap_that_stays_is_believed_in_the_end(bench):
    """A reading from before the gap does not end it for good: the ledger is believed again after some seconds."""
    row = bench.series("tank-a/inlet_flow")
    bench.gaps[row] = Reason.LINK_DOWN
    bench.tick(0)
    bench.step(1, ("tank-a/inlet_flow", 5.0), ("tank-a/outlet_flow", 2.0))

    assert "tank-a/net" not in bench.tick(4)
    assert bench.tick(7)["tank-a/net"][1] == MISSING


def test_what_the_store_refused_is_known_all_the_same(bench):
    """A reading in the dead letters is missing in the store, not here."""
    bench.step(1, ("tank-a/inlet_flow", 5.0), ("tank-a/outlet_flow", 2.0))
    bench.gaps[bench.series("tank-a/inlet_flow")] = Reason.STORE_REFUSED

    assert "tank-a/net" not in bench.tick(2)


def test_out_of_range_is_bad_for_those_that_read_it(bench):
    """A value outside of its range goes to ingest as it is, which says so, and is missing for others at once."""
    found = bench.step(1, ("tank-a/inlet_flow", 0.0), ("tank-a/outlet_flow", 50.0))

    assert found["tank-a/net"] == (-50.0, GOOD)
    assert found["tank-a/netter"][1] == MISSING


def test_states_are_state_ids(bench):
    """A derived state is told by the number of the state."""
    assert bench.step(1, ("tank-a/level", 10.0))["tank-a/state"] == (bench.states["alarm"], GOOD)
    assert bench.step(2, ("tank-a/level", 30.0))["tank-a/state"] == (bench.states["normal"], GOOD)


def test_windows_move_on_by_themselves_at_their_pace(bench):
    """A window over an hour is asked again after a minute, and told when its value changed."""
    bench.step(0, ("tank-a/level", 10.0))
    found = bench.step(60, ("tank-a/level", 20.0))
    assert found["tank-a/hour_mean"] == (10.0, Reason.INCOMPLETE)
    assert "tank-a/hour_mean" not in bench.tick(90)

    assert bench.tick(120)["tank-a/hour_mean"] == (15.0, Reason.INCOMPLETE)


def test_windows_over_derived_points(bench):
    """A window may follow a derived point."""
    bench.step(0, ("tank-a/inlet_flow", 5.0), ("tank-a/outlet_flow", 2.0))
    bench.step(60, ("tank-a/inlet_flow", 7.0))
    found = bench.step(120, ("tank-a/inlet_flow", 7.0))

    assert found["tank-a/net_mean"] == (4.0, Reason.INCOMPLETE)


def test_what_a_clock_says_is_told_when_it_changes_and_each_heartbeat(bench):
    """An expression of the clock alone is told at first, when it changes, and after each heartbeat."""
    normal, alarm = bench.states["normal"], bench.states["alarm"]
    assert bench.tick(0)["town/night"] == (normal, GOOD)
    assert "town/night" not in bench.tick(1)
    assert bench.tick(60)["town/night"] == (normal, GOOD)

    assert bench.tick(13 * 3600)["town/night"] == (alarm, GOOD)


def test_backfilled_readings_end_no_gap(bench):
    """What a device had kept says nothing of now."""
    bench.step(10, ("tank-a/inlet_flow", 5.0), ("tank-a/outlet_flow", 2.0), time=10)
    bench.gaps[bench.series("tank-a/inlet_flow")] = Reason.SILENT
    bench.tick(20)
    assert bench.step(21, ("tank-a/inlet_flow", 9.0), time=5, kept=True) == {}

    assert bench.step(22, ("tank-a/outlet_flow", 1.0), time=22)["tank-a/net"][1] == MISSING


def test_own_readings_that_come_back_change_nothing(bench):
    """Derived readings pass through ingest like any; here they are known already."""
    meters(bench, 1, 1.0, 2.0, 3.0)

    assert bench.step(1, ("tower-a/total", 6.0), ("town/twice", 12.0)) == {}


def test_restored_from_the_live_twin(bench):
    """After a start the engine knows what the twin knows, and believes its gaps."""
    live = Live(bench.size)
    live.restore(
        bench.batch(
            1, ("meter-a/active_power", 1.0), ("meter-b/active_power", 2.0), ("feeder/active_power", 3.0)
        )
    )
    bench.gaps[:] = Reason.PLATFORM_STOPPED
    bench.deriver.restore(live)
    assert {name for name in bench.tick(2) if name.startswith("tower")} == set()

    assert bench.step(3, ("meter-a/active_power", 5.0))["tower-a/total"][1] == MISSING
    assert bench.step(4, ("meter-b/active_power", 2.0))["tower-a/total"] == (7.0, Reason.INCOMPLETE)


def test_history_at_the_start(bench):
    """Windows say what history they need, of measured and of derived points, and take it."""
    needs = dict(bench.deriver.needs)

    assert needs[bench.series("tank-a/level")] == 3600.0
    assert needs[bench.series("tank-a/net")] == 600.0
    bench.deriver.warm(
        join([bench.batch(0, ("tank-a/level", 10.0)), bench.batch(60, ("tank-a/level", 20.0))])
    )
    assert bench.step(120, ("tank-a/level", 20.0))["tank-a/hour_mean"] == (15.0, Reason.INCOMPLETE)


def test_a_district_without_derived_points():
    """An engine of nothing answers nothing."""
    nothing = Deriver([], {}, {}, 5, np.zeros(5, np.uint8))
    one = np.ones(1, np.int64)
    batch = Batch(np.array([3], np.int32), one, one, one, np.ones(1), np.zeros(1, np.uint8))

    assert nothing.step(Settled(batch, np.ones(1, np.bool_), {}), 1) is None
    assert nothing.tick(2) is None
    assert (list(nothing.needs), len(nothing.ids)) == ([], 0)
