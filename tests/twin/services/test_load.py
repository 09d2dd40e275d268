"""`services.yaml` as a person writes it: what it becomes, and every fault of it."""

from __future__ import annotations

from datetime import time

import pytest

from tests.twin.services.stage import SUPPLIERS, Stage, faults_of

WHOLE = (
    SUPPLIERS
    + """\
supply:
  - id: water
    for: {kind: WaterTank, within: quarter}
    volume: volume
    capacity: 60000 L
    request_when: {level_below: 30 %, hours_left_below: 6 h}
    supplier: aguas
capacity:
  - {id: sensor, on: plaza, capacity: sign/allowed, occupancy: sign/seen}
  - {id: gates, on: tower, capacity: 400, in: [gate-1/entries, gate-2/entries], out: gate-1/exits,
     quiet_hour: 03:30, as: people}
maintenance:
  - {id: lamp-change, for: {profile: lamp}, counter: hours, every: 50000 h, text: replace the lamp}
  - {id: pump, on: [tank-1], counter: starts, every: 3000, as: pump_service}
"""
)


def test_a_whole_file_is_bound(tmp_path):
    """Every tank, place and counter that the rules mean has its entry, with units as the twin has them."""
    book = Stage(tmp_path, WHOLE).book

    assert [tank.key for tank in book.tanks] == ["riverside/tank-1/water", "riverside/tank-2/water"]
    assert [tank.location and tank.location.lat for tank in book.tanks] == [41.61, 41.7]
    assert book.tanks[0].rule.capacity == pytest.approx(60)
    assert [crowd.capacity for crowd in book.crowds] == ["riverside/sign/allowed", 400]
    assert [counter.wraps_at for counter in book.crowds[1].entries] == [65536, 65536]
    assert book.crowds[1].rule.quiet_hour == time(3, 30)
    assert [(one.key, one.every, one.unit) for one in book.services] == [
        ("riverside/lamp-1/lamp-change", 50_000, "h"),
        ("riverside/lamp-2/lamp-change", 50_000, "h"),
        ("riverside/tank-1/pump", 3000, "{starts}"),
    ]
    assert [point.path.partition("/")[2] for _, point in book.points] == [
        "tank-1/hours_left",
        "tank-1/supply_state",
        "tank-2/hours_left",
        "tank-2/supply_state",
        "plaza/occupancy",
        "plaza/occupancy_ratio",
        "plaza/occupancy_level",
        "tower/people",
        "tower/people_ratio",
        "tower/people_level",
        "tank-1/pump_service",
    ]


def test_the_sensor_of_a_place_may_be_its_own_point(tmp_path):
    """Where the place has the sensor's point itself, no second one is made."""
    text = "capacity:\n  - {id: a, on: sign, capacity: allowed, occupancy: seen, as: seen}\n"
    book = Stage(tmp_path, text).book

    assert [point.name for _, point in book.points] == ["seen_ratio", "seen_level"]


def supply(**changes: str) -> str:
    """Return a supply rule with keys in place of its own; an empty one is left out."""
    keys = {
        "id": "water",
        "on": "tank-1",
        "request_when": "{level_below: 30 %}",
        "supplier": "aguas",
        **changes,
    }
    lines = [f"    {key}: {value}" for key, value in keys.items() if value]
    return SUPPLIERS + "supply:\n  -\n" + "\n".join(lines) + "\n"


def capacity(**changes: str) -> str:
    keys = {"id": "a", "on": "plaza", "capacity": "100", "occupancy": "sign/seen", **changes}
    return "capacity:\n  - {" + ", ".join(f"{key}: {value}" for key, value in keys.items() if value) + "}\n"


def maintenance(**changes: str) -> str:
    keys = {"id": "a", "on": "lamp-1", "counter": "hours", "every": "100 h", **changes}
    return (
        "maintenance:\n  - {" + ", ".join(f"{key}: {value}" for key, value in keys.items() if value) + "}\n"
    )


