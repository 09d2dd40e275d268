"""What is read is right: sums, counts, shares and days, on a real InfluxDB."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest

from dashboards.kit.inventory import Inventory
from dashboards.kit.series import compiled, of, told
from dashboards.kit.texts import Text
from dashboards.preview.interpolate import duration_ms, interpolate, panel_interval
from dashboards.preview.span import Span
from tests.dashboards.districts import small
from tests.dashboards.filled import Filled
from twin.resolution import Resolution

DEVICES = """
{id: lamp-1, profile: streetlight-coap, site: plaza, endpoint: 'coap://10.0.0.1'}
{id: lamp-2, profile: streetlight-coap, site: plaza, endpoint: 'coap://10.0.0.2'}
{id: lamp-3, profile: streetlight-coap, site: kiosk, endpoint: 'coap://10.0.0.3'}
{id: meter, profile: energy-meter-modbus, site: kiosk, endpoint: 'modbus+tcp://10.0.0.4:502/1'}
"""
LABEL = Text("Lamps", "Luminarias")
ZONE = "Europe/Madrid"
SPRING = datetime.fromisoformat("2026-03-29")
"""The day of 23 hours in Madrid."""


@pytest.fixture(scope="module")
def lamps(influxdb, tmp_path_factory):
    """Three lamps and a meter over the days around the change of the clocks, as rollups and as readings."""
    district = small(tmp_path_factory.mktemp("lamps"), DEVICES, name="lamps", zone=ZONE)
    filled = Filled(influxdb.url, district)
    for number, lamp in enumerate(("lamp-1", "lamp-2", "lamp-3"), 1):
        moment = SPRING - timedelta(days=2)
        while moment < SPRING + timedelta(days=2):
            lit = {"state_s:on": 900.0} if moment.hour < 6 and number < 3 else {"state_s:off": 900.0}
            if not (moment.date() == SPRING.date() and moment.hour == 2):
                filled.put(f"{lamp}/power_state", moment, Resolution.QUARTER, good_s=900.0, **lit)
                filled.put(f"{lamp}/energy", moment, Resolution.QUARTER, delta=0.25 * number, good_s=900.0)
                filled.put(f"{lamp}/power", moment, Resolution.QUARTER, mean=10.0 * number, min=0.0, max=99.0)
                if moment.minute == 0:
                    filled.put(f"{lamp}/energy", moment, Resolution.HOUR, delta=1.0 * number, good_s=3600.0)
                    filled.put(f"{lamp}/power", moment, Resolution.HOUR, mean=10.0 * number)
            moment += timedelta(minutes=15)
        filled.put(f"{lamp}/energy", SPRING, Resolution.DAY, delta=23.0 * number, good_s=23 * 3600.0)
        filled.put(f"{lamp}/power", SPRING, Resolution.DAY, mean=10.0 * number)
        half = {"state_s:on": 43_200.0} if number < 3 else {"state_s:off": 82_800.0}
        filled.put(f"{lamp}/power_state", SPRING, Resolution.DAY, good_s=82_800.0, **half)
        for second in range(0, 600, 60):
            when = SPRING + timedelta(hours=12, seconds=second)
            filled.put(f"{lamp}/power", when, value=10.0 * number)
            filled.put(f"{lamp}/power_state", when, state="on" if number < 3 else "off")
    filled.flush()
    return filled


def queries(filled, wanted):
    found = compiled(Inventory(filled.district), wanted, "x", ZONE)
    assert found is not None
    return [query for _, query in found.queries]


def ask(filled, wanted, start, hours, points=300):
    """Return `(local time, tags, value)` of what is wanted, asked as Grafana does."""
    return filled.ask(
        told(Inventory(filled.district), wanted, LABEL), start, start + timedelta(hours=hours), points
    )


def test_a_sum_of_readings_is_that_of_the_devices(lamps):
    """Each lamp counts once in each step, however often it spoke."""
    rows = ask(lamps, of("lamp_power", fold="sum"), SPRING + timedelta(hours=12), 0.15, points=9)

    assert rows
    assert {value for _, _, value in rows} == {60.0}


def test_a_sum_by_site_keeps_sites_apart(lamps):
    """The plaza has two lamps, the kiosk one."""
    rows = ask(lamps, of("lamp_power", by="site", fold="sum"), SPRING + timedelta(hours=12), 0.15, points=9)

    assert {(tags, value) for _, tags, value in rows} == {("site=plaza", 30.0), ("site=kiosk", 30.0)}


def test_now_is_one_exact_number(lamps):
    """The newest of each lamp, added up; counted by its state."""
    start = SPRING + timedelta(hours=12)

    assert [value for *_, value in ask(lamps, of("lamp_power", fold="sum", over="now"), start, 1)] == [60.0]
    counted = of("power_state", take="count", state="on", over="now")
    assert [value for *_, value in ask(lamps, counted, start, 1)] == [2]


def test_what_meters_counted_in_a_day_is_that_of_the_districts_day(lamps):
    """The day on which the clocks change has 23 hours, and a day of which nothing came yet is none of them."""
    rows = ask(lamps, of("lamp_energy", fold="sum", daily=True), SPRING - timedelta(days=1), 72)

    assert rows == [
        (SPRING - timedelta(days=1), "", 24 * 6.0),
        (SPRING, "", 23 * 6.0),
        (SPRING + timedelta(days=1), "", 24 * 6.0),
        (SPRING + timedelta(days=2), "", None),
    ]


def test_a_sum_over_a_year_is_read_from_days(lamps):
    """Of the four queries the one of days answers, and each day is one step at its midnight."""
    rows = ask(lamps, of("lamp_power", fold="sum"), SPRING - timedelta(days=365), 24 * 400)

    assert rows == [(SPRING, "", 60.0)]


def test_lamps_that_burn_are_counted_from_the_seconds_they_did(lamps):
    """Two until six o'clock, none from then on: nought is a number, and no line runs across the day."""
    rows = ask(lamps, of("power_state", take="count", state="on"), SPRING - timedelta(days=1), 23)
    by_hour = {when.hour: value for when, _, value in rows}

    assert by_hour == {hour: 2.0 if hour < 6 else 0.0 for hour in range(23 + 1) if hour in by_hour}
    assert len(by_hour) >= 23


