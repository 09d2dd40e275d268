"""Answers of the catalogue: pages as JSON or GeoJSON, their ETags, and what is left of them for HEAD."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson
from fastapi.responses import Response

from barrio.catalogue.facts import shape_of
from barrio.catalogue.page import page_of
from barrio.tables.choice import weight_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from enum import Enum

    from fastapi import FastAPI
    from starlette.requests import Request

    from barrio.api.catalogue_asked import Paged
    from barrio.catalogue.page import Page
    from barrio.catalogue.view import Row, View

JSON = "application/json"
GEOJSON = "application/geo+json"
_VARY = "Accept, Authorization, Cookie"


class Kind(StrEnum):
    """What is listed; the name of the list in its answer."""

    DISTRICTS = "districts"
    SITES = "sites"
    DEVICES = "devices"
    POINTS = "points"
    PROFILES = "profiles"
    RELATIONS = "relations"
    QUANTITIES = "quantities"
    DATASETS = "datasets"


_ON_A_MAP = {Kind.DISTRICTS, Kind.SITES, Kind.DEVICES, Kind.POINTS}


class Listing:
    """The answer to one request for a list. With `live` it holds what changes all the time, and has no ETag."""

    def __init__(
        self, request: Request, view: View, kind: Kind, form: str | None, *, live: bool = False
    ) -> None:
        self._request = request
        self._view = view
        self._kind = kind
        self.geo = kind in _ON_A_MAP and _wants_geo(request, form)
        self._tag = "" if live else etag(request, view.digest, geo=self.geo)

    def unchanged(self) -> Response | None:
        """Return 304 where whoever asks has what there is."""
        return not_modified(self._request, self._tag)

    def page(self, total: int, asked: Paged, offset: int = 0) -> Page:
        """Return the page that is asked for."""
        return page_of(self._request, self._view.digest, total, asked.limit, asked.cursor, offset)

    def answer(self, rows: Sequence[Row], asked: Paged) -> Response:
        """Return the page of rows that is asked for."""
        if (known := self.unchanged()) is not None:
            return known
        page = self.page(len(rows), asked)
        texts = [_text(row, geo=self.geo) for row in rows[page.rows]]
        return self.written(page, texts)

    def written(self, page: Page, texts: Sequence[bytes]) -> Response:
        """Return a page of what is JSON already."""
        links = [{"rel": "next", "href": page.next}] if page.next else []
        if self.geo:
            head: dict[str, Any] = {
                "type": "FeatureCollection",
                "numberMatched": page.total,
                "numberReturned": len(texts),
                "links": links,
            }
            name = "features"
        else:
            head = {
                "total": page.total,
                "limit": page.limit,
                "offset": page.offset,
                "next": page.next or None,
            }
            name = self._kind.value
        body = b'%b,"%b":[%b]}' % (orjson.dumps(head)[:-1], name.encode(), b",".join(texts))
        headers = {"Link": f'<{page.next}>; rel="next"'} if page.next else {}
        return sent(self._request, body, GEOJSON if self.geo else JSON, self._tag, headers)


def reached(
    app: FastAPI, path: str, responses: dict[int | str, dict[str, Any]], tags: list[str | Enum]
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let GET and HEAD of a path reach a function; `responses` are those of GET beside 304."""
    known = {
        **responses,
        HTTPStatus.NOT_MODIFIED.value: {"description": "What the ETag names is what there is"},
    }

    def take(function: Callable[..., Any]) -> Callable[..., Any]:
        app.get(path, responses=known, tags=tags)(function)
        app.head(path, include_in_schema=False)(function)
        return function

    return take


def one(request: Request, view: View, row: Row, kind: Kind, *, live: bool = False) -> Response:
    """Return one row, as a feature where Accept asks for that."""
    geo = kind in _ON_A_MAP and _wants_geo(request, None)
    tag = "" if live else etag(request, view.digest, geo=geo)
    known = not_modified(request, tag)
    return known or sent(request, _text(row, geo=geo), GEOJSON if geo else JSON, tag)


def etag(request: Request, digest: str, *, geo: bool) -> str:
    """Return the ETag of an answer: of what the catalogue is for the caller, and of what was asked."""
    said = repr((digest, request.url.path, request.url.query, geo))
    return f'W/"{hashlib.sha256(said.encode()).hexdigest()[:32]}"'


def not_modified(request: Request, tag: str) -> Response | None:
    """Return 304 when `If-None-Match` names the tag (RFC 9110, 13.1.2: compared weakly), else None."""
    asked = request.headers.get("if-none-match", "")
    if not tag or not asked:
        return None
    known = {one.strip().removeprefix("W/") for one in asked.split(",")}
    if "*" not in known and tag.removeprefix("W/") not in known:
        return None
    return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=_headers(tag))


def sent(
    request: Request, body: bytes, media: str, tag: str, headers: dict[str, str] | None = None
) -> Response:
    """Return an answer; HEAD gets its length and nothing else."""
    found = Response(body, headers=_headers(tag) | (headers or {}), media_type=media)
    if request.method == "HEAD":
        found.body = b""
    return found


def _headers(tag: str) -> dict[str, str]:
    kept = {"ETag": tag, "Cache-Control": "private, no-cache"} if tag else {"Cache-Control": "no-store"}
    return {**kept, "Vary": _VARY}


def _text(row: Row, *, geo: bool) -> bytes:
    text = orjson.dumps(row)
    if not geo:
        return text
    head = {"type": "Feature", "id": row.get("path") or row["id"], "geometry": shape_of(row["location"])}
    return b'%b,"properties":%b}' % (orjson.dumps(head)[:-1], text)


def _wants_geo(request: Request, form: str | None) -> bool:
    """Whether `format`, else `Accept`, wants GeoJSON more than JSON (RFC 9110, 12.5.1)."""
    if form is not None:
        return form == "geojson"
    weights: dict[str, float] = {}
    for one_range in ",".join(request.headers.getlist("accept")).lower().split(","):
        media, *parameters = (part.strip() for part in one_range.split(";"))
        weights[media] = weight_of(parameters)
    return weights.get(GEOJSON, 0.0) > weights.get(JSON, 0.0)
