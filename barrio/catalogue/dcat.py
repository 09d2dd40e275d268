"""The inventory of data as DCAT 3 (W3C Recommendation of 22 August 2024), a JSON-LD document with its context inside.

Numbers are sections of that recommendation: a catalog (6.3) of datasets (6.6), each with its distributions (6.8), and
of data services (6.9). Who is allowed what (`dct:accessRights`) and how often there is something new
(`dct:accrualPeriodicity`) are named by the authority tables of the Publications Office of the EU.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twin.access.scope import Tier
from twin.clock import rfc3339
from twin.datasets.licences import is_address, licence_url
from twin.resolution import Resolution

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from twin.datasets.dataset import Owner
    from twin.datasets.seen import Known

Node = dict[str, Any]

MEDIA = "application/ld+json"
CONTEXT = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "geo": "http://www.opengis.net/ont/geosparql#",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
_EU = "http://publications.europa.eu/resource/authority"
_IANA = "https://www.iana.org/assignments/media-types"
_RIGHTS = {
    Tier.OPEN: f"{_EU}/access-right/PUBLIC",
    Tier.PARTNER: f"{_EU}/access-right/RESTRICTED",
    Tier.OPERATOR: f"{_EU}/access-right/NON_PUBLIC",
}
_FREQUENCY = {
    Resolution.RAW: f"{_EU}/frequency/UPDATE_CONT",
    Resolution.QUARTER: f"{_EU}/frequency/UPDATE_CONT",
    Resolution.HOUR: f"{_EU}/frequency/HOURLY",
    Resolution.DAY: f"{_EU}/frequency/DAILY",
}
_PERIOD = {Resolution.QUARTER: "PT15M", Resolution.HOUR: "PT1H", Resolution.DAY: "P1D"}
_TABLES = (
    ("json", "application/json", "JSON, columns"),
    ("ndjson", "application/x-ndjson", "JSON, a row a line"),
    ("csv", "text/csv", "CSV"),
    ("parquet", "application/vnd.apache.parquet", "Parquet"),
    ("arrow", "application/vnd.apache.arrow.stream", "Arrow IPC"),
)
_OPENAPI = "https://spec.openapis.org/oas/v3.1.0"
_SENSORTHINGS = "http://www.opengis.net/spec/iot_sensing/1.1"
_GEOJSON = "https://www.rfc-editor.org/rfc/rfc7946"


@dataclass(frozen=True, slots=True)
class Entry:
    """A dataset as somebody knows it, with where its points are (longitude, latitude) and when its readings were."""

    known: Known
    places: frozenset[tuple[float, float]]
    reach: tuple[int, int] | None


def document(base: str, entries: Sequence[Entry], *, sensorthings: bool) -> Node:
    """Return the catalog; `base` is the address that it was asked at, `sensorthings` whether that service is there."""
    datasets = [_dataset(base, one) for one in entries]
    names = list(dict.fromkeys(one.known.district.name for one in entries))
    given = [one for one in entries if not one.known.only_listed]
    title = f"Data of {', '.join(names)}" if names else "Data"
    return {
        "@context": CONTEXT,
        "@id": f"{base}/catalog",
        "@type": "dcat:Catalog",
        "dct:title": title,
        "dct:description": f"{title}: measurements of the district, whose they are and for whom.",
        "dct:publisher": {
            "@id": f"{base}/",
            "@type": "foaf:Agent",
            "foaf:name": ", ".join(names) or "Barrio",
        },
        "foaf:homepage": {"@id": f"{base}/"},
        "dcat:dataset": datasets,
        "dcat:service": _services(base, given, sensorthings=sensorthings),
    }


# --- datasets -----------------------------------------------------------------------------------------------


def _dataset(base: str, one: Entry) -> Node:
    """A dataset (6.6): always what it is called, whose it is and under which terms; else what the caller may know."""
    dataset = one.known.dataset
    node: Node = {
        "@id": _address(base, one.known),
        "@type": "dcat:Dataset",
        "dct:identifier": dataset.key,
        "dct:title": dataset.title,
        "dct:description": dataset.description or dataset.title,
        "dct:publisher": _agent(base, one.known, one.known.book.owners.get(dataset.owner)),
        "dcat:contactPoint": _contact(dataset.contact),
        "dct:license": {"@id": licence_url(dataset.licence)},
        "dct:accessRights": {"@id": _RIGHTS[dataset.tier]},
    }
    if dataset.keywords:
        node["dcat:keyword"] = list(dataset.keywords)
    if one.known.only_listed:
        return node
    finest = dataset.figures.every if dataset.figures is not None else dataset.finest
    node["dct:accrualPeriodicity"] = {"@id": _FREQUENCY[finest]}
    if finest in _PERIOD:
        node["dcat:temporalResolution"] = {"@type": "xsd:duration", "@value": _PERIOD[finest]}
    if one.places:
        node["dct:spatial"] = _spatial(one.places)
    if one.reach is not None:
        node["dct:temporal"] = _temporal(*one.reach)
    node["dcat:distribution"] = list(_distributions(base, one.known))
    return node


def _address(base: str, known: Known) -> str:
    return f"{base}/api/v1/datasets/{known.dataset.key}"


def _agent(base: str, known: Known, owner: Owner | None) -> Node:
    name = known.dataset.owner if owner is None else owner.name
    found: Node = {
        "@id": f"{base}/#{known.district.id}/{known.dataset.owner}",
        "@type": "foaf:Agent",
        "foaf:name": name,
    }
    if owner is not None and owner.url:
        found["foaf:homepage"] = {"@id": owner.url}
    return found


def _contact(contact: str) -> Node:
    if is_address(contact):
        return {"@type": "vcard:Kind", "vcard:hasURL": {"@id": contact}}
    return {"@type": "vcard:Kind", "vcard:hasEmail": {"@id": f"mailto:{contact}"}}


def _spatial(places: Iterable[tuple[float, float]]) -> Node:
    """Where it is (6.6.4): the middle, and the box where there is more than one place."""
    longitudes, latitudes = zip(*places, strict=True)
    west, east, south, north = min(longitudes), max(longitudes), min(latitudes), max(latitudes)
    middle = f"POINT({(west + east) / 2:.6f} {(south + north) / 2:.6f})"
    found: Node = {"@type": "dct:Location", "dcat:centroid": {"@type": "geo:wktLiteral", "@value": middle}}
    if west < east and south < north:
        corners = ((west, south), (east, south), (east, north), (west, north), (west, south))
        ring = ", ".join(f"{lon:g} {lat:g}" for lon, lat in corners)
        found["dcat:bbox"] = {"@type": "geo:wktLiteral", "@value": f"POLYGON(({ring}))"}
    return found


def _temporal(first: int, last: int) -> Node:
    """Since when and until when there are readings (6.6.6)."""
    return {
        "@type": "dct:PeriodOfTime",
        "dcat:startDate": {"@type": "xsd:dateTime", "@value": rfc3339(first)},
        "dcat:endDate": {"@type": "xsd:dateTime", "@value": rfc3339(last)},
    }


# --- distributions and services -----------------------------------------------------------------------------


def _distributions(base: str, known: Known) -> Iterable[Node]:
    """Each format (6.8). `from` and `to` of an address are the last day; others are asked for in their place."""
    dataset = known.dataset
    if dataset.figures is not None:
        path, what = (
            f"figures/{dataset.key}?from=-7d",
            "Figures of each window; `from` and `to` choose the time",
        )
    else:
        every = "" if dataset.finest is Resolution.RAW else f"&every={dataset.finest}"
        path = f"history?dataset={dataset.key}&from=-1d{every}"
        what = "Readings of the last day; `from`, `to`, `every` and `aggregate` ask for others"
    for form, media, words in _TABLES:
        url = f"{base}/api/v1/{path}&format={form}"
        yield _distribution(base, known, form, url, media, f"{what}. {words}.")
    if dataset.figures is None:
        url = f"{base}/api/v1/points?dataset={dataset.key}&format=geojson"
        what = "The points on a map, each with its newest reading. GeoJSON."
        yield {
            **_distribution(base, known, "geojson", url, "application/geo+json", what),
            "dct:conformsTo": {"@id": _GEOJSON},
        }


def _distribution(base: str, known: Known, form: str, url: str, media: str, words: str) -> Node:
    return {
        "@id": f"{_address(base, known)}#{form}",
        "@type": "dcat:Distribution",
        "dct:title": f"{known.dataset.title} ({form})",
        "dct:description": words,
        "dcat:accessURL": {"@id": url},
        "dcat:downloadURL": {"@id": url},
        "dcat:mediaType": {"@id": f"{_IANA}/{media}"},
        "dct:license": {"@id": licence_url(known.dataset.licence)},
        "dct:accessRights": {"@id": _RIGHTS[known.dataset.tier]},
        "dcat:accessService": {"@id": f"{base}/api/v1"},
    }


def _services(base: str, given: Sequence[Entry], *, sensorthings: bool) -> list[Node]:
    """Services (6.9) that give these datasets; who shows no token gets what is open of them."""
    every = [{"@id": _address(base, one.known)} for one in given]
    points = [{"@id": _address(base, one.known)} for one in given if one.known.dataset.figures is None]
    rest = _service(f"{base}/api/v1", "Time-series API", _OPENAPI, every)
    rest["dcat:endpointDescription"] = {"@id": f"{base}/openapi.json"}
    if not sensorthings:
        return [rest]
    url = f"{base}/sta/v1.1"
    return [rest, _service(url, "OGC SensorThings API 1.1", _SENSORTHINGS, points)]


def _service(url: str, title: str, standard: str, serves: Sequence[Node]) -> Node:
    found: Node = {
        "@id": url,
        "@type": "dcat:DataService",
        "dct:title": title,
        "dcat:endpointURL": {"@id": url},
        "dct:conformsTo": {"@id": standard},
    }
    return {**found, "dcat:servesDataset": list(serves)} if serves else found
