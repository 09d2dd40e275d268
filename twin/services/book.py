"""`services.yaml` compiled: every rule with the points of the one tank, place or device that it is about.

A **key** names one of them for good, in files and answers: `district/owner/rule`. Paths are those of points,
`district/owner/point`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from twin.model.district import Point
    from twin.model.spec import Location
    from twin.notify_spec import ChannelSpec
    from twin.services.spec import CapacitySpec, MaintenanceSpec, SupplySpec

COLOURS = ("green", "amber", "red")
SERVICE_STATES = ("ok", "soon", "due", "overdue")


@dataclass(frozen=True, slots=True)
class Tank:
    """A tank that asks for supply. `place` is the name of its site; levels are in percent, volumes in m3."""

    key: str
    district: str
    owner: str
    name: str
    place: str
    location: Location | None
    rule: SupplySpec
    level: str
    volume: str | None
    hours_left: str
    state: str


@dataclass(frozen=True, slots=True)
class Counter:
    """A point that counts who passes; `wraps_at` is where its register begins again, None where it does not."""

    path: str
    wraps_at: float | None


@dataclass(frozen=True, slots=True)
class Crowd:
    """A place and how many people may be in it.

    `capacity` is their number or the path of a point that gives it. People are given by `sensor`, or counted by
    `entries` and `exits`. `people` is None where the sensor's own point is the one of the place.
    """

    key: str
    district: str
    owner: str
    name: str
    zone: ZoneInfo
    rule: CapacitySpec
    capacity: int | str
    sensor: str | None
    entries: tuple[Counter, ...]
    exits: tuple[Counter, ...]
    people: str | None
    ratio: str
    colour: str


@dataclass(frozen=True, slots=True)
class Service:
    """A counter of one device against the use that a service lasts for; `every` is in `unit`, the counter's own."""

    key: str
    district: str
    owner: str
    name: str
    site: str
    zone: ZoneInfo
    rule: MaintenanceSpec
    counter: Counter
    every: float
    unit: str
    state: str | None


@dataclass(frozen=True, slots=True)
class ServiceBook:
    """Everything that the `services.yaml` of a district says.

    `points` are those that barrio computes for it, with the id of their owner: they are bound like derived points,
    and `twin.services.engine.Services` gives their readings.
    """

    district: str
    suppliers: tuple[ChannelSpec, ...] = ()
    tanks: tuple[Tank, ...] = ()
    crowds: tuple[Crowd, ...] = ()
    services: tuple[Service, ...] = ()
    points: tuple[tuple[str, Point], ...] = ()
