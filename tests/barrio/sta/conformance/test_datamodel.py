"""Conformance class datamodel (18-088, annex A.1): every entity has its control information, properties, relations."""

from itertools import islice
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no types

from tests.barrio.sta.conformance.requirements import holds
from tests.barrio.sta.conformance.schemas import SCHEMAS
from tests.barrio.sta.town import seeing
from twin.resolution import Resolution

RELATIONS = {
    "Things": {
        "Locations": "Locations",
        "HistoricalLocations": "HistoricalLocations",
        "Datastreams": "Datastreams",
    },
    "Locations": {"Things": "Things", "HistoricalLocations": "HistoricalLocations"},
    "HistoricalLocations": {"Thing": "Things", "Locations": "Locations"},
    "Datastreams": {
        "Thing": "Things",
        "Sensor": "Sensors",
        "ObservedProperty": "ObservedProperties",
        "Observations": "Observations",
    },
    "Sensors": {"Datastreams": "Datastreams"},
    "ObservedProperties": {"Datastreams": "Datastreams"},
    "Observations": {"Datastream": "Datastreams", "FeatureOfInterest": "FeaturesOfInterest"},
    "FeaturesOfInterest": {"Observations": "Observations"},
}
_NAMES = {
    "Things": "thing",
    "Locations": "location",
    "HistoricalLocations": "historical-location",
    "Datastreams": "datastream",
    "Sensors": "sensor",
    "ObservedProperties": "observed-property",
    "Observations": "observation",
    "FeaturesOfInterest": "feature-of-interest",
}


def faults(kind: str, entity: Any) -> list[str]:
    """What of an entity is not as its schema has it."""
    return [one.message for one in Draft202012Validator(SCHEMAS[kind]).iter_errors(entity)]


@holds("datamodel/entity-control-information/common-control-information")
async def test_control_information(little):
    """Every entity has an id, and a link that leads to it and to its relations."""
    for kind in SCHEMAS:
        for entity in (await little.get(f"/{kind}"))["value"]:
            assert await little.get(entity["@iot.selfLink"]) == entity
            for name in RELATIONS[kind]:
                link = entity[f"{name}@iot.navigationLink"]
                assert (await little.ask(link)).status_code == 200


@holds(*(f"datamodel/{one}/properties" for one in _NAMES.values()))
async def test_properties(little):
    """Each entity is as its schema has it: mandatory properties, their types, and nothing else."""
    for scope in (None, seeing(finest=Resolution.QUARTER)):
        for kind in SCHEMAS:
            entities = (await little.get(f"/{kind}", scope))["value"]

            assert entities
            assert [fault for one in entities for fault in faults(kind, one)] == []


@holds(*(f"datamodel/{one}/relations" for one in _NAMES.values()))
async def test_relations(little):
    """A relation leads to entities of its type, and back; what it leads to is also what expands."""
    for kind, relations in RELATIONS.items():
        for entity in islice((await little.get(f"/{kind}"))["value"], 3):
            for name, target in relations.items():
                found = await little.get(entity[f"{name}@iot.navigationLink"])
                expanded = (await little.get(entity["@iot.selfLink"] + f"?$expand={name}"))[name]
                many = name in SCHEMAS

                assert expanded == (found["value"] if many else found)
                assert [
                    fault for one in (expanded if many else [expanded]) for fault in faults(target, one)
                ] == []


def test_a_schema_refuses():
    """An entity without a mandatory property, or with one too many, is not taken."""

    assert faults("HistoricalLocations", {"@iot.id": "1", "time": "now", "more": 1})


@pytest.mark.parametrize("point", ["probe/temperature", "meter/energy"])
async def test_units_are_ucum(little, point):
    """Numbers have a UCUM code; what a state is measured in is null, as the standard asks."""
    found = await little.get(f"/Datastreams({little.id(point)})/unitOfMeasurement")
    state = await little.get(f"/Datastreams({little.id('probe/pump')})")

    assert found["unitOfMeasurement"]["definition"].startswith("http://www.opengis.net/def/uom/UCUM/")
    assert state["unitOfMeasurement"] == {"name": None, "symbol": None, "definition": None}
    assert state["observationType"].endswith("OM_CategoryObservation")
