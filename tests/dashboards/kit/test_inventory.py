"""What a district has, as dashboards ask for it."""

import math
import time

import pytest

from dashboards.kit.inventory import Bounds, Inventory
from tests.dashboards.districts import small

LAMP = "{id: lamp-1, profile: streetlight-coap, site: plaza, endpoint: 'coap://10.0.0.1'}"
METER = "{id: meter-1, profile: energy-meter-modbus, site: kiosk, endpoint: 'modbus+tcp://10.0.0.2:502/1'}"


@pytest.fixture(scope="module")
def inventory(maderas):
    return Inventory(maderas)


def test_points_are_found_by_quantity_kind_name_and_place(inventory):
    """What narrows is named; all of it together is what fits all."""
    levels = inventory.points("level_ratio", "gas_level_ratio")

    assert {seen.kind for seen in levels} == {"WaterTank", "GasTank", "Generator"}
    assert [seen.owner for seen in inventory.points("level_ratio", kind="WaterTank", within="tower-a")] == [
        "cistern-a1"
    ]
    assert {seen.point for seen in inventory.points("water_flow", point="outlet_flow")} == {"outlet_flow"}
    assert inventory.points("level_ratio", kind="Streetlight") == ()


def test_computed_points_are_among_them_with_the_tags_of_their_series(inventory):
    """A site that has computed points is tagged as its own device."""
    people = inventory.points("occupancy", point="people", computed=True)

    assert [(seen.owner, seen.site, seen.computed) for seen in people] == [
        ("plaza-halls", "plaza-halls", True)
    ]
    assert {seen.owner for seen in inventory.points("hours_left")} >= {"cistern-a1", "gas-d1"}
    assert inventory.point("ciudad-maderas/maderas/solar_share").kind == "District"


def test_what_is_only_written_is_no_point(tmp_path):
    """A command gives no readings, so nothing of it could be shown."""
    district = small(tmp_path, LAMP)
    readable = [point.name for point in district.devices["lamp-1"].points.values() if point.readable]

    assert [seen.point for seen in Inventory(district).points()] == readable


def test_a_small_district_has_only_what_it_has(tmp_path):
    """One lamp is no reason for panels about water."""
    inventory = Inventory(small(tmp_path, LAMP))

    assert inventory.has("lamp_power", "water_flow")
    assert not inventory.has("water_flow", "active_power")
    assert inventory.kinds == {"Streetlight": 1}
    assert inventory.devices("Streetlight", "WaterTank") == tuple(inventory.devices())


def test_limits_are_those_of_the_alarm_rules(inventory):
    """Several rules about a point join; states that are alarms are told as well."""
    cisterns = inventory.points("level_ratio", kind="WaterTank")

    assert inventory.limits(cisterns) == Bounds(25.0, math.inf, ("cistern-low",))
    assert inventory.limits(inventory.points("gas_level_ratio")) == Bounds(18.0, math.inf, ("gas-low",))
    assert inventory.limits(inventory.points("lamp_power")) is None
    assert inventory.alarming(inventory.points("leak_alarm_state")) == ("alarm",)
    assert [rule.id for rule, _ in inventory.rules({"hospital-room-1"})] == ["room-off-setpoint", "room-air"]


def test_limits_that_few_have_are_not_those_of_all(tmp_path):
    """A rule about one of three meters draws no line through the others."""
    meters = "\n".join(
        METER.replace("meter-1", f"meter-{n}").replace(":502/1", f":502/{n}") for n in (1, 2, 3)
    )
    alarms = "alarms:\n  - {id: high, on: meter-1, point: active_power, above: 5 kW, text: high}\n"
    inventory = Inventory(small(tmp_path, meters, alarms=alarms))
    points = inventory.points("active_power")

    assert inventory.limits(points) is None
    assert inventory.limits(points[:1]) == Bounds(-math.inf, 5000.0, ("high",))


def test_sites_are_told_with_what_is_around_them(inventory):
    """A storey is told with its building; a building is not told with the district."""
    rooms = inventory.points("air_temperature", kind="Room")

    assert inventory.sites_of(rooms) == ("hospital-wards", "hospital-theatres", "plaza-halls")
    assert inventory.site_name("hospital-wards") == "Hospital General Maderas · Hospitalización"
    assert inventory.site_name("hospital") == "Hospital General Maderas"
    assert inventory.name_of("cistern-a1") == "Cisterna Torre A"


def test_five_thousand_devices_are_looked_through_quickly(tmp_path):
    """An inventory costs one pass."""
    rows = "\n".join(
        f"{{id: lamp-{n}, profile: streetlight-coap, site: plaza, endpoint: 'coap://10.0.{n // 250}.{n % 250}'}}"
        for n in range(5000)
    )
    district = small(tmp_path, rows)
    begin = time.process_time()
    inventory = Inventory(district)
    inventory.points("lamp_power", within="plaza")

    assert inventory.kinds == {"Streetlight": 5000}
    assert time.process_time() - begin < 2.0
