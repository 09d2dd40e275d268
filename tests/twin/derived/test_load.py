"""`derived.yaml`: what comes of a good one, and every fault of a bad one at its line."""

import math
import time

import pytest

from tests.bench.derived import folder
from tests.twin.expressions.town import files
from tests.twin.model.folders import faults, load, write
from twin.model.quantities import Aggregation

GOOD = """\
derived:
  - on: tower-a
    point: power
    quantity: active_power
    is: sum(active_power where site within tower-a and kind = ElectricityMeter)
    require: 90%
    description: What the tower draws
  - for: {kind: WaterTank}
    point: hours_left
    quantity: run_hours
    is: volume / max(mean(outlet_flow over 30min), 0.001 m3/h)
    heartbeat: 5min
    dead_band: 0.1
    maximum: 1000
  - for: {kind: Building}
    point: lowest
    quantity: level_ratio
    is: min(level where site within this)
  - for: {profile: tank, site within: tower-a}
    point: state
    quantity: alarm_state
    is: if(level < 20 % and hours_left < 5 h, 'alarm', 'normal')
  - for: {devices: [lamp-1, lamp-2]}
    point: lit
    quantity: power_state
    is: power
"""


def derived_of(tmp_path, text: str):
    return load(write(tmp_path, files(derived=text))).derived


def test_a_good_file(tmp_path):
    """Derived points have the path, range, unit and heartbeat of any point, and no device behind them."""
    found = derived_of(tmp_path, GOOD)
    points = {one.point.path: one for one in found}
    hours = points["riverside/tank-a/hours_left"].point

    assert list(points) == [
        "riverside/tower-a/power",
        "riverside/tank-a/hours_left",
        "riverside/tank-b/hours_left",
        "riverside/tower-a/lowest",
        "riverside/tower-b/lowest",
        "riverside/tank-a/state",
        "riverside/lamp-1/lit",
        "riverside/lamp-2/lit",
    ]
    assert (hours.heartbeat_s, hours.dead_band, hours.maximum, hours.scale) == (300.0, 0.1, 1000.0, 1.0)
    assert (hours.readable, hours.writable, hours.silent_after_s, hours.line) == (True, False, math.inf, 8)
    assert math.isnan(points["riverside/tank-a/hours_left"].require)
    assert points["riverside/tower-a/power"].require == 0.9
    assert points["riverside/tower-a/lowest"].expression.inputs == ("riverside/tank-a/level",)
    assert points["riverside/tank-a/state"].point.quantity.aggregation is Aggregation.STATE


def test_a_name_may_come_later_a_selection_sees_what_came_before(tmp_path):
    """Names lead to any derived point of the file; a selection holds those of items before its own."""
    text = """\
derived:
  - {on: tower-a, point: early, quantity: active_power, is: tower-a/late + 1 kW}
  - {on: town, point: before, quantity: active_power, is: sum(active_power where kind = Building or device = meter-a)}
  - {on: tower-a, point: late, quantity: active_power, is: meter-a/active_power}
  - {on: town, point: after, quantity: active_power, is: sum(active_power where kind = Building or device = meter-a)}
"""
    found = {one.point.name: one.expression.inputs for one in derived_of(tmp_path, text)}

    assert found["early"] == ("riverside/tower-a/late",)
    assert found["before"] == ("riverside/meter-a/active_power", "riverside/tower-a/early")
    assert found["after"] == (
        "riverside/meter-a/active_power",
        "riverside/tower-a/early",
        "riverside/tower-a/late",
    )


