"""The pattern of a weekday: what is learned, what it says of the next hours, how well."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from tests.twin.services.stage import NS, START, Stage
from twin.services.draw import NotKnown
from twin.services.pattern import DAY, WEEK, Ahead, Pattern

MADRID = ZoneInfo("Europe/Madrid")
QUARTER = 900 * NS
SENSOR = "capacity:\n  - {id: square, on: plaza, capacity: 1000, occupancy: sign/seen}\n"
KEY = "riverside/plaza/square"


def day(slot: np.ndarray) -> np.ndarray:
    """People by quarter hour of the day: a noon and an evening peak."""
    hour = (slot % DAY) / 4
    people: np.ndarray = (
        30 + 500 * np.exp(-(((hour - 13) / 2) ** 2)) + 700 * np.exp(-(((hour - 20) / 2.5) ** 2))
    )
    return people


def weeks(seed: int, number: int, unrest: float) -> np.ndarray:
    """Return people by slot for so many weeks and one more day: each day busier or calmer, wandering through it."""
    random = np.random.default_rng(seed)
    slots = np.arange((number + 1) * WEEK)
    busy = np.repeat(random.normal(1, unrest, len(slots) // DAY + 1), DAY)[: len(slots)]
    wander = np.zeros(len(slots))
    for at in range(1, len(slots)):
        wander[at] = 0.9 * wander[at - 1] + random.normal(0, 8)
    return np.clip(day(slots) * np.clip(busy, 0.2, None) + wander, 0, None)


def ahead_of(pattern: Pattern, now: int, people: float, ahead_s: float) -> list[Ahead]:
    """Return a forecast that has to be there."""
    found = pattern.forecast(now, people, ahead_s)
    assert not isinstance(found, NotKnown)
    return found


def taught(people: np.ndarray, number: int, now: int) -> Pattern:
    """Return a pattern that knows the weeks before `now`, a time in the week that the last of them begins."""
    found = Pattern(number, MADRID)
    first = found.slot(now) - number * WEEK
    found.learn((first + at, float(people[at])) for at in range(number * WEEK))
    return found


def test_the_same_weekday_says_what_comes():
    """Eight weeks alike give the ninth, two hours ahead, in quarter hours."""
    people = weeks(1, 8, 0.0)
    pattern = taught(people, 8, START)
    found = ahead_of(pattern, START + 5 * 60 * NS, float(people[8 * WEEK]), 7200.0)

    assert [one.start for one in found] == [START + step * QUARTER for step in range(1, 9)]
    assert [one.people for one in found] == pytest.approx(
        people[8 * WEEK + 1 : 8 * WEEK + 9].tolist(), abs=60
    )
    assert {(one.weeks, one.share) for one in found} == {(8, 8 / 9)}
    assert all(one.low <= one.people <= one.high for one in found)


@pytest.mark.parametrize(("number", "unrest"), [(3, 0.1), (4, 0.2), (8, 0.05), (8, 0.2), (12, 0.1)])
def test_the_error_holds_as_often_as_it_says(number, unrest):
    """What came lies in the interval as often as the forecast says, over many towns, hours and horizons."""
    held = told = 0
    promised = []
    for seed in range(40):
        people = weeks(seed, number, unrest)
        for hour in (3, 9, 15, 21):
            at = number * WEEK + hour * 4
            now = START + hour * 4 * QUARTER
            pattern = Pattern(number, MADRID)
            first = pattern.slot(now) - at
            pattern.learn((first + one, float(people[one])) for one in range(at + 1))
            for ahead in ahead_of(pattern, now, float(people[at]), 7200.0):
                step = (ahead.start - now) // QUARTER
                held += ahead.low <= people[at + step] <= ahead.high
                told += 1
                promised.append(ahead.share)

    assert held / told >= np.mean(promised) - 0.04


def test_a_busy_day_moves_the_forecast():
    """Where a difference used to last, today's is carried on."""
    people = weeks(3, 8, 0.4)
    pattern = taught(people, 8, START)
    usual = float(np.median([people[week * WEEK] for week in range(8)]))
    calm = ahead_of(pattern, START, usual, 3600.0)
    busy = ahead_of(pattern, START, usual + 100, 3600.0)

    assert all(20 < one.people - other.people <= 100 for one, other in zip(busy, calm, strict=True))


def test_two_weeks_are_not_enough():
    """Until there are three weeks with this weekday and hour, that is said."""
    pattern = taught(weeks(1, 2, 0.1), 2, START)

    assert Pattern(8, MADRID).forecast(START, 10.0, 7200.0) == NotKnown(
        "not known yet: 0 of 3 weeks with this weekday and hour"
    )
    assert pattern.forecast(START, 10.0, 7200.0) == NotKnown(
        "not known yet: 2 of 3 weeks with this weekday and hour"
    )


