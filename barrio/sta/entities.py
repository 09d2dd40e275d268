"""The entity types of the Sensing part (18-088, clause 8), and which relations lead from one to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Relation:
    """Where a navigation property leads; `many` to a collection."""

    target: str
    many: bool


@dataclass(frozen=True, slots=True)
class Kind:
    """An entity type: its name, that of one of it, its properties and its relations, in the order of the standard."""

    name: str
    singular: str
    properties: tuple[str, ...]
    relations: Mapping[str, Relation]


def _many(*names: str) -> dict[str, Relation]:
    return {name: Relation(name, many=True) for name in names}


def _one(name: str, target: str) -> dict[str, Relation]:
    return {name: Relation(target, many=False)}


_NAMED = ("name", "description")

KINDS: Mapping[str, Kind] = {
    one.name: one
    for one in (
        Kind(
            "Things",
            "Thing",
            (*_NAMED, "properties"),
            _many("Locations", "HistoricalLocations", "Datastreams"),
        ),
        Kind(
            "Locations",
            "Location",
            (*_NAMED, "encodingType", "location", "properties"),
            _many("Things", "HistoricalLocations"),
        ),
        Kind(
            "HistoricalLocations",
            "HistoricalLocation",
            ("time",),
            _one("Thing", "Things") | _many("Locations"),
        ),
        Kind(
            "Datastreams",
            "Datastream",
            (
                *_NAMED,
                "observationType",
                "unitOfMeasurement",
                "observedArea",
                "phenomenonTime",
                "resultTime",
                "properties",
            ),
            _one("Thing", "Things")
            | _one("Sensor", "Sensors")
            | _one("ObservedProperty", "ObservedProperties")
            | _many("Observations"),
        ),
        Kind(
            "Sensors",
            "Sensor",
            (*_NAMED, "encodingType", "metadata", "properties"),
            _many("Datastreams"),
        ),
        Kind(
            "ObservedProperties",
            "ObservedProperty",
            ("name", "definition", "description", "properties"),
            _many("Datastreams"),
        ),
        Kind(
            "Observations",
            "Observation",
            ("phenomenonTime", "resultTime", "result", "resultQuality", "validTime", "parameters"),
            _one("Datastream", "Datastreams") | _one("FeatureOfInterest", "FeaturesOfInterest"),
        ),
        Kind(
            "FeaturesOfInterest",
            "FeatureOfInterest",
            (*_NAMED, "encodingType", "feature", "properties"),
            _many("Observations"),
        ),
    )
}

DYNAMIC = frozenset(
    {
        "properties",
        "location",
        "feature",
        "unitOfMeasurement",
        "observedArea",
        "parameters",
        "resultQuality",
    }
)
"""Properties that hold JSON, into which a path may lead on."""

ID_NAMES = ("id", "@iot.id")
LINK_NAMES = ("selfLink", "@iot.selfLink")
