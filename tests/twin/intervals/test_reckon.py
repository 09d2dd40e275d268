"""Intervals of any meter add up to what it counted; whatever is read, when, and how often."""

from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.twin.intervals.meter import DAY, HOUR, MINUTE, QUARTER, SERIES, Meter, reads_of
from twin.intervals.edits import Edit, EditKind
from twin.intervals.flags import Edge, Flag, Why
from twin.intervals.grid import quarters
from twin.intervals.reckon import Ground, reckon
from twin.intervals.register import Register
from twin.intervals.rules import GENERIC, Rules

UTC = ZoneInfo("UTC")
T0 = 1_774_000_000_000_000_000 // DAY * DAY
REGISTER = Register(SERIES, "town/meter/energy", 3)
EDGES = quarters(T0, T0 + DAY, UTC)

step = st.tuples(
    st.integers(1, 4_000),  # seconds to the next moment
    st.integers(0, 4_999),  # steps that are used in it
    st.sampled_from(["read", "read", "read", "unheard", "gap", "edge", "change"]),
)


@st.composite
def meters(draw):
    """A meter over a day and some more: read, not heard, silent for hours, changed; read on some boundaries."""
    meter = Meter(shows=draw(st.integers(0, 9_999)))
    at = T0 - 2 * HOUR
    meter.read(at)
    for seconds, used, what in draw(st.lists(step, min_size=5, max_size=50)):
        at += seconds * 1_000_000_000 + (6 * HOUR if what == "gap" else 0)
        if what == "edge":
            at = -(-at // QUARTER) * QUARTER
        meter.use(used)
        if what == "change" and at not in meter.truth:
            meter.change(at, draw(st.integers(0, 4_000)))
        elif at not in {edit.start for edit in meter.changes}:
            meter.read(at, heard=what != "unheard")
    return meter


def line_of(meter: Meter, edges=EDGES):
    return reckon(meter.register, meter.reads, edges, Ground(Rules(spike=None), UTC, meter.changes))


@settings(max_examples=80, deadline=None)
@given(meters())
def test_intervals_add_up_to_what_was_counted(meter):
    """Between two boundaries at which the register was read, the differences are what was really used."""
    line = line_of(meter)
    heard = {at for at, _ in meter.readings}
    read = [at for at, edge in enumerate(EDGES.tolist()) if edge in heard]

    for first, last in pairwise(read):
        counted = meter.truth[int(EDGES[last])] - meter.truth[int(EDGES[first])]
        assert int(line.delta[first:last].sum()) == counted


@settings(max_examples=80, deadline=None)
@given(meters())
def test_nothing_is_below_zero_and_nothing_is_lost(meter):
    """A meter that only grows has no negative interval, and every known stretch adds up to its registers."""
    line = line_of(meter)
    known = np.flatnonzero(line.known)

    assert (line.delta >= 0).all()
    assert not (line.flag == Flag.SUSPECT).any()
    assert (line.flag[~line.counted] == Flag.MISSING).all()
    if len(known) > 1 and not meter.changes:
        first, last = known[0], known[-1]
        assert line.delta[first:last].sum() == line.register[last] - line.register[first]


@settings(max_examples=60, deadline=None)
@given(meters(), st.integers(1, 95))
def test_a_boundary_does_not_depend_on_the_stretch(meter, middle):
    """Two parts reckoned on their own have the same boundary between them as the whole."""
    whole = line_of(meter)
    first, second = line_of(meter, EDGES[: middle + 1]), line_of(meter, EDGES[middle:])

    assert first.register[-1] == second.register[0] == whole.register[middle]
    assert np.concatenate((first.delta, second.delta)).tolist() == whole.delta.tolist()
    assert np.concatenate((first.flag, second.flag)).tolist() == whole.flag.tolist()


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 99_999), st.lists(st.integers(0, 40_000), min_size=3, max_size=60), st.booleans())
def test_totals_hold_across_wraps_and_changes(shows, used, changed):
    """A register that wraps, and a meter that is changed in between: the total is the sum of the differences."""
    meter = Meter(wraps=100_000, shows=shows)
    at = T0
    meter.read(at)
    for number, steps in enumerate(used):
        at += QUARTER
        meter.use(steps)
        if changed and number == len(used) // 2:
            meter.change(at - MINUTE, 17)
        meter.read(at)
    line = reckon(meter.register, meter.reads, EDGES, Ground(Rules(spike=None), UTC, meter.changes))
    fine = line.why[: len(used)] != Why.FELL

    if fine.all() and not (line.why == Why.NOT_BELIEVED).any():
        assert int(line.delta[: len(used)].sum()) == meter.counted
    assert line.edge[: len(used) + 1].max() <= Edge.BETWEEN


def test_a_wrap_is_counted_on():
    """A register that goes from 99.990 to 0.010 grew by 0.020."""
    reads = reads_of([(T0 + at * MINUTE, (99_900 + at * 10) % 100_000) for at in range(-5, 60)])
    line = reckon(Register(SERIES, "p", 3, 100_000), reads, EDGES[:4], Ground(GENERIC, UTC))

    assert line.delta.tolist() == [150, 150, 150]
    assert line.register.tolist() == [99_900, 50, 200, 350]
    assert line.why.tolist() == [Why.WRAPPED, 0, 0]


