"""`commands.yaml`: what it gives, and every fault in it at once with its line."""

from tests.twin.commands.stage import INLET, LAMP_1, LAMP_2, RULES, district_of, faults_of
from twin.model.spec import Location

SCHEDULE = """\
schedules:
  - id: night
    for: {kind: Streetlight}
    point: dimming
    at:
      - {from: sunset, until: "23:00", value: 100 %}
      - {from: "23:00", until: sunrise-10min, value: "0.6 1"}
"""


def book_of(folder, commands, **more):
    found = district_of(folder, commands, **more).commands
    assert found is not None
    return found


def test_a_book_has_a_policy_for_each_point(tmp_path):
    """What is not in it cannot be written."""
    book = book_of(tmp_path, RULES + SCHEDULE)

    assert set(book.policies) == {LAMP_1, LAMP_2, INLET}
    assert book.roles == ("lighting",)
    dim = book.policies[LAMP_1]
    assert (dim.minimum, dim.maximum, dim.tolerance, dim.limits) == (20.0, 100.0, 1.0, "20 % to 100 %")
    assert book.policies[INLET].limits == "closed, open"
    assert book.policies[INLET].rule.roles == ("operator",)
    [night] = book.schedules
    assert (night.id, night.priority, night.who) == ("night", 14, "schedule night")
    assert [stretch.value for stretch in night.stretches[LAMP_1]] == [100.0, 60.0]
    assert night.places[LAMP_1] == Location(lat=41.6, lon=-0.9)


def test_the_sun_is_looked_for_at_the_nearest_place(tmp_path):
    """At the device, else at its site, else around that, else in the middle of the district."""
    devices = (
        "devices:\n"
        "  - {id: one, profile: lamp, site: roof, endpoint: 'pigeon://10.0.0.1', location: {lat: 1, lon: 1}}\n"
        "  - {id: two, profile: lamp, site: roof, endpoint: 'pigeon://10.0.0.2'}\n"
        "  - {id: three, profile: lamp, site: yard, endpoint: 'pigeon://10.0.0.3'}\n"
    )
    district = (
        "district: riverside\nname: R\ntimezone: Europe/Madrid\nlocation: {lat: 9, lon: 9}\n"
        "sites: [{id: tower, location: {lat: 2, lon: 2}}, {id: roof, within: tower}, {id: yard}]\n"
    )
    rules = RULES.partition("  - id: inlet")[0] + SCHEDULE
    [night] = book_of(tmp_path, rules, devices=devices, district=district).schedules

    assert [place.lat for place in night.places.values()] == [1.0, 2.0, 9.0]


EVERY_FAULT = """\
commands.yaml:1: roles[1]: operator is there without being named
commands.yaml:3: commands[0].point: lamp-1: hours cannot be written: profile lamp does not call it writable (and 1 more)
commands.yaml:4: commands[1].roles[0]: there is no role 'lightning' (did you mean lighting?): name it under roles
commands.yaml:4: commands[1].minimum: lamp-1: cannot convert 'kW' to '%': kW measures power, % measures ratio (and 1 more)
commands.yaml:4: commands[1].maximum: lamp-1: 120 % lies outside what dimming takes: 0 % to 100 % (and 1 more)
commands.yaml:5: commands[2].id: rule id 'dim' is taken, it stands first in line 4
commands.yaml:6: commands[3].maximum: tank-1: inlet has states, not numbers: narrow it with values
commands.yaml:6: commands[3].values: tank-1: inlet has no state 'opne', only closed, open (did you mean open?)
commands.yaml:7: commands[4].point: tank-1: profile tank has no point 'inlte' (did you mean inlet?)
commands.yaml:8: commands[5].on: there is no device 'tank-9' (did you mean tank-1?)
commands.yaml:9: commands[6].for.kind: there is no device or site of kind 'Streetlihgt' (did you mean Streetlight?)
commands.yaml:10: commands[7].for.within: there is no site 'towr' (did you mean tower?)
commands.yaml:11: commands[8]: needs either `on` (a device) or `for` (which devices)
commands.yaml:12: commands[9].for: say which: kind, profile, site, within or devices, found an empty mapping
commands.yaml:13: commands[10].rate: a rate is a whole number per second, minute, hour or day, such as 6 per hour, found 'often'
commands.yaml:14: commands[11].lease: default is longer than longest
commands.yaml:15: commands[12].minimum: lamp-1: 60 % is above 40 % (and 1 more)
commands.yaml:16: commands[13].read_back: lamp-1: tolerance: cannot convert 'Cel' to '%': Cel measures temperature, % measures ratio (and 1 more)
commands.yaml:17: commands[14].color: unknown key
"""  # noqa: E501 - lines as a person reads them


