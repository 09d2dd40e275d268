"""Programmes of the day: what holds when, over midnight, clock changes and days without a sunrise."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.commands.book import Stretch
from twin.commands.programme import Programme
from twin.commands.spec import StretchSpec
from twin.commands.times import parse_time
from twin.model.spec import Location

MADRID = ZoneInfo("Europe/Madrid")
ZARAGOZA = Location(lat=41.6, lon=-0.9)
TROMSO = Location(lat=69.65, lon=18.96)
OSLO = ZoneInfo("Europe/Oslo")
LIGHTS = (("sunset", "23:00", 100.0), ("23:00", "05:00", 60.0), ("05:00", "sunrise", 100.0))
EVERY_DAY = frozenset(range(7))


def programme(stretches=LIGHTS, days=EVERY_DAY, zone=MADRID, place=ZARAGOZA):
    specs = [StretchSpec.model_validate({"from": a, "until": b, "value": value}) for a, b, value in stretches]
    return Programme([Stretch(spec, spec.value) for spec in specs], frozenset(days), zone, place)


def ns(text, zone=MADRID):
    return round(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()) * 10**9


def day_of(found, text, zone=MADRID):
    """Return what a programme does in the 24 hours from a local time: local times of changes, and values."""
    start = ns(text, zone)
    phases = found.coming(start, start + 24 * 3600 * 10**9)
    changes = [(datetime.fromtimestamp(one.since / 1e9, zone).strftime("%H:%M"), one.value) for one in phases]
    return [(text[-5:], found.at(start).value), *changes]


def test_a_night_of_lights():
    """Sunset and sunrise at the place, an hour of the clock between them, dark over midnight."""
    assert day_of(programme(), "2026-03-10T12:00") == [
        ("12:00", None), ("19:04", 100.0), ("23:00", 60.0), ("05:00", 100.0), ("07:22", None),
    ]  # fmt: skip


def test_a_summer_of_long_evenings():
    """A stretch that the sun has passed already is left out: it does not last until the next day."""
    light = programme((("sunset", "21:30", 100.0), ("21:30", "05:00", 60.0), ("06:40", "sunrise", 100.0)))

    assert day_of(light, "2026-06-20T12:00") == [("12:00", None), ("21:30", 60.0), ("05:00", None)]
    assert ("06:40", 100.0) in day_of(light, "2026-12-20T12:00")


@pytest.mark.parametrize(
    ("night", "hours", "changes"),
    [
        ("2026-03-28T12:00", 5, ["23:00", "05:00"]),  # the clock goes from 2 to 3
        ("2026-10-24T12:00", 7, ["23:00", "05:00"]),  # and from 3 back to 2
    ],
)
def test_nights_of_clock_changes(night, hours, changes):
    """The clock's hours count: the night is an hour shorter, or longer."""
    found = programme((("23:00", "05:00", 60.0),))
    [dark] = [phase for phase in found.coming(ns(night), ns(night) + 20 * 3600 * 10**9) if phase.value]

    assert (dark.until - dark.since) / 3.6e12 == hours


def test_an_hour_that_is_left_out_and_one_that_comes_twice():
    """What begins at 2:30 begins an hour later in spring, and the first time in autumn."""
    found = programme((("02:30", "04:00", 1.0),))

    assert day_of(found, "2026-03-29T00:00")[1:] == [("03:30", 1.0), ("04:00", None)]
    [begin] = [
        phase.since for phase in found.coming(ns("2026-10-25T00:00"), ns("2026-10-25T06:00")) if phase.value
    ]
    assert datetime.fromtimestamp(begin / 1e9, UTC).hour == 0


def test_days_are_those_on_which_a_stretch_begins():
    """Friday's night lasts into Saturday; 2026-03-13 is a Friday."""
    found = programme((("23:00", "05:00", 60.0),), days=[4])

    assert found.at(ns("2026-03-14T04:59")).value == 60.0
    assert found.at(ns("2026-03-13T04:59")).value is None
    assert found.at(ns("2026-03-14T23:30")).value is None


