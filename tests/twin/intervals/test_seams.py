"""Where one day meets the next: the register at midnight is one number, whatever lies around it and whoever asks.

Deltas of any stretch must be the difference of the registers at its ends. Within one reckoning they are so by
construction; these tests are about two reckonings that meet: days that are asked for alone, days that are settled in
portions, after a restart, after a decision, or when the readings of one are no longer there.
"""

from itertools import pairwise

import numpy as np
import pytest
from structlog.testing import capture_logs

from tests.twin.intervals.bench import FAR, START, Bench, steady
from tests.twin.intervals.meter import DAY, HOUR, MINUTE, NS, SERIES
from twin.intervals.book import IntervalBook, Version
from twin.intervals.edits import EditKind
from twin.intervals.flags import Flag
from twin.intervals.revisions import ReadingsGone
from twin.intervals.rules import Rules
from twin.store.duckdb import DuckDBStore

NIGHT = START + DAY


@pytest.fixture
def new(tmp_path):
    """Make a bench on DuckDB."""
    made = []

    def make(**kwargs):
        made.append(Bench(DuckDBStore(tmp_path / "twin.duckdb"), tmp_path, **kwargs))
        return made[-1]

    yield make
    for bench in made:
        bench.close()


def meets(bench, start=START, number=4):
    """Whether each day begins with the register with which the one before it ended, as the book has them."""
    days = sorted(bench.book.days([SERIES], start, start + number * DAY).items())
    for (_, before), (_, after) in pairwise(days):
        assert before.register[-1] == after.register[0]
    return len(days)


def test_readings_that_were_left_out_around_midnight(new):
    """A day that is asked for alone looks beyond what is to be ignored, and finds the registers on both sides."""
    bench = new()
    bench.write(steady(3))
    bench.decide(EditKind.IGNORE, NIGHT - 4 * HOUR, NIGHT + 4 * HOUR)
    both = bench.maker.reckoner.reckoned([SERIES], START, START + 2 * DAY)[SERIES]
    first = bench.maker.reckoner.reckoned([SERIES], START, NIGHT)[SERIES]
    second = bench.maker.reckoner.reckoned([SERIES], NIGHT, START + 2 * DAY)[SERIES]

    assert Flag.MISSING not in both.flag.tolist()
    assert np.concatenate([first.delta, second.delta]).tolist() == both.delta.tolist()
    assert np.concatenate([first.flag, second.flag]).tolist() == both.flag.tolist()


def test_what_comes_late_beside_readings_that_were_left_out(new):
    """It moves the registers of the whole stretch, on both sides of midnight."""
    bench = new()
    bench.write(steady(4))
    bench.settle()
    bench.decide(EditKind.IGNORE, NIGHT - 4 * HOUR, NIGHT + 4 * HOUR)
    bench.write([(NIGHT - 4 * HOUR - 5 * NS, 1_000 + 2 * 21 * 60 + 1)])
    bench.look()

    assert meets(bench) > 1


def test_two_meters_that_answer_to_one_address(new):
    """Readings of which none fits its neighbours: a boundary still does not depend on the stretch that is reckoned."""
    bench = new()
    start = START - HOUR
    bench.write([(start + at * 5 * MINUTE, 1_000 + at + (at % 2) * 50_000) for at in range(12 * 60)])
    both = bench.maker.reckoner.reckoned([SERIES], START, START + 2 * DAY)[SERIES]
    first = bench.maker.reckoner.reckoned([SERIES], START, NIGHT)[SERIES]
    second = bench.maker.reckoner.reckoned([SERIES], NIGHT, START + 2 * DAY)[SERIES]

    assert np.concatenate([first.delta, second.delta]).tolist() == both.delta.tolist()


