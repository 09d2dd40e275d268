"""What is settled stands: whoever asks, at whatever moment, deltas are the difference of the registers around them."""

from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest

from tests.twin.intervals.bench import MADRID, START, Bench, steady
from tests.twin.intervals.meter import DAY, HOUR, MINUTE, QUARTER, SERIES
from tests.twin.intervals.test_seams import meets
from twin.intervals.axis import Reads
from twin.intervals.edits import EditKind
from twin.intervals.flags import Edge, Flag, Why
from twin.intervals.grid import day_starts, quarters
from twin.intervals.reckon import Ground, reckon
from twin.intervals.register import Register
from twin.intervals.rules import Rules
from twin.store.duckdb import DuckDBStore

ALIKE = frozenset(date(2026, 1, 1) + timedelta(days=one) for one in range(730))
"""Every day a holiday: each day is a reference day of every later one."""
GAP = START + 3 * DAY + 8 * HOUR
AGAIN = START + 6 * DAY - 3 * HOUR
"""Some hours before midnight, for the clocks change on the third day."""


@pytest.fixture
def new(tmp_path):
    """Make a bench on DuckDB on which all days are alike."""
    made = []

    def make(**kwargs):
        made.append(Bench(DuckDBStore(tmp_path / "twin.duckdb"), tmp_path, holidays=ALIKE, **kwargs))
        return made[-1]

    yield make
    for bench in made:
        bench.close()