ITEM = "derived:\n  - {on: tower-a, point: p, quantity: active_power, is: meter-a/active_power, EXTRA}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("derived: 3\n", "derived.yaml:1: derived: must be a list"),
        ("derivd: []\n", "derived.yaml:1: derivd: unknown key (did you mean derived?)"),
        ("derived:\n  - 3\n", "derived.yaml:2: derived[0]: must be a mapping"),
        (ITEM.replace("EXTRA", "requre: 90%"), "derived[0].requre: unknown key (did you mean require?)"),
        (
            ITEM.replace("EXTRA", "require: 0%"),
            "derived[0].require: a share is more than 0 % and at most 100 %",
        ),
        (
            ITEM.replace("EXTRA", "require: 130%"),
            "a share is more than 0 % and at most 100 %, such as 90%, found",
        ),
        (
            ITEM.replace("EXTRA", "require: all"),
            "a share is more than 0 % and at most 100 %, such as 90%, found",
        ),
        (ITEM.replace("EXTRA", "for: {kind: WaterTank}"), "one of `on` and `for` says whose point it is"),
        (
            ITEM.replace("on: tower-a, ", "").replace(", EXTRA", ""),
            "one of `on` and `for` says whose point it is",
        ),
        (
            ITEM.replace("on: tower-a", "for: {}").replace(", EXTRA", ""),
            "say which: kind, profile, site, within or devices",
        ),
        (
            ITEM.replace("on: tower-a", "on: tower-c").replace(", EXTRA", ""),
            "no device or site 'tower-c' (did you mean",
        ),
        (
            ITEM.replace("on: tower-a", "for: {kind: WaterTnk}").replace(", EXTRA", ""),
            "derived[0].for.kind: there is no device or site of kind 'WaterTnk' (did you mean WaterTank?)",
        ),
        (
            ITEM.replace("on: tower-a", "for: {devices: [lamp-1, lmp-2]}").replace(", EXTRA", ""),
            "derived[0].for.devices: there is no device 'lmp-2' (did you mean lamp-2?)",
        ),
        (
            ITEM.replace("on: tower-a", "for: {kind: WaterTank, site: street}").replace(", EXTRA", ""),
            "derived[0].for: there is nothing that fits all of this",
        ),
        (
            ITEM.replace("active_power, is", "activ_power, is").replace(", EXTRA", ""),
            "there is no quantity 'activ_power'",
        ),
        (ITEM.replace("EXTRA", "minimum: 1e12"), "derived[0].minimum: leaves no plausible value"),
        (ITEM.replace("EXTRA", "heartbeat: 5 parsecs"), "a duration is a number with a unit"),
        (
            ITEM.replace("tower-a, point: p", "meter-a, point: energy").replace(", EXTRA", ""),
            "meter-a has a point 'energy' already",
        ),
        (
            ITEM.replace("is: meter-a/active_power, EXTRA", "is: meter-a/activ_power"),
            "derived[0].is: column 1: there is no point 'activ_power' on meter-a",
        ),
        (
            ITEM.replace("is: meter-a/active_power, EXTRA", "is: meter-a/active_power + tank-a/volume"),
            "derived[0].is: column 24: power (W) and volume (m3) do not add",
        ),
        (
            ITEM.replace("is: meter-a/active_power, EXTRA", "is: tank-a/volume"),
            "derived[0].is: it gives volume (m3), and power (W) is expected",
        ),
        (
            ITEM.replace("is: meter-a/active_power, EXTRA", "is: tank-a/pump"),
            "gives a state, and active_power is a number in W",
        ),
        (
            ITEM.replace("is: meter-a/active_power, EXTRA", "is: tank-a/level > 3 %"),
            "if(condition, 1, 0) makes a number of it",
        ),
        (ITEM.replace("is: meter-a/active_power, EXTRA", "is: 3"), "derived[0].is: must be text"),
        (
            "derived:\n  - {on: town, point: p, quantity: door_state, is: tank-a/pump}\n",
            "door_state has no state 'off': closed, open",
        ),
        (
            "derived:\n  - {on: town, point: p, quantity: door_state, is: tank-a/level}\n",
            "gives ratio (%), and door_state is a state: if(condition, 'open', 'closed') chooses one of closed and",
        ),
        (
            "derived:\n  - {on: town, point: p, quantity: door_state, dead_band: 1, is: tank-a/level}\n",
            "derived[0].dead_band: does not belong here: quantity 'door_state' is a state",
        ),
        (
            "derived:\n  - {on: town, point: p, quantity: air_temperature, is: tank-a/temperature - 3 Cel}\n",
            "gives a difference (temperature difference (K)), and air_temperature counts from a zero",
        ),
    ],
)
def test_faults(tmp_path, text, expected):
    """Each fault comes with its file, line and key, in words."""
    found = faults(write(tmp_path, files(derived=text)))

    assert expected is None or expected in found


def test_every_fault_at_once_and_none_that_follows_from_another(tmp_path):
    """A faulty item does not hide the others, and who reads its point is not blamed as well."""
    text = """\
derived:
  - {on: tower-a, point: a, quantity: active_powr, is: meter-a/active_power}
  - {on: tower-a, point: b, quantity: active_power, is: tower-a/a + 1 kW}
  - {on: tower-a, point: c, quantity: active_power, is: meter-a/active_power + 1}
  - {for: {kind: WaterTank}, point: d, quantity: volume, is: volum}
"""
    found = faults(write(tmp_path, files(derived=text))).splitlines()

    assert [line.split(": ")[0] for line in found] == ["derived.yaml:2", "derived.yaml:4"]


def test_a_template_is_blamed_once(tmp_path):
    """What is wrong with one instance is wrong with its neighbours: said once, with the first of them."""
    text = "derived:\n  - {for: {kind: WaterTank}, point: d, quantity: volume, is: volum}\n"

    words = "column 1: there is no point 'volum' on tank-a (did you mean volume?) (on tank-a)"
    assert faults(write(tmp_path, files(derived=text))) == f"derived.yaml:2: derived[0].is: {words}"


def test_rings_are_named_whole(tmp_path):
    """Points that are computed from one another are told as a ring, each with its line."""
    text = """\
derived:
  - {on: tower-a, point: a, quantity: active_power, is: tower-b/b}
  - {on: tower-b, point: b, quantity: active_power, is: town/c + 1 kW}
  - {on: town, point: c, quantity: active_power, is: "max(tower-a/a, 0)"}
  - {for: {kind: WaterTank}, point: me, quantity: volume, is: me + 1 m3}
"""
    found = faults(write(tmp_path, files(derived=text))).splitlines()

    ring = "tower-a/a (line 2) -> tower-b/b (line 3) -> town/c (line 4) -> tower-a/a (line 2)"
    assert found == [
        f"derived.yaml:2: derived[0].is: is computed from itself: {ring}",
        "derived.yaml:5: derived[3].is: is computed from itself: tank-a/me (line 5) -> tank-a/me (line 5)",
    ]


def test_an_empty_file_is_no_fault(tmp_path):
    """A file without items, or without anything, derives nothing."""
    assert derived_of(tmp_path / "a", "derived: []\n") == ()
    assert derived_of(tmp_path / "b", "# nothing yet\n{}\n") == ()


def test_thousands_load_fast(tmp_path):
    """Five thousand points of a few templates are loaded in seconds, devices included."""
    began = time.process_time()
    found = folder(tmp_path, tanks=3_400, others=0).derived

    assert len(found) >= 5_000
    assert time.process_time() - began < 8.0
