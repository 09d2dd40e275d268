"""The energy page: what appears for which district, and numbers that can be counted by hand."""

import json
import time
from datetime import datetime, timedelta

import pytest

from dashboards.energy import page
from dashboards.kit.inventory import Inventory
from dashboards.kit.made import Options
from tests.dashboards.districts import small
from tests.dashboards.filled import Filled
from tests.dashboards.pages import answers, panel, titles
from twin.resolution import Resolution

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONDAY = datetime(2026, 3, 2)  # noqa: DTZ001 - on the clock of the district
METERS = """
{id: main, profile: energy-meter-modbus, site: plaza, endpoint: 'modbus+tcp://10.0.0.2:502/1'}
{id: shop, profile: energy-meter-modbus, site: plaza, endpoint: 'modbus+tcp://10.0.0.2:502/2'}
{id: hut, profile: energy-meter-modbus, site: kiosk, endpoint: 'modbus+tcp://10.0.0.2:502/3'}
"""
FEEDS = "relations:\n  - {type: feeds, from: main, to: shop}\n  - {type: feeds, from: main, to: hut}\n"
LAMP = "{id: lamp-1, profile: streetlight-coap, site: plaza, endpoint: 'coap://10.0.0.1'}"


def made(district, lang="en"):
    return page(Inventory(district), Options(lang=lang))


def test_a_district_without_electricity_has_no_page(tmp_path):
    """A lamp that says what it draws is on the page of lighting."""
    assert made(small(tmp_path, LAMP)) is None


def test_one_meter_is_enough(tmp_path):
    """Days, night, peak and network; nothing about the sun, batteries or transformers."""
    found = titles(made(small(tmp_path, METERS.strip().splitlines()[0])))

    assert found == [
        "Power now",
        "Energy per day against the week before",
        "Ten largest",
        "Power by site",
        "Base load of the night",
        "Weekends against the week",
        "Peak demand of each day",
        "The hours of the week",
        "Voltage",
        "Power factor",
        "Harmonics of the voltage",
        "Breakers",
    ]


def test_the_demo_shows_its_sun_and_its_transformer(maderas):
    """All rows but batteries, of which there are none."""
    found = titles(made(maderas))

    assert {"Sun and draw", "Energy of the sun per day", "Hottest transformer", "Medium voltage"} <= set(
        found
    )
    assert "Charge of batteries" not in found


@pytest.fixture
def filled(tmp_path, influxdb, request):
    name = "en" + str(abs(hash(request.node.name)) % 10**8)
    return Filled(influxdb.url, small(tmp_path, METERS, name=name, district=FEEDS))


def test_a_day_is_counted_once_and_stands_beside_the_same_day_a_week_before(filled):
    """Two meters behind a third: 3 kWh an hour in the first week, 6 in the second, not what the third counts again."""
    for number in range(24 * 14):
        when = MONDAY + number * HOUR
        more = 2 if number >= 24 * 7 else 1
        for owner, amount in (("main", 99), ("shop", 1), ("hut", 2)):
            filled.put(f"{owner}/import", when, Resolution.HOUR, delta=amount * more)
    stop = MONDAY + 14 * DAY - HOUR
    found = answers(
        made(filled.district), "Energy per day against the week before", filled, MONDAY - HOUR, stop
    )
    seen = [(when, round(value, 6)) for when, _, value in found if value]
    days = [(MONDAY + number * DAY, 144.0 if number >= 7 else 72.0) for number in range(14)]

    assert seen == days + [(MONDAY + number * DAY, 72.0) for number in range(7, 14)]


def test_the_ten_largest_are_told_with_their_places(filled):
    """The largest first; the meter that feeds them is none of them."""
    for number in range(24):
        for owner, amount in (("main", 99), ("shop", 1), ("hut", 2)):
            filled.put(f"{owner}/import", MONDAY + number * HOUR, Resolution.HOUR, delta=amount)

    found = answers(made(filled.district), "Ten largest", filled, MONDAY, MONDAY + DAY - HOUR)

    assert [row[1:] for row in found] == [("device=hut,site=kiosk", 48.0), ("device=shop,site=plaza", 24.0)]


