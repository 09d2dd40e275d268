"""Capacity of places: people, colours, drift, quiet hours."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.twin.services.stage import NS, Stage, StageClock
from twin.quality import Reason
from twin.services.counting import growth
from twin.store.aggregate import delta

GATES = """\
capacity:
  - id: square
    on: plaza
    capacity: 1000
    in: [gate-1/entries, gate-2/entries]
    out: [gate-1/exits, gate-2/exits]
    quiet_hour: "04:00"
"""
SENSOR = "capacity:\n  - {id: square, on: plaza, capacity: sign/allowed, occupancy: sign/seen}\n"
KEY = "riverside/plaza/square"
# A Tuesday, 03:50 in Madrid.
BEFORE_QUIET = 1_795_488_600 * NS


class Gates:
    """Two gates whose counters go on from large numbers: `come` and `leave` pass the first, `read` reads all four."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.counts = {
            "gate_1__entries": 65_400.0,
            "gate_1__exits": 50_000.0,
            "gate_2__entries": 10.0,
            "gate_2__exits": 20.0,
        }
        self.read()

    def read(self, **counts: float) -> float:
        self.counts |= counts
        self.stage.clock.move(1)
        self.stage.hear(**self.counts)
        self.stage.tick()
        return self.stage.said["plaza/occupancy"]

    def come(self, people: float) -> float:
        return self.read(gate_1__entries=self.counts["gate_1__entries"] + people)

    def leave(self, people: float) -> float:
        return self.read(gate_1__exits=self.counts["gate_1__exits"] + people)

    def be(self, people: float) -> str:
        """Let there be so many people; returns the colour."""
        more = people - self.stage.said["plaza/occupancy"]
        self.come(more) if more >= 0 else self.leave(-more)
        return self.stage.state("plaza/occupancy_level")


@pytest.fixture
def stage(tmp_path):
    found = Stage(tmp_path, GATES)
    yield found
    found.journal.close()


@pytest.fixture
def gates(stage):
    return Gates(stage)


@pytest.fixture
def night(tmp_path):
    """The gates at ten minutes to four in the morning."""
    found = Stage(tmp_path, GATES, StageClock(BEFORE_QUIET))
    yield Gates(found)
    found.journal.close()


def test_people_are_those_who_came_without_those_who_went(stage, gates):
    """Both gates count, in both directions, and the three points say it; counts of years before are nobody."""
    empty = stage.said["plaza/occupancy"]
    gates.come(800)
    gates.leave(80)
    gates.read(gate_2__entries=10, gate_2__exits=40)

    assert empty == 0
    assert stage.said["plaza/occupancy"] == 700
    assert stage.said["plaza/occupancy_ratio"] == 70
    assert stage.state("plaza/occupancy_level") == "amber"


def test_colours_change_back_only_below_the_hysteresis(stage, gates):
    """Up at the threshold, down five percent of the capacity below it."""
    seen = [gates.be(people) for people in (690, 700, 660, 640, 900, 860, 840, 699, 645, 1500, 600)]

    assert seen == [
        *("green", "amber", "amber", "green", "red", "red", "amber", "amber", "green", "red", "green"),
    ]
    assert ("occupancy_level", "green to amber", KEY) in stage.notes


def test_counters_wrap(stage, gates):
    """A counter that goes past the end of its register goes on."""
    gates.come(100)

    assert gates.read(gate_1__entries=14) == 100 + 50
    assert [note for note in stage.notes if note[0] == "counter_odd"] == []


def test_a_counter_that_was_reset_counts_from_zero(stage, gates):
    """What a restarted counter says has come since it started, and somebody hears of it."""
    gates.come(200)
    gates.read(gate_2__entries=3)
    gates.read(gate_2__entries=0)
    found = gates.read(gate_2__entries=25)

    assert found == 200 + 3 + 25
    assert ("counter_odd", "riverside/gate-2/entries began again at 3", KEY) in stage.notes


