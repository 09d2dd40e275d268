"""Open figures and datasets over HTTP: what was published, and what there is to be had."""

from __future__ import annotations

from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from fastapi import Path, Query, Request
from fastapi.responses import Response

from barrio.access.who import Seen
from barrio.api.answers import as_json
from barrio.api.catalogue_answers import Kind, Listing, one, reached
from barrio.api.catalogue_asked import Plain
from barrio.api.declared import declared
from barrio.errors import AskError, UnknownName
from barrio.moments import parse_moment, parse_zone, rfc3339
from barrio.tables.answer import answer
from barrio.tables.choice import Format
from barrio.tables.table import Column, Table
from barrio.tables.table import Kind as Holds
from barrio.tables.table import Part as Rows
from twin.datasets.figures import Verdict
from twin.datasets.licences import licence_url
from twin.datasets.seen import Known, known_to
from twin.model.catalogue import CATALOGUE
from twin.model.source import suggest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fastapi import FastAPI

    from barrio.access.who import Who
    from barrio.platform import Platform
    from twin.datasets.dataset import Group
    from twin.datasets.figure_book import Row

MOST_NAMED = 10
MOST_FIGURES = 100_000
_TAGS: list[str | Enum] = ["datasets"]
_COLUMNS = (
    Column("start", Holds.TIME),
    Column("stop", Holds.TIME),
    Column("value", Holds.NUMBER),
    Column("completeness", Holds.NUMBER, "1"),
    Column("status", Holds.TEXT),
)
_DATASET = {
    "key": "ciudad-maderas/clima",
    "id": "clima",
    "district": "ciudad-maderas",
    "title": "Clima",
    "description": "Weather stations at the hospital and in the park.",
    "owner": {"id": "municipio", "name": "Municipio", "url": "https://municipio.example/datos"},
    "contact": "datos@municipio.example",
    "licence": "CC-BY-4.0",
    "licence_url": "https://creativecommons.org/licenses/by/4.0/",
    "tier": "open",
    "finest": "raw",
    "keywords": ["weather"],
    "points": 24,
    "figures": None,
}
_LISTED = {"total": 1, "limit": 1000, "offset": 0, "next": None, "datasets": [_DATASET]}
_GROUP = {
    "id": "district",
    "name": "district",
    "quantity": "active_energy_import",
    "unit": "kW.h",
    "meters": 40,
}
_FIGURES = {
    **_DATASET,
    "points": 0,
    "figures": {"at_least": 10, "every": "1h", "after_s": 86400, "groups": [_GROUP]},
}
_PUBLISHED = {
    "dataset": "ciudad-maderas/consumo",
    "from": "2026-11-22T06:00:00Z",
    "to": "2026-11-23T06:00:00Z",
    "every": "1h",
    "tz": "America/Mexico_City",
    "series": [
        {
            "group": "district",
            "quantity": "active_energy_import",
            "unit": "kW.h",
            "start": ["2026-11-22T06:00:00Z", "2026-11-22T07:00:00Z"],
            "stop": ["2026-11-22T07:00:00Z", "2026-11-22T08:00:00Z"],
            "value": [412.5, None],
            "completeness": [1.0, None],
            "status": ["published", "suppressed: fewer than 10 contributed"],
        }
    ],
}

Key = Annotated[
    str, Path(max_length=200, description="`district/id`, or the id where only one district has it")
]
Moment = Annotated[str, Query(max_length=100)]
Word = Annotated[str | None, Query(max_length=300)]


def add(app: FastAPI, platform: Platform) -> None:
    """Add the routes."""
    districts = platform.catalogue.districts

    some, single = declared(_LISTED, HTTPStatus.GONE), declared(_DATASET)

    @reached(app, "/api/v1/datasets", some, _TAGS)
    async def datasets(request: Request, who: Seen, asked: Annotated[Plain, Query()]) -> Response:
        """List the datasets that the caller may know of: whose they are, under which licence, and for whom."""
        rows = [described(known) for known in known_to(who.sight, districts)]
        listing = Listing(request, app.state.views.of(who.sight), Kind.DATASETS, asked.format)
        return listing.answer(rows, asked)

    @reached(app, "/api/v1/datasets/{dataset:path}", single, _TAGS)
    async def dataset(request: Request, dataset: Key, who: Seen) -> Response:
        """Return one dataset."""
        row = described(_find(dataset, who, platform, of="dataset"))
        return one(request, app.state.views.of(who.sight), row, Kind.DATASETS)

    @app.get("/api/v1/figures", responses=declared({"figures": [_FIGURES]}), tags=_TAGS)
    async def figures(who: Seen) -> Response:
        """List the datasets of which sums over many meters are open, with their groups."""
        summed = [known for known in known_to(who.sight, districts) if known.dataset.figures is not None]
        return as_json({"figures": [described(known) for known in summed]})

    @app.get(
        "/api/v1/figures/{dataset:path}",
        responses=declared(_PUBLISHED, HTTPStatus.NOT_ACCEPTABLE),
        tags=_TAGS,
    )
    async def published(
        request: Request,
        dataset: Key,
        who: Seen,
        start: Annotated[Moment, Query(alias="from")] = "-7d",
        to: Moment = "now",
        group: Word = None,
        tz: Word = None,
        format: Format = None,  # noqa: A002, ARG001 - the parameter's name; `answer` reads it
    ) -> Response:
        """Return what was published of the windows that begin in a span: a sum of each group, or why there is none.

        Windows are published once, some time past their end, and never change. `completeness` is the share of the
        group's meters that contributed; a window of which fewer than the dataset's `at_least` did says only that.
        """
        found = _find(dataset, who, platform, of="open figures")
        zone = parse_zone(tz) if tz else found.district.zone
        now = platform.clock.now_ns()
        span = parse_moment(start, "from", now, zone), parse_moment(to, "to", now, zone)
        if span[0] >= span[1]:
            raise AskError("from", f"{start!r} is not before to={to!r}")
        places = _groups(found, group)
        rows = await platform.in_thread("reads", _rows, platform, found, span)
        head = {
            "dataset": found.dataset.key,
            "from": rfc3339(span[0]),
            "to": rfc3339(span[1]),
            "every": str(found.dataset.figures.every) if found.dataset.figures else None,
            "tz": zone.key,
        }
        parts = list(_parts(rows, places))
        table = Table(head, _COLUMNS, parts, constants=("group", "quantity", "unit"))
        return await answer(platform, request, table, name=f"{found.dataset.district}-{found.dataset.id}")


