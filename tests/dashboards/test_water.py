"""The water and gas page: what appears for which district, nights, tanks and requests."""

import json
from datetime import datetime, timedelta

import pytest

from dashboards.kit.inventory import Inventory
from dashboards.kit.made import Options
from dashboards.water import page, taken
from tests.dashboards.districts import small
from tests.dashboards.filled import Filled
from tests.dashboards.pages import answers, titles
from twin.resolution import Resolution

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONDAY = datetime(2026, 3, 2)  # noqa: DTZ001 - on the clock of the district
TANKS = "\n".join(
    f"{{id: tank-{n}, profile: water-tank-modbus, site: {site}, endpoint: 'modbus+tcp://10.0.0.2:502/{n}'}}"
    for n, site in ((1, "plaza"), (2, "kiosk"))
)
SERVICES = """\
suppliers: [{id: lorry, webhook: 'https://lorry.example/'}]
supply:
  - {id: water, for: {kind: WaterTank}, request_when: {level_below: 30 %}, capacity: 60 m3, supplier: lorry}
"""
PIT = """\
profile: pit
protocol: modbus
kind: PumpingStation
points:
  level: {quantity: wastewater_level, register: "input:0", type: uint16, scale: 0.01}
  flow: {quantity: wastewater_flow, register: "input:1", type: uint16}
  pump: {quantity: pump_state, register: "discrete:0"}
"""
CHILLER = "{id: chiller-1, profile: chiller-opcua, site: kiosk, endpoint: 'opc.tcp://10.0.0.1:4840'}"


def made(district, lang="en"):
    return page(Inventory(district), Options(lang=lang))


def test_what_goes_round_in_a_chiller_is_no_water_of_the_district(tmp_path):
    """Its flow and its pump are on the page of buildings."""
    assert made(small(tmp_path, CHILLER)) is None


def test_wastewater_alone_has_its_page(tmp_path):
    """Pits and pumps, without a word about drinking water and gas."""
    pit = "{id: pit-1, profile: pit, site: plaza, endpoint: 'modbus+tcp://10.0.0.3:502/1'}"
    found = titles(made(small(tmp_path, pit, name="monterrey", **{"profiles/pit": PIT})))

    assert found == ["Pumps", "Wastewater level", "Wastewater flow"]


def test_a_tank_without_a_supplier_has_no_requests(tmp_path):
    """Nor hours left, which barrio computes for supply."""
    found = titles(made(small(tmp_path, TANKS)))

    assert {"Levels of water tanks", "Least flow of the night", "Water per day", "Residual chlorine"} <= set(
        found
    )
    assert not {"Supply requests", "Hours left", "Gas per day", "Levels of gas tanks"} & set(found)


def test_the_demo_has_water_and_gas_with_their_supply(maderas):
    """Levels with hours left, and what was ordered."""
    found = titles(made(maderas))

    assert {"Tanks now", "Hours left", "Supply requests", "Gas per day", "Methane", "Most methane"} <= set(
        found
    )


def test_water_that_is_used_goes_out(maderas):
    """Of two flows of a tank the one that fills it is not used, and none of a chiller is."""
    assert {(seen.kind, seen.point) for seen in taken(Inventory(maderas))} == {("WaterTank", "outlet_flow")}


@pytest.fixture
def filled(tmp_path, influxdb, request):
    name = "wa" + str(abs(hash(request.node.name)) % 10**8)
    return Filled(influxdb.url, small(tmp_path, TANKS, name=name, services=SERVICES))


