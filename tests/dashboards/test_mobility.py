"""The page of mobility and places: what appears for which district, and counts that can be checked by hand."""

import json
from datetime import datetime, timedelta

import pytest

from dashboards.kit.colours import ATTENTION, BAD, GOOD, GREEN
from dashboards.kit.inventory import Inventory
from dashboards.kit.made import Options
from dashboards.mobility import page
from tests.dashboards.districts import small
from tests.dashboards.filled import Filled
from tests.dashboards.pages import answers, panel, titles
from twin.resolution import Resolution

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONDAY = datetime(2026, 3, 2)  # noqa: DTZ001 - on the clock of the district
PLAZA = """
{id: gate-1, profile: lwm2m-people-counter-coap, site: plaza, endpoint: 'coap://10.0.0.1'}
{id: waste-1, profile: waste-container-coap, site: plaza, endpoint: 'coap://10.0.0.2'}
{id: waste-2, profile: waste-container-coap, site: kiosk, endpoint: 'coap://10.0.0.3'}
{id: wifi-1, profile: wifi-access-point-coap, site: plaza, endpoint: 'coap://10.0.0.4'}
{id: wifi-2, profile: wifi-access-point-coap, site: plaza, endpoint: 'coap://10.0.0.5'}
{id: wifi-3, profile: wifi-access-point-coap, site: kiosk, endpoint: 'coap://10.0.0.6'}
"""
SERVICES = """\
capacity:
  - {id: square, on: plaza, capacity: 200, occupancy: wifi-1/clients, amber: 50 %, red: 80 %}
"""
METER = "{id: main, profile: energy-meter-modbus, site: plaza, endpoint: 'modbus+tcp://10.0.0.2:502/1'}"


def made(district, lang="en"):
    return page(Inventory(district), Options(lang=lang))


def test_a_district_without_any_of_it_has_no_page(tmp_path):
    """A meter counts no people."""
    assert made(small(tmp_path, METER)) is None


def test_a_plaza_has_places_waste_and_wifi(tmp_path):
    """No traffic, no chargers, no weather."""
    found = titles(made(small(tmp_path, PLAZA, services=SERVICES)))

    assert {"How full places are", "Levels of occupancy", "Places now", "Pedestrians per day"} <= set(found)
    assert {"Containers now", "Filling of containers", "Wi-Fi clients", "Clients", "Latency"} <= set(found)
    assert not {"Flow of vehicles", "Chargers", "Outdoor temperature", "Free spaces", "Noise level"} & set(
        found
    )


def test_levels_are_told_by_words_signs_and_colours_that_all_can_see(tmp_path):
    """Green, amber and red of a rule are drawn in blue, orange and vermillion, each with a sign and a word."""
    board = made(small(tmp_path, PLAZA, services=SERVICES), "es")
    [mapping] = panel(board, "Niveles de ocupación")["fieldConfig"]["defaults"]["mappings"]
    shown = {state: (one["text"], one["color"]) for state, one in mapping["options"].items()}

    assert shown == {
        "green": ("✓ hay lugar", GOOD),
        "amber": ("▲ se llena", ATTENTION),
        "red": ("✗ lleno", BAD),
    }
    assert GREEN not in json.dumps(panel(board, "Cuán llenos están los lugares"))


def test_bands_of_occupancy_are_those_of_the_rule(tmp_path):
    """Amber from 50 %, red from 80 %, as services.yaml says."""
    board = made(small(tmp_path, PLAZA, services=SERVICES))
    steps = panel(board, "How full places are")["fieldConfig"]["defaults"]["thresholds"]["steps"]

    assert [(step["value"], step["color"]) for step in steps] == [
        (None, GOOD),
        (50.0, ATTENTION),
        (80.0, BAD),
    ]


def test_a_full_container_is_one_that_the_alarm_rule_calls_full(maderas):
    """90 % in the demo."""
    defaults = panel(made(maderas), "Containers now")["fieldConfig"]["defaults"]

    assert [step["value"] for step in defaults["thresholds"]["steps"]] == [None, 90.0]


def test_the_demo_shows_streets_chargers_air_and_weather(maderas):
    """All that it measures."""
    found = titles(made(maderas))

    assert {
        "Flow of vehicles",
        "Vehicles by hour of the week",
        "How full car parks are",
        "Chargers",
        "Particulate matter PM2.5",
        "Noise level",
        "Rain per day",
    } <= set(found)
    assert "Single spaces that are free" not in found


@pytest.fixture
def filled(tmp_path, influxdb, request):
    name = "mo" + str(abs(hash(request.node.name)) % 10**8)
    return Filled(influxdb.url, small(tmp_path, PLAZA, name=name, services=SERVICES))


def test_people_are_counted_by_day_and_site(filled):
    """5 an hour are 120 a day, of which today goes as far as the last quarter hour."""
    counter = next(
        seen.point for seen in Inventory(filled.district).points("pedestrian_count") if seen.owner == "gate-1"
    )
    for number in range(192):
        filled.put(f"gate-1/{counter}", MONDAY + number * HOUR / 4, Resolution.QUARTER, delta=1.25)
    found = answers(made(filled.district), "Pedestrians per day", filled, MONDAY, MONDAY + 2 * DAY - HOUR)

    assert [row[1:] for row in found if row[2]][:2] == [("site=plaza", 120.0), ("site=plaza", 116.25)]


def test_clients_of_a_site_are_added_up(filled):
    """Two access points on the plaza, one in the kiosk; now, all of them."""
    for minute in range(60):
        for number, clients in ((1, 10.0), (2, 20.0), (3, 5.0)):
            filled.put(f"wifi-{number}/clients", MONDAY + minute * HOUR / 60, value=clients)
    board, stop = made(filled.district), MONDAY + HOUR - HOUR / 60

    assert {row[1:] for row in answers(board, "Clients", filled, MONDAY, stop)} == {
        ("site=plaza", 30.0),
        ("site=kiosk", 5.0),
    }
    assert [row[2] for row in answers(board, "Wi-Fi clients", filled, MONDAY, stop)] == [35.0]


def test_containers_are_told_now(filled):
    """By what each said last."""
    for minute in range(5):
        for number in (1, 2):
            filled.put(f"waste-{number}/fill", MONDAY + minute * HOUR / 60, value=40.0 * number + minute)

    found = answers(made(filled.district), "Containers now", filled, MONDAY, MONDAY + 5 * HOUR / 60)

    assert [row[1:] for row in found] == [("device=waste-1", 44.0), ("device=waste-2", 84.0)]


def test_the_fullest_of_thousands_of_containers_are_listed(tmp_path, influxdb):
    """Twenty-five of them; the page stays short."""
    rows = "\n".join(
        f"{{id: waste-{n}, profile: waste-container-coap, site: {'plaza' if n % 2 else 'kiosk'},"
        f" endpoint: 'coap://10.0.{n // 250}.{n % 250}'}}"
        for n in range(5000)
    )
    filled = Filled(influxdb.url, small(tmp_path, rows, name="mothousands"))
    for number in range(40):
        filled.put(f"waste-{number}/fill", MONDAY, Resolution.HOUR, last=float(number))
        filled.put(f"waste-{number}/fill", MONDAY, Resolution.DAY, last=float(number))
    board = made(filled.district)

    found = answers(board, "Fullest containers", filled, MONDAY, MONDAY + DAY)

    assert [row[2] for row in found] == [float(number) for number in range(39, 14, -1)]
    assert len(json.dumps(board.json)) < 100_000
