"""Queries by the clock of a district, on a real InfluxDB, with numbers that can be counted by hand."""

from datetime import datetime, timedelta
from itertools import count

import pytest

from dashboards.kit.clock import Clock
from dashboards.kit.inventory import Bounds, Inventory
from dashboards.kit.texts import same
from tests.dashboards.districts import small
from tests.dashboards.filled import Filled
from twin.resolution import Resolution

METERS = """
{id: meter-1, profile: energy-meter-modbus, site: kiosk, endpoint: 'modbus+tcp://10.0.0.2:502/1'}
{id: meter-2, profile: energy-meter-modbus, site: plaza, endpoint: 'modbus+tcp://10.0.0.2:502/2'}
{id: tank-1, profile: water-tank-modbus, site: plaza, endpoint: 'modbus+tcp://10.0.0.2:502/3'}
{id: lamp-1, profile: streetlight-coap, site: plaza, endpoint: 'coap://10.0.0.3'}
{id: lamp-2, profile: streetlight-coap, site: plaza, endpoint: 'coap://10.0.0.4'}
"""
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NUMBERS = count()
ZONES = ["America/Mexico_City", "Europe/Madrid", "Asia/Kolkata"]


@pytest.fixture(params=ZONES, ids=[zone.rpartition("/")[2].lower() for zone in ZONES])
def filled(request, tmp_path, influxdb):
    district = small(tmp_path, METERS, name=f"clock-{next(NUMBERS)}", zone=request.param)
    return Filled(influxdb.url, district)


def clock_of(filled):
    return Clock(Inventory(filled.district))


def hourly(filled, path, first, hours, value, resolution=Resolution.HOUR, **more):
    """Put a row each hour: `value` of the moment."""
    for number in range(hours):
        when = first + number * HOUR
        filled.put(path, when, resolution, **{"count": 1, "good_s": 3600, **value(when)}, **more)


MONDAY = datetime(2026, 3, 2)  # noqa: DTZ001 - on the clock of whichever district


def test_days_are_those_of_the_calendar_and_the_first_is_whole(filled):
    """Two meters that take 1 and 2 kWh an hour take 72 kWh a day, wherever the range begins."""
    for number in (1, 2):
        hourly(filled, f"meter-{number}/import", MONDAY, 24 * 9, lambda _, n=number: {"delta": n})
    clock = clock_of(filled)
    points = clock.inventory.points("active_energy_import")

    found = filled.ask(clock.days(points, same("kWh")), MONDAY + 2.4 * DAY, MONDAY + 6 * DAY - HOUR)
    seen = [row for row in found if row[0] >= MONDAY + 2.4 * DAY]

    assert seen == [(MONDAY + n * DAY, "", 72.0) for n in (3, 4)] + [(MONDAY + 5 * DAY, "", 72.0)]
    assert filled.ask(clock.days(points, same("kWh"), by=("site",)), MONDAY, MONDAY + DAY - HOUR)[0][1:] == (
        "site=kiosk",
        24.0,
    )


def test_the_week_before_stands_beside_each_day(filled):
    """Day n takes n kWh an hour: beside it stands what the day seven days before took, 0 where nothing was heard."""
    hourly(filled, "meter-1/import", MONDAY, 24 * 3, lambda when: {"delta": (when - MONDAY).days + 1})
    hourly(
        filled, "meter-1/import", MONDAY + 4 * DAY, 24 * 10, lambda when: {"delta": (when - MONDAY).days + 1}
    )
    clock = clock_of(filled)
    points = clock.inventory.points("active_energy_import")

    found = filled.ask(
        clock.week_before(points, same("before")), MONDAY + 0.4 * DAY, MONDAY + 12 * DAY - HOUR
    )
    seen = {when: round(value, 6) for when, _, value in found if value is not None}

    assert seen == {MONDAY + n * DAY: 24.0 * (n - 6) if n != 10 else 0.0 for n in range(8, 12)}


def test_the_peak_is_that_of_a_quarter_hour(filled):
    """2 kWh in a quarter hour are 8 kW; two meters peak together, not each for itself."""
    for number in range(96):
        when = MONDAY + number * HOUR / 4
        filled.put("meter-1/import", when, Resolution.QUARTER, delta=2.0 if number == 40 else 0.5)
        filled.put("meter-2/import", when, Resolution.QUARTER, delta=2.0 if number == 60 else 0.25)
    clock = clock_of(filled)

    found = filled.ask(
        clock.peaks(clock.inventory.points("active_energy_import"), same("peak")), MONDAY, MONDAY + DAY - HOUR
    )

    assert found == [(MONDAY, "", 10_000.0)]


