"""Slots of polls, and how silent units are waited for."""

import math
from itertools import pairwise

import pytest

from connectors.conformance.recording import bind_all, device
from connectors.home import Home
from connectors.modbus import connector
from connectors.modbus.connector import ModbusLink
from connectors.modbus.polling import FIRST_WITHIN_S, LAST_BACKOFF_S, Job, Slots, Unit
from tests.connectors.modbus.links import ONE


def jobs_of(count, period_s):
    """Return the jobs of so many devices."""
    devices = [
        device(connector, "modbus+tcp://10.0.0.1", ONE, name=f"d{n}", poll_s=period_s) for n in range(count)
    ]
    units = ModbusLink(bind_all(devices), Home()).units()
    return [Job(unit, own_period_s) for unit in units for own_period_s in unit.plan.periods]


def test_polls_are_spread_but_first_ones_come_soon():
    """A hundred devices share a minute evenly, the same after each start, and all are read soon."""
    jobs = jobs_of(100, 60.0)

    first = [job.start(1000.0) for job in jobs]
    second = sorted(job.next_slot(1000.5, 1000.5) for job in jobs)

    assert all(1000.0 <= moment <= 1000.0 + FIRST_WITHIN_S for moment in first)
    assert max(later - earlier for earlier, later in pairwise(second)) < 6
    assert [job.share for job in jobs_of(100, 60.0)] == [job.share for job in jobs]


def test_slots_stay_on_their_grid():
    """However late a poll ends, the next one is on the grid and in the future."""
    job: Job = jobs_of(1, 2.0)[0]
    job.start(0.0)

    for now in (0.0, 0.5, 3.999, 4.0, 1234.5):
        slot = job.next_slot(0.0, now)
        assert now < slot <= now + 2.0
        assert math.remainder(slot - job.anchor, 2.0) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("period_s", [0.05, 0.1, 0.3, 7.0])
def test_no_slot_comes_twice(period_s):
    """The slot after a slot is one period later, through all rounding, for a loop that has run a month."""
    job: Job = jobs_of(1, period_s)[0]
    due = job.start(2_592_000.1)
    for _ in range(2000):
        after = job.next_slot(due, now=due - 0.001)
        assert after - due > period_s / 2 or due < job.anchor
        due = after


def test_a_silent_unit_waits_longer_but_never_long():
    """Waits grow to a cap, with jitter; patience is short in between and full now and then."""
    unit: Unit = jobs_of(1, 2.0)[0].unit
    waits, patience = [], []
    for _ in range(12):
        patience.append(unit.patience_s(slowest_s=0.01))
        unit.missed(asked_at=100.0, now=100.1)
        waits.append(unit.ask_from - 100.0)

    assert 0.25 <= waits[0] <= 0.5
    assert max(waits) <= LAST_BACKOFF_S
    assert min(waits[5:]) >= LAST_BACKOFF_S / 2
    assert patience == [2.0, 0.5, 0.5, 0.5] * 3
    assert unit.patience_s(slowest_s=2.0) == 2.0


def test_a_line_waits_little_for_a_silent_unit():
    """Where the others wait meanwhile, patience is short but for one try in sixteen, and full while nobody is known."""
    unit: Unit = jobs_of(1, 2.0)[0].unit
    patience = []
    for _ in range(32):
        patience.append(unit.patience_s(slowest_s=0.01, in_line=True))
        unit.missed(asked_at=100.0, now=100.1)

    assert patience == [2.0, *[0.1] * 15] * 2
    assert unit.patience_s(slowest_s=0.1, in_line=True) == 2.0
    unit.misses = 1
    assert unit.patience_s(slowest_s=0.1, in_line=True) == 0.5
    assert unit.patience_s(slowest_s=0.0, in_line=True) == 2.0


def test_the_poll_that_is_due_comes_first():
    """Polls are taken by their slots, and line up again when they have ended."""
    units = [job.unit for job in jobs_of(5, 10.0)]
    slots = Slots(units, 0.0)

    polls = []
    for _ in units:
        assert slots.next_due() <= FIRST_WITHIN_S
        polls.append(slots.take())
    for poll in polls:
        slots.put_back(poll, 1.0)

    assert [poll.due for poll in polls] == sorted(poll.due for poll in polls)
    assert {poll.unit for poll in polls} == set(units)
    assert 1.0 < slots.next_due() <= 11.0


def test_a_unit_that_is_sought_is_not_polled_until_it_is_found():
    """Its slots pass, those of its neighbour do not; when it is found it is polled at once."""
    lost, found = (job.unit for job in jobs_of(2, 10.0))
    slots = Slots([lost, found], 0.0)
    lost.is_sought = True

    slots.next_due()
    first = slots.take()
    assert first.unit is found
    assert slots.next_due() == math.inf

    slots.put_back(first, 1.0)
    lost.is_sought = False
    slots.move(lost, 1.5)

    assert slots.next_due() == 1.5
    assert slots.take().unit is lost
