"""`alarms.yaml`: what it means, and everything that can be wrong with it, at once and with its line."""

import pytest

from tests.twin.alarms.stage import lamps
from tests.twin.model.folders import faults, load, write
from twin.alarms.rule import Frozen, InStates, Limits, Silent

NO_DURATION = "a duration is a number with a unit, such as 250ms, 5s, 15m, 1h or 90d"
TAKEN = "`links` says how it is, take another id"
KNOWN = "{name}, {value}, {limit}, {unit}, {device}, {site}, {count}, {since}"
# One fault a line: the rule (without its id), and what is said of it.
WRONG = [
    ("on: tank-1, point: levl, above: 3 %", "point: tank-1 has no point 'levl' (did you mean level?)"),
    (
        "on: tank-2, point: level, above: 3 %",
        "on: there is no device or site 'tank-2' (did you mean tank-1?)",
    ),
    ("point: tank-2/level, above: 3 %", "point: there is no device or site 'tank-2' (did you mean tank-1?)"),
    (
        "point: level, above: 3 %",
        "says not where: `on` a device or site, or `for` each device of a selection",
    ),
    ("on: tank-1, for: {kind: WaterTank}, silent: 1h", "for: a rule has `on` or `for`, not both"),
    (
        "for: {kind: WaterTnk}, silent: 1h",
        "for.kind: there is no device or site of kind 'WaterTnk' (did you mean WaterTank?)",
    ),
    ("for: {site: tower, kind: Streetlight}, silent: 1h", "for: there is nothing that fits all of this"),
    (
        "for: {within: street}, point: power, is: off",
        "point: 1 of 4 have no such point: cabinet-1 has no point 'power'",
    ),
    (
        "on: tank-1, point: level, above: 3 kW",
        "above: kW measures power, % measures ratio: what is watched is in %",
    ),
    (
        "on: tank-1, point: level, above: 3 pct",
        "above: 'pct' is not a UCUM code that barrio knows: what is watched is in %",
    ),
    (
        "on: tank-1, point: level, above: 90",
        "above: has no unit: write it behind the number, such as 90 %",
    ),
    (
        "on: tank-1, point: level, above: much",
        "above: an amount is a number with its unit, such as 20 %, 4.5 bar or -3 Cel, found 'much'",
    ),
    (
        "on: tank-1, point: level, below: 300 %",
        "below: 300 % makes no sense: what is watched lies between 0 and 110 %",
    ),
    (
        "on: tank-1, point: level, above: -1 %",
        "above: -1 % makes no sense: what is watched lies between 0 and 110 %",
    ),
    (
        "on: tank-1, point: level, above: 20 %, below: 30 %",
        "above: must be more than below (30 %): the band between them is where all is well, found 20 %",
    ),
    (
        "on: tank-1, point: level, below: 20 %, hysteresis: -1 %",
        "hysteresis: must not be negative, found -1 %",
    ),
    (
        "on: tank-1, point: level, below: 20 %, hysteresis: 95 %",
        "hysteresis: is so large that the alarm would never end: found 95 %, what is watched lies between 0 and 110 %",
    ),
    (
        "on: tank-1, point: level, above: 60 %, below: 40 %, hysteresis: 15 %",
        "hysteresis: is so large that the alarm would never end: found 15 %, what is watched lies between 0 and 110 %",
    ),
    ("on: tank-1, point: level, is: full", "is: level (level_ratio) has no states: use above or below"),
    ("on: tank-1, point: inlet, above: 1", "above: inlet (valve_state) is a state: use `is`"),
    (
        "on: tank-1, point: inlet, is: [open, shut]",
        "is: inlet has no state 'shut', only closed, open",
    ),
    (
        "on: tank-1, point: inlet",
        "exactly one of above/below, is, when, frozen and silent makes a condition, found none",
    ),
    (
        "on: tank-1, point: inlet, is: open, frozen: 1h",
        "exactly one of above/below, is, when, frozen and silent makes a condition, found is and frozen",
    ),
    ("on: tank-1, above: 3 %", "limits are for a `point` or for the `value` of an expression, found none"),
    ("on: tank-1, frozen: 3h", "`frozen` needs the `point` that is watched"),
    ("on: tank-1, silent: 3h, hysteresis: 3 %", "hysteresis: goes only with `above`, `below`"),
    ("on: tank-1, silent: 3h, point: level", "point: goes only with `above`, `below`, `is`, `frozen`"),
    ("on: tank-1, point: level, above: 3 %, except: 5", "except: goes only with `frozen`"),
    ("on: tank-1, point: level, frozen: 1h, except: 5 kW", "except: kW measures power, % measures ratio"),
    (
        "on: tank-1, point: inlet, frozen: 1h, except: opn",
        "except: inlet has no state 'opn', only closed, open (did you mean open?)",
    ),
    ("on: tower, silent: 1h", "on: tower is a site: only devices fall silent"),
    (
        "on: tank-1, silent: soon",
        "silent: a duration is a number with a unit, such as 250ms, 5s, 15m, 1h or 90d, found 'soon'",
    ),
    (
        "on: tank-1, silent: 1h, priority: urgent",
        "priority: must be critical, high, medium or low, found 'urgent'",
    ),
    (
        'on: tank-1, silent: 1h, text: "{nam} is gone"',
        f"text: nothing is called {{nam}} here, only {KNOWN} (did you mean name?)",
    ),
    (
        'on: tank-1, silent: 1h, text: "{name.__class__}"',
        f"text: nothing is called {{name.__class__}} here, only {KNOWN}",
    ),
    (
        'on: tank-1, silent: 1h, dashboard: "http://g/{value}"',
        "dashboard: nothing is called {value} here, only {device}, {site}",
    ),
    (
        "on: cabinet-1, silent: 1h, explains: {rules: [off], through: controls}",
        "explains.rules[0]: there is no rule 'off' (did you mean of?)",
    ),
    (
        "on: cabinet-1, silent: 1h, explains: {rules: [of], through: feeds}",
        "explains.through: explains nothing: feeds leads to no device that one of these rules is about",
    ),
    (
        "for: {kind: Streetlight}, silent: 1h, together: {through: controls, at_least: 4}",
        "together: nothing has 4 devices of this rule in common through controls",
    ),
    (
        "for: {kind: Streetlight}, silent: 1h, together: {through: control}",
        "together.through: must be feeds, controls",
    ),
    ("on: tank-1, silent: 1h, on_delay: -3s", "on_delay: a duration is a number with a unit"),
    ("on: tank-1, silent: 1h, on_delay: 2d", "on_delay: must be less than or equal to 86400"),
    ("on: tank-1, silent: 1h, ondelay: 3s", "ondelay: unknown key (did you mean on_delay?)"),
]
OTHER = "  - {id: of, for: {kind: Streetlight}, point: power, is: off}\n"