def test_nights_have_their_lowest_value_from_two_to_five(filled):
    """The least of the sum of both flows between 02 and 05, not at midnight; a night without data is left out."""
    for number in range(96 * 3):
        when = MONDAY + number * HOUR / 4
        if 1 <= when.hour < 6 and when.day == 3:
            continue
        flow = 0.1 if when.hour < 1 else 0.75 if (when.hour, when.minute) == (4, 45) else 1.0
        filled.put("tank-1/outlet_flow", when, Resolution.QUARTER, mean=flow, count=1)
        filled.put("tank-1/inlet_flow", when, Resolution.QUARTER, mean=99.0, count=1)
    clock = clock_of(filled)
    points = clock.inventory.points("water_flow", point="outlet_flow")

    found = filled.ask(clock.nights(points, same("night"), by=("device",)), MONDAY, MONDAY + 3 * DAY - HOUR)
    seen = [row for row in found if row[0] >= MONDAY]

    assert seen == [
        (MONDAY + 2 * HOUR, "device=tank-1", 0.75),
        (MONDAY + 2 * DAY + 2 * HOUR, "device=tank-1", 0.75),
    ]


def test_the_load_of_the_night_is_a_mean_power(filled):
    """1 and 2 kWh an hour at night are 3 kW, whatever the day takes."""
    for number in (1, 2):
        hourly(
            filled,
            f"meter-{number}/import",
            MONDAY,
            48,
            lambda when, n=number: {"delta": n if when.hour < 6 else 50},
        )
    clock = clock_of(filled)

    found = filled.ask(
        clock.night_power(clock.inventory.points("active_energy_import"), same("night")),
        MONDAY,
        MONDAY + 2 * DAY - HOUR,
    )
    seen = [(when, round(value, 1)) for when, _, value in found if when >= MONDAY]

    assert seen == [(MONDAY + 2 * HOUR, 3000.0), (MONDAY + DAY + 2 * HOUR, 3000.0)]


def test_lamps_that_burn_by_day_are_found(filled):
    """Burning from 11 to 14 counts, burning at night does not; the longest first."""
    for number in range(24 * 3):
        when = MONDAY + number * HOUR
        filled.put(
            "lamp-1/power_state",
            when,
            Resolution.HOUR,
            good_s=3600,
            **{"state_s:on": 3600 if when.hour < 6 or when.hour == 12 else 0},
        )
        filled.put(
            "lamp-2/power_state",
            when,
            Resolution.HOUR,
            good_s=3600,
            **({"state_s:on": 3600.0} if when.hour < 6 else {}),
        )
    clock = clock_of(filled)
    points = clock.inventory.points("power_state")

    found = filled.ask(
        [clock.hours_in_state(points, "on", 11, column="hours")], MONDAY, MONDAY + 3 * DAY - HOUR
    )

    assert [row[1:] for row in found] == [("device=lamp-1,site=plaza", 3.0)]


def test_the_largest_come_first_with_their_place(filled):
    """No more than asked for."""
    for number in (1, 2):
        hourly(filled, f"meter-{number}/import", MONDAY, 24, lambda _, n=number: {"delta": n})
    clock = clock_of(filled)
    points = clock.inventory.points("active_energy_import")

    both = filled.ask(clock.largest(points, column="kWh"), MONDAY, MONDAY + DAY - HOUR)
    one = filled.ask(clock.largest(points, column="kWh", top=1), MONDAY, MONDAY + DAY - HOUR)

    assert [row[1:] for row in both] == [
        ("device=meter-2,site=plaza", 48.0),
        ("device=meter-1,site=kiosk", 24.0),
    ]
    assert [row[1:] for row in one] == [("device=meter-2,site=plaza", 48.0)]


@pytest.mark.parametrize(
    ("bounds", "share"),
    [
        (Bounds(20.0, 24.0, ()), 50.0),
        (Bounds(-float("inf"), 24.0, ()), 75.0),
        (Bounds(20.0, float("inf"), ()), 75.0),
        (Bounds(0.0, 50.0, ()), 100.0),
    ],
)
def test_the_share_of_time_within_limits(filled, bounds, share):
    """A quarter hour each at 18, 21, 23 and 26: half of them lie between 20 and 24."""
    for number in range(96):
        filled.put(
            "tank-1/temperature",
            MONDAY + number * HOUR / 4,
            Resolution.QUARTER,
            mean=(18.0, 21.0, 23.0, 26.0)[number % 4],
        )
    clock = clock_of(filled)
    points = clock.inventory.points("water_temperature")

    found = filled.ask(clock.share_inside(points, bounds, same("in")), MONDAY, MONDAY + DAY - HOUR / 4)

    assert len(found) == 96
    assert sum(row[2] for row in found) / 96 == share


