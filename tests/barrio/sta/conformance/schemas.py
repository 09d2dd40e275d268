"""JSON schemas of the entities, written from the tables of properties and relations of 18-088, clause 8."""

from typing import Any

_TEXT = {"type": "string", "minLength": 1}
_LINK = {"type": "string", "pattern": "^https?://"}
_JSON = {"type": "object"}
_INSTANT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"
_TIME = {"type": "string", "pattern": f"^{_INSTANT}$"}
_SPAN = {"type": "string", "pattern": f"^{_INSTANT}/{_INSTANT}$"}
_TIMES = {"type": "string", "pattern": f"^{_INSTANT}(/{_INSTANT})?$"}
_POSITION = {
    "type": "array",
    "prefixItems": [
        {"type": "number", "minimum": -180, "maximum": 180},
        {"type": "number", "minimum": -90, "maximum": 90},
    ],
    "minItems": 2,
    "maxItems": 3,
}
_POINT = {
    "type": "object",
    "required": ["type", "coordinates"],
    "properties": {"type": {"const": "Point"}, "coordinates": _POSITION},
    "additionalProperties": False,
}
_POLYGON = {
    "type": "object",
    "required": ["type", "coordinates"],
    "properties": {
        "type": {"const": "Polygon"},
        "coordinates": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "array", "minItems": 4, "items": _POSITION},
        },
    },
    "additionalProperties": False,
}
_UNIT = {
    "type": "object",
    "required": ["name", "symbol", "definition"],
    "properties": {name: {"type": ["string", "null"]} for name in ("name", "symbol", "definition")},
    "additionalProperties": False,
}
_OM = "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_"


def _entity(
    mandatory: dict[str, Any], optional: dict[str, Any], *relations: str, id_type: str = "integer"
) -> dict[str, Any]:
    links = {f"{name}@iot.navigationLink": _LINK for name in relations}
    required = {"@iot.id": {"type": id_type}, "@iot.selfLink": _LINK, **mandatory, **links}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": list(required),
        "properties": {**required, **optional},
        "additionalProperties": False,
    }


SCHEMAS = {
    "Things": _entity(
        {"name": _TEXT, "description": _TEXT},
        {"properties": _JSON},
        "Locations",
        "HistoricalLocations",
        "Datastreams",
    ),
    "Locations": _entity(
        {
            "name": _TEXT,
            "description": _TEXT,
            "encodingType": {"const": "application/geo+json"},
            "location": _POINT,
        },
        {"properties": _JSON},
        "Things",
        "HistoricalLocations",
    ),
    "HistoricalLocations": _entity({"time": _TIME}, {}, "Thing", "Locations"),
    "Datastreams": _entity(
        {
            "name": _TEXT,
            "description": _TEXT,
            "unitOfMeasurement": _UNIT,
            "observationType": {"enum": [f"{_OM}Measurement", f"{_OM}CategoryObservation"]},
        },
        {"observedArea": _POLYGON, "phenomenonTime": _SPAN, "resultTime": _SPAN, "properties": _JSON},
        "Thing",
        "Sensor",
        "ObservedProperty",
        "Observations",
    ),
    "Sensors": _entity(
        {"name": _TEXT, "description": _TEXT, "encodingType": {"const": "text/html"}, "metadata": _TEXT},
        {"properties": _JSON},
        "Datastreams",
    ),
    "ObservedProperties": _entity(
        {"name": _TEXT, "description": _TEXT, "definition": {"type": "string", "pattern": "^(https?|urn):"}},
        {"properties": _JSON},
        "Datastreams",
    ),
    "Observations": _entity(
        {"phenomenonTime": _TIMES, "resultTime": _TIME, "result": {"type": ["number", "string"]}},
        {"resultQuality": _JSON, "validTime": _SPAN, "parameters": _JSON},
        "Datastream",
        "FeatureOfInterest",
        id_type="string",
    ),
    "FeaturesOfInterest": _entity(
        {
            "name": _TEXT,
            "description": _TEXT,
            "encodingType": {"const": "application/geo+json"},
            "feature": _POINT,
        },
        {"properties": _JSON},
        "Observations",
    ),
}
