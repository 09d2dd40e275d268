"""The twin at a moment: values with their quality, the gaps that they were in, and what was out of date."""

import numpy as np
import pytest

from tests.twin.past.little import HOUR, MINUTE, SECOND, T0, little
from twin.frame import Batch
from twin.ledger import Gap
from twin.past.asof import twin_at
from twin.past.models import Models
from twin.quality import Reason

IDS = {"little/probe/temperature": 1, "little/probe/energy": 2, "little/probe/pump": 3}
STATES = {0: "off", 1: "on"}


@pytest.fixture(scope="module")
def points(tmp_path_factory):
    """The points of the probe."""
    folder = tmp_path_factory.mktemp("models")
    models = Models(folder / "models.sqlite")
    models.open()
    models.record([little(folder / "d")], T0)
    model = models.at("little", T0)
    models.close()
    assert model is not None
    return [point for point in model.points.values() if point.owner.id == "probe"]


def reading(series, value, at, received=None, quality=Reason.GOOD):
    times = np.array([at], np.int64)
    heard = times if received is None else np.array([received], np.int64)
    return Batch(
        np.array([series], np.int32),
        times,
        heard,
        times * 0,
        np.array([value]),
        np.array([quality], np.uint8),
    )


def then(points, moment, readings, *gaps):
    """The points at a moment, by name."""
    return {one.point.name: one for one in twin_at(points, moment, readings, gaps, IDS, STATES)}


def test_a_value_and_how_old_it_was(points):
    """A point says its value, its quality and how long ago it was heard of."""
    found = then(points, T0 + 30 * SECOND, reading(1, 21.5, T0))["temperature"]

    assert (found.value, found.quality, found.age_s) == (21.5, Reason.GOOD, 30)
    assert (found.usable, found.stale, found.gap) == (True, False, None)


def test_a_state_by_name(points):
    """A state is shown by its name, zero too; what has no reading has none."""
    found = then(points, T0, reading(3, 0.0, T0))

    assert (found["pump"].state, found["energy"].state) == ("off", None)


def test_never_heard_is_no_zero(points):
    """A point without any reading has no value, no time and the reason for it."""
    found = then(points, T0, reading(1, 0.0, T0))

    assert np.isnan(found["energy"].value)
    assert (found["energy"].quality, found["energy"].time) == (Reason.NOT_HEARD_YET, 0)
    assert (found["energy"].age_s, found["energy"].usable) == (None, False)
    assert (found["temperature"].value, found["temperature"].usable) == (0.0, True)


def test_older_than_a_healthy_point_can_be_is_stale(points):
    """Heartbeat and silence (90 s here) without a reading are too long, one nanosecond less is not."""
    at_the_edge = then(points, T0 + 90 * SECOND, reading(1, 1, T0))["temperature"]
    beyond = then(points, T0 + 90 * SECOND + 1, reading(1, 1, T0))["temperature"]

    assert (at_the_edge.stale, at_the_edge.usable) == (False, True)
    assert (beyond.stale, beyond.usable) == (True, False)


def test_a_clock_that_is_behind_makes_nothing_stale(points):
    """What was received a moment ago is not old, though its device's clock says so."""
    found = then(points, T0 + 200 * SECOND, reading(1, 1, T0, received=T0 + 199 * SECOND))["temperature"]

    assert (found.stale, found.age_s) == (False, 1)


def test_a_gap_says_since_when_and_why(points):
    """A point in a gap is not usable, whatever its last value was; the gap's reason stands, it is not stale."""
    gap = Gap(1, T0 + MINUTE, None, Reason.LINK_DOWN, "refused")
    found = then(points, T0 + HOUR, reading(1, 21.5, T0 + MINUTE), gap)["temperature"]

    assert (found.usable, found.reason, found.value) == (False, Reason.LINK_DOWN, 21.5)
    assert (found.gap, found.stale) == (gap, False)


def test_a_gap_that_was_filled_takes_nothing_away(points):
    """What the device had kept and gave later is as good as any value."""
    gap = Gap(1, T0, T0 + HOUR, Reason.LINK_DOWN, "", filled=True)
    row = reading(1, 3.0, T0 + MINUTE, received=T0 + 2 * HOUR, quality=Reason.BACKFILLED)
    found = then(points, T0 + MINUTE + SECOND, row, gap)["temperature"]

    assert (found.usable, found.came_later, found.reason) == (True, True, Reason.BACKFILLED)


def test_a_bad_reading_has_no_value(points):
    """A bad reading is shown with its reason, an uncertain one with its value."""
    bad = then(points, T0, reading(1, np.nan, T0, quality=Reason.OUT_OF_RANGE))["temperature"]
    doubtful = then(points, T0, reading(1, 4.0, T0, quality=Reason.UNCERTAIN_STATUS))["temperature"]

    assert (bad.usable, bad.reason) == (False, Reason.OUT_OF_RANGE)
    assert (doubtful.usable, doubtful.value) == (True, 4.0)