def test_the_least_flow_of_a_night_is_that_of_each_tank(filled):
    """Tank 2 never falls below 0.4 m³/h between 02 and 05: it leaks. Later hours and what fills it do not count."""
    for number in range(96 * 3):
        when = MONDAY + number * HOUR / 4
        for tank, night in ((1, 0.0), (2, 0.4)):
            flow = night if when.hour == 3 else 2.0 + tank
            flow = -0.0 if when.hour == 6 else flow
            filled.put(f"tank-{tank}/outlet_flow", when, Resolution.QUARTER, mean=flow)
            filled.put(f"tank-{tank}/inlet_flow", when, Resolution.QUARTER, mean=0.0)
    found = answers(made(filled.district), "Least flow of the night", filled, MONDAY, MONDAY + 3 * DAY - HOUR)
    nights = [(when, tags, round(value, 6)) for when, tags, value in found if when >= MONDAY]

    assert nights == [
        (MONDAY + day * DAY + 2 * HOUR, f"device={tank}", flow)
        for tank, flow in (("tank-1", 0.0), ("tank-2", 0.4))
        for day in range(3)
    ]


def test_tanks_are_told_now(filled):
    """Level and hours left of each, and the lowest of all."""
    for minute in range(5):
        when = MONDAY + minute * HOUR / 60
        for tank, level in ((1, 80.0), (2, 31.0 - minute)):
            filled.put(f"tank-{tank}/level", when, value=level)
            tags = f"district={filled.district.id},site=x,device=tank-{tank},point=hours_left"
            filled.line(f"hours_left,{tags}", when, Resolution.RAW, {"value": level / 10})
    board, stop = made(filled.district), MONDAY + 5 * HOUR / 60

    assert [row[2] for row in answers(board, "Lowest water tank", filled, MONDAY, stop)] == [27.0]
    assert [row[2] for row in answers(board, "First to be empty in", filled, MONDAY, stop)] == [2.7]
    assert [row[1:] for row in answers(board, "Tanks now", filled, MONDAY, stop)][:2] == [
        ("device=tank-1", 80.0),
        ("device=tank-2", 27.0),
    ]


def test_what_was_ordered_is_told_once(filled):
    """A request that went through three steps is one row, as it stands now."""
    tags = f"district={filled.district.id},site=kiosk,device=tank-2,number=7"
    for minute, state, still in ((0, "requested", 1), (5, "acknowledged", 1), (9, "delivered", 0)):
        fields = {
            "open": still,
            "state": state,
            "what": "Drinking water",
            "quantity": 40.0,
            "unit": "m3",
            "text": "…",
        }
        when = MONDAY + minute * HOUR / 60
        filled.line(
            f"barrio_requests,{tags}",
            when,
            Resolution.RAW,
            fields | {"deadline": 0, "since": 0, "hours_left": 1},
        )

    [row] = answers(made(filled.district), "Supply requests", filled, MONDAY, MONDAY + HOUR)

    assert "number=7" in row[1]
    assert "state=delivered" in row[1]


def test_water_of_a_day_is_what_meters_counted(filled):
    """2 and 3 m³ an hour are 120 m³ a day."""
    for number in range(24 * 3):
        for tank, volume in ((1, 2.0), (2, 3.0)):
            filled.put(f"tank-{tank}/inlet_meter", MONDAY + number * HOUR, Resolution.HOUR, delta=volume)
    found = answers(made(filled.district), "Water per day", filled, MONDAY, MONDAY + 3 * DAY - HOUR)
    days = [row[2] for row in found if row[0] >= MONDAY and row[2]]

    assert days[:3] == [120.0, 120.0, 120.0]


def test_five_thousand_tanks_make_a_short_page(tmp_path):
    """By sites and by the lowest, the mean and the highest."""
    rows = "\n".join(
        f"{{id: tank-{n}, profile: water-tank-modbus, site: {'plaza' if n % 2 else 'kiosk'},"
        f" endpoint: 'modbus+tcp://10.0.{n // 250}.{n % 250}:502/1'}}"
        for n in range(5000)
    )
    board = made(small(tmp_path, rows))
    text = json.dumps(board.json)

    assert "Tanks now" not in titles(board)
    assert len(text) < 200_000
    assert "tank-17" not in text
