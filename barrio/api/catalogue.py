"""The catalogue over HTTP: what there is of districts, sites, devices and points, for whoever asks.

Lists come in pages, as JSON or GeoJSON (RFC 7946), with an ETag of what they are made of: the districts' files and what
the caller may see. Only points are shown with what they say now, and then there is no ETag.
"""

from __future__ import annotations

from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

import orjson
from fastapi import Path, Query, Request
from fastapi.responses import Response

from barrio.access.who import Seen
from barrio.api.catalogue_answers import GEOJSON, Kind, Listing, one, reached
from barrio.api.catalogue_asked import Common, Devices, Mapped, Points, Relations, Sites
from barrio.api.catalogue_examples import EXAMPLES, ROWS
from barrio.api.declared import declared
from barrio.catalogue.ask import Wanted, box_of
from barrio.catalogue.newest import with_newest
from barrio.catalogue.view import Views
from barrio.errors import UnknownName
from twin.model.source import suggest, suggest_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

    from barrio.access.who import Who
    from barrio.catalogue.facts import Fact
    from barrio.catalogue.view import Row
    from barrio.platform import Platform

_TAGS: list[str | Enum] = ["catalogue"]

Name = Annotated[str, Path(max_length=300)]


def add(app: FastAPI, platform: Platform) -> None:
    """Add the routes; after those of single points that end with a word, such as `/latest`."""
    views = Views(platform.catalogue)
    app.state.views = views
    _places(app, views)
    _devices(app, views)
    _common(app, views)
    _relations(app, views)
    _points(app, platform, views)


def _places(app: FastAPI, views: Views) -> None:
    @_listed(app, "districts", geo=True)
    async def districts(request: Request, who: Seen, asked: Annotated[Mapped, Query()]) -> Response:
        """List districts."""
        view, box = views.of(who.sight), box_of(asked.bbox)
        rows = [row for row in view.districts.values() if box is None or box.holds(view.place_of(row["id"]))]
        return Listing(request, view, Kind.DISTRICTS, asked.format).answer(rows, asked)

    @_single(app, "districts", "{district}")
    async def district(request: Request, who: Seen, district: Name) -> Response:
        """Return one district."""
        view = views.of(who.sight)
        return one(request, view, _found(view.districts, district, "district"), Kind.DISTRICTS)

    @_listed(app, "sites", geo=True)
    async def sites(request: Request, who: Seen, asked: Annotated[Sites, Query()]) -> Response:
        """List sites in which something is seen."""
        view = views.of(who.sight)
        rows = view.sites_that(asked.wanted(view.names, "site"))
        return Listing(request, view, Kind.SITES, asked.format).answer(rows, asked)

    @_single(app, "sites", "{district}/{site}")
    async def site(request: Request, who: Seen, district: Name, site: Name) -> Response:
        """Return one site."""
        view = views.of(who.sight)
        return one(request, view, _found(view.sites, f"{district}/{site}", "site"), Kind.SITES)


def _devices(app: FastAPI, views: Views) -> None:
    @_listed(app, "devices", geo=True)
    async def devices(request: Request, who: Seen, asked: Annotated[Devices, Query()]) -> Response:
        """List the devices of which some point passes all filters."""
        view = views.of(who.sight)
        rows = view.devices_that(asked.wanted(view.names, "device"))
        return Listing(request, view, Kind.DEVICES, asked.format).answer(rows, asked)

    @_single(app, "devices", "{district}/{device}")
    async def device(request: Request, who: Seen, district: Name, device: Name) -> Response:
        """Return one device, with the names of its points."""
        view = views.of(who.sight)
        return one(request, view, _found(view.devices, f"{district}/{device}", "device"), Kind.DEVICES)