def test_every_fault_at_once(tmp_path):
    """Each with its line, what was meant, and the same fault of many devices once."""
    found = faults_of(
        tmp_path,
        """\
roles: [lighting, operator]
commands:
  - {id: hours, for: {kind: Streetlight}, point: hours}
  - {id: dim, for: {kind: Streetlight}, point: dimming, roles: [lightning], minimum: 20 kW, maximum: 120 %}
  - {id: dim, on: tank-1, point: inlet}
  - {id: inlet, on: tank-1, point: inlet, values: [opne], maximum: 3}
  - {id: other, on: tank-1, point: inlte}
  - {id: nobody, on: tank-9, point: inlet}
  - {id: kinds, for: {kind: Streetlihgt}, point: dimming}
  - {id: sites, for: {within: towr}, point: dimming}
  - {id: both, on: tank-1, for: {kind: WaterTank}, point: inlet}
  - {id: empty, for: {}, point: inlet}
  - {id: often, on: tank-1, point: inlet, rate: often}
  - {id: lease, on: tank-1, point: inlet, lease: {default: 2h, longest: 1h}}
  - {id: swap, for: {kind: Streetlight}, point: dimming, minimum: 60 %, maximum: 40 %}
  - {id: tolerance, for: {kind: Streetlight}, point: dimming, read_back: {tolerance: 1 Cel}}
  - {id: colour, on: tank-1, point: inlet, color: red}
""",
    )

    assert found.splitlines() == EVERY_FAULT.splitlines()


def test_a_point_has_one_rule(tmp_path):
    """Two rules for one point would contradict one another."""
    found = faults_of(tmp_path, RULES + "  - {id: again, for: {within: tower}, point: dimming}\n")

    assert (
        "commands.yaml:12: commands[2].point: lamp-1: dimming is already covered by rule 'dim' (line 3) "
        "(and 1 more)" in found
    )


def test_interlocks_are_expressions(tmp_path):
    """Unknown names, numbers and states that are none are faults at their lines."""
    found = faults_of(
        tmp_path,
        """\
commands:
  - id: inlet
    on: tank-1
    point: inlet
    interlocks:
      - {must: levle < 95 %, because: it would run over}
      - {must: level + 1 %, because: it would run over}
      - {must: level < 5 kW, because: it would run over}
      - {must: level < 95 %, because: it would run over, to: [opened]}
""",
    )
    lines = found.splitlines()

    assert [line.split(": ")[:2] for line in lines] == [
        ["commands.yaml:6", "commands[0].interlocks[0].must"],
        ["commands.yaml:7", "commands[0].interlocks[1].must"],
        ["commands.yaml:8", "commands[0].interlocks[2].must"],
        ["commands.yaml:9", "commands[0].interlocks[3].to[0]"],
    ]
    assert "did you mean level" in lines[0]
    assert "must be true or false" in lines[1]


SCHEDULE_FAULTS = """\
schedules[0].point: tank-1: no rule of commands covers level: nothing may write it
schedules[1].at[0].value: lamp-1: 10 % lies outside what rule 'dim' allows: 20 % to 100 %
schedules[2].point: lamp-1: commands of rule 'switch' are confirmed by a person, which a schedule is not
schedules[3].at[0].from: a time of day is 00:00 to 24:00, sunrise or sunset, or those with an offset: sunset+15min, found '25:00'
schedules[3].at[0].until: a time of day is 00:00 to 24:00, sunrise or sunset, or those with an offset: sunset+15min, found 'sunsat'
schedules[4].days[1]: must be mon, tue, wed, thu, fri, sat or sun, found 'tueday' (did you mean tue?)
schedules[6].priority: lamp-1: schedule 'one' has priority 14 on dimming already
schedules[7].at: must not be empty, found an empty list
schedules[8].priority: lamp-2: rule 'dim' allows 8 (strongest) to 16, found 7
"""  # noqa: E501 - lines as a person reads them


def test_a_schedule_stands_on_a_rule(tmp_path):
    """It needs one for its point, a value within its limits, and nobody who confirms."""
    found = faults_of(
        tmp_path,
        RULES
        + """\
  - {id: switch, for: {kind: Streetlight}, point: power_state, confirm: {within: 60s}}
schedules:
  - {id: uncovered, on: tank-1, point: level, at: [{from: "22:00", until: "23:00", value: 5}]}
  - {id: outside, on: lamp-1, point: dimming, at: [{from: "22:00", until: "23:00", value: 10 %}]}
  - {id: confirmed, on: lamp-1, point: power_state, at: [{from: "22:00", until: "23:00", value: "on"}]}
  - {id: none, on: tank-1, point: inlet, at: [{from: "25:00", until: sunsat, value: open}]}
  - {id: state, on: tank-1, point: inlet, at: [{from: "22:00", until: sunset+15min, value: ajar}], days: [mon, tueday]}
  - {id: one, on: lamp-1, point: dimming, at: [{from: "22:00", until: "23:00", value: 30 %}]}
  - {id: two, on: lamp-1, point: dimming, at: [{from: "22:00", until: "23:00", value: 30 %}]}
  - {id: two, on: lamp-2, point: dimming, at: []}
  - {id: strong, on: lamp-2, point: dimming, priority: 7, at: [{from: "22:00", until: "23:00", value: 30 %}]}
""",
    )

    assert [line.split(": ", 1)[1] for line in found.splitlines()] == SCHEDULE_FAULTS.splitlines()


def test_what_could_not_be_read_is_not_called_unknown(tmp_path):
    """While a device has a fault of its own, nobody is told that it does not exist."""
    devices = "devices:\n  - {id: tank-1, profile: tank, site: tower, endpoint: nowhere}\n"
    found = faults_of(tmp_path, RULES, devices=devices)

    assert "devices.yaml:2" in found
    assert "commands.yaml" not in found


def test_not_even_a_mapping(tmp_path):
    """A file that is a list is one fault."""
    assert faults_of(tmp_path, "- dim\n").startswith("commands.yaml:1: (file): must be a mapping")