FAULTS = [
    (supply(on="tank-7"), "supply[0].on: there is no device 'tank-7' (did you mean tank-2?)"),
    (
        supply(on=""),
        "supply[0]: a rule has either `on` (an id, or a list of ids) or `for` (which devices)",
    ),
    (
        supply(on="", **{"for": "{kind: WaterTan}"}),
        "kind: there is no device or site of kind 'WaterTan' (did you mean WaterTank?)",
    ),
    (
        supply(on="", **{"for": "{kind: Gate, site: tower}"}),
        "supply[0].for: there is nothing that fits all of this",
    ),
    (
        supply(on="", **{"for": "{site: towr}"}),
        "supply[0].for.site: there is no site 'towr' (did you mean tower?)",
    ),
    (supply(on="", **{"for": "{}"}), "supply[0].for: say which: kind, profile, site, within or devices"),
    (supply(level="levl"), "supply[0].level: profile tank has no point 'levl' (did you mean level?)"),
    (supply(level="volume"), "supply[0].level: volume measures volume (volume), percent is needed here"),
    (supply(level="inlet"), "supply[0].level: inlet is a state (valve_state), a gauge is needed here"),
    (supply(volume="level"), "supply[0].volume: level measures percent (level_ratio), volume is needed here"),
    (
        supply(capacity="60"),
        "supply[0].capacity: has no unit: write it behind the number, such as 60 m3, found 60",
    ),
    (
        supply(capacity="60 kg"),
        "supply[0].capacity: cannot convert 'kg' to 'm3': kg measures mass, m3 measures volume",
    ),
    (supply(capacity="60 lts"), "supply[0].capacity: 'lts' is not a UCUM code that barrio knows"),
    (
        supply(capacity="much"),
        "supply[0].capacity: an amount is a number with its unit, such as 20 %, 4.5 bar or -3 Cel",
    ),
    (supply(fill_to="120 %"), "supply[0].fill_to: must be less than or equal to 100, found '120 %'"),
    (supply(fill_to="20 %"), "supply[0]: level_below (30 %) is not below fill_to (20 %)"),
    (supply(empty_at="95 %"), "supply[0]: empty_at (95 %) is not below fill_to (95 %)"),
    (
        supply(request_when="{}"),
        "supply[0].request_when: says nothing: give level_below, hours_left_below or both",
    ),
    (
        supply(request_when="{level_below: 30}"),
        "level_below: has no unit: write it behind the number, such as 30 %",
    ),
    (
        supply(delivered_when="{}"),
        "supply[0].delivered_when: says nothing: give level_rises, level_above or both",
    ),
    (supply(draw="{over: 10min, at_least: 20min}"), "supply[0].draw: at_least is longer than over"),
    (
        supply(supplier="agua"),
        "supply[0].supplier: there is no supplier 'agua' in `suppliers` (did you mean aguas?)",
    ),
    (
        supply(escalate_to="dity"),
        "escalate_to: there is no supplier 'dity' in `suppliers` (did you mean duty?)",
    ),
    (supply(suplier="x"), "supply[0].suplier: unknown key (did you mean supplier?)"),
    (capacity(on="plazza"), "capacity[0].on: there is no device or site 'plazza' (did you mean plaza?)"),
    (capacity(capacity="0"), "capacity[0]: capacity is a number of people from 1 to 1,000,000"),
    (
        capacity(capacity="sign/alowed"),
        "capacity[0].capacity: sign has no point 'alowed' (did you mean allowed?)",
    ),
    (capacity(occupancy="sing/seen"), "there is no device or site 'sing' (did you mean sign?)"),
    (capacity(occupancy="tank-1/level"), "tank-1/level measures percent (level_ratio), count is needed here"),
    (
        capacity(occupancy="a/b/c"),
        "a point is written OWNER/POINT, such as gate-1/entries, or POINT of the same owner",
    ),
    (capacity(occupancy=""), "capacity[0]: give either occupancy (a sensor), or both in and out (counters)"),
    (
        capacity(**{"in": "gate-1/entries"}),
        "capacity[0]: give either occupancy (a sensor), or both in and out",
    ),
    (
        capacity(occupancy="", **{"in": "gate-1/entries", "out": "sign/seen"}),
        "sign/seen is a gauge (occupancy), a counter",
    ),
    (
        capacity(occupancy="", **{"in": "gate-1/entries", "out": "gate-1/entries"}),
        "counts who comes in as well",
    ),
    (
        capacity(occupancy="", **{"in": "[gate-1/entries, gate-1/entries]", "out": "gate-1/exits"}),
        "stands here twice",
    ),
    (capacity(amber="90 %", red="70 %"), "capacity[0]: amber (90 %) is not between 0 and red (70 %)"),
    (capacity(hysteresis="70 %"), "capacity[0]: hysteresis reaches down to nothing"),
    (capacity(quiet_hour="04:00"), "capacity[0]: quiet_hour and quiet_count belong to in and out"),
    (
        capacity(quiet_hour="4"),
        'capacity[0].quiet_hour: a time of the day is HH:MM, such as "04:00", found 4',
    ),
    (capacity(quiet_hour="25:00"), "capacity[0].quiet_hour: a time of the day is HH:MM"),
    (capacity(forecast="12h"), "capacity[0].forecast: must be less than or equal to 21600, found '12h'"),
    (capacity(on="sign", **{"as": "allowed"}), "sign has a point 'allowed' already, where barrio would put"),
    (
        maintenance(counter="hour"),
        "maintenance[0].counter: profile lamp has no point 'hour' (did you mean hours?)",
    ),
    (maintenance(on="tank-1", counter="level"), "level is a gauge (level_ratio), a counter is needed here"),
    (
        maintenance(every="100"),
        "maintenance[0].every: has no unit: write it behind the number, such as 100 h",
    ),
    (
        maintenance(every="100 m3"),
        "every: cannot convert 'm3' to 'h': m3 measures volume, h measures time; hours counts h",
    ),
    (maintenance(every="0 h"), "maintenance[0]: every is more than nothing"),
    (
        maintenance(warn_at="120 %"),
        "maintenance[0]: warn_at lies between 0 and 100 %, overdue_at is 100 % or more",
    ),
    (
        supply(request_when="{hours_left_below: 1}"),
        "request_when.hours_left_below: has no unit: write it behind the number, such as 1 h",
    ),
    ("maintenence: []\n", "maintenence: unknown key (did you mean maintenance?)"),
    ("supply: yes please\n", "supply: must be a list"),
    ("- supply\n", "(file): must be a mapping"),
    (
        'suppliers:\n  - {id: a, webhook: "http://127.0.0.1/", on: [raised]}\n',
        "suppliers[0].on: belongs to those who are told",
    ),
]


