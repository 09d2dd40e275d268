"""The city's inventory of data over HTTP: DCAT 3 as JSON-LD."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

import orjson
from fastapi import Request
from fastapi.responses import Response

from barrio.access.who import Seen
from barrio.api.base import base_of
from barrio.api.catalogue_answers import sent
from barrio.api.declared import declared
from barrio.catalogue.dcat import CONTEXT, MEDIA, Entry, document
from barrio.catalogue.reach import Reach
from twin.datasets.seen import Known, known_to

if TYPE_CHECKING:
    from fastapi import FastAPI

    from barrio.catalogue.view import Views
    from barrio.platform import Platform

SENSORTHINGS = "/sta/v1.1"
_TAGS: list[str | Enum] = ["datasets"]
_EXAMPLE: dict[str, Any] = {
    "@context": CONTEXT,
    "@id": "https://barrio.example/catalog",
    "@type": "dcat:Catalog",
    "dct:title": "Data of Ciudad Maderas",
    "dcat:dataset": [
        {
            "@id": "https://barrio.example/api/v1/datasets/ciudad-maderas/clima",
            "@type": "dcat:Dataset",
            "dct:title": "Clima",
            "dct:license": {"@id": "https://creativecommons.org/licenses/by/4.0/"},
        }
    ],
}


def add(app: FastAPI, platform: Platform) -> None:
    """Add the route, under two names; after the catalogue, whose views it uses."""
    views: Views = app.state.views
    reach = Reach(platform)
    places = {fact.item.id: fact.place for fact in views.facts}

    async def catalog(request: Request, who: Seen) -> Response:
        """Return the inventory of data as DCAT 3: datasets with owner, licence, who may see them, where and since when.

        It lists what the caller may know of, and datasets of partners that are listed for everybody.
        """
        base = base_of(request)
        entries = [
            Entry(known, _places(known), await reach.of(known, who))
            for known in known_to(who.sight, platform.catalogue.districts)
        ]
        has = any(str(getattr(route, "path", "")).startswith(SENSORTHINGS) for route in app.routes)
        body = document(base, entries, sensorthings=has)
        return sent(request, orjson.dumps(body), MEDIA, "")

    def _places(known: Known) -> frozenset[tuple[float, float]]:
        if known.dataset.figures is not None:
            # Where the meters stand is theirs.
            return frozenset({(known.district.location.lon, known.district.location.lat)})
        found = (places[item.id] for item in known.points)
        return frozenset((one.lon, one.lat) for one in found if one is not None)

    for path in ("/catalog", "/api/v1/catalog"):
        app.get(path, responses=declared(_EXAMPLE, media=(MEDIA,)), tags=_TAGS)(catalog)
        app.head(path, include_in_schema=False)(catalog)