def hilly(days, start=START - HOUR):
    """Return readings every five minutes of a meter that counts faster in the afternoon, every day by another rate."""
    used = np.cumsum([5 + 9 * (at // 144 % 2) * (at // 288 % 4) for at in range(days * 288 + 24)])
    return [(start + at * 5 * MINUTE + 7, 1_000 + int(one)) for at, one in enumerate(used)]


def holds(bench, start, stop):
    """Hold every two neighbouring boundaries, and every day that is asked for alone, against the whole stretch."""
    line = bench.maker.answers.lines([SERIES], start, stop)[SERIES]
    moved = np.flatnonzero(line.counted & (np.diff(line.register) != line.delta)).tolist()
    changes = [one for one in bench.book.edits([SERIES]).get(SERIES, ()) if one.kind is EditKind.METER_CHANGE]
    for at in moved:
        inside = [one for one in changes if line.edges[at] < one.start <= line.edges[at + 1]]
        grown = line.register[at + 1] - line.register[at] + sum(one.steps[0] - one.steps[1] for one in inside)
        assert line.delta[at] == grown
    for low, high in pairwise(day_starts(start, stop, bench.maker.meters.zone).tolist()):
        alone, part = bench.maker.answers.lines([SERIES], low, high)[SERIES], line.between(low, high)
        assert alone.delta.tolist() == part.delta.tolist()
        assert alone.flag.tolist() == part.flag.tolist()
        assert alone.register[alone.known].tolist() == part.register[part.known].tolist()
    return line


def gap_with_one_day_settled(bench):
    """Settle up to the first midnight of a gap of days, and let a reference day get a newer version after that."""
    points = hilly(8)
    bench.write([one for one in points if one[0] < GAP])
    bench.settle()
    bench.write([one for one in points if one[0] >= AGAIN])
    bench.settle(START + 4 * DAY + 2 * HOUR)
    bench.decide(EditKind.IGNORE, START + DAY + 12 * HOUR, START + DAY + 23 * HOUR)


def test_reference_days_that_change_while_a_gap_is_being_settled(new):
    """What is left of a gap goes on from the register with which its settled days end, and adds up to the end."""
    bench = new()
    gap_with_one_day_settled(bench)
    line = holds(bench, START, START + 7 * DAY)
    alone = bench.maker.answers.lines([SERIES], START + 5 * DAY, START + 6 * DAY - QUARTER)[SERIES]
    settled = sorted(bench.book.days([SERIES], START, START + 9 * DAY))

    assert GAP - DAY < settled[-1][1] < START + 4 * DAY
    assert Edge.REFERENCE in alone.edge.tolist()
    assert (line.delta >= 0).all()
    assert line.register[-1] - line.register[1] == line.delta[1:].sum()


def test_a_late_reading_that_nobody_looked_at_yet(new):
    """The day after goes on from the register at midnight as it was settled, until a version says another one."""
    bench = new()
    points = steady(3)
    bench.write([one for one in points if abs(one[0] - START - DAY) > 40 * MINUTE])
    bench.settle(START + DAY + HOUR)
    bench.write([(START + DAY - 10 * MINUTE + 1, 1_000 + 2 * (25 * 60 - 10) + 60)])
    before = holds(bench, START, START + 2 * DAY)
    bench.look()
    after = holds(bench, START, START + 2 * DAY)

    assert before.version[0] == after.version[0] - 1 == 1
    assert before.register[96] != after.register[96]


def test_what_comes_late_from_a_meter_that_was_read_by_hand_days_later(new):
    """The days up to the register that was read by hand are made again, all of them."""
    bench = new()
    points = steady(6)
    bench.write([one for one in points if one[0] < START + 9 * HOUR])
    bench.decide(EditKind.READ, START + 4 * DAY - 2 * HOUR, START + 4 * DAY - 2 * HOUR, 60_000)
    bench.settle()
    number = meets(bench)
    bench.write([one for one in points if START + 9 * HOUR < one[0] < START + 15 * HOUR])
    bench.look()
    holds(bench, START, START + 4 * DAY)

    assert number == meets(bench) == 3
    assert bench.days(number=3).version.min() == bench.book.newest()


def test_a_late_reading_after_a_gap_leaves_the_gap_as_it_was_settled(new):
    """Reference days of today are not laid over one day of a gap whose others go by those of then."""
    bench = new()
    points = hilly(9)
    late = [one for one in points if AGAIN + 2 * HOUR < one[0] < AGAIN + 2 * HOUR + 30 * MINUTE]
    bench.write([one for one in points if (one[0] < GAP or one[0] >= AGAIN) and one not in late])
    bench.settle()
    before = holds(bench, START, START + 8 * DAY)
    bench.decide(EditKind.IGNORE, START + DAY + 12 * HOUR, START + DAY + 23 * HOUR)
    bench.write([(at, steps + 1) for at, steps in late])
    made = bench.look()
    after = holds(bench, START, START + 8 * DAY)
    inside = (before.edges > GAP) & (before.edges < AGAIN)

    assert made == 1
    assert meets(bench, number=8) > 6
    assert after.register[inside].tolist() == before.register[inside].tolist()


def test_a_silence_longer_than_readings_are_kept(new):
    """The days of it are settled from the register in the book to the first reading after it."""
    bench = new()
    points = hilly(9)
    bench.write([one for one in points if one[0] < GAP])
    bench.settle()
    bench.store.delete(np.array([SERIES], np.int32), 0, AGAIN - HOUR)
    bench.write([one for one in points if one[0] >= AGAIN])
    fresh = holds(bench, START, START + 8 * DAY)
    bench.settle()
    line = holds(bench, START, START + 8 * DAY)

    assert meets(bench, number=8) > 7
    assert Flag.MISSING not in fresh.flag[1:].tolist()
    assert line.version[:-96].all()
    assert line.register[-1] - line.register[1] == line.delta[1:].sum()


@pytest.mark.parametrize("wraps", [None, 100_000])
def test_nothing_was_ever_read(wraps):
    """All of it is missing."""
    edges = quarters(START, START + DAY, MADRID)
    nothing = Reads(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint8))
    line = reckon(Register(SERIES, "m", 3, wraps), nothing, edges, Ground(Rules(), MADRID))

    assert set(line.flag.tolist()) == {int(Flag.MISSING)}


def test_a_distribution_over_midnight_holds_for_a_day_that_is_asked_for_alone(new):
    """It is laid over both days, or over none, whichever of them is looked at or made again."""
    bench = new()
    bench.write(steady(3))
    start = START + DAY - HOUR
    grown = bench.maker.reckoner.reckoned([SERIES], START, START + 2 * DAY)[SERIES].between(
        start, start + 2 * HOUR
    )
    whole = int(grown.delta.sum())
    bench.decide(EditKind.SPREAD, start, start + 2 * HOUR, whole, *[0] * 7)
    fresh = holds(bench, START, START + 2 * DAY)
    bench.settle()
    bench.write([(START + 5 * HOUR + 30 * 10**9, 1_000 + 2 * 6 * 60 + 61)])
    bench.look()
    line = holds(bench, START, START + 2 * DAY)

    assert int(fresh.delta[92]) == whole
    assert line.delta[92:100].tolist() == [whole, *[0] * 7]
    assert Why.MISFIT not in line.why.tolist()


def test_the_first_readings_are_gone_before_their_day_could_be_settled(new):
    """A meter that fell silent on its first day, for longer than readings are kept, is settled from when it is back."""
    bench = new()
    points = hilly(9)
    bench.write([one for one in points if START < one[0] < START + 8 * HOUR])
    bench.settle()
    bench.store.delete(np.array([SERIES], np.int32), 0, START + 5 * DAY)
    bench.write([one for one in points if one[0] >= START + 6 * DAY + 8 * HOUR])
    bench.settle()

    assert bench.days(START, 8).version[-192:-96].all()


def test_what_comes_late_from_before_all_that_is_kept_spoils_no_settled_day(new):
    """What was measured stays measured, also where a store lets readings go of which nobody told."""
    bench = new()
    points = hilly(9)
    begun = START + 9 * HOUR
    bench.write([one for one in points if one[0] > begun])
    bench.settle()
    before = bench.days(START, 8)
    bench.store.delete(np.array([SERIES], np.int32), 0, START + 5 * DAY)
    bench.write([(begun - 30 * MINUTE, 1_000)])
    marks = bench.book.marks()
    bench.look()
    after = holds(bench, START, START + 8 * DAY - QUARTER)

    assert marks
    assert not bench.book.marks()
    assert after.register[:700].tolist() == before.register[:700].tolist()
    assert after.flag[:700].tolist() == before.flag[:700].tolist()


def test_only_registers_that_were_read_by_hand_are_left(new):
    """Days between two of them are settled, though nothing that was received is kept any more."""
    bench = new()
    bench.write([(START + at * HOUR, 1_000 + at) for at in range(1, 8)])
    bench.store.delete(np.array([SERIES], np.int32), 0, START + DAY)
    bench.decide(EditKind.READ, START + HOUR, START + HOUR, 1_000)
    bench.decide(EditKind.READ, START + 2 * DAY + HOUR, START + 2 * DAY + HOUR, 5_000)
    bench.settle()

    assert bench.days(number=2).version.all()