@pytest.mark.parametrize(("text", "words"), FAULTS, ids=range(len(FAULTS)))
def test_a_fault_is_named(tmp_path, text, words):
    """What is wrong is said in one line, with file, line and path, and what was probably meant."""
    found = faults_of(tmp_path, text)

    assert len(found) == 1
    assert words in found[0]
    assert found[0].startswith("services.yaml:")


def test_all_faults_come_at_once(tmp_path):
    """One item that is faulty hides none of the others."""
    text = supply(on="tank-7") + capacity(on="plazza") + maintenance(counter="hour")

    assert len(faults_of(tmp_path, text)) == 3


def test_an_id_is_taken_once(tmp_path):
    """A second rule of the same id is a fault at its own line, as is a tank that asks by two rules."""
    rule = "  - {id: w, on: tank-1, request_when: {level_below: 30 %}, supplier: aguas}\n"
    twice = faults_of(tmp_path / "a", SUPPLIERS + "supply:\n" + rule + rule)
    two = faults_of(tmp_path / "b", SUPPLIERS + "supply:\n" + rule + rule.replace("id: w", "id: v"))

    assert twice == ["services.yaml:6: supply[1].id: id 'w' is taken, it stands first in line 5"]
    assert two == ["services.yaml:6: supply[1].on: tank-1 asks by the rule 'w' already: a tank has one"]


def test_no_name_is_called_unknown_that_may_be_in_a_faulty_part(tmp_path):
    """Where a device could not be read, rules that name it are not blamed."""
    from tests.twin.model.folders import faults, write
    from tests.twin.services.stage import DEVICES, FILES

    broken = DEVICES.replace("id: tank-1, profile: tank", "id: tank-1, profile: tink")
    found = faults(write(tmp_path, {**FILES, "devices.yaml": broken, "services.yaml": supply()}))

    assert "services.yaml" not in found
    assert "tink" in found


def test_what_services_compute_may_be_named_by_other_files(tmp_path):
    """The computed points stand on the ground before alarms are read."""
    book = Stage(tmp_path, capacity()).book

    assert {point.quantity.name for _, point in book.points} == {
        "occupancy",
        "occupancy_ratio",
        "occupancy_level",
    }