def described(one: Known) -> dict[str, Any]:
    """Return a dataset as JSON; of one that is only listed, that it exists and whom to ask."""
    dataset = one.dataset
    owner = one.book.owners.get(dataset.owner)
    row: dict[str, Any] = {
        "key": dataset.key,
        "id": dataset.id,
        "district": dataset.district,
        "title": dataset.title,
        "description": dataset.description,
        "owner": owner and {"id": owner.id, "name": owner.name, "url": owner.url or None},
        "contact": dataset.contact,
        "licence": dataset.licence,
        "licence_url": licence_url(dataset.licence),
        "tier": dataset.tier,
        "finest": dataset.finest,
        "keywords": list(dataset.keywords),
        "points": None if one.only_listed else len(one.points),
        "figures": None,
    }
    if dataset.figures is not None:
        found = dataset.figures
        row["finest"] = found.every
        row["figures"] = {
            "at_least": found.at_least,
            "every": found.every,
            "after_s": found.after_s,
            "groups": [_group(group) for group in found.groups],
        }
    return row


def _group(group: Group) -> dict[str, Any]:
    unit = CATALOGUE[group.quantity].unit
    meters = len(group.meters)
    return {"id": group.id, "name": group.name, "quantity": group.quantity, "unit": unit, "meters": meters}


def _find(name: str, who: Who, platform: Platform, *, of: str) -> Known:
    known = list(known_to(who.sight, platform.catalogue.districts))
    if of != "dataset":
        known = [one for one in known if one.dataset.figures is not None]
    found = [one for one in known if name.strip("/") in {one.dataset.key, one.dataset.id}]
    if len(found) == 1:
        return found[0]
    if found:
        keys = ", ".join(one.dataset.key for one in found)
        raise UnknownName(f"several districts have {name!r}: say which, {keys}")
    near = suggest(name, [key for one in known for key in (one.dataset.key, one.dataset.id)])
    raise UnknownName(
        f"there are no {of} {name!r}{near}" if of != "dataset" else f"there is no dataset {name!r}{near}"
    )


def _groups(one: Known, group: str | None) -> Mapping[tuple[str, str], Group]:
    groups = one.dataset.figures.groups if one.dataset.figures is not None else ()
    found = {(place.id, place.quantity): place for place in groups if group in {None, place.id}}
    if not found:
        names = list(dict.fromkeys(place.id for place in groups))
        near = suggest(group or "", names) or f", there are {', '.join(names[:MOST_NAMED])}"
        raise AskError("group", f"there is no group {group!r}{near}")
    return found


def _rows(platform: Platform, one: Known, span: tuple[int, int]) -> Sequence[Row]:
    """Return what the book has; AskError when that is too much. Blocks on the disk."""
    if platform.living.figures is None:
        return []
    book = platform.living.figures.book
    rows = book.rows(one.dataset.district, one.dataset.id, span, MOST_FIGURES + 1)
    if len(rows) > MOST_FIGURES:
        words = f"more than {MOST_FIGURES:,} figures lie in between: ask for less time"
        raise AskError("from", words)
    return rows


def _parts(rows: Sequence[Row], groups: Mapping[tuple[str, str], Group]) -> Iterator[Rows]:
    found: dict[tuple[str, str], list[Row]] = {key: [] for key in groups}
    for row in rows:
        if (row.group, row.quantity) in found:
            found[row.group, row.quantity].append(row)
    for (group, quantity), mine in found.items():
        series = {"group": group, "quantity": quantity, "unit": CATALOGUE[quantity].unit}
        words = [Verdict(row.verdict).words(row.least) for row in mine]
        columns = {
            "start": np.array([row.start for row in mine], np.int64),
            "stop": np.array([row.stop for row in mine], np.int64),
            "value": _numbers([row.value for row in mine]),
            "completeness": _numbers([row.completeness for row in mine]),
            "status": np.array(words, object),
        }
        yield Rows(series, columns)


def _numbers(values: Sequence[float | None]) -> np.ndarray:
    return np.array([np.nan if one is None else one for one in values], np.float64)
