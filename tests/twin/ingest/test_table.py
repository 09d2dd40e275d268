"""What ingest knows of every point, taken from a district."""

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.twin.model.folders import load, write
from twin.clock import NS
from twin.frame import Frame
from twin.ingest.settle import Settler
from twin.ingest.table import PointTable
from twin.model.bound import BoundDevice, BoundPoint
from twin.quality import Reason

NOW = 1_700_000_000 * NS


@pytest.fixture
def tank(tmp_path) -> BoundDevice:
    """A device with a number at id 1 and a state at id 3."""
    device = load(write(tmp_path)).devices["tank-1"]
    level, inlet = device.points["level"], device.points["inlet"]
    return BoundDevice(device, (BoundPoint(1, level, {}), BoundPoint(3, inlet, {0: 7, 1: 8})))


def test_columns_hold_what_the_points_say(tank):
    """Each point's facts stand in the row of its series id, times in nanoseconds."""
    table = PointTable([tank], 5)

    assert table.configured.tolist() == [False, True, False, True, False]
    assert table.is_state.tolist() == [False, False, False, True, False]
    assert table.heartbeat[1] == 60 * NS
    assert table.max_skew[3] == 300 * NS
    assert table.silent_after_s.tolist() == [math.inf, 30.0, math.inf, 30.0, math.inf]


def test_rows_of_unknown_ids_are_inert(tank):
    """A reading of a point that is no longer configured passes as it is."""
    settled = Settler(PointTable([tank], 5)).settle([Frame(np.array([0], np.int32), np.array([5.0]), NOW)])

    assert settled.readings.value.tolist() == [5.0]


def test_a_hair_beyond_the_range_is_rounding(tank):
    """A scaled value may overshoot the end of its range by what floating point adds, not by more."""
    table = PointTable([tank], 5)
    ids = np.array([1, 1, 1, 1], np.int32)
    end = tank.points[0].point.maximum
    raw = np.array([end, end * (1 + 1e-10), end * (1 + 1e-8), -1e-8 * end])

    assert Settler(table).settle([Frame(ids, raw, NOW)]).readings.quality.tolist() == [
        Reason.GOOD,
        Reason.GOOD,
        Reason.OUT_OF_RANGE,
        Reason.OUT_OF_RANGE,
    ]


@pytest.mark.parametrize(
    ("scale", "raw", "value"),
    [
        (0.01, 5441, 54.41),
        (0.001, 109_700, 109.7),
        (-0.1, 3, -0.3),
        (0.1 / 3.6, 36, 1.0),
        (1e-300, 2, 2e-300),
        (10, 7, 70),
    ],
)
def test_decimal_scales_give_decimal_values(tank, scale, raw, value):
    """A hundredth of a whole number is the nearest number to its two decimals, without noise in the last digit."""
    level = tank.points[0]
    point = replace(level.point, scale=scale, minimum=-1e6, maximum=1e6)
    table = PointTable([BoundDevice(tank.device, (BoundPoint(1, point, {}),))], 2)
    settled = Settler(table).settle([Frame(np.array([1], np.int32), np.array([float(raw)]), NOW)])

    assert settled.readings.value.tolist() == [value]


def test_states_take_their_ids_and_nothing_else(tank):
    """The id of a state passes; a code that has none is an unknown state."""
    inlet = tank.points[1]
    frame = Frame(np.array([3, 3], np.int32), np.array([inlet.state(1), inlet.state(2)]), NOW)
    settled = Settler(PointTable([tank], 5)).settle([frame])

    assert settled.readings.quality.tolist() == [Reason.GOOD, Reason.UNKNOWN_STATE]
    assert settled.readings.value[0] == 8.0


def test_durations_of_a_hundred_years_fit(tank):
    """The longest duration that a file may say does not overflow."""
    device = replace(tank.device, max_skew_s=36_525 * 86_400.0)

    assert PointTable([BoundDevice(device, tank.points)], 5).max_skew[1] == 36_525 * 86_400 * NS