def test_another_counter_in_its_place_counts_nobody(stage, gates):
    """A step that no crowd makes is no crowd."""
    gates.come(200)

    assert gates.read(gate_2__entries=31_000) == 200
    assert gates.read(gate_2__entries=31_004) == 204
    assert "taken for another counter" in stage.notes[-1][1]


def test_a_day_of_crowds_is_counted_at_once(stage, gates):
    """What passed in a day without barrio is no other counter."""
    stage.services.keep(stage.clock.now_ns())
    stage.clock.move(86_400)
    stage.restart()

    assert gates.read(gate_2__entries=20_010, gate_2__exits=19_920) == 100


def test_the_number_is_never_negative(stage, gates):
    """Exits that count too much are drift, not people that are missing."""
    gates.come(10)

    assert gates.leave(50) == 0
    assert gates.come(5) == 5


@pytest.mark.parametrize("value", [math.nan, None])
def test_without_a_gate_the_number_is_not_known(stage, gates, value):
    """A counter that is bad or silent makes the number bad, with its name; back again, it makes up for it."""
    gates.come(100)
    if value is None:
        stage.silent("gate_2__exits")
    else:
        stage.hear(gate_2__exits=value)
    stage.go(2)
    words = dict(stage.bad)
    after = gates.read(gate_2__exits=60)

    assert set(words) == {"plaza/occupancy", "plaza/occupancy_ratio", "plaza/occupancy_level"}
    assert words["plaza/occupancy"].startswith("riverside/gate-2/exits: ")
    assert after == 100 - 40
    assert stage.bad == {}


@given(st.lists(st.floats(0, 65_535).map(round), min_size=2, max_size=40), st.sampled_from([None, 65_536.0]))
def test_counters_grow_as_the_store_says(values, wraps_at):
    """Wraps and resets are told apart here exactly as in the windows of history."""
    mine = sum(growth(float(a), float(b), wraps_at)[0] for a, b in pairwise(values))
    times = np.arange(len(values), dtype=np.int64)
    theirs = delta(times, np.array(values, float), np.array([0, len(values)]), None, wraps_at)[0]

    assert mine == pytest.approx(theirs)


# --- quiet hours --------------------------------------------------------------------------------------------


def test_the_quiet_hour_sets_the_count_right(night):
    """At four nobody is there: what the counters say then is the drift of the day, and is kept."""
    night.come(120)
    night.leave(107)
    night.stage.go(900, every=60)
    [found] = night.stage.journal.counts.corrections(KEY, 10)

    assert (found.counted, found.set_to, found.drift) == (13, 0, 13)
    assert night.stage.said["plaza/occupancy"] == 0
    assert night.come(40) == 40


def test_exits_that_count_too_much_are_drift_too(night):
    """What was below zero in the meantime is part of the drift."""
    night.leave(30)
    night.come(4)
    night.stage.go(900, every=60)
    [found] = night.stage.journal.counts.corrections(KEY, 10)

    assert found.drift == -26


def test_a_quiet_hour_comes_once_a_day(night):
    """Also when the clock is set back across it."""
    night.stage.go(900, every=60)
    night.come(10)
    night.stage.clock.set(-1200)
    night.stage.go(1800, every=60)

    assert len(night.stage.journal.counts.corrections(KEY, 10)) == 1
    assert night.stage.said["plaza/occupancy"] == 10