@pytest.mark.parametrize(("rule", "words"), WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_with_a_rule(tmp_path, rule, words):
    """Each thing is said at its key, with what was found and what was probably meant."""
    text = f"alarms:\n  - {{id: odd, {rule}}}\n{OTHER}"
    found = faults(write(tmp_path, {**lamps(3), "alarms.yaml": text}))

    assert found.startswith("alarms.yaml:2: alarms[0]")
    assert words in found
    assert len(found.splitlines()) == 1


def test_everything_is_said_at_once(tmp_path):
    """A faulty rule does not hide what is wrong with the others, with channels, and with the file."""
    text = """\
alarms:
  - {id: one, on: tank-1, point: levl, above: 3 %}
  - {id: two, on: tank-1, silent: 1x}
  - {id: one, on: tank-1, silent: 1h}
  - {id: link-down, on: tank-1, silent: 1h}
  - {on: tank-1, silent: 1h}
notify:
  - {id: ops, webhook: "http://127.0.0.1:1/x", rules: [onee]}
  - {id: ops, webhook: "http://127.0.0.1:1/x"}
links: {priority: huge}
channels: []
"""

    assert faults(write(tmp_path, {"alarms.yaml": text})).splitlines() == [
        "alarms.yaml:2: alarms[0].point: tank-1 has no point 'levl' (did you mean level?)",
        f"alarms.yaml:3: alarms[1].silent: {NO_DURATION}, found '1x'",
        "alarms.yaml:4: alarms[2].id: rule id 'one' is taken, it stands first in line 2",
        f"alarms.yaml:5: alarms[3].id: 'link-down' is the rule that every link has: {TAKEN}",
        "alarms.yaml:6: alarms[4].id: is missing",
        "alarms.yaml:8: notify[0].rules[0]: there is no rule 'onee' (did you mean one?)",
        "alarms.yaml:9: notify[1].id: channel id 'ops' is taken, it stands first in line 8",
        "alarms.yaml:10: links.priority: must be critical, high, medium or low, found 'huge'",
        "alarms.yaml:11: channels: unknown key",
    ]


def test_names_of_faulty_rules_are_known(tmp_path):
    """A rule that explains one with a fault is not told that there is none."""
    text = """\
alarms:
  - {id: lamp, for: {kind: Streetlight}, silent: 1x}
  - {id: cabinet, on: cabinet-1, silent: 1h, explains: {rules: [lamp], through: controls}}
"""
    found = faults(write(tmp_path, {**lamps(3), "alarms.yaml": text}))

    assert [line.split(": ")[1] for line in found.splitlines()] == ["alarms[0].silent"]


def test_nothing_is_unknown_while_a_device_cannot_be_read(tmp_path):
    """What may stand in a part that could not be read is not called unknown."""
    text = "alarms: [{id: one, on: lamp-3, silent: 1h}]\n"
    found = faults(write(tmp_path, {"alarms.yaml": text, "lamps.csv": "id,endpoint\nlamp-3,3\n"}))

    assert "lamps.csv:2" in found
    assert "alarms.yaml" not in found


def test_alarms_that_explain_each_other(tmp_path):
    """In a circle all would be suppressed and nobody would hear of any."""
    text = """\
alarms:
  - {id: up, for: {kind: Cabinet}, silent: 1h, explains: {rules: [down], through: controls}}
  - {id: down, for: {kind: Streetlight}, silent: 1h, explains: {rules: [up], through: feeds}}
"""
    files = lamps(1)
    relation = "- {from: lamp-1, to: cabinet-1, type: feeds}\n"
    files["district.yaml"] = files["district.yaml"].replace("relations:\n", f"relations:\n{relation}")

    assert "explain each other in a circle: " in faults(write(tmp_path, {**files, "alarms.yaml": text}))


def test_a_rule_for_many_is_one_entry(tmp_path):
    """Each device has an alarm of its own, with the limits in the unit of its point."""
    text = """\
alarms:
  - {id: low, for: {kind: WaterTank}, point: level, below: "0.2 1", hysteresis: 5 %, on_delay: 30s, hold: 5s}
  - {id: open, point: tank-1/inlet, is: open}
  - {id: stuck, on: tank-1, point: inlet, frozen: 7d, except: closed}
  - {id: quiet, for: {within: street}, silent: 10min, needs_ack: false}
"""
    book = load(write(tmp_path, {**lamps(3), "alarms.yaml": text})).alarms
    assert book is not None
    low, opened, stuck, quiet = book.rules

    assert low.subjects[0].condition == Limits(below=20.0, hysteresis=5.0, unit="%")
    assert (low.on_delay_s, low.off_delay_s, low.hold_s, low.settle_s) == (30.0, 0.0, 5.0, 30.0)
    assert opened.subjects[0].condition == InStates(("open",))
    assert stuck.subjects[0].condition == Frozen(7 * 86_400.0, ("closed",))
    assert [one.owner for one in quiet.subjects] == ["lamp-1", "lamp-2", "lamp-3", "cabinet-1"]
    assert (quiet.subjects[0].condition, quiet.needs_ack) == (Silent(600.0), False)


def test_an_empty_book(tmp_path):
    """A file without rules still has the alarms of links."""
    book = load(write(tmp_path, {"alarms.yaml": "links: {on_delay: 5s, priority: critical}\n"})).alarms
    assert book is not None

    assert (book.rules, book.links.on_delay_s, book.links.priority) == ((), 5.0, "critical")


@pytest.mark.parametrize(
    "text", ["[]", "3", "alarms: 3", "alarms: {a: 1}", "alarms: [3, x, null]", "notify: x"]
)
def test_what_is_no_file_of_alarms(tmp_path, text):
    """Whatever stands there, it is said and nothing breaks."""
    assert faults(write(tmp_path, {"alarms.yaml": text})).startswith("alarms.yaml:1: ")
