import math
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from barrio.simulator.sky import Sky, sun_elevation
from barrio.simulator.world import STEP_S, World
from twin.model.catalogue import CATALOGUE
from twin.model.quantities import Aggregation

START_S = 1_790_000_000.0  # 2026-09-21, a Monday
HOUR_S = 3_600.0
COARSE_S = 900.0


def everything(world):
    return {point.path: world.value(device, point) for device, point in world.district.points()}


def value(world, device, point):
    found = world.district.devices[device]
    return world.value(found, found.points[point])


def at_local(hour, minute=0):
    """Return a time of 2026-09-22 by the clocks of Querétaro, which are six hours behind UTC."""
    return datetime(2026, 9, 22, hour, minute, tzinfo=UTC).timestamp() + 6 * HOUR_S


def test_the_same_seed_start_and_time_give_the_same_values(maderas):
    """However often somebody looked on the way, the values are equal to the last bit."""
    one, other = World(maderas, 7, START_S), World(maderas, 7, START_S)
    one.advance(START_S + 400)
    for second in range(0, 400, 7):
        other.advance(START_S + second)
        everything(other)
    other.advance(START_S + 400)

    assert everything(one) == everything(other)


def test_another_seed_gives_other_values(maderas):
    """Most numbers differ between two seeds."""
    one, other = everything(World(maderas, 1, START_S)), everything(World(maderas, 2, START_S))

    assert sum(one[path] != other[path] for path in one) > len(one) / 2


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_week_stays_plausible_and_meters_count_up(maderas, seed):
    """No value leaves its point's range, no state its names, no counter goes back."""
    world = World(maderas, seed, START_S, COARSE_S)
    outside: list[tuple[str, float | str]] = []
    fallen: list[str] = []
    last: dict[str, float] = {}
    for hour in range(0, 7 * 24, 2):
        world.advance(START_S + hour * HOUR_S + 450.0)
        for device, point in maderas.points():
            found = world.value(device, point)
            if isinstance(found, str):
                outside += [] if found in point.states.values() else [(point.path, found)]
                continue
            outside += [] if point.minimum <= found <= point.maximum else [(point.path, found)]
            if point.quantity.aggregation is Aggregation.COUNTER:
                fallen += [] if found >= last.get(point.path, found) else [point.path]
                last[point.path] = found

    assert outside == []
    assert fallen == []


@pytest.mark.parametrize(
    ("device", "power", "counter"),
    [
        ("meter-a", "active_power", "import"),
        ("meter-hospital", "reactive_power", "reactive_import"),
        ("transformer-1", "active_power", "import"),
        ("inverter-1", "power", "energy"),
        ("lamp-01", "power", "energy"),
    ],
)
def test_energy_is_the_integral_of_the_power_shown(maderas, device, power, counter):
    """Over a day the meter's difference is the sum of the power, within the digits shown."""
    world = World(maderas, 3, START_S, 120.0)
    first, total, step = value(world, device, counter), 0.0, 60.0
    before = value(world, device, power)
    for index in range(1, 12 * 60 + 1):
        world.advance(START_S + index * step)
        after = value(world, device, power)
        total += (before + after) / 2 * step / HOUR_S / 1_000
        before = after

    assert total > 0
    assert value(world, device, counter) - first == pytest.approx(total, rel=0.005, abs=0.01)


def test_power_current_and_voltage_agree(maderas):
    """P is the sum of U I pf over the phases, S the root of P and Q."""
    world = World(maderas, 1, at_local(12))
    for device in ("meter-a", "meter-plaza", "feeder-2"):
        power, factor = value(world, device, "active_power"), value(world, device, "power_factor")
        phases = sum(
            value(world, device, f"voltage_{phase}") * value(world, device, f"current_{phase}")
            for phase in ("l1", "l2", "l3")
        )
        assert power == pytest.approx(phases * factor, rel=0.01)
    apparent, reactive = (value(world, "meter-a", name) for name in ("apparent_power", "reactive_power"))

    assert math.hypot(value(world, "meter-a", "active_power"), reactive) == pytest.approx(apparent, rel=0.01)