def test_a_clock_that_ran_ahead_does_not_take_the_quiet_hours_of_years(night):
    """After it was set right the next night counts again."""
    night.stage.clock.set(400 * 86_400)
    night.stage.go(900, every=60)
    night.stage.clock.set(-400 * 86_400)
    night.stage.go(1.1 * 86_400, every=300)
    days = {found.at // (86_400 * NS) for found in night.stage.journal.counts.corrections(KEY, 10)}

    assert BEFORE_QUIET // (86_400 * NS) + 1 in days


def test_a_quiet_hour_that_was_missed_is_said(night):
    """Where barrio did not run at four, nothing is corrected, and that is what stands there."""
    night.stage.go(900, every=60)
    night.come(50)
    night.stage.go(60)
    night.stage.clock.move(30 * 3600)
    night.stage.restart()
    night.read()
    newest, _ = night.stage.journal.counts.corrections(KEY, 10)

    assert (newest.counted, newest.drift) == (None, None)
    assert newest.words == "barrio did not run at the quiet hour"
    assert night.stage.said["plaza/occupancy"] == 50


def test_a_silent_gate_at_the_quiet_hour_is_said(night):
    """The place counts as empty all the same, but by how much it was off is not known."""
    night.come(10)
    night.stage.silent("gate_1__exits", Reason.NO_ANSWER)
    night.stage.go(900, every=60)
    [found] = night.stage.journal.counts.corrections(KEY, 10)
    night.stage.gaps.reason[:] = 0

    assert (found.set_to, found.drift) == (0, None)
    assert "gate-1/exits was not heard" in found.words
    assert night.come(3) == 3


def test_a_restart_goes_on_counting(stage, gates):
    """Who came while barrio was down is counted when it is back: the counters kept their numbers."""
    gates.come(300)
    stage.services.keep(stage.clock.now_ns())
    stage.restart()
    gates.counts["gate_1__entries"] += 40

    assert gates.leave(10) == 330


def test_a_crash_loses_no_people(stage, gates):
    """What was not kept before a crash is counted again from what was."""
    gates.come(300)
    stage.go(120, every=60)
    gates.come(25)
    stage.restart()

    assert gates.read() == 325


def test_the_colour_outlives_a_restart(stage, gates):
    """A place inside the hysteresis has the colour that it had."""
    gates.be(720)
    gates.be(670)
    stage.services.keep(stage.clock.now_ns())
    stage.restart()
    gates.read()

    assert stage.state("plaza/occupancy_level") == "amber"


# --- sensors ------------------------------------------------------------------------------------------------


def test_a_sensor_is_believed_while_it_is_good(tmp_path):
    """An occupancy sensor gives the number, another point the capacity."""
    stage = Stage(tmp_path, SENSOR)
    stage.hear(sign__seen=450, sign__allowed=500)
    stage.tick()
    red = stage.state("plaza/occupancy_level")
    stage.silent("sign__seen")
    stage.go(2)

    assert red == "red"
    assert stage.bad["plaza/occupancy_ratio"] == "riverside/sign/seen: the link to the device is down"


@pytest.mark.parametrize("allowed", [0.0, math.nan])
def test_without_a_capacity_there_is_no_share(tmp_path, allowed):
    """Zero people allowed is no share to divide by; the people are told all the same."""
    stage = Stage(tmp_path, SENSOR)
    stage.hear(sign__seen=450, sign__allowed=allowed)
    stage.tick()

    assert stage.said["plaza/occupancy"] == 450
    assert "the capacity is not known" in stage.bad["plaza/occupancy_ratio"]


def test_a_sensor_of_its_own_has_no_quiet_hour(tmp_path):
    """What a sensor sees is not set to zero at night."""
    stage = Stage(tmp_path, SENSOR, StageClock(BEFORE_QUIET))
    stage.hear(sign__seen=450, sign__allowed=500)
    stage.go(1800, every=60)

    assert stage.said["plaza/occupancy"] == 450
    assert stage.journal.counts.corrections(KEY, 10) == []


def test_an_unchanged_value_is_said_again(stage, gates):
    """A point that is computed is heard twice a minute, so that its silence means something."""
    gates.come(5)
    stage.said.clear()
    stage.go(25, every=1)
    early = dict(stage.said)
    stage.go(10, every=1)

    assert early == {}
    assert stage.said["plaza/occupancy"] == 5