def _common(app: FastAPI, views: Views) -> None:
    @_listed(app, "profiles")
    async def profiles(request: Request, who: Seen, asked: Annotated[Common, Query()]) -> Response:
        """List the device models of the points that pass, each with these points."""
        view = views.of(who.sight)
        rows = list(view.profiles(asked.wanted(view.names, "profile")).values())
        return Listing(request, view, Kind.PROFILES, asked.format).answer(rows, asked)

    @_single(app, "profiles", "{profile}")
    async def profile(request: Request, who: Seen, profile: Name) -> Response:
        """Return one device model, with the points that are seen of its devices."""
        view = views.of(who.sight)
        return one(request, view, _found(view.profiles(), profile, "profile"), Kind.PROFILES)

    @_listed(app, "quantities")
    async def quantities(request: Request, who: Seen, asked: Annotated[Common, Query()]) -> Response:
        """List what the points that pass measure."""
        view = views.of(who.sight)
        rows = list(view.quantities(asked.wanted(view.names, "quantity")).values())
        return Listing(request, view, Kind.QUANTITIES, asked.format).answer(rows, asked)

    @_single(app, "quantities", "{quantity}")
    async def quantity(request: Request, who: Seen, quantity: Name) -> Response:
        """Return one quantity."""
        view = views.of(who.sight)
        return one(request, view, _found(view.quantities(), quantity, "quantity"), Kind.QUANTITIES)


def _relations(app: FastAPI, views: Views) -> None:
    @_listed(app, "relations")
    async def relations(request: Request, who: Seen, asked: Annotated[Relations, Query()]) -> Response:
        """List relations as they are written, of which both ends are seen."""
        view = views.of(who.sight)
        view.names.hold(Wanted(district=asked.district), "relation")
        view.names.hold_end(asked.of)
        rows = view.relations(asked.district, asked.type, asked.of)
        return Listing(request, view, Kind.RELATIONS, asked.format).answer(rows, asked)


def _points(app: FastAPI, platform: Platform, views: Views) -> None:
    @_listed(app, "points", geo=True)
    async def listed(request: Request, who: Seen, asked: Annotated[Points, Query()]) -> Response:
        """List the points that pass all filters, in the order of the files, each with its newest reading.

        Without `latest` the list changes only with the districts' files, and has an ETag.
        """
        view = views.of(who.sight)
        facts = view.points(asked.wanted(view.names, "point"))
        listing = Listing(request, view, Kind.POINTS, asked.format, live=asked.latest)
        if (known := listing.unchanged()) is not None:
            return known
        page = listing.page(len(facts), asked, asked.offset)
        shown = facts[page.rows]
        rows = await _texts(platform, who, shown, latest=asked.latest)
        if listing.geo:
            rows = [b"%b%b}" % (fact.mapped, row) for fact, row in zip(shown, rows, strict=True)]
        return listing.written(page, rows)

    @_single(app, "points", "{path:path}")
    async def point(request: Request, who: Seen, path: Name) -> Response:
        """Return one point, with its newest reading."""
        item = who.point(path)
        view = views.of(who.sight)
        [row] = await _texts(platform, who, [view.by_path[item.point.path]], latest=True)
        return one(request, view, orjson.loads(row), Kind.POINTS, live=True)


async def _texts(platform: Platform, who: Who, facts: list[Fact], *, latest: bool) -> list[bytes]:
    """Return points as JSON."""
    if latest:
        return await with_newest(platform, who, facts)
    return [fact.text + b"}" for fact in facts]


def _listed(
    app: FastAPI, kind: str, *, geo: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Answer GET and HEAD of a list."""
    media = ("application/json", GEOJSON) if geo else ("application/json",)
    responses = declared(EXAMPLES[kind], HTTPStatus.GONE, media=media)
    return reached(app, f"/api/v1/{kind}", responses, _TAGS)


def _single(app: FastAPI, kind: str, rest: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Answer GET and HEAD of one of a kind."""
    return reached(app, f"/api/v1/{kind}/{rest}", declared(ROWS[kind]), _TAGS)


def _found(rows: dict[str, Row], name: str, word: str) -> Row:
    found = rows.get(name.strip("/"))
    if found is None:
        near = suggest_path(name, rows) if "/" in name else suggest(name, rows)
        raise UnknownName(f"there is no {word} {name!r}{near}")
    return found