def test_power_stands_at_the_site_of_the_meters(filled):
    """A site's meters are added up, from readings over hours and from rollups over weeks alike."""
    for minute in range(60):
        for owner, watts in (("main", 9000.0), ("shop", 1000.0), ("hut", 2000.0)):
            filled.put(f"{owner}/active_power", MONDAY + minute * HOUR / 60, value=watts)
    for number in range(24 * 14):
        for owner, watts in (("main", 9000.0), ("shop", 1000.0), ("hut", 2000.0)):
            filled.put(f"{owner}/active_power", MONDAY + number * HOUR, Resolution.HOUR, mean=watts)
    board = made(filled.district)

    raw = answers(board, "Power by site", filled, MONDAY, MONDAY + HOUR)
    rolled = answers(board, "Power by site", filled, MONDAY, MONDAY + 14 * DAY)

    assert {row[1:] for row in raw} == {("site=plaza", 1000.0), ("site=kiosk", 2000.0)}
    assert {row[1:] for row in rolled} == {("site=plaza", 1000.0), ("site=kiosk", 2000.0)}


def test_power_now_is_the_sum_of_what_was_heard_last(filled):
    """Not of all readings, and not of a meter that feeds others."""
    for minute in range(10):
        for owner, watts in (("main", 9000.0), ("shop", 1000.0 + minute), ("hut", 2000.0)):
            filled.put(f"{owner}/active_power", MONDAY + minute * HOUR / 60, value=watts)

    found = answers(made(filled.district), "Power now", filled, MONDAY - DAY, MONDAY + HOUR / 6)

    assert [row[2] for row in found] == [3009.0]


def test_the_base_load_is_what_is_left_on_at_night(filled):
    """From 02 to 05: 3 kW, however much the day takes."""
    for number in range(24 * 3):
        when = MONDAY + number * HOUR
        for owner, amount in (("shop", 1), ("hut", 2)):
            filled.put(f"{owner}/import", when, Resolution.HOUR, delta=amount if 2 <= when.hour < 5 else 50)
    found = answers(made(filled.district), "Base load of the night", filled, MONDAY, MONDAY + 3 * DAY - HOUR)
    nights = [(when, tags, round(value)) for when, tags, value in found if when >= MONDAY]

    assert nights == [
        (MONDAY + day * DAY + 2 * HOUR, f"site={site}", watts)
        for site, watts in (("kiosk", 2000), ("plaza", 1000))
        for day in range(3)
    ]


def test_a_peak_is_one_of_all_meters_together(filled):
    """Two quarter hours of 1 and 2 kWh at once are 12 kW."""
    for number in range(96):
        when = MONDAY + number * HOUR / 4
        filled.put("shop/import", when, Resolution.QUARTER, delta=1.0 if number == 50 else 0.1)
        filled.put("hut/import", when, Resolution.QUARTER, delta=2.0 if number == 50 else 0.1)
    found = answers(made(filled.district), "Peak demand of each day", filled, MONDAY, MONDAY + DAY - HOUR)

    assert [(when, round(value)) for when, _, value in found if when >= MONDAY] == [(MONDAY, 12_000)]


def test_five_thousand_meters_make_a_page_that_is_short_and_quick(tmp_path):
    """No panel and no name for each device: a page says the same of five thousand as of five."""
    rows = "\n".join(
        f"{{id: m-{n}, profile: energy-meter-modbus, site: {'plaza' if n % 2 else 'kiosk'},"
        f" endpoint: 'modbus+tcp://10.0.{n // 250}.{n % 250}:502/1'}}"
        for n in range(5000)
    )
    inventory = Inventory(small(tmp_path, rows))
    begin = time.process_time()
    board = page(inventory, Options())
    took = time.process_time() - begin

    assert board is not None
    text = json.dumps(board.json)
    assert took < 1.0
    assert len(text) < 150_000
    assert "m-17" not in text
    assert panel(board, "Breakers")["type"] == "timeseries"


def test_voltages_of_different_networks_are_not_averaged(maderas):
    """Meters have 127 V, inverters 277 V, feeders 8 kV: a panel each."""
    made_of = [
        panel(made(maderas), one)["targets"][0]["query"] for one in ("Voltage", "Voltage of inverters")
    ]

    assert [("!= 'solar-field'" in one, "= 'solar-field'" in one) for one in made_of] == [
        (True, True),
        (False, True),
    ]
