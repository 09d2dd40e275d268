"""The engine: conditions, delays, and what comes of them, with time that is moved."""

import pytest

from tests.twin.alarms.stage import NS
from twin.quality import Reason

LEVEL = "alarms: [{id: low, on: tank-1, point: level, below: 20 %%, hysteresis: 5 %%, priority: high%s}]\n"


def test_a_limit_is_crossed_and_left_by_the_hysteresis(stage):
    """An alarm begins below its limit and ends only when the value is back by more than the hysteresis."""
    found = stage(LEVEL % "")
    seen = []
    for value in (50.0, 20.0, 19.9, 22.0, 24.9, 25.0):
        found.say("tank-1/level", value)
        seen.append(found.state("low"))

    assert seen == ["normal", "normal", "active", "active", "active", "returned"]


def test_a_high_limit_has_its_hysteresis_below_it(stage):
    """An alarm above 80 % with 5 % of hysteresis is over at 75 %."""
    found = stage("alarms: [{id: low, on: tank-1, point: level, above: 80 %, hysteresis: 5 %}]\n")
    seen = []
    for value in (50.0, 80.0, 80.1, 78.0, 75.1, 75.0):
        found.say("tank-1/level", value)
        seen.append(found.state("low"))

    assert seen == ["normal", "normal", "active", "active", "active", "returned"]


def test_a_value_within_the_hysteresis_begins_nothing(stage):
    """Coming from inside, the band of the hysteresis is as good as any other value."""
    found = stage(LEVEL % "")
    found.say("tank-1/level", 22.0)

    assert found.state("low") == "normal"


def test_an_alarm_says_what_is_wrong(stage):
    """The text is filled in with what stands at that time."""
    found = stage(LEVEL % ", text: '{name} at {site}: {value}, limit {limit} {{unit}} {odd'")
    found.say("tank-1/level", 12.34)

    assert found.changes[0].words == "tank-1 at tower: 12.34 %, limit 20 % {%} {odd"


@pytest.mark.parametrize(
    ("quality", "after"),
    [(Reason.NOT_AVAILABLE, 12.0), (Reason.OUT_OF_RANGE, 12.0), (Reason.BAD_STATUS, 50.0)],
)
def test_a_bad_value_neither_raises_nor_ends(stage, quality, after):
    """Nothing is decided by a value that cannot be used; the alarm is stale meanwhile."""
    found = stage(LEVEL % "")
    found.say("tank-1/level", 10.0)
    found.say("tank-1/level", 50.0, quality)
    stale = found.standing()["low", "tank-1"]
    found.say("tank-1/level", after)

    assert (str(stale.state), stale.stale) == ("active", True)
    assert found.state("low") == ("active" if after < 20 else "returned")


def test_a_point_in_a_gap_neither_raises_nor_ends(stage):
    """A link that is down leaves the last value where it was: the alarm keeps its state."""
    found = stage(LEVEL % "")
    found.say("tank-1/level", 10.0)
    found.lose(["tank-1"])
    found.wait(3600)
    stale = found.standing()["low", "tank-1"]

    assert (str(stale.state), stale.stale, found.happened()) == ("active", True, ["raised"])


def test_delays_have_to_be_held_out(stage):
    """A condition that does not last as long as the delay is nothing; the same holds for its end."""
    found = stage(LEVEL % ", on_delay: 10s, off_delay: 20s")
    found.say("tank-1/level", 10.0)
    found.wait(9)
    found.say("tank-1/level", 50.0)
    found.wait(5)
    found.say("tank-1/level", 10.0)
    found.wait(9.75)
    before = found.state("low")
    found.wait(0.25)
    raised = found.state("low")
    found.say("tank-1/level", 50.0)
    found.wait(19.75)
    still = found.state("low")
    found.wait(0.25)

    assert (before, raised, still, found.state("low")) == ("normal", "active", "active", "returned")


def test_a_delay_goes_on_over_an_unusable_value_but_does_not_end_in_it(stage):
    """What was not known for a moment is taken for lasting when it is known again and still says so."""
    found = stage(LEVEL % ", on_delay: 10s")
    found.say("tank-1/level", 10.0)
    found.wait(5)
    found.say("tank-1/level", 0.0, Reason.NOT_AVAILABLE)
    found.wait(60)
    unknown = found.state("low")
    found.say("tank-1/level", 11.0)

    assert (unknown, found.state("low")) == ("normal", "active")


@pytest.mark.parametrize("step_s", [-86_400, 86_400])
def test_a_clock_that_is_set_neither_hangs_nor_ends_a_delay(stage, step_s):
    """Delays are those of the monotonic clock."""
    found = stage(LEVEL % ", on_delay: 10s")
    found.say("tank-1/level", 10.0)
    found.clock.wall_ns += step_s * NS
    found.wait(9.75)
    before = found.state("low")
    found.wait(0.25)

    assert (before, found.state("low")) == ("normal", "active")


def test_a_band_has_two_sides(stage):
    """Above and below together are a band in which all is well; the text names the limit that was crossed."""
    found = stage(
        "alarms: [{id: band, on: tank-1, point: level, above: 80 %, below: 20 %, text: '{limit}'}]\n"
    )
    for value in (50.0, 85.0, 50.0, 15.0):
        found.say("tank-1/level", value)

    assert [(str(one.happening), one.words) for one in found.changes] == [
        ("raised", "80 %"),
        ("returned", "80 %"),
        ("raised", "20 %"),
    ]