@pytest.mark.parametrize("weeks", [2, 9])
def test_a_gap_of_weeks_goes_by_the_same_days_throughout(new, weeks):
    """It is settled in portions of days, and every portion goes by the days before the gap."""
    bench = new()
    before = [
        (START + at * 5 * MINUTE, 1_000 + at * 3 + (at % 288) * (at // 288 % 5)) for at in range(288 * 40)
    ]
    before = sorted((at, value) for at, value in before)
    values = np.maximum.accumulate(np.array([value for _, value in before]))
    bench.write([(at, int(value)) for (at, _), value in zip(before, values, strict=True)])
    bench.settle()
    again = START + (40 + 7 * weeks) * DAY + 9 * HOUR
    bench.write([(again + at * 5 * MINUTE, 400_000 + at) for at in range(288 * 2)])
    bench.settle()

    assert meets(bench, START, 40 + 7 * weeks + 3) > 40 + 7 * weeks


def test_what_comes_late_into_a_gap_over_midnight_after_a_restart(new):
    """The day before had been settled by what came after the gap; how far that was is not forgotten."""
    bench = new()
    points = steady(3)
    inside = [one for one in points if NIGHT - 2 * HOUR < one[0] < NIGHT + 5 * HOUR]
    bench.write([one for one in points if one not in inside and one[0] < NIGHT + 8 * HOUR])
    bench.settle()
    bench.book.close()
    bench.present = int(bench.newest[SERIES])
    bench.opened()
    bench.write([(NIGHT + 3 * HOUR + 7 * NS, inside[0][1] + 2)])
    bench.write([one for one in points if one[0] >= NIGHT + 8 * HOUR])
    bench.look()
    bench.settle()
    bench.look()

    assert meets(bench) > 1


def test_rules_that_change_between_two_days(new):
    """What was said of midnight stands, or is said anew for both days."""
    bench = new()
    points = steady(3)
    bench.write(steady(1, START - 8 * DAY))
    bench.write([one for one in points if not NIGHT - 2 * HOUR < one[0] < NIGHT + 2 * HOUR][: 24 * 60])
    bench.settle()
    bench.book.close()
    bench.rules = Rules(spike=None, within=15 * MINUTE, short=12 * HOUR)
    bench.opened()
    bench.write([one for one in points if one[0] > NIGHT + 2 * HOUR])
    bench.settle()
    bench.look()

    assert meets(bench) > 1


def test_a_register_whose_step_is_another_now(new):
    """What was settled and what is read from then on stay in the steps in which the book began: sums go on."""
    bench = new()
    points = steady(4)
    bench.write([one for one in points if one[0] < NIGHT + 8 * HOUR])
    bench.settle()
    before = bench.days(number=1)
    bench.book.close()
    bench.decimals = 4
    bench.opened()
    bench.write([one for one in points if one[0] >= NIGHT + 8 * HOUR])
    bench.settle()
    after = bench.days(number=1)

    assert bench.maker.meters.registers[SERIES].decimals == 3
    assert after.delta.tolist() == before.delta.tolist()
    assert meets(bench) > 1
    assert bench.days(START + DAY, 1).delta.max() == 30


def test_a_decision_about_a_day_whose_readings_are_gone(new):
    """What was settled stays: nothing is made of readings that a retention has let go; what comes late is told once."""
    bench = new()
    bench.write(steady(4))
    bench.settle()
    before = bench.days(number=3)
    bench.store.delete(np.array([SERIES], np.int32), 0, NIGHT + 6 * HOUR)
    with pytest.raises(ReadingsGone):
        bench.decide(EditKind.IGNORE, NIGHT + 10 * HOUR, NIGHT + 11 * HOUR)
    bench.write([(NIGHT + 7 * HOUR + 30 * NS, before.register[4 * 31] + 1)])
    marks = bench.book.marks()
    with capture_logs() as said:
        bench.look()
        bench.look()

    assert marks
    assert not bench.book.marks()
    assert [(one["event"], one["point"], one["days"]) for one in said] == [
        ("intervals.late_without_readings", "town/meter/1", 1)
    ]
    assert bench.days(number=3).delta.tolist() == before.delta.tolist()
    assert bench.decide(EditKind.IGNORE, NIGHT + 40 * HOUR, NIGHT + 41 * HOUR)


def test_a_version_is_known_from_when_it_is_written(new):
    """Not from when its making began: what was given in between was without it, and is had again so."""
    bench = new()
    bench.book.close()
    bench.book = IntervalBook(bench.folder / "intervals.sqlite", lambda: FAR + 5 * NS)
    bench.book.open()
    number = bench.book.put(Version(0, FAR, "settled", "barrio", ""), {}, decimals={})

    assert bench.book.at(FAR + 4 * NS) == 0
    assert bench.book.at(FAR + 5 * NS) == number


def test_old_readings_are_settled_with_the_reference_days_among_them(new):
    """What is read in at once is settled as if it had come day by day: a gap goes by the days before it."""
    bench = new()
    long = START - 30 * DAY
    used = np.cumsum([1 + (at % 288 > 100) * 3 + at // 288 % 3 for at in range(288 * 40)])
    gap = range(288 * 17 + 100, 288 * 22 + 30)
    bench.write([(long + at * 5 * MINUTE, int(used[at])) for at in range(288 * 40) if at not in gap])
    bench.settle()

    assert meets(bench, long, 41) > 35