def test_the_first_of_several_stands():
    """Where stretches meet, the order of the file decides."""
    found = programme((("20:00", "21:00", 1.0), ("19:00", "23:00", 2.0)))

    assert day_of(found, "2026-03-10T12:00") == [
        ("12:00", None), ("19:00", 2.0), ("20:00", 1.0), ("21:00", 2.0), ("23:00", None),
    ]  # fmt: skip


def test_all_day():
    """From an hour to the same hour is a whole day, and no change is said where nothing changes."""
    assert day_of(programme((("00:00", "24:00", 5.0),)), "2026-03-10T12:00") == [("12:00", 5.0)]


def test_offsets_of_the_sun():
    """Before and after it."""
    found = programme((("sunset+15min", "sunrise-1h", 1.0),))

    assert day_of(found, "2026-03-10T12:00") == [("12:00", None), ("19:19", 1.0), ("06:22", None)]


def test_the_polar_night_is_dark_all_day():
    """Lights burn from noon to noon, and the stretches of the clock are kept."""
    dark = programme(zone=OSLO, place=TROMSO)
    found = day_of(dark, "2026-12-20T08:00", OSLO)

    assert {value for _, value in found} == {100.0, 60.0}
    assert [time for time, value in found if value == 60.0] == ["23:00"]
    night = programme((("sunset", "sunrise", 1.0),), zone=OSLO, place=TROMSO)
    assert day_of(night, "2026-12-20T08:00", OSLO) == [("08:00", 1.0)]


def test_the_midnight_sun_leaves_the_lights_off():
    """Only what the clock says holds."""
    light = programme(zone=OSLO, place=TROMSO)

    assert day_of(light, "2026-06-20T08:00", OSLO) == [("08:00", None), ("23:00", 60.0), ("05:00", None)]
    day = programme((("sunrise", "sunset", 1.0),), zone=OSLO, place=TROMSO)
    assert day_of(day, "2026-06-20T08:00", OSLO) == [("08:00", 1.0)]


def test_a_year_at_the_polar_circle_has_no_holes():
    """Every change is later than the one before, and every phase is what `at` says of its middle."""
    found = programme(zone=OSLO, place=TROMSO)
    now = ns("2026-01-01T00:00", OSLO)
    end = ns("2027-01-01T00:00", OSLO)
    while now < end:
        phase = found.at(now)
        assert phase.since <= now < phase.until
        assert found.at((now + phase.until) // 2).value == phase.value
        now = phase.until


@given(
    st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2090, 1, 1)),  # noqa: DTZ001 - local
    st.sampled_from(
        ["America/Mexico_City", "Europe/Madrid", "Pacific/Apia", "Asia/Kathmandu", "America/St_Johns"]
    ),
    st.floats(-85, 85),
    st.floats(-180, 180),
)
def test_a_new_look_says_the_same(moment, zone, lat, lon):
    """What holds does not depend on when a programme was first asked."""
    place, where = Location(lat=lat, lon=lon), ZoneInfo(zone)
    now = round(moment.replace(tzinfo=where).timestamp()) * 10**9
    old = programme(zone=where, place=place)
    old.at(now - 40 * 3600 * 10**9)

    assert (
        old.at(now) == programme(zone=where, place=place).at(now)
        or old.at(now).value == programme(zone=where, place=place).at(now).value
    )


@pytest.mark.parametrize(
    "text", ["00:00", "24:00", "7:05", "sunrise", "sunset+15min", "sunset-1h", "sunset + 15 min"]
)
def test_times_of_day(text):
    """They are read, and written back in one form that is read the same."""
    assert parse_time(str(parse_time(text))) == parse_time(text)


@pytest.mark.parametrize("text", ["24:01", "7", "12:60", "noon", "sunset+", "sunset+9h", "sunset*2", "", 700])
def test_what_is_no_time_of_day(text):
    """The words say what is."""
    with pytest.raises(ValueError, match=r"time of day|offset"):
        parse_time(text)


def test_a_day_ahead():
    """Changes are told a day ahead, however far that is from what was computed first."""
    found = programme()
    start = ns("2026-03-10T12:00")
    found.at(start)
    later = start + 10 * 86_400 * 10**9

    assert len(list(found.coming(later, later + timedelta(days=1) // timedelta(microseconds=1) * 1000))) == 4
