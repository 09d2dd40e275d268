"""Long gaps are spread as on days of the same kind, and lose nothing."""

from datetime import UTC as ZULU
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.twin.intervals.meter import DAY, HOUR, MINUTE, QUARTER, SERIES, reads_of
from twin.intervals.estimate import Reference
from twin.intervals.flags import Edge, Flag, Why
from twin.intervals.grid import quarters
from twin.intervals.line import Line
from twin.intervals.reckon import Ground, reckon
from twin.intervals.register import Register
from twin.intervals.rules import GENERIC

UTC = ZoneInfo("UTC")
MONDAY = 1_774_000_000_000_000_000 // (7 * DAY) * 7 * DAY + 4 * DAY  # 1970-01-01 was a Thursday
REGISTER = Register(SERIES, "town/meter/energy", 3)


def date_of(ns: int) -> date:
    """Return the date of a time in UTC."""
    return datetime.fromtimestamp(ns / 1e9, ZULU).date()


def day_line(start: int, deltas: list[int], flag: Flag = Flag.VALID) -> Line:
    """A settled day of these differences."""
    edges = quarters(start, start + DAY, UTC)
    register = np.concatenate(([0], np.cumsum(deltas)))
    codes = np.full(96, flag, np.uint8)
    return Line(
        edges,
        register,
        np.zeros(97, np.uint8),
        np.array(deltas),
        codes,
        np.zeros(96, np.uint8),
        np.ones(96, np.int64),
    )


def spread(reference: Reference, grown: int, start: int = MONDAY, hours: int = 24) -> Line:
    """A gap from midnight on in which a register grew by so much."""
    reads = reads_of([(start - MINUTE, 500), (start, 500), (start + hours * HOUR, 500 + grown)])
    return reckon(
        REGISTER, reads, quarters(start, start + DAY, UTC), Ground(GENERIC, UTC, reference=reference)
    )


def test_a_gap_follows_the_same_weekdays():
    """A Monday is spread as Mondays before it, whatever Sundays were like; the total is the register's."""
    office = [10] * 32 + [100] * 40 + [10] * 24
    days = {
        date_of(MONDAY - 7 * DAY): day_line(MONDAY - 7 * DAY, office),
        date_of(MONDAY - DAY): day_line(MONDAY - DAY, [50] * 96),
        date_of(MONDAY - 14 * DAY): day_line(MONDAY - 14 * DAY, office),
    }
    line = spread(Reference(days), 2 * sum(office))

    assert line.delta.tolist() == [2 * one for one in office]
    assert set(line.why.tolist()) == {Why.REFERENCE}


def test_a_holiday_is_spread_as_sundays():
    """A Monday that is a holiday goes by the Sundays and holidays before it."""
    sunday = date_of(MONDAY - DAY)
    monday = date_of(MONDAY - 7 * DAY)
    quiet = [1] * 95 + [5]
    days = {sunday: day_line(MONDAY - DAY, quiet), monday: day_line(MONDAY - 7 * DAY, [9] * 96)}
    line = spread(Reference(days, holidays=[date_of(MONDAY)]), 300)

    assert line.delta.tolist() == [3] * 95 + [15]


def test_estimates_teach_nothing():
    """Intervals that were estimated, edited or suspect are no reference; without any the gap is linear, and says so."""
    days = {date_of(MONDAY - 7 * DAY): day_line(MONDAY - 7 * DAY, [7] * 96, Flag.ESTIMATED)}
    line = spread(Reference(days), 9_600)

    assert line.delta.tolist() == [100] * 96
    assert set(line.why.tolist()) == {Why.NO_REFERENCE}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 10**6), min_size=96, max_size=96), min_size=1, max_size=4),
    st.integers(0, 10**12),
    st.integers(3, 23),
)
def test_estimates_add_up_and_are_never_below_zero(patterns, grown, hours):
    """Whatever reference days are like, the estimates of a gap are what the register grew, to the step."""
    days = {
        date_of(MONDAY - 7 * DAY * (number + 1)): day_line(MONDAY - 7 * DAY * (number + 1), one)
        for number, one in enumerate(patterns)
    }
    line = spread(Reference(days), grown, hours=hours)
    within = line.delta[: hours * 4]

    assert within.sum() == grown
    assert (within >= 0).all()
    assert line.edge[hours * 4] == Edge.READ


def test_two_days_of_one_gap_meet():
    """A gap over midnight, reckoned a day at a time, has one register at midnight."""
    office = [10] * 32 + [100] * 40 + [10] * 24
    days = {
        date_of(MONDAY - 7 * DAY + at * DAY): day_line(MONDAY - 7 * DAY + at * DAY, office) for at in range(3)
    }
    reads = reads_of([(MONDAY + 10 * HOUR, 500), (MONDAY + 40 * HOUR, 9_777)])
    ground = Ground(GENERIC, UTC, reference=Reference(days))
    first = reckon(REGISTER, reads, quarters(MONDAY, MONDAY + DAY, UTC), ground)
    second = reckon(REGISTER, reads, quarters(MONDAY + DAY, MONDAY + 2 * DAY, UTC), ground)

    assert first.register[-1] == second.register[0]
    assert first.delta.sum() + second.delta[: 16 * 4].sum() == 9_277
    assert first.edges[-1] - first.edges[-2] == QUARTER