def test_the_transformer_carries_the_feeders_with_losses_less_the_sun(maderas):
    """At noon and at night alike."""
    for time_s in (at_local(12), at_local(2)):
        world = World(maderas, 1, time_s)
        feeders = sum(value(world, f"feeder-{index}", "active_power") for index in range(1, 5))
        sun = sum(value(world, f"inverter-{index}", "power") for index in range(1, 5))
        towers = sum(value(world, f"meter-{letter}", "active_power") for letter in "abcd")

        assert value(world, "transformer-1", "active_power") == pytest.approx(1.02 * feeders - sun, rel=0.005)
        assert value(world, "feeder-1", "active_power") == pytest.approx(1.02 * towers, rel=0.005)


def test_the_sun_gives_power_by_day_and_lamps_take_it_by_night(maderas):
    """PV is zero at night and under its rating by day, lamps burn at night only, the cabinet carries its lamps."""
    noon, night = World(maderas, 1, at_local(12, 30)), World(maderas, 1, at_local(21))

    assert 0 < value(noon, "inverter-1", "power") <= 250_000
    assert value(night, "inverter-1", "power") == 0
    assert (value(noon, "lamp-01", "power_state"), value(night, "lamp-01", "power_state")) == ("off", "on")
    lamps = sum(value(night, f"lamp-{number:02d}", "power") for number in range(1, 11))
    assert value(night, "cabinet-1", "active_power") == pytest.approx(lamps + 60, rel=0.005)
    assert value(night, "cabinet-1", "contactor") == "closed"


def set_to(world, device, point, value_):
    world.hold(device, world.district.devices[device].points[point], value_)


def test_lamps_have_power_while_their_cabinet_gives_it(maderas):
    """By day a closed contactor lights its ten lamps at once, a dimmed one takes less, an open one puts all out."""
    world = World(maderas, 1, at_local(12, 30))
    world.advance(at_local(12, 30) + 5)
    set_to(world, "cabinet-2", "contactor", "closed")
    lit = value(world, "lamp-11", "power")
    set_to(world, "lamp-11", "dimming", 40.0)
    dimmed = value(world, "lamp-11", "power")
    states = [value(world, f"lamp-{number:02d}", "power_state") for number in (11, 20, 1)]
    world.advance(at_local(12, 30) + 60)
    carried = value(world, "cabinet-2", "active_power")
    set_to(world, "cabinet-2", "contactor", "open")

    assert lit == pytest.approx(103.5)
    assert dimmed == pytest.approx(103.5 * 0.43, rel=0.01)
    assert states == ["on", "on", "off"]
    assert carried == pytest.approx(60 + 9 * lit + dimmed, rel=0.01)
    assert value(world, "lamp-11", "power") < 1
    assert value(world, "lamp-11", "dimming") == 40.0


def test_a_device_goes_its_own_way_again_when_it_is_set_to_what_it_would_do(maderas):
    """A lamp put back to the full light of the evening is dimmed by its own programme at night, a held one is not."""
    world = World(maderas, 1, at_local(22, 50))
    for lamp in ("lamp-11", "lamp-12"):
        set_to(world, lamp, "dimming", 40.0)
    set_to(world, "lamp-11", "dimming", 100.0)
    evening = value(world, "lamp-11", "dimming")
    world.advance(at_local(23, 10))

    assert evening == 100.0
    assert value(world, "lamp-11", "dimming") == 60.0
    assert value(world, "lamp-12", "dimming") == 40.0


def test_a_command_in_the_middle_of_a_step_leaves_the_meters_right(maderas):
    """A lamp's energy is what it took before and after, to the second."""
    world = World(maderas, 1, at_local(21))
    before, full = value(world, "lamp-11", "energy"), value(world, "lamp-11", "power")
    world.advance(at_local(21) + 600 + 12)
    set_to(world, "lamp-11", "dimming", 10.0)
    low = value(world, "lamp-11", "power")
    world.advance(at_local(21) + 1_212)
    used = value(world, "lamp-11", "energy") - before

    assert used == pytest.approx((full * 612 + low * 600) / 3_600_000, abs=0.0015)


