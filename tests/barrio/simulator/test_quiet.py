"""A healthy district raises no alarms: the rules of the demo's district against simulated weeks."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

from barrio.simulator.world import World
from twin.alarms.rule import Holds, InStates, Limits
from twin.expressions.program import Program
from twin.model.district import District

MONDAY_S = 1_790_000_000.0
STEP_S = 1_800.0
WEEK = range(0, 7 * 86_400, int(STEP_S))


@dataclass
class Week:
    """A simulated week, moment by moment, as the columns that rules are decided on."""

    district: District
    world: World

    def __post_init__(self):
        points = list(self.district.points())
        self.points = {point.path: (device, point) for device, point in points}
        self.ids = {path: number for number, path in enumerate(self.points, 1)}
        names = sorted({name for _, point in points for name in point.states.values()})
        self.states = {name: number for number, name in enumerate(names)}

    def moments(self):
        size = len(self.ids) + 1
        for second in WEEK:
            self.world.advance(MONDAY_S + second)
            value = np.full(size, np.nan)
            for path, number in self.ids.items():
                found = self.world.value(*self.points[path])
                value[number] = self.states[found] if isinstance(found, str) else found
            now_ns = round(self.world.time_s * 1e9)
            yield SimpleNamespace(
                value=value,
                quality=np.zeros(size, np.uint8),
                time=np.full(size, now_ns, np.int64),
                usable=np.ones(size, np.bool_),
                now_ns=now_ns,
            )


def of_points(rules):
    """Subjects that watch a point of a device, with their rule."""
    return [
        (rule.id, subject)
        for rule in rules
        for subject in rule.subjects
        if subject.point is not None and isinstance(subject.condition, Limits | InStates)
    ]


def of_expressions(rules):
    """Subjects with expressions that need no history."""
    return [
        (rule.id, subject)
        for rule in rules
        for subject in rule.subjects
        if subject.expression is not None and not subject.expression.windows
    ]


def offends(condition, value, states):
    """Whether a value is one that the condition is about."""
    if isinstance(condition, Limits):
        return value > condition.above or value < condition.below
    return value in {states[name] for name in condition.states}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_alarm_stands_in_an_ordinary_week(maderas, seed):
    """At every half hour, with no delay to hide behind, no value is one that a rule is about."""
    week = Week(maderas, World(maderas, seed, MONDAY_S, STEP_S / 2))
    watched, expressed = of_points(maderas.alarms.rules), of_expressions(maderas.alarms.rules)
    program = Program([one.expression for _, one in expressed], week.ids, week.states, len(week.ids) + 1)
    found: set[tuple[str, str]] = set()
    for now in week.moments():
        found |= {
            (rule, subject.owner)
            for rule, subject in watched
            if offends(subject.condition, now.value[week.ids[subject.point.path]], week.states)
        }
        values = program.evaluate(None, now, now.now_ns).value
        for (rule, subject), value in zip(expressed, values.tolist(), strict=True):
            holds = value == 1 if isinstance(subject.condition, Holds) else False
            if holds or (isinstance(subject.condition, Limits) and offends(subject.condition, value, {})):
                found.add((rule, subject.owner))

    assert len(watched) + len(expressed) > 80
    assert found == set()
