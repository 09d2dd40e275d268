"""Tanks that are drained and filled, in real seconds."""

from itertools import pairwise

import pytest

from barrio.simulator.faults import parse_faults
from barrio.simulator.tanks import Tanks
from barrio.simulator.world import World

START_S = 1_790_000_000.0
TICK_S = 0.5


class Yard:
    """A world with its tanks, moved as a field moves them."""

    def __init__(self, district, *faults, speed=1.0):
        self.world = World(district, 1, START_S)
        self.tanks = Tanks(self.world, parse_faults(faults, district), speed)
        self.speed = speed
        self.elapsed_s = 0.0

    def until(self, elapsed_s):
        while self.elapsed_s < elapsed_s:
            self.elapsed_s += TICK_S
            self.tanks.step(self.elapsed_s)
            self.world.advance(START_S + self.speed * self.elapsed_s)
        return self

    def value(self, device, point):
        found = self.world.district.devices[device]
        return self.world.value(found, found.points[point])

    def level(self, device="cistern-b1"):
        return self.value(device, "level")


def test_a_drained_tank_falls_at_its_rate(maderas):
    """120 % a minute are 2 % a second, from the second that was asked for; nothing jumps."""
    yard = Yard(maderas, "drain:cistern-b1@10s+60s=120").until(10)
    levels = [yard.until(10 + second).level() for second in range(16)]
    steps = [before - after for before, after in pairwise(levels)]

    assert levels[0] - levels[15] == pytest.approx(30, abs=1)
    assert all(1.0 < step < 3.0 for step in steps)
    assert yard.value("cistern-b1", "volume") == pytest.approx(60 * levels[-1] / 100, rel=0.01)


def test_the_outlet_shows_no_more_than_its_meter_can(maderas):
    """However fast a tank is drained, the flow stays a plausible reading."""
    yard = Yard(maderas, "drain:cistern-b1").until(5)
    point = maderas.devices["cistern-b1"].points["outlet_flow"]

    assert 100 < yard.value("cistern-b1", "outlet_flow") <= point.maximum


def test_a_drained_tank_is_not_filled_by_itself_and_never_quite_empty(maderas):
    """Its inlet stays shut however low it is; the pumps run dry at the foot valve."""
    yard = Yard(maderas, "drain:cistern-b1+120s").until(100)

    assert yard.value("cistern-b1", "inlet") == "closed"
    assert yard.level() == pytest.approx(6, abs=0.1)
    assert yard.value("cistern-b1", "outlet_flow") == 0


def test_a_drain_ends_with_its_time(maderas):
    """Afterwards the tank fills itself as always."""
    yard = Yard(maderas, "drain:cistern-b1+40s").until(40.5)
    low = yard.level()
    yard.until(160)

    assert yard.value("cistern-b1", "inlet") == "open"
    assert low < yard.level() < low + 2


def test_a_delivery_fills_a_tank_in_its_time_and_ends_the_drain(maderas):
    """From whatever is left to the share that was asked for, evenly; then the tank is used as on any day."""
    yard = Yard(maderas, "drain:cistern-b1+300s").until(30)
    yard.tanks.deliver("cistern-b1", 0.8, 15.0, yard.elapsed_s)
    low = yard.level()
    half = yard.until(37.5).level()
    full = yard.until(46).level()
    later = yard.until(120).level()

    assert low < 7
    assert half == pytest.approx((low + 80) / 2, abs=3)
    assert full == pytest.approx(80, abs=0.2)
    assert full - 1 < later <= full


def test_a_delivery_never_empties_a_tank(maderas):
    """Who brings less than there is brings nothing."""
    yard = Yard(maderas).until(1)
    before = yard.level()
    yard.tanks.deliver("cistern-b1", 0.1, 15.0, yard.elapsed_s)

    assert yard.until(20).level() == pytest.approx(before, abs=0.2)


def test_gas_is_drained_and_delivered_too(maderas):
    """A gas tank loses and gains like a cistern."""
    yard = Yard(maderas, "drain:gas-a1+20s=60").until(20.5)
    low = yard.level("gas-a1")
    yard.tanks.deliver("gas-a1", 0.75, 10.0, yard.elapsed_s)

    assert low == pytest.approx(52.3 - 20, abs=1)
    assert yard.until(31).level("gas-a1") == pytest.approx(75, abs=0.2)


@pytest.mark.parametrize("speed", [0.0, 60.0])
def test_drains_are_in_real_time_whatever_the_speed(maderas, speed):
    """Sixty times as fast the tank falls in the same real seconds; where time stands still nothing moves."""
    yard = Yard(maderas, "drain:cistern-b1+60s=120", speed=speed)
    before = yard.level()
    fallen = before - yard.until(15).level()

    assert fallen == (0 if speed == 0 else pytest.approx(30, abs=3))
