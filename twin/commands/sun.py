"""Sunrise and sunset at a place, by `astral`, which follows NOAA's solar calculator.

They are instants, found from one date of UTC to the next, since near the polar circles the sun sets after midnight of
the local day, or twice on one day and not on the next. Days without a sunrise or sunset have a stand-in: in the polar
night both fall on the sun's highest instant, under the midnight sun on its lowest. So a night from sunset to sunrise
lasts all day in the polar night, and no time under the midnight sun.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from twin.model.spec import Location

SUNRISE, SUNSET = "sunrise", "sunset"
_KEPT_DAYS = 4_096


@dataclass(frozen=True, slots=True)
class SunDay:
    """What the sun does on one date of UTC at one place; `polar` is `night` or `day` where it only stands in."""

    sunrise: datetime
    sunset: datetime
    polar: str = ""

    def of(self, name: str) -> datetime:
        """Return the sunrise or the sunset."""
        return self.sunrise if name == SUNRISE else self.sunset

    def begins(self, name: str) -> bool:
        """Whether a time of light (from sunrise) or of dark (from sunset) begins here."""
        return not self.polar or (self.polar == "night") == (name == SUNSET)


def sun_days(place: Location, first: date, days: int) -> list[SunDay]:
    """Return what the sun does on dates of UTC, in order.

    Places are taken at hundredths of a degree: lamps of one street switch together, at most three seconds off.
    """
    at = round(place.lat, 2), round(place.lon, 2)
    return [_sun_day(*at, first + timedelta(days=number)) for number in range(days)]


@lru_cache(maxsize=_KEPT_DAYS)
def _sun_day(lat: float, lon: float, day: date) -> SunDay:
    from astral import Observer, SunDirection
    from astral.sun import SUN_APPARENT_RADIUS, elevation, noon, time_of_transit

    observer = Observer(lat, lon)
    zenith = 90.0 + SUN_APPARENT_RADIUS  # the sun's upper edge on the horizon; astral adds the refraction
    try:
        rising = time_of_transit(observer, day, zenith, SunDirection.RISING)
        setting = time_of_transit(observer, day, zenith, SunDirection.SETTING)
    except ValueError:
        highest = noon(observer, day, UTC)
        if elevation(observer, highest) < 0:
            return SunDay(highest, highest, "night")
        lowest = highest + timedelta(hours=12)
        return SunDay(lowest, lowest, "day")
    return SunDay(rising, setting)