def test_cisterns_and_gas_tanks_drain_and_are_refilled(maderas):
    """Over twelve days each goes down and up again, and volume follows level."""
    world = World(maderas, 2, START_S, COARSE_S)
    levels: dict[str, list[float]] = {"cistern-a1": [], "gas-a1": []}
    for index in range(12 * 24):
        world.advance(START_S + index * HOUR_S)
        for device, seen in levels.items():
            seen.append(float(value(world, device, "level")))

    for seen in levels.values():
        assert min(seen) < 40
        assert max(seen) > 80
        steps = [after - before for before, after in pairwise(seen)]
        assert min(steps) < 0 < max(steps)
    assert value(world, "cistern-a1", "volume") == pytest.approx(
        60 * value(world, "cistern-a1", "level") / 100, rel=0.01
    )


def test_people_make_the_difference_between_day_and_night(maderas):
    """The shopping centre is busy on Saturday evening and empty at four in the morning."""
    busy = World(maderas, 1, at_local(19) + 4 * 86_400)
    empty = World(maderas, 1, at_local(4))

    assert value(busy, "plaza-zone-1", "co2") > value(empty, "plaza-zone-1", "co2") + 250
    assert value(busy, "plaza-zone-1", "people") > 20 > value(empty, "plaza-zone-1", "people")
    assert value(busy, "parking-1", "free") < 200 < value(empty, "parking-1", "free")
    assert value(busy, "meter-plaza", "active_power") > 2 * value(empty, "meter-plaza", "active_power")


def test_a_jump_of_days_is_taken_in_bounded_time(maderas):
    """A machine that slept for a month goes on at once, with meters that did not fall."""
    world = World(maderas, 1, START_S)
    before = value(world, "meter-a", "import")
    world.advance(START_S + 30 * 86_400)

    assert world.time_s == START_S + 30 * 86_400
    assert value(world, "meter-a", "import") > before


def test_time_does_not_go_back(maderas):
    """An earlier time changes nothing."""
    world = World(maderas, 1, START_S)
    world.advance(START_S + STEP_S)
    found = everything(world)
    world.advance(START_S)

    assert everything(world) == found


def test_a_quantity_that_nobody_knows_still_gets_a_plausible_value(small):
    """Every quantity of the catalogue can be simulated on a device of a kind that is unknown."""
    device = small.devices["tank"]
    point = device.points["level"]
    points = {
        name: replace(
            point,
            name=name,
            path=f"small/tank/{name}",
            quantity=quantity,
            minimum=quantity.minimum,
            maximum=quantity.maximum,
            states=dict(enumerate(quantity.states)),
            scale=1.0,
        )
        for name, quantity in CATALOGUE.items()
    }
    district = replace(small, devices={"tank": replace(device, kind="Unheard", points=points)})
    world = World(district, 1, START_S)
    world.advance(START_S + HOUR_S)

    for one, where in district.points():
        found = world.value(one, where)
        assert (
            found in where.quantity.states
            if isinstance(found, str)
            else where.minimum <= found <= where.maximum
        )


def test_the_sun_stands_where_the_almanac_says():
    """At the solstice's noon over the tropic the sun is overhead; at the equinox's midnight it is as far below."""
    tropic = maderas_location(23.44, 0.0)
    equator = maderas_location(0.0, 0.0)

    assert sun_elevation(tropic, datetime(2026, 6, 21, 12, 2, tzinfo=UTC).timestamp()) == pytest.approx(
        90, abs=0.5
    )
    assert sun_elevation(equator, datetime(2026, 3, 20, 0, 7, tzinfo=UTC).timestamp()) == pytest.approx(
        -90, abs=0.7
    )


def test_the_weather_is_a_function_of_seed_and_time(maderas):
    """Two skies with one seed agree, at any time and in any order."""
    one, other = Sky(maderas.location, 4), Sky(maderas.location, 4)
    other.at(START_S + 5 * HOUR_S)

    assert one.at(START_S) == other.at(START_S)


def maderas_location(lat, lon):
    from twin.model.spec import Location

    return Location(lat=lat, lon=lon)
