"""History over HTTP: what points said before, raw or in windows, and the newest of them."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated

from fastapi import Query, Request
from fastapi.responses import Response

from barrio.access.who import Seen
from barrio.api.answers import as_json
from barrio.api.declared import declared
from barrio.api.parameters import Word
from barrio.history.answers import cost_of, table_of
from barrio.history.chosen import MOST_POINTS, Choice
from barrio.history.newest import Latest
from barrio.history.question import Asked, understand
from barrio.tables.answer import answer
from barrio.tables.choice import Format, chosen
from barrio.tables.forms import MEDIA, Form
from twin.history.fill import Fill
from twin.history.reduce import Keep

if TYPE_CHECKING:
    from fastapi import FastAPI

    from barrio.platform import Platform

Paths = Annotated[
    list[str],
    Query(
        max_length=MOST_POINTS,
        description="Path of a point, district/device/point; several, or with * for any name in a part of it.",
    ),
]
Text = Annotated[str | None, Query(max_length=300)]
Moment = Annotated[
    str | None,
    Query(
        max_length=300,
        description="ISO 8601, `now`, or an age such as -15m or -7d; without an offset in `tz`.",
    ),
]
EXAMPLE = {
    "from": "2026-11-23T06:00:00.000000Z",
    "to": "2026-11-23T08:00:00.000000Z",
    "every": "1h",
    "tz": "America/Mexico_City",
    "source": [
        {"from": "2026-11-23T06:00:00.000000Z", "to": "2026-11-23T07:00:00.000000Z", "resolution": "1h"},
        {"from": "2026-11-23T07:00:00.000000Z", "to": "2026-11-23T08:00:00.000000Z", "resolution": "raw"},
    ],
    "series": [
        {
            "point": "maderas/cistern-north/level",
            "quantity": "level_ratio",
            "unit": "%",
            "start": ["2026-11-23T06:00:00.000000Z", "2026-11-23T07:00:00.000000Z"],
            "mean": [71.25, None],
            "min": [70.5, None],
            "max": [72.0, None],
        }
    ],
}
LATEST = {
    "total": 2,
    "point": ["maderas/cistern-north/level", "maderas/cistern-north/inlet"],
    "quantity": ["level_ratio", "valve_state"],
    "unit": ["%", ""],
    "value": [71.25, None],
    "state": [None, "open"],
    "level": ["good", "good"],
    "quality": ["good", "good"],
    "time": ["2026-11-23T15:00:00.000000Z", "2026-11-23T14:59:58.000000Z"],
    "received": ["2026-11-23T15:00:00.000000Z", "2026-11-23T14:59:58.000000Z"],
    "resolution": ["raw", "raw"],
    "gap": [None, None],
}
_LIMITS = (HTTPStatus.NOT_ACCEPTABLE,)


def add(app: FastAPI, platform: Platform) -> None:
    """Add the routes."""
    _add_history(app, platform)
    _add_latest(app, platform)


def _add_history(app: FastAPI, platform: Platform) -> None:
    @app.get("/api/v1/history", tags=["history"], responses=declared(EXAMPLE, *_LIMITS, media=tuple(MEDIA)))
    async def history(  # noqa: PLR0913, PLR0917 -- each is a parameter of the URL
        request: Request,
        who: Seen,
        point: Paths = [],  # noqa: B006 -- FastAPI copies it
        under: Word = None,
        kind: Word = None,
        quantity: Word = None,
        site: Word = None,
        device: Word = None,
        start: Annotated[Moment, Query(alias="from")] = None,
        to: Moment = None,
        interval: Annotated[
            Text,
            Query(description="ISO 8601 in place of from and to: start/end, start/duration, duration/end."),
        ] = None,
        every: Annotated[
            Text, Query(description="Length of windows, such as 15m, 1d, 1mo; raw readings without it.")
        ] = None,
        aggregate: Annotated[
            Text,
            Query(
                description="mean, min, max, sum, first, last, count, twmean, integral, delta, state_s, p50, p95, "
                "p99.9 …, several with commas; what suits the quantity without it."
            ),
        ] = None,
        tz: Annotated[
            Text, Query(description="IANA time zone of windows; the district's without it.")
        ] = None,
        fill: Annotated[Fill | None, Query(description="What stands in windows without a value.")] = None,
        quality: Annotated[
            Keep | None,
            Query(
                description="Which readings count: windows without it of good and uncertain ones, raw has all."
            ),
        ] = None,
        form: Format = None,  # noqa: ARG001 -- `answer` reads it, here it is declared
    ) -> Response:
        """What points said before: raw readings, or windows of `every` with aggregates, as columns.

        Points are named, or chosen by what they are. Windows of a fixed length are counted from midnight on the clock
        of `tz`, longer ones are days, weeks, months and years of its calendar. What rollups say is taken from them,
        the rest from readings; `source` says which is which. Where you are given readings no finer than a
        resolution, ask for windows that are made of it; you get those that have finished.
        """
        choice = Choice(point, under, kind, quantity, site, device)
        asked = Asked(choice, start, to, interval, every, aggregate, tz, fill, quality)
        question = understand(asked, who, platform.catalogue, platform.clock.now_ns())
        who.spend(cost_of(question) - 1)
        table = await platform.in_thread("reads", table_of, platform, question)
        return await answer(platform, request, table, name="history")


def _add_latest(app: FastAPI, platform: Platform) -> None:
    latest = Latest(platform)

    @app.get("/api/v1/latest", tags=["history"], responses=declared(LATEST, *_LIMITS, media=tuple(MEDIA)))
    async def newest(  # noqa: PLR0913, PLR0917 -- each is a parameter of the URL
        request: Request,
        who: Seen,
        point: Paths = [],  # noqa: B006 -- FastAPI copies it
        under: Word = None,
        kind: Word = None,
        quantity: Word = None,
        site: Word = None,
        device: Word = None,
        form: Format = None,  # noqa: ARG001 -- `answer` reads it, here it is declared
    ) -> Response:
        """The newest of many points, as columns: all that you see, or those that are named or chosen.

        `value` is that of numbers, `state` that of states, both null where there is none; `quality` says why. `gap` is
        why nothing is heard now. Where you are given readings no finer than a resolution, it is the value of the last
        window of it that has finished, at the start of the window.
        """
        found = await latest.columns(Choice(tuple(point), under, kind, quantity, site, device), who)
        if chosen(request) is Form.JSON:
            return as_json(found)
        return await answer(platform, request, latest.table(found), name="latest")

    @app.get("/api/v1/points/{path:path}/latest", tags=["history"], responses=declared(POINT))
    async def of_point(path: str, who: Seen) -> Response:
        """The newest reading of a point; of the last finished window, where that is the finest that you are given."""
        return as_json(await latest.one(who.point(path), who))


POINT = {
    "path": "maderas/cistern-north/level",
    "quantity": "level_ratio",
    "unit": "%",
    "value": 71.25,
    "quality": {"level": "good", "reason": "good", "meaning": "the device gave this value", "detail": ""},
    "time": "2026-11-23T15:00:00.000000Z",
    "received": "2026-11-23T15:00:00.000000Z",
    "device_time": None,
    "gap": None,
    "resolution": "raw",
}