def test_a_week_with_a_hole_does_not_count():
    """A week whose hours are not all known is left out."""
    people = weeks(1, 4, 0.1)
    pattern = Pattern(4, MADRID)
    first = pattern.slot(START) - 4 * WEEK
    pattern.learn((first + at, float(people[at])) for at in range(4 * WEEK) if at != WEEK + 3)
    found = ahead_of(pattern, START, 10.0, 7200.0)

    assert {one.weeks for one in found} == {3}


def test_quarters_are_learned_as_they_end():
    """The mean of a quarter hour is weighted by time, and told once when it ends."""
    pattern, ended = Pattern(8, MADRID), []
    for second in range(0, 1900, 10):
        people = 100.0 if second % 900 < 300 else 10.0
        ended += pattern.observe(START + second * NS, float(second), people)

    assert [slot for slot, _ in ended] == [pattern.slot(START), pattern.slot(START) + 1]
    assert [people for _, people in ended] == pytest.approx([40, 40], abs=1.5)


@pytest.mark.parametrize("known", [range(0, 900, 10), range(0, 400, 10)])
def test_a_quarter_that_is_mostly_unknown_is_not_learned(known):
    """Half of a quarter hour has to be known."""
    pattern, ended = Pattern(8, MADRID), []
    for second in range(0, 910, 10):
        people = 5.0 if second in known else None
        ended += pattern.observe(START + second * NS, float(second), people)

    assert len(ended) == (len(known) == 90)


def test_a_stall_invents_no_quarter():
    """A process that slept through a quarter hour does not know what happened in it."""
    pattern = Pattern(8, MADRID)
    pattern.observe(START, 0.0, 5.0)
    pattern.observe(START + 890 * NS, 890.0, 500.0)

    assert pattern.observe(START + 901 * NS, 901.0, 500.0) == []


def test_a_clock_that_ran_ahead_leaves_the_pattern_usable():
    """What was learned in times to come is dropped when the clock is right again, and new weeks are learned."""
    pattern = Pattern(3, MADRID)
    for start in (START + 10 * 52 * WEEK * QUARTER, START):
        for second in range(0, 910, 10):
            ended = pattern.observe(start + second * NS, float(second), 7.0)

    assert [slot for slot, _ in ended] == [pattern.slot(START)]
    assert pattern.oldest < pattern.slot(START) < pattern.oldest + 5 * WEEK


def test_clocks_that_change_shift_nothing():
    """Slots follow the clock of the district: 12:00 in summer and in winter is the same slot of the day."""
    pattern = Pattern(8, MADRID)
    summer, winter = (round(datetime(2026, 10, day, 12, tzinfo=MADRID).timestamp()) * NS for day in (24, 25))

    assert winter - summer == 25 * 3600 * NS
    assert pattern.slot(winter) - pattern.slot(summer) == DAY


def test_the_pattern_outlives_a_restart(tmp_path):
    """Quarter hours are on disk as they end, and known again after a start."""
    stage = Stage(tmp_path, SENSOR)
    stage.go(2 * 3600, every=30, sign__seen=lambda at: 100 + at / 60)
    before = stage.journal.counts.quarters(KEY)
    stage.restart()
    pattern = stage.services.capacity.places[KEY].pattern

    assert len(before) == 8
    assert pattern._ring[before[3][0] % len(pattern._ring)] == pytest.approx(before[3][1])


def test_a_forecast_has_colours(tmp_path):
    """What is expected has its share and colour, with the hysteresis of now."""
    stage = Stage(tmp_path, SENSOR)
    place = stage.services.capacity.places[KEY]
    first = place.pattern.slot(START) - 8 * WEEK
    place.pattern.learn((first + at, 600.0 if at % WEEK < 4 else 950.0) for at in range(8 * WEEK))
    stage.hear(sign__seen=600)
    stage.tick()
    found = stage.services.capacity.forecast(KEY, stage.clock.now_ns())

    assert not isinstance(found, NotKnown)
    assert [one.colour for one in found] == ["green"] * 3 + ["red"] * 5
    assert found[-1].share == pytest.approx(95)


def test_without_people_there_is_no_forecast(tmp_path):
    """While nobody knows how many there are, nobody knows how many there will be."""
    stage = Stage(tmp_path, SENSOR)

    assert stage.services.capacity.forecast(KEY, START) == NotKnown("the number of people is not known now")


def test_what_the_store_knows_is_recalled():
    """Means of past quarter hours stand in their own slots; those that are not known, and those to come, do not."""
    pattern = Pattern(4, MADRID)
    starts = np.arange(START - round(pattern.span_s) * NS, START + 4 * QUARTER, QUARTER)
    people = day(np.array([pattern.slot(int(one)) for one in starts]))
    people[:3] = np.nan
    pattern.recall(starts, people, START)
    ahead = pattern.forecast(START, float(day(np.array([pattern.slot(START)]))[0]), 7200.0)

    assert not isinstance(ahead, NotKnown)
    assert [round(one.people) for one in ahead] == [
        round(float(day(np.array([pattern.slot(one.start)]))[0])) for one in ahead
    ]
    assert pattern.oldest + len(pattern._ring) - 1 == pattern.slot(START)
