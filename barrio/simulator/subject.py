"""What a device's behaviour knows: the instant it is asked about and the device itself."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from barrio.simulator.noise import Noise, share
from barrio.simulator.people import presence

if TYPE_CHECKING:
    from collections.abc import Callable
    from zoneinfo import ZoneInfo

    from barrio.simulator.sky import Weather
    from twin.model.district import Device, Point

Values = dict[str, float | str]
"""Values by point name or quantity, in the quantity's unit; a state is its name, a counter its growth an hour."""


@dataclass(frozen=True, slots=True)
class Instant:
    """One moment of the simulated district; `power_of` gives the active power of another device in W."""

    time_s: float
    hour: float
    weekday: int
    weather: Weather
    power_of: Callable[[str], float]

    def people(self, activity: str) -> float:
        """Return the share of people present at places of this activity."""
        return presence(activity, self.weekday, self.hour)


def local_hour(time_s: float, zone: ZoneInfo) -> tuple[float, int]:
    """Return the hour of the local day, as a decimal, and the day of the week (Monday is 0)."""
    local = datetime.fromtimestamp(time_s, UTC).astimezone(zone)
    return local.hour + local.minute / 60 + local.second / 3600, local.weekday()


@dataclass(slots=True)
class Subject:
    """A device with what makes it differ from its neighbours.

    `feeds` and `controls` are the devices that its relations name, `sources` the solar inverters that feed it,
    `switches` the devices that control it, `state` is what its behaviour carries on from step to step, `held` what
    somebody wrote to it, by point and by quantity.
    """

    device: Device
    seed: int
    activity: str
    mains_hz: float
    feeds: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    switches: list[Subject] = field(default_factory=list)
    state: dict[str, float] = field(default_factory=dict)
    held: Values = field(default_factory=dict)
    _curves: dict[str, Noise] = field(default_factory=dict)
    _limits: dict[str, Point] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for point in self.device.points.values():
            self._limits.setdefault(point.quantity.name, point)

    @property
    def quantities(self) -> frozenset[str]:
        """Names of the quantities that the device gives."""
        return frozenset(self._limits)

    def share(self, name: str) -> float:
        """Return a fixed number from 0 to 1."""
        return share(self.seed, f"{self.device.id}/{name}")

    def noise(self, name: str, period_s: float, now: Instant) -> float:
        """Return a slow random number from -1 to 1."""
        curve = self._curves.get(name)
        if curve is None:
            curve = self._curves[name] = Noise(self.seed, f"{self.device.id}/{name}", period_s)
        return curve(now.time_s)

    def rated(self, quantity: str, otherwise: float) -> float:
        """Return the size of the device: the maximum that its profile sets for a quantity, if it sets one."""
        point = self._limits.get(quantity)
        if point is None or point.maximum >= point.quantity.maximum:
            return otherwise
        return point.maximum

    def nominal(self, quantity: str, otherwise: float) -> float:
        """Return the middle of the range that the profile sets for a quantity, if it sets both ends."""
        point = self._limits.get(quantity)
        if (
            point is None
            or point.maximum >= point.quantity.maximum
            or point.minimum <= point.quantity.minimum
        ):
            return otherwise
        return (point.minimum + point.maximum) / 2

    def people(self, now: Instant) -> float:
        """Return the share of people present around the device, with its own ups and downs."""
        usual = now.people(self.activity)
        return clamp(usual * (1.0 + 0.10 * self.noise("people", 900.0, now)), 0.0, 1.0)

    def setpoint(self, name: str, otherwise: float) -> float:
        """Return what somebody set, else the usual value."""
        found = self.held.get(name, otherwise)
        return found if isinstance(found, float) else otherwise

    def switched(self, name: str, otherwise: str) -> str:
        """Return the state that somebody set, else the usual one."""
        return str(self.held.get(name, otherwise))


def clamp(value: float, low: float, high: float) -> float:
    """Return the value, or the nearer end of the range when it lies outside."""
    return low if value < low else min(value, high)


def bump(hour: float, middle: float, width: float) -> float:
    """Return a bell over the hours of the day, 1 in its middle, going round midnight."""
    away = abs(hour - middle) % 24.0
    away = min(away, 24.0 - away)
    return math.exp(-0.5 * (away / width) ** 2)
