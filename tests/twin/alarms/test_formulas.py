"""Alarms on expressions: deviation from another point, rates, conditions with a clock."""

import pytest

from tests.twin.alarms.stage import lamps
from twin.quality import Reason


def test_a_deviation_from_another_point(stage):
    """The value of an expression is held against limits in their unit."""
    rule = "{id: far, on: cabinet-1, value: load - cabinet-2/load, above: 2 kW, hysteresis: 500 W}"
    found = stage(f"alarms: [{rule}]\n", lamps(4, 2))
    found.say_all({"cabinet-1/load": 9_000.0, "cabinet-2/load": 8_000.0})
    before = found.state("far", "cabinet-1")
    found.say("cabinet-1/load", 10_500.0)
    raised = found.standing()["far", "cabinet-1"]
    found.say("cabinet-2/load", 8_750.0)
    still = found.state("far", "cabinet-1")
    found.say("cabinet-2/load", 9_100.0)

    assert (before, str(raised.state), still) == ("normal", "active", "active")
    assert found.state("far", "cabinet-1") == "returned"
    assert raised.value == 2.5
    assert raised.words == "load - cabinet-2/load of cabinet-1 is 2.5 kW, the limit is 2 kW"


def test_a_condition(stage):
    """A true expression is an alarm, for each device of a selection by itself."""
    rule = "{id: dark, for: {kind: Streetlight}, when: power = 'off' and hours > 10 h}"
    found = stage(f"alarms: [{rule}]\n", lamps(3))
    for lamp, power, hours in (("lamp-1", "off", 5.0), ("lamp-2", "off", 50.0), ("lamp-3", "on", 50.0)):
        found.say(f"{lamp}/power", power)
        found.say(f"{lamp}/hours", hours)

    assert found.announced() == [("dark", "lamp-2")]


def test_an_input_that_is_missing_decides_nothing(stage):
    """An expression without one of its inputs leaves its alarm as it was."""
    rule = "{id: far, on: cabinet-1, value: load - cabinet-2/load, above: 2 kW}"
    found = stage(f"alarms: [{rule}]\n", lamps(4, 2))
    found.say_all({"cabinet-1/load": 19_000.0, "cabinet-2/load": 8_000.0})
    found.lose(["cabinet-2"], Reason.NO_ANSWER)
    found.say("cabinet-1/load", 1_000.0)
    standing = found.standing()["far", "cabinet-1"]

    assert (str(standing.state), standing.stale) == ("active", True)


def test_a_rate_of_change(stage):
    """A tank that loses more than so much in an hour is an alarm; a window that moves on ends it."""
    rule = "{id: leak, on: tank-1, value: rate(level over 10min), below: -5 %/h}"
    found = stage(f"alarms: [{rule}]\n")
    seen = []
    for minute in range(60):
        found.say("tank-1/level", 80.0 - minute * (0.05 if minute < 20 or minute > 40 else 0.2))
        found.wait(60)
        seen.append(found.state("leak"))

    assert seen[15] == "normal"
    assert "active" in seen


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("value: levl + 1 %, above: 3 %", "levl"),
        ("value: level, above: 3 kW", "kW"),
        ("when: level + 1 %", "compare it, as in `level < 20 %`"),
        ("when: level <", "alarms[0].when"),
        ("value: level", "found none"),
        ("value: level, point: level, above: 3 %", "found both"),
    ],
)
def test_what_makes_no_sense_is_said(stage, rule, words):
    """Names, units and kinds of expressions are checked when the district is read."""
    from twin.errors import ConfigError

    with pytest.raises(ConfigError) as raised:
        stage(f"alarms: [{{id: odd, on: tank-1, {rule}}}]\n")

    assert words in str(raised.value)
