"""Service intervals: use against limits, through resets, wraps, restarts and services."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.twin.services.stage import NS, START, Stage, rows
from twin.quality import Reason
from twin.services.maintenance import NoReading, ServiceStanding
from twin.services.use import Use

RULES = """\
maintenance:
  - {id: lamp, for: {kind: Streetlight}, counter: hours, every: 1000 h, text: replace the lamp, as: lamp_service}
  - {id: pump, on: tank-1, counter: starts, every: 50000}
"""
LAMP, PUMP = "riverside/lamp-1/lamp", "riverside/tank-1/pump"
DAY_S = 86_400


@pytest.fixture
def stage(tmp_path):
    found = Stage(tmp_path, RULES)
    yield found
    found.journal.close()


def standing(stage: Stage, key: str = LAMP) -> ServiceStanding:
    return stage.services.maintenance.standing([stage.services.maintenance.rows[key]])[0]


def read(stage: Stage, hours: float) -> str | None:
    stage.clock.move(60)
    stage.hear(lamp_1__hours=hours)
    stage.tick()
    return standing(stage).state


def test_states_follow_the_limits(stage):
    """Ok, soon from 90 %, due from 100 %, overdue from 110 %, each told once."""
    seen = [read(stage, hours) for hours in (0, 480, 899, 900, 999.9, 1000, 1099, 1100)]

    assert seen == ["ok", "ok", "ok", "soon", "soon", "due", "due", "overdue"]
    assert [words for kind, words, _ in stage.notes if kind == "service_due"] == [
        "soon after 900 of 1,000 h: replace the lamp",
        "due after 1,000 of 1,000 h: replace the lamp",
        "overdue after 1,100 of 1,000 h: replace the lamp",
    ]
    assert stage.state("lamp-1/lamp_service") == "overdue"


def test_a_counter_that_was_never_heard_is_not_known(stage):
    """Nothing is said of a lamp that said nothing, and nothing can be done about it."""
    stage.tick()

    assert (standing(stage).state, standing(stage).words) == (None, "its counter was not heard yet")
    assert "was not heard yet" in stage.bad["lamp-1/lamp_service"]
    with pytest.raises(NoReading):
        stage.services.maintenance.done(LAMP, "Eva", "")


def test_a_service_begins_anew(stage):
    """After a service the use is counted from the reading of then; who did it, and when, is kept."""
    read(stage, 1020)
    found = stage.services.maintenance.done(LAMP, "Eva", "LED 40 W")
    read(stage, 1030)
    [done] = stage.journal.counts.dones(LAMP, 10)

    assert (found.state, found.used, found.since) == ("ok", 0, done.at)
    assert (done.who, done.comment, done.used) == ("Eva", "LED 40 W", 1020)
    assert standing(stage).used == 10
    with pytest.raises(KeyError):
        stage.services.maintenance.done("riverside/lamp-7/lamp", "Eva", "")


def test_a_counter_that_was_reset_goes_on(stage):
    """A new driver that begins at zero does not make the lamp new: somebody has to say so."""
    read(stage, 950)
    state = read(stage, 2)
    read(stage, 12)

    assert state == "soon"
    assert standing(stage).used == 962
    assert any("began again" in words and "barrio services done" in words for _, words, _ in stage.notes)


def test_another_counter_in_its_place_is_not_use(stage):
    """A jump of more than half a service is taken for another counter."""
    read(stage, 100)
    read(stage, 40_000)
    read(stage, 40_010)

    assert standing(stage).used == 110
    assert any("taken for another counter" in words for _, words, _ in stage.notes)


def test_what_a_long_time_explains_is_use(stage):
    """A pump that was switched for a month while barrio was down has been switched, however often."""
    stage.hear(tank_1__starts=5)
    stage.go(2)
    stage.clock.move(30 * DAY_S)
    stage.hear(tank_1__starts=40_005)
    stage.go(2)

    assert standing(stage, PUMP).used == 40_005


def test_starts_wrap(stage):
    """A register that begins again at 65,536 goes on counting."""
    stage.hear(tank_1__starts=65_000)
    stage.go(2)
    stage.hear(tank_1__starts=100)
    stage.go(2)

    assert standing(stage, PUMP).used == 65_636
    assert [kind for kind, _, _ in stage.notes if kind == "counter_odd"] == []


@pytest.mark.parametrize("value", [float("nan"), None])
def test_what_is_bad_or_silent_counts_nothing(stage, value):
    """A counter that is bad or in a gap leaves the use as it was."""
    read(stage, 100)
    if value is None:
        stage.clock.move(60)
        stage.live.value[stage.ids["riverside/lamp-1/hours"]] = 500
        stage.silent("lamp_1__hours", Reason.SILENT)
        stage.services.take(np.array([stage.ids["riverside/lamp-1/hours"]], np.int32), stage.clock.now_ns())
        stage.tick()
    else:
        read(stage, value)

    assert standing(stage).used == 100


def test_the_due_date_comes_from_the_mean_use(stage):
    """Ten hours a day over the last days make 500 hours fifty days."""
    for day in range(11):
        read(stage, 400 + 10 * day)
        stage.clock.move(DAY_S - 60)
        stage.tick()
    found = standing(stage)

    assert found.per_day is not None
    assert found.per_day == pytest.approx(10, rel=0.15)
    assert found.due == pytest.approx(stage.clock.now_ns() + (500 / found.per_day) * DAY_S * NS, rel=1e-9)
    assert found.days >= 8


def test_before_a_day_the_date_is_not_known(stage):
    """One reading is no rate."""
    read(stage, 500)

    assert (standing(stage).due, standing(stage).words[:13]) == (None, "not known yet")


def test_what_is_not_used_never_becomes_due(stage):
    """A lamp that does not burn has no date."""
    for _ in range(3):
        read(stage, 400)
        stage.clock.move(DAY_S)
        stage.tick()

    assert standing(stage).words == "it is not used, so it never becomes due"


def test_readings_of_weeks_ago_tell_the_use_from_the_start(stage):
    """With the store's reading of four weeks ago the date is known at once; one before a reset tells nothing."""
    maintenance = stage.services.maintenance
    read(stage, 700)
    before = np.array([START - 28 * DAY_S * NS], np.int64)
    stage.services.recall(rows(stage.ids["riverside/lamp-1/hours"], before, np.array([420.0])))
    known = standing(stage)
    stage.hear(lamp_2__hours=5.0)
    stage.go(2)
    stage.services.recall(rows(stage.ids["riverside/lamp-2/hours"], before, np.array([420.0])))

    assert known.per_day == pytest.approx(10, rel=0.01)
    assert standing(stage, "riverside/lamp-2/lamp").per_day is None
    assert set(stage.services.counters) == set(maintenance.series)