def test_a_meter_is_changed():
    """The old meter's last and the new one's first register make the total that both counted."""
    old = [(T0 + at * MINUTE, 50_000 + at * 10) for at in range(-5, 20)]
    new = [(T0 + at * MINUTE, (at - 22) * 10 + 7) for at in range(23, 60)]
    change = Edit(
        EditKind.METER_CHANGE, SERIES, T0 + 22 * MINUTE, T0 + 22 * MINUTE, (50_215, 7), "ana", "", T0
    )
    line = reckon(REGISTER, reads_of([*old, *new]), EDGES[:4], Ground(GENERIC, UTC, [change]))

    assert line.delta.tolist() == [150, (50_215 - 50_150) + 80, 150]
    assert line.register.tolist() == [50_000, 50_150, 87, 237]
    assert line.why.tolist() == [0, Why.METER_CHANGED, 0]
    assert line.flag.tolist() == [Flag.VALID] * 3


def test_an_undeclared_fall_is_suspect_and_stays_the_difference():
    """Nobody said that the meter was changed: the difference is what it is, and said to be suspect."""
    reads = reads_of(
        [(T0 + at * MINUTE, 50_000 + at * 10 if at < 20 else (at - 20) * 10) for at in range(-5, 60)]
    )
    line = reckon(REGISTER, reads, EDGES[:4], Ground(GENERIC, UTC))

    assert line.flag.tolist() == [Flag.VALID, Flag.SUSPECT, Flag.VALID]
    assert line.why[1] == Why.FELL
    assert line.delta.sum() == line.register[3] - line.register[0]


def test_a_reading_that_sticks_out_is_left_out():
    """One reading of 9 million between two of 50 thousand moves nothing, and is told."""
    pairs = [(T0 + at * MINUTE, 50_000 + at * 10) for at in range(-5, 60)]
    pairs[22] = (pairs[22][0], 9_000_000)
    line = reckon(REGISTER, reads_of(pairs), EDGES[:4], Ground(GENERIC, UTC))

    assert line.delta.tolist() == [150, 150, 150]
    assert line.why.tolist() == [0, Why.NOT_BELIEVED, 0]


@pytest.mark.parametrize(
    ("minutes", "edge"), [(14, Edge.BETWEEN), (100, Edge.LINEAR), (300, Edge.NO_REFERENCE)]
)
def test_how_far_readings_are_apart_decides_how_a_boundary_was_had(minutes, edge):
    """Near readings make a measured boundary, a short gap a linear one; a long gap without reference days says so."""
    reads = reads_of([(T0 + 8 * MINUTE, 1_000), (T0 + (8 + minutes) * MINUTE, 1_000 + minutes)])
    line = reckon(REGISTER, reads, EDGES[:3], Ground(GENERIC, UTC))

    assert line.edge[1] == edge
    assert line.register[1] == 1_007


def test_what_is_not_read_yet_is_missing():
    """Before the first and after the last reading nothing is known, and nothing is made up."""
    reads = reads_of([(T0 + 20 * MINUTE, 5), (T0 + 70 * MINUTE, 9)])
    line = reckon(REGISTER, reads, EDGES[:7], Ground(GENERIC, UTC))

    assert line.flag.tolist() == [5, 5, 2, 2, 5, 5]
    assert line.why[[0, 1, 4, 5]].tolist() == [Why.UNBORN, Why.UNBORN, Why.UNREAD, Why.UNREAD]
    assert line.delta[[0, 1, 4, 5]].tolist() == [0, 0, 0, 0]


def test_a_distribution_changes_no_total():
    """A distribution that adds up is laid over the boundaries; one that does not any more is left out and told."""
    reads = reads_of([(T0 + at * QUARTER, at * 100) for at in range(-2, 9)])
    fits = Edit(EditKind.SPREAD, SERIES, T0, T0 + 3 * QUARTER, (10, 20, 270), "ana", "", T0)
    stale = Edit(EditKind.SPREAD, SERIES, T0 + 4 * QUARTER, T0 + 6 * QUARTER, (10, 20), "ana", "", T0)
    line = reckon(REGISTER, reads, EDGES[:9], Ground(GENERIC, UTC, [fits, stale]))

    assert line.delta.tolist() == [10, 20, 270, 100, 100, 100, 100, 100]
    assert line.flag.tolist() == [3, 3, 3, 0, 4, 4, 0, 0]
    assert line.why[[4, 5]].tolist() == [Why.MISFIT] * 2


def test_a_register_read_by_hand_closes_a_gap():
    """What somebody read is a reading like others, and the intervals that rest on it are edited."""
    reads = reads_of([(T0, 0), (T0 + 20 * QUARTER, 2_000)])
    hand = Edit(EditKind.READ, SERIES, T0 + 2 * QUARTER, T0 + 2 * QUARTER, (1_500,), "ana", "", T0)
    line = reckon(REGISTER, reads, EDGES[:21], Ground(GENERIC, UTC, [hand]))

    assert line.delta[:2].sum() == 1_500
    assert line.delta.sum() == 2_000
    assert line.flag[:4].tolist() == [Flag.EDITED] * 4
