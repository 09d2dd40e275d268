"""What each property of an entity says: one function a property, asked only for those that are wanted."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from barrio.sta.numbers import reading_id
from barrio.sta.values import Span, Time, instant
from twin.clock import rfc3339
from twin.model.computed import COMPUTED
from twin.model.quantities import Aggregation, Quantity
from twin.quality import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from barrio.sta.context import Context
    from barrio.sta.records import Feature, Instrument, Observed, Place, Reading, Record, Stream, Thing
    from twin.model.spec import Location

GEOJSON = "application/geo+json"
UCUM = "http://www.opengis.net/def/uom/UCUM/"
BRICK = "https://brickschema.org/schema/Brick#"
OWN = "urn:barrio:quantity:"
_OM = "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_"


def _thing_properties(_: Context, one: Thing) -> dict[str, Any]:
    owner = one.owner
    return {
        "path": f"{owner.district}/{owner.id}",
        "district": owner.district,
        "site": owner.site,
        "kind": owner.kind,
        "profile": None if owner.profile == COMPUTED else owner.profile,
    }


def _placed(_: Context, one: Place | Feature) -> dict[str, Any]:
    return {"district": one.district, "kind": one.kind, "id": one.subject or one.district}


def _geojson(where: Location) -> dict[str, Any]:
    return _point(where.lon, where.lat)


@lru_cache(10_000)
def _point(lon: float, lat: float) -> dict[str, Any]:
    """Return a place as GeoJSON, one object for all who are there."""
    return {"type": "Point", "coordinates": [lon, lat]}


def _area(_: Context, one: Stream) -> dict[str, Any]:
    """A polygon, as the standard has it, around a point: all its corners are one."""
    where = one.feature.location
    return _polygon(where.lon, where.lat)


@lru_cache(10_000)
def _polygon(lon: float, lat: float) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [[[lon, lat]] * 4]}


def _stream_words(_: Context, one: Stream) -> str:
    point = one.item.point
    return point.description or f"{point.quantity.title} of {one.thing.owner.name or one.thing.owner.id}"


@cache
def _observation_type(aggregation: Aggregation) -> str:
    return _OM + ("CategoryObservation" if aggregation is Aggregation.STATE else "Measurement")


def _unit(_: Context, one: Stream) -> dict[str, Any]:
    """UCUM; a state has no unit, and then the standard asks for three nulls."""
    return _unit_of(one.item.point.quantity.unit)


@cache
def _unit_of(code: str) -> dict[str, Any]:
    if not code:
        return {"name": None, "symbol": None, "definition": None}
    return {"name": code, "symbol": code, "definition": UCUM + quote(code, safe="")}


def _stream_properties(context: Context, one: Stream) -> dict[str, Any]:
    point, owner = one.item.point, one.thing.owner
    return {
        "path": point.path,
        "district": owner.district,
        "site": owner.site,
        "device": owner.id,
        "point": point.name,
        "kind": owner.kind,
        "quantity": point.quantity.name,
        "aggregation": point.quantity.aggregation.value,
        "states": list(dict.fromkeys(point.states.values())),
        "resolution": context.view.sight.resolution(one.id).value,
    }


def definition(quantity: Quantity) -> str:
    """Return the IRI of what a quantity is: Brick's class, a name of our own where Brick has none."""
    return BRICK + quantity.brick if quantity.brick else OWN + quantity.name


def _observed_properties(_: Context, one: Observed) -> dict[str, Any]:
    quantity = one.quantity
    return {
        "title": quantity.title,
        "titulo": quantity.titulo,
        "unit": quantity.unit,
        "smartDataModel": quantity.smart_data_model,
        "states": list(quantity.states),
    }


def _metadata(_: Context, one: Instrument) -> str:
    if one.profile == COMPUTED:
        return "<p>computed by barrio from other points</p>"
    return f"<p>profile <code>{one.profile}</code>, read over {one.protocol}</p>"


def _when(_: Context, one: Reading) -> Time:
    return Span(one.time, one.stop) if one.stop else instant(one.time)


def result(context: Context, one: Reading) -> float | str | None:
    """Return a number, or the name of a state."""
    if one.stream.item.point.quantity.aggregation is Aggregation.STATE:
        return context.states.get(int(one.value))
    return one.value


@cache
def quality_of(code: int) -> dict[str, str] | None:
    """Return what is to be said of a reading's quality; nothing of one that is simply good."""
    reason = Reason(code)
    if reason is Reason.GOOD:
        return None
    return {"level": reason.level.value, "reason": reason.slug, "meaning": reason.meaning}


def _parameters(_: Context, one: Reading) -> dict[str, Any] | None:
    return {"received": rfc3339(one.received)} if one.received and not one.stop else None


def _named(one: Place | Feature) -> str:
    return f"{one.kind} of {one.district}" if one.subject else f"The district {one.district}"


PROPERTIES: Mapping[str, Mapping[str, Callable[[Any, Any], Any]]] = {
    "Things": {
        "name": lambda _, one: one.owner.name or one.owner.id,
        "description": lambda _, one: f"{one.owner.kind} of {one.owner.district}",
        "properties": _thing_properties,
    },
    "Locations": {
        "name": lambda _, one: one.name,
        "description": lambda _, one: _named(one),
        "encodingType": lambda _, _one: GEOJSON,
        "location": lambda _, one: _geojson(one.location),
        "properties": _placed,
    },
    "HistoricalLocations": {"time": lambda _, one: instant(one.time)},
    "Datastreams": {
        "name": lambda _, one: one.item.point.path,
        "description": _stream_words,
        "observationType": lambda _, one: _observation_type(one.item.point.quantity.aggregation),
        "unitOfMeasurement": _unit,
        "observedArea": _area,
        "phenomenonTime": lambda context, one: context.span(one),
        "resultTime": lambda context, one: context.span(one),
        "properties": _stream_properties,
    },
    "Sensors": {
        "name": lambda _, one: one.profile,
        "description": lambda _, one: f"{one.kind or 'Points'} of {one.district}, {one.profile}",
        "encodingType": lambda _, _one: "text/html",
        "metadata": _metadata,
        "properties": lambda _, one: {"district": one.district, "kind": one.kind or None},
    },
    "ObservedProperties": {
        "name": lambda _, one: one.quantity.name,
        "definition": lambda _, one: definition(one.quantity),
        "description": lambda _, one: one.quantity.title,
        "properties": _observed_properties,
    },
    "Observations": {
        "phenomenonTime": _when,
        "resultTime": lambda _, one: instant(one.stop or one.time),
        "result": result,
        "resultQuality": lambda _, one: quality_of(one.quality),
        "validTime": lambda _, _one: None,
        "parameters": _parameters,
    },
    "FeaturesOfInterest": {
        "name": lambda _, one: one.name,
        "description": lambda _, one: _named(one),
        "encodingType": lambda _, _one: GEOJSON,
        "feature": lambda _, one: _geojson(one.location),
        "properties": _placed,
    },
}
"""By type and name."""


def identity(record: Record) -> int | str:
    """Return `@iot.id`."""
    found = getattr(record, "id", None)
    return reading_id(record.stream.id, record.resolution, record.time) if found is None else found