def test_limits_are_converted(stage):
    """A limit may be written in another unit of the same kind: 0.2 of 1 is 20 %."""
    found = stage("alarms: [{id: low, on: tank-1, point: level, below: '0.2 1', hysteresis: '0.05 1'}]\n")
    found.say("tank-1/level", 19.0)
    found.say("tank-1/level", 24.0)

    assert found.state("low") == "active"


def test_states(stage):
    """A point that is in one of the states is an alarm."""
    found = stage("alarms: [{id: open, on: tank-1, point: inlet, is: open, on_delay: 5s}]\n")
    found.say("tank-1/inlet", "open")
    found.wait(5)
    raised = found.state("open")
    found.say("tank-1/inlet", "closed")

    assert (raised, found.state("open")) == ("active", "returned")
    assert found.changes[0].words == "inlet of tank-1 is open"


def test_frozen(stage):
    """A value that is heard again and again and never changes is an alarm; one change ends it."""
    found = stage("alarms: [{id: stuck, on: tank-1, point: level, frozen: 1h}]\n")
    for _ in range(61):
        found.say("tank-1/level", 40.0)
        found.wait(60)
    stuck = found.state("stuck")
    found.say("tank-1/level", 40.1)

    assert (stuck, found.state("stuck")) == ("active", "returned")
    assert found.changes[0].words == "level of tank-1 has not changed for 1 h: 40 %"


def test_what_is_not_heard_is_not_frozen(stage):
    """Silence is not the same value again."""
    found = stage("alarms: [{id: stuck, on: tank-1, point: level, frozen: 1h}]\n")
    found.say("tank-1/level", 40.0)
    found.wait(7200)

    assert found.state("stuck") == "normal"


@pytest.mark.parametrize(("value", "state"), [(0.0, "normal"), (100.0, "normal"), (1.0, "active")])
def test_values_that_may_stay(stage, value, state):
    """A tank may be empty or full for ever."""
    found = stage("alarms: [{id: stuck, on: tank-1, point: level, frozen: 1h, except: [0, 100 %]}]\n")
    for _ in range(61):
        found.say("tank-1/level", value)
        found.wait(60)

    assert found.state("stuck") == state


def test_silent_after_a_while(stage):
    """A device of which no point is heard for the duration is silent, and is not when one of them is."""
    found = stage("alarms: [{id: quiet, on: tank-1, silent: 2min}]\n")
    found.say("tank-1/level", 40.0)
    found.wait(100)
    found.say("tank-1/inlet", "open")
    found.wait(119)
    before = found.state("quiet")
    found.wait(2)
    silent = found.state("quiet")
    found.say("tank-1/inlet", "open")

    assert (before, silent, found.state("quiet")) == ("normal", "active", "returned")


@pytest.mark.parametrize("reason", [Reason.LINK_DOWN, Reason.NO_ANSWER, Reason.SILENT])
def test_silent_at_once_when_it_is_known(stage, reason):
    """Where every point is in a gap because nothing comes, nobody has to wait; the words say why."""
    found = stage("alarms: [{id: quiet, on: tank-1, silent: 2min}]\n")
    found.say_all({"tank-1/level": 40.0, "tank-1/inlet": 1.0})
    found.lose(["tank-1"], reason, "timed out")
    found.wait(0.25)

    assert found.state("quiet") == "active"
    assert found.changes[0].words == f"tank-1 is not heard: {reason.meaning} (timed out)"


def test_one_point_in_a_gap_is_not_a_silent_device(stage):
    """A device that gives a bad value speaks all the same."""
    found = stage("alarms: [{id: quiet, on: tank-1, silent: 2min}]\n")
    found.say_all({"tank-1/level": 40.0, "tank-1/inlet": 1.0})
    found.say("tank-1/level", 0.0, Reason.NOT_AVAILABLE)
    found.wait(1)

    assert found.state("quiet") == "normal"


def test_nobody_is_silent_before_it_could_be_heard(stage):
    """After a start a device has the duration to be heard in, whatever the gaps of before say."""
    found = stage("alarms: [{id: quiet, on: tank-1, silent: 2min}]\n")
    found.lose(["tank-1"])
    found.wait(119)
    before = found.state("quiet")
    found.wait(2)

    assert (before, found.state("quiet")) == ("normal", "active")


def test_nobody_is_silent_while_the_platform_takes_nothing(stage):
    """When the buffer is full it is not the devices that are silent."""
    found = stage("alarms: [{id: quiet, on: tank-1, silent: 2min}]\n")
    found.say("tank-1/level", 40.0)
    found.lose(["tank-1"], Reason.BUFFER_FULL)
    found.wait(600)

    assert found.state("quiet") == "normal"


def test_zero_is_a_value(stage):
    """Zero is below the limit."""
    found = stage(LEVEL % "")
    found.say("tank-1/level", 0.0)

    assert found.changes[0].value == 0.0
    assert found.state("low") == "active"


def test_nothing_heard_is_no_alarm(stage):
    """A point that never said anything has no alarm."""
    found = stage(LEVEL % "")
    found.wait(3600)

    assert found.changes == []
