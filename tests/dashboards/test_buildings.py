"""The buildings page: what appears for which district, and comfort that can be counted by hand."""

import json
from datetime import datetime, timedelta

import pytest

from dashboards.buildings import deviation_rule, page
from dashboards.kit.inventory import Inventory
from dashboards.kit.made import Options
from tests.dashboards.districts import small
from tests.dashboards.filled import Filled
from tests.dashboards.pages import answers, panel, titles
from twin.resolution import Resolution

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONDAY = datetime(2026, 3, 2)  # noqa: DTZ001 - on the clock of the district
ROOMS = "\n".join(
    f"{{id: room-{n}, profile: room-opcua, site: {site}, endpoint: 'opc.tcp://10.0.0.1:4840'}}"
    for n, site in ((1, "plaza"), (2, "kiosk"))
)
BAND = """\
alarms:
  - {id: comfort, for: {kind: Room}, point: temperature, below: 20 Cel, above: 24 Cel, text: x}
  - {id: air, for: {kind: Room}, point: co2, above: "1000 [ppm]", text: x}
"""
LAMP = "{id: lamp-1, profile: streetlight-coap, site: plaza, endpoint: 'coap://10.0.0.1'}"


def made(district, lang="en"):
    return page(Inventory(district), Options(lang=lang))


def test_a_district_without_rooms_and_plant_has_no_page(tmp_path):
    """A street is no building."""
    assert made(small(tmp_path, LAMP)) is None


def test_rooms_without_rules_have_no_band(tmp_path):
    """What is comfortable is said by the alarm rules and by nobody else."""
    found = titles(made(small(tmp_path, ROOMS)))

    assert found == [
        "Rooms on average",
        "Warmest room",
        "Coldest room",
        "Stalest air",
        "Humidity",
        "People",
        "Temperature against set point",
        "CO2",
        "Humidity of the air",
        "Rooms now",
    ]


def test_a_rule_about_the_set_point_makes_the_band(maderas, tmp_path):
    """The rule of the demo says 3 K for every room; a district without such a rule has none."""
    inventory = Inventory(maderas)
    found = deviation_rule(inventory, inventory.points("air_temperature"))
    other = Inventory(small(tmp_path, ROOMS, alarms=BAND))

    assert found is not None
    assert (found[0], found[1], len(found[2])) == ("room-off-setpoint", 3.0, 12)
    assert "Share of time in band" in titles(made(maderas))
    assert deviation_rule(other, other.points("air_temperature")) is None


def test_plant_stands_by_its_kind(maderas):
    """A panel of states for each kind of plant that the demo has; none for drives, of which there are none."""
    found = titles(made(maderas))

    assert {
        "Air handling unit mode",
        "Chiller",
        "Boiler",
        "Lift",
        "Emergency generator",
        "Fire alarm",
    } <= set(found)
    assert "Drive" not in found


def test_sites_are_chosen_by_name(maderas):
    """The choices come from the model."""
    [variable] = made(maderas).json["templating"]["list"]

    assert "Hospital General Maderas · Hospitalización : hospital-wards" in variable["query"]
    assert "tower-a" not in variable["query"]


@pytest.fixture
def filled(tmp_path, influxdb, request):
    name = "bu" + str(abs(hash(request.node.name)) % 10**8)
    return Filled(influxdb.url, small(tmp_path, ROOMS, name=name, alarms=BAND))


def test_time_in_band_is_counted_in_quarter_hours(filled):
    """Room 1 was too warm in a quarter of the day, room 2 never: an eighth of both is out of band."""
    for number in range(96):
        when = MONDAY + number * HOUR / 4
        filled.put("room-1/temperature", when, Resolution.QUARTER, mean=25.0 if number % 4 == 0 else 22.0)
        filled.put("room-2/temperature", when, Resolution.QUARTER, mean=21.0)
        filled.put("room-1/co2", when, Resolution.QUARTER, mean=1200.0 if number % 2 else 600.0)
        filled.put("room-2/co2", when, Resolution.QUARTER, mean=500.0)
    board, stop = made(filled.district), MONDAY + DAY - HOUR / 4

    band = answers(board, "Share of time in band", filled, MONDAY, stop)
    air = answers(board, "Share of time with good air", filled, MONDAY, stop)

    assert sum(row[2] for row in band) / 96 == 87.5
    assert sum(row[2] for row in air) / 96 == 75.0
    assert len(band) == len(air) == 96


def test_the_site_that_is_chosen_is_shown(filled):
    """All sites at first; one when somebody chooses it."""
    for minute in range(60):
        for room, celsius in ((1, 20.0), (2, 24.0)):
            when = MONDAY + minute * HOUR / 60
            filled.put(f"room-{room}/temperature", when, value=celsius)
            filled.put(f"room-{room}/temperature_setpoint", when, value=22.0)
    board, stop = made(filled.district), MONDAY + HOUR

    def lines(**chosen):
        return sorted(
            {
                row[2]
                for row in answers(board, "Temperature against set point", filled, MONDAY, stop, **chosen)
            }
        )

    assert lines() == [20.0, 22.0, 24.0]
    assert lines(site="kiosk") == [22.0, 24.0]
    assert [row[1:] for row in answers(board, "Rooms now", filled, MONDAY, stop, site="kiosk")] == [
        ("device=room-2", 24.0),
        ("device=room-2", 22.0),
    ]


def test_warm_and_cold_are_told_now(filled):
    """By what each room said last."""
    for minute in range(5):
        for room, celsius in ((1, 20.0 + minute), (2, 26.0 - minute)):
            filled.put(f"room-{room}/temperature", MONDAY + minute * HOUR / 60, value=celsius)
    board, stop = made(filled.district), MONDAY + 5 * HOUR / 60

    told = [answers(board, title, filled, MONDAY, stop)[0][2] for title in ("Warmest room", "Coldest room")]

    assert told == [24.0, 22.0]


def test_five_thousand_rooms_make_a_short_page(tmp_path):
    """No row for each of them."""
    rows = "\n".join(
        f"{{id: room-{n}, profile: room-opcua, site: {'plaza' if n % 2 else 'kiosk'},"
        f" endpoint: 'opc.tcp://10.0.{n // 250}.1:4840'}}"
        for n in range(5000)
    )
    board = made(small(tmp_path, rows))
    text = json.dumps(board.json)

    assert "Rooms now" not in titles(board)
    assert panel(board, "CO2")["targets"]
    assert len(text) < 100_000
    assert "room-17" not in text