def test_nothing_is_counted_where_nothing_was_known(lamps):
    """Before the first reading there is no nought, and over a year the windows are the district's days."""
    wanted = of("power_state", take="count", state="on")
    early = ask(lamps, wanted, SPRING - timedelta(days=4), 60)

    assert min(when for when, *_ in early) == SPRING - timedelta(days=2)
    assert ask(lamps, wanted, SPRING - timedelta(days=365), 24 * 400) == [(SPRING, "", 1.0)]


def test_the_share_of_the_time_in_a_state_is_of_the_time_that_is_known(lamps):
    """A quarter of the day, for the lamps that burn."""
    wanted = of("power_state", take="share", state="on", by="device", over="range")
    rows = ask(lamps, wanted, SPRING - timedelta(days=1), 23.99)

    assert {tags: round(value) for _, tags, value in rows} == {
        "device=lamp-1": 25,
        "device=lamp-2": 25,
        "device=lamp-3": 0,
    }


@pytest.mark.parametrize("hours", [0.5, 6, 24, 24 * 7, 24 * 60, 24 * 365, 24 * 3650])
def test_exactly_one_query_answers(lamps, hours):
    """The guards of the four exclude one another for every range."""
    span = Span(0, int(hours * 3_600_000))
    interval = panel_interval(span, 300, "10s")
    texts = [interpolate(query, span, interval) for query in queries(lamps, of("lamp_power", by="device"))]

    answering = [
        text
        for text in texts
        if all(
            duration_ms(one) < duration_ms(other) if sign == "<" else duration_ms(one) >= duration_ms(other)
            for one, sign, other in re.findall(r"AND (\w+) (<|>=) (\d+\w)", text)
        )
    ]

    assert len(answering) == 1


def test_what_a_district_does_not_have_has_no_query(lamps):
    """No panel is made of it."""

    assert compiled(Inventory(lamps.district), of("gas_flow"), "x", ZONE) is None


def test_days_know_their_zone_only_without_a_variable(lamps):
    """Before 11.5.3 Grafana takes the `/` of a zone amiss beside a regular expression; one value needs none."""

    def zoned(**pick):
        return ["tz(" in query for query in queries(lamps, of("lamp_power", by="device", **pick))]

    assert zoned() == zoned(pick={"device": "=device"}) == [False, False, True, True]
    assert zoned(pick={"site": "site"}) == [False] * 4
