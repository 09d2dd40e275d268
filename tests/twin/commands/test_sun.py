"""Sunrise and sunset, against what others published and against an algorithm of its own."""

import itertools
import math
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from twin.commands.sun import sun_days
from twin.model.spec import Location


def almanac(lat: float, lon: float, day: date, *, rising: bool) -> float | None:
    """Hour of UTC (0 to 24) of sunrise or sunset: Almanac for Computers, 1990 (Nautical Almanac Office, USNO).

    Another way than NOAA's: the sun's mean anomaly, true longitude and right ascension. None where there is none.
    """
    zenith = math.radians(90.833)
    number = day.timetuple().tm_yday
    hours = lon / 15
    t = number + ((6 if rising else 18) - hours) / 24
    anomaly = 0.9856 * t - 3.289
    along = (
        anomaly
        + 1.916 * math.sin(math.radians(anomaly))
        + 0.020 * math.sin(math.radians(2 * anomaly))
        + 282.634
    )
    along %= 360
    ascension = math.degrees(math.atan(0.91764 * math.tan(math.radians(along)))) % 360
    ascension = (ascension + 90 * (along // 90 - ascension // 90)) / 15
    sin_declination = 0.39782 * math.sin(math.radians(along))
    cos_declination = math.cos(math.asin(sin_declination))
    cosine = (math.cos(zenith) - sin_declination * math.sin(math.radians(lat))) / (
        cos_declination * math.cos(math.radians(lat))
    )
    if abs(cosine) > 1:
        return None
    angle = math.degrees(math.acos(cosine))
    local = (360 - angle if rising else angle) / 15 + ascension - 0.06571 * t - 6.622
    return (local - hours) % 24


@pytest.mark.parametrize("lat", [-54.8, -33.9, 0.0, 20.56, 41.6, 51.5, 64.15])
@pytest.mark.parametrize("month", range(1, 13))
def test_another_algorithm_says_the_same(lat, month):
    """Within two minutes and a half, on the 21st of every month."""
    [day] = sun_days(Location(lat=lat, lon=-3.7), date(2026, month, 21), 1)
    for moment, rising in ((day.sunrise, True), (day.sunset, False)):
        wanted = almanac(lat, -3.7, date(2026, month, 21), rising=rising)
        found = (moment - datetime(2026, month, 21, tzinfo=UTC)).total_seconds() / 3600 % 24

        assert wanted is not None
        assert min(abs(found - wanted), 24 - abs(found - wanted)) < 2.5 / 60


# Rise and Set for the Sun for 2008, W121 55, N37 24, zone 8 h west, on the first of each month: a table of the U.S.
# Naval Observatory's Astronomical Applications Department, as khuang.blogspot.com (September 2008) quotes it.
NAVAL_OBSERVATORY = (
    ("0722", "1700"), ("0711", "1732"), ("0638", "1802"), ("0552", "1831"), ("0512", "1858"), ("0448", "1923"),
    ("0451", "1932"), ("0512", "1915"), ("0539", "1836"), ("0604", "1750"), ("0633", "1709"), ("0704", "1650"),
)  # fmt: skip


@pytest.mark.parametrize("month", range(1, 13))
def test_the_naval_observatory_says_the_same(month):
    """To the minute, as its table is rounded."""
    place, zone = Location(lat=37.4, lon=-121 - 55 / 60), timezone(timedelta(hours=-8))
    [day] = sun_days(place, date(2008, month, 1), 1)
    for moment, text in zip((day.sunrise, day.sunset), NAVAL_OBSERVATORY[month - 1], strict=True):
        local = moment.astimezone(zone)
        wanted = local.replace(hour=int(text[:2]), minute=int(text[2:]), second=0, microsecond=0)

        assert abs(local - wanted) <= timedelta(seconds=61)


def test_the_sun_sets_after_midnight():
    """Near the polar circle the sun of one day sets on the next; each comes once."""
    days = sun_days(Location(lat=64.15, lon=-21.94), date(2026, 6, 18), 5)

    assert all(day.sunset.hour == 0 and day.sunset.date() > day.sunrise.date() for day in days)
    assert all(later.sunset - day.sunset > timedelta(hours=23) for day, later in itertools.pairwise(days))


@pytest.mark.parametrize(
    ("month", "polar", "begins"), [(12, "night", (False, True)), (6, "day", (True, False))]
)
def test_a_day_without_sunrise(month, polar, begins):
    """In the polar night only darkness begins, under the midnight sun only light."""
    [day] = sun_days(Location(lat=69.65, lon=18.96), date(2026, month, 21), 1)

    assert day.polar == polar
    assert (day.begins("sunrise"), day.begins("sunset")) == begins


@pytest.mark.parametrize("lat", [-90.0, 90.0, 89.9])
def test_the_poles(lat):
    """Where every meridian meets there is a day or a night all the same."""
    assert [day.polar for day in sun_days(Location(lat=lat, lon=0), date(2026, 6, 21), 1)] == [
        "day" if lat > 0 else "night"
    ]