def test_a_service_does_not_change_the_mean_use(stage):
    """The date after a service comes from the use before it."""
    for day in range(5):
        read(stage, 400 + 10 * day)
        stage.clock.move(DAY_S - 60)
        stage.tick()
    before = standing(stage).per_day
    stage.services.maintenance.done(LAMP, "Eva", "")

    assert standing(stage).per_day == pytest.approx(before)
    assert standing(stage).due > stage.clock.now_ns() + 80 * DAY_S * NS


def test_a_restart_goes_on_counting(stage):
    """Use, service and days outlive the process; what was counted meanwhile is counted then."""
    for day in range(4):
        read(stage, 400 + 10 * day)
        stage.clock.move(DAY_S - 60)
        stage.tick()
    stage.services.maintenance.done(LAMP, "Eva", "")
    since = standing(stage).since
    stage.restart()
    read(stage, 480)
    found = standing(stage)

    assert (found.used, found.since) == (50, since)
    assert found.per_day is not None


def test_a_crash_counts_nothing_twice(stage):
    """What was not kept before a crash is the difference to the next reading."""
    read(stage, 100)
    stage.services.keep(stage.clock.now_ns())
    read(stage, 150)
    stage.restart()
    read(stage, 160)

    assert standing(stage).used == 160


@given(st.lists(st.floats(0, 400), min_size=1, max_size=30))
def test_use_never_falls(steps):
    """Whatever a counter says, what was used stays used."""
    service: Any = SimpleNamespace(every=1000.0, unit="h", counter=SimpleNamespace(wraps_at=None))
    use, seen = Use([service]), []
    for value in steps:
        use.count(np.array([0]), np.array([value]), START)
        seen.append(float(use.used[0]))

    assert seen == sorted(seen)