def test_hours_are_a_table_in_which_half_hours_of_a_zone_are_its_own(filled):
    """An hour of the district's clock begins at its full hour."""
    hourly(filled, "meter-1/import", MONDAY, 24, lambda when: {"delta": when.hour})
    clock = clock_of(filled)

    found = filled.ask(
        [clock.hours(clock.inventory.points("active_energy_import"), "kWh")], MONDAY, MONDAY + DAY - HOUR
    )

    assert found == [(MONDAY + n * HOUR, "", float(n)) for n in range(24)]


def test_long_ranges_read_coarser_rollups(tmp_path):
    """A year of five hundred meters is read by the day, a week by the hour."""
    rows = "\n".join(
        f"{{id: m-{n}, profile: energy-meter-modbus, site: plaza,"
        f" endpoint: 'modbus+tcp://10.0.{n // 250}.{n % 250}:502/1'}}"
        for n in range(500)
    )
    clock = Clock(Inventory(small(tmp_path, rows)))
    told = clock.days(clock.inventory.points("active_energy_import"), same("kWh"))

    weekends = clock.weekends(clock.inventory.points("active_energy_import"), same("a"), same("b"), same("c"))

    assert [one.resolutions for one in told] == [(Resolution.HOUR,), (Resolution.DAY,)]
    assert {one.resolutions for one in weekends} == {(Resolution.DAY,)}
    assert "$__interval < " in told[0].query
    assert "$__interval >= " in told[1].query


def test_weekends_stand_beside_the_week(filled):
    """1 kWh an hour is 1 kW; Saturday takes half of it, Sunday a quarter."""
    share = {5: 0.5, 6: 0.25}
    hourly(filled, "meter-1/import", MONDAY, 24 * 22, lambda when: {"delta": share.get(when.weekday(), 1.0)})
    clock = clock_of(filled)
    points = clock.inventory.points("active_energy_import")
    told = clock.weekends(points, same("Saturday"), same("Sunday"), same("week"))
    week = round((5 + 0.5 + 0.25) * 1000 / 7, 2)

    saturdays, sundays, weeks = (
        [
            (when, round(watts, 2))
            for when, _, watts in filled.ask([one], MONDAY + 0.3 * DAY, MONDAY + 21 * DAY - HOUR)
        ]
        for one in told
    )

    assert saturdays == [(MONDAY + n * DAY, 500.0) for n in (5, 12, 19)]
    assert sundays == [(MONDAY + n * DAY, 250.0) for n in (6, 13, 20)]
    assert weeks == [(MONDAY + 7 * DAY, week), (MONDAY + 14 * DAY, week)]


def test_weekends_of_very_many_meters_are_read_by_the_day(filled, monkeypatch):
    """The same numbers, from one row a day."""
    monkeypatch.setattr("dashboards.kit.clock.BUDGET", 0)
    for number in range(21):
        day = MONDAY + number * DAY
        filled.put("meter-1/import", day, Resolution.DAY, delta={5: 12.0, 6: 6.0}.get(day.weekday(), 24.0))
    clock = clock_of(filled)
    told = clock.weekends(clock.inventory.points("active_energy_import"), same("a"), same("b"), same("c"))

    saturdays, sundays, weeks = (
        [round(row[2], 1) for row in filled.ask([one], MONDAY + 0.3 * DAY, MONDAY + 21 * DAY - HOUR)]
        for one in told
    )

    assert (saturdays, sundays, weeks) == ([500.0] * 3, [250.0] * 3, [821.4] * 2)


def test_minutes_without_an_alarm_are_counted(filled):
    """Two tanks; the alarm of one stands for six minutes of an hour: 95 % of the minutes are free of it."""
    clock = clock_of(filled)
    tags = f"district={filled.district.id},site=plaza,point=level,priority=high"
    for number in range(6):
        for again in (0, 20):
            when = MONDAY + HOUR + number * timedelta(minutes=1) + timedelta(seconds=again)
            filled.line(f"barrio_alarms,{tags},device=tank-1,rule=low", when, Resolution.RAW, {"standing": 1})
    ended = MONDAY + HOUR + timedelta(minutes=6)
    filled.line(f"barrio_alarms,{tags},device=tank-1,rule=low", ended, Resolution.RAW, {"standing": 0})
    filled.line(f"barrio_alarms,{tags},device=tank-1,rule=other", ended, Resolution.RAW, {"standing": 1})
    points = (*clock.inventory.points("level_ratio"), *clock.inventory.points("lamp_power")[:1])

    found = filled.ask(
        [clock.free_of_alarm(points, "low", same("free"))], MONDAY, MONDAY + 3 * HOUR - HOUR / 60, points=3
    )

    assert [row[2] for row in found][:3] == [100.0, 95.0, 100.0]
