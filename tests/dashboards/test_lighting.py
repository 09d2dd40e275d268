"""The lighting page: what appears for which district, and lamps that burn or do not when they should."""

import json
from datetime import datetime, timedelta

import pytest

from dashboards.kit.inventory import Inventory
from dashboards.kit.made import Options
from dashboards.lighting import page
from tests.dashboards.districts import small
from tests.dashboards.filled import Filled
from tests.dashboards.pages import answers, panel, titles
from twin.resolution import Resolution

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONDAY = datetime(2026, 3, 2)  # noqa: DTZ001 - on the clock of the district
LAMPS = "\n".join(
    f"{{id: lamp-{n}, profile: streetlight-coap, site: plaza, endpoint: 'coap://10.0.0.{n}',"
    f" location: {{lat: 20.88, lon: -103.8{n}}}}}"
    for n in (1, 2, 3)
)
METER = "{id: main, profile: energy-meter-modbus, site: plaza, endpoint: 'modbus+tcp://10.0.0.2:502/1'}"


def made(district, lang="en"):
    return page(Inventory(district), Options(lang=lang))


def test_a_district_without_lamps_has_no_page(tmp_path):
    """A meter is no lamp."""
    assert made(small(tmp_path, METER)) is None


def test_one_lamp_is_enough(tmp_path):
    """Without cabinets and without a sensor of light; a lamp without a place is on no map."""
    found = titles(made(small(tmp_path, LAMPS.splitlines()[0].partition(", location")[0] + "}")))

    assert found == [
        "Lamps that burn",
        "Power of the lamps",
        "Dimming",
        "Lamps with a fault",
        "Lamps that burn, and daylight",
        "Burn by day",
        "Dark by night",
        "Lamps over time",
        "Dimming by site",
        "Energy of lamps per day",
        "Hungriest lamps",
        "Longest burning",
        "Oldest lamps",
        "Lamps that report a fault",
        "Warmest driver",
    ]


def test_the_demo_has_cabinets_and_a_map(maderas):
    """With the lamps of each cabinet."""
    found = titles(made(maderas))

    assert {"Contactors", "Lamps that burn, by cabinet", "Faults on the map", "Darkest light outside"} <= set(
        found
    )


def test_light_of_rooms_is_none_of_the_street(maderas):
    """A room's light has a power state as well; the page counts lamps alone."""
    query = panel(made(maderas), "Lamps that burn")["targets"][0]["query"]

    assert "\"point\" = 'power_state'" in query


@pytest.fixture
def filled(tmp_path, influxdb, request):
    name = "li" + str(abs(hash(request.node.name)) % 10**8)
    return Filled(influxdb.url, small(tmp_path, LAMPS, name=name))


def test_a_lamp_that_burns_at_noon_is_found_and_one_that_is_dark_at_midnight(filled):
    """Lamp 2 burned from 12 to 13 on two days, lamp 3 was off from 23 to 02 in one night; lamp 1 is as it should be."""
    for number in range(24 * 4):
        when = MONDAY + number * HOUR
        dark = when.hour < 6 or when.hour >= 18
        for lamp in (1, 2, 3):
            on = dark or (lamp == 2 and when.hour == 12 and when.day in (3, 4))
            off = lamp == 3 and MONDAY + DAY - HOUR <= when < MONDAY + DAY + 2 * HOUR
            state = "state_s:on" if on and not off else "state_s:off"
            filled.put(f"lamp-{lamp}/power_state", when, Resolution.HOUR, good_s=3600, **{state: 3600})
    board = made(filled.district)

    day = answers(board, "Burn by day", filled, MONDAY, MONDAY + 4 * DAY - HOUR)
    night = answers(board, "Dark by night", filled, MONDAY, MONDAY + 4 * DAY - HOUR)

    assert [row[1:] for row in day] == [("device=lamp-2,site=plaza", 2.0)]
    assert [row[1:] for row in night] == [("device=lamp-3,site=plaza", 3.0)]


def test_lamps_are_counted_now_and_faults_are_told(filled):
    """The newest state of each counts."""
    for minute in range(5):
        when = MONDAY + minute * HOUR / 60
        for lamp, state in ((1, "on"), (2, "off" if minute > 2 else "on"), (3, "on")):
            filled.put(f"lamp-{lamp}/power_state", when, state=state)
            filled.put(
                f"lamp-{lamp}/fault", when, state="defective_lamp" if lamp == 3 and minute > 3 else "ok"
            )
    board = made(filled.district)
    stop = MONDAY + 5 * HOUR / 60

    burning = answers(board, "Lamps that burn", filled, MONDAY, stop)
    broken = answers(board, "Lamps with a fault", filled, MONDAY, stop)
    told = answers(board, "Lamps that report a fault", filled, MONDAY, stop)

    assert [row[2] for row in burning] == [2]
    assert [row[2] for row in broken] == [1]
    assert [row[1:] for row in told] == [("device=lamp-3,site=plaza", "defective_lamp")]


def test_hours_and_energy_are_ranked(filled):
    """What grew in the range, and what the counter shows."""
    for number in range(24):
        for lamp in (1, 2, 3):
            when = MONDAY + number * HOUR
            filled.put(
                f"lamp-{lamp}/hours", when, Resolution.HOUR, delta=lamp / 4, last=1000.0 - lamp + number
            )
            filled.put(f"lamp-{lamp}/energy", when, Resolution.HOUR, delta=lamp / 8)
    board, stop = made(filled.district), MONDAY + DAY - HOUR

    burning = answers(board, "Longest burning", filled, MONDAY, stop)
    oldest = answers(board, "Oldest lamps", filled, MONDAY, stop)
    hungry = answers(board, "Hungriest lamps", filled, MONDAY, stop)

    assert [row[2] for row in burning] == [18.0, 12.0, 6.0]
    assert oldest[0][1:] == ("device=lamp-1,site=plaza", 1022.0)
    assert [row[2] for row in hungry] == [9.0, 6.0, 3.0]


def test_five_thousand_lamps_make_a_short_page(tmp_path):
    """Their states are counted, not drawn row by row."""
    rows = "\n".join(
        f"{{id: lamp-{n}, profile: streetlight-coap, site: {'plaza' if n % 2 else 'kiosk'},"
        f" endpoint: 'coap://10.0.{n // 250}.{n % 250}'}}"
        for n in range(5000)
    )
    board = made(small(tmp_path, rows))
    text = json.dumps(board.json)

    assert "Lamps over time" not in titles(board)
    assert len(text) < 120_000
    assert "lamp-17" not in text
