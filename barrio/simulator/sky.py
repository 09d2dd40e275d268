"""Sun and weather of a place, as pure functions of seed and time.

Plain curves, not a forecast: what matters is that everything that depends on the sky agrees about it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from barrio.simulator.noise import Noise

if TYPE_CHECKING:
    from twin.model.spec import Location

DAY_S = 86_400.0
HOUR_S = 3_600.0
_J2000_S = 946_728_000.0
_YEAR_DAYS = 365.25
_RAIN_FROM_CLOUD = 0.82


def sun_elevation(location: Location, time_s: float) -> float:
    """Return the height of the sun over the horizon in degrees, to about a tenth of a degree.

    Low-precision formulas for the Sun of The Astronomical Almanac (section C), without refraction.
    """
    days = (time_s - _J2000_S) / DAY_S
    anomaly = math.radians(357.528 + 0.9856003 * days)
    mean = 280.460 + 0.9856474 * days
    ecliptic = math.radians(mean + 1.915 * math.sin(anomaly) + 0.020 * math.sin(2 * anomaly))
    tilt = math.radians(23.439 - 4e-7 * days)
    right_ascension = math.atan2(math.cos(tilt) * math.sin(ecliptic), math.cos(ecliptic))
    declination = math.asin(math.sin(tilt) * math.sin(ecliptic))
    sidereal_deg = 15.0 * (18.697374558 + 24.06570982441908 * days) + location.lon
    hour_angle = math.radians(sidereal_deg) - right_ascension
    latitude = math.radians(location.lat)
    height = math.sin(latitude) * math.sin(declination)
    height += math.cos(latitude) * math.cos(declination) * math.cos(hour_angle)
    return math.degrees(math.asin(max(-1.0, min(1.0, height))))


def clear_sky_irradiance(elevation: float) -> float:
    """Return global horizontal irradiance without clouds in W/m2.

    Haurwitz, Journal of Meteorology 2, 1945, with the coefficients that pvlib uses.
    """
    if elevation <= 0.0:
        return 0.0
    height = math.sin(math.radians(elevation))
    return 1098.0 * height * math.exp(-0.059 / height)


@dataclass(frozen=True, slots=True)
class Weather:
    """The sky at one instant. Temperatures in Cel, ratios 0 to 1, wind in m/s and degrees, rain in mm/h."""

    elevation: float
    cloud: float
    irradiance: float
    illuminance: float
    temperature: float
    humidity: float
    wind: float
    gust: float
    direction: float
    rain: float
    pressure: float

    @property
    def dark(self) -> bool:
        """Whether street lighting burns."""
        return self.illuminance < 30.0


class Sky:
    """The weather over one place."""

    def __init__(self, location: Location, seed: int) -> None:
        self.location = location
        self._fronts = Noise(seed, "sky/fronts", 7 * HOUR_S)
        self._clouds = Noise(seed, "sky/clouds", 1_500.0)
        self._spells = Noise(seed, "sky/spells", 2 * DAY_S)
        self._breeze = Noise(seed, "sky/breeze", 240.0)
        self._vane = Noise(seed, "sky/vane", 2 * HOUR_S)
        self._barometer = Noise(seed, "sky/barometer", 1.5 * DAY_S)
        self._damp = Noise(seed, "sky/damp", 5 * HOUR_S)

    def at(self, time_s: float) -> Weather:
        """Return the weather at a time."""
        elevation = sun_elevation(self.location, time_s)
        cloud = _clamp(0.38 + 0.42 * self._fronts(time_s) + 0.22 * self._clouds(time_s), 0.0, 1.0)
        # Kasten and Czeplak, Solar Energy 24 (1980): what a sky with this share of cloud lets through.
        irradiance = clear_sky_irradiance(elevation) * (1.0 - 0.75 * cloud**3.4)
        usual = self._usual(time_s)
        temperature = usual + self._swing(time_s, cloud) + 2.2 * self._spells(time_s)
        rain = max(0.0, cloud - _RAIN_FROM_CLOUD) / (1.0 - _RAIN_FROM_CLOUD) * 14.0
        wind = max(0.2, 2.4 + 1.6 * self._breeze(time_s) + 0.0015 * irradiance + 1.2 * self._fronts(time_s))
        damp = 58.0 - 2.4 * (temperature - usual) + 22.0 * (cloud - 0.4) + 8.0 * self._damp(time_s)
        return Weather(
            elevation=elevation,
            cloud=cloud,
            irradiance=irradiance,
            illuminance=_illuminance(elevation, irradiance),
            temperature=temperature,
            humidity=_clamp(damp + 1.5 * rain, 8.0, 98.0) / 100.0,
            wind=wind,
            gust=wind * (1.4 + 0.2 * self._clouds(time_s)),
            direction=(200.0 + 170.0 * self._vane(time_s)) % 360.0,
            rain=rain,
            pressure=1014.0 + 6.0 * self._barometer(time_s),
        )

    def _usual(self, time_s: float) -> float:
        """The mean temperature of the season: colder and with more season towards the poles."""
        latitude = self.location.lat
        season = math.cos(2 * math.pi * ((time_s - _J2000_S) / DAY_S / _YEAR_DAYS - 0.55))
        return 29.0 - 0.5 * abs(latitude) + 0.22 * latitude * season

    def _swing(self, time_s: float, cloud: float) -> float:
        """The day's course: warmest three hours after the sun's noon, flatter under cloud."""
        solar_hour = (time_s / HOUR_S + self.location.lon / 15.0) % 24.0
        return 7.0 * (1.0 - 0.45 * cloud) * math.cos(2 * math.pi * (solar_hour - 15.0) / 24.0)


def _illuminance(elevation: float, irradiance: float) -> float:
    """Light on the ground in lx: about 120 lm/W by day, a steep fall through dusk, a little skyglow at night."""
    dusk = 400.0 * math.pow(10.0, 0.345 * min(elevation, 0.0))
    return 120.0 * irradiance + max(0.5, dusk)


def _clamp(value: float, low: float, high: float) -> float:
    return min(high, max(low, value))
