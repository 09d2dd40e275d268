"""The entities, each knowing its neighbours; made once from what is configured (`barrio.sta.book`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from twin.model.bound import BoundPoint
    from twin.model.district import Device
    from twin.model.quantities import Quantity
    from twin.model.spec import Location
    from twin.resolution import Resolution


@dataclass(slots=True, eq=False)
class Thing:
    """A device, or a site that has computed points."""

    id: int
    owner: Device
    place: Place


@dataclass(slots=True, eq=False)
class Place:
    """Where things are: at a place of their own, or at a site. `subject` is what the place is called after."""

    id: int
    district: str
    subject: str
    name: str
    kind: str
    location: Location


@dataclass(slots=True, eq=False)
class Stay:
    """A HistoricalLocation: from `time` (ns UTC) on a thing was at a place."""

    id: int
    time: int
    thing: Thing
    place: Place


@dataclass(slots=True, eq=False)
class Instrument:
    """A Sensor: a profile as one district reads it, or barrio where it computes points itself."""

    id: int
    district: str
    profile: str
    kind: str
    protocol: str


@dataclass(slots=True, eq=False)
class Observed:
    """An ObservedProperty: a quantity."""

    id: int
    quantity: Quantity


@dataclass(slots=True, eq=False)
class Feature:
    """A FeatureOfInterest: the site (or district) that is observed."""

    id: int
    district: str
    subject: str
    name: str
    kind: str
    location: Location


@dataclass(slots=True, eq=False)
class Stream:
    """A Datastream: a point that gives readings. `id` is its series id."""

    id: int
    item: BoundPoint
    thing: Thing
    sensor: Instrument
    observed: Observed
    feature: Feature


@dataclass(slots=True, eq=False)
class Reading:
    """An Observation. `stop` is 0 for a raw reading, the end of the window otherwise; times are ns UTC.

    `value` is a number, or a state id; it is good or uncertain, as what has no value is no observation.
    """

    stream: Stream
    resolution: Resolution
    time: int
    stop: int
    value: float
    quality: int
    received: int


Record = Any
"""One of the above."""
